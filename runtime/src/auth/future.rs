//! The second half of the way: through the handler, and through what must be done before the answer leaves.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lambda_runtime::LambdaEvent;
use pin_project_lite::pin_project;
use serde::de::DeserializeOwned;

use super::authenticated::Authenticated;
use super::rejection::Rejection;
use super::session;
use super::start::{Recorded, Then, Waiting};
use crate::event::EventType;
use crate::registry::BoxFuture;
use crate::response::WebSocketResponse;

/// Whatever takes an authenticated request: a service that is ready, or an attributed function.
pub trait Handle<E, T> {
    /// The response in the making.
    type Future: Future;

    /// Takes the request.
    fn handle(self, request: LambdaEvent<Authenticated<E, T>>) -> Self::Future;
}

pin_project! {
    /// The response of a [`RoomAuth`](super::RoomAuth) service.
    ///
    /// Only what asks the registry is boxed: a `$connect` without one adds no allocation here.
    pub struct ResponseFuture<H, E, T>
    where
        H: Handle<E, T>,
    {
        #[pin]
        state: State<H, H::Future>,
        becomes: PhantomData<fn() -> (E, T)>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<H, F>
    where
        F: Future,
    {
        /// The answer is known.
        Refused { rejection: Rejection },
        /// The registry is asked whose connection it is.
        Asking { asking: BoxFuture<'static, Result<Recorded, Rejection>>, waiting: Option<(Waiting, H)> },
        /// The handler works.
        Handling { #[pin] handling: F, then: Option<Then> },
        /// The registry is told what became of the connection.
        Settling {
            settling: BoxFuture<'static, Result<(), Rejection>>,
            answer: Option<F::Output>,
            subprotocol: Option<Cow<'static, str>>,
        },
    }
}

impl<H: Handle<E, T>, E, T> ResponseFuture<H, E, T> {
    pub(crate) fn refused(rejection: Rejection) -> Self {
        Self::in_state(State::Refused { rejection })
    }

    pub(crate) fn handling(handling: H::Future, then: Then) -> Self {
        Self::in_state(State::Handling {
            handling,
            then: Some(then),
        })
    }

    pub(crate) fn asking(
        asking: BoxFuture<'static, Result<Recorded, Rejection>>,
        waiting: Waiting,
        handle: H,
    ) -> Self {
        Self::in_state(State::Asking {
            asking,
            waiting: Some((waiting, handle)),
        })
    }

    fn in_state(state: State<H, H::Future>) -> Self {
        Self {
            state,
            becomes: PhantomData,
        }
    }
}

impl<H, E, T, R, Er> Future for ResponseFuture<H, E, T>
where
    H: Handle<E, T>,
    H::Future: Future<Output = Result<R, Er>>,
    R: WebSocketResponse,
    E: DeserializeOwned,
    T: DeserializeOwned,
{
    type Output = Result<R, Er>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Refused { rejection } => return Poll::Ready(Ok(R::from_rejection(*rejection))),
                StateProj::Asking { asking, waiting } => {
                    let recorded = match ready!(asking.as_mut().poll(cx)) {
                        Ok(recorded) => recorded,
                        Err(rejection) => return Poll::Ready(Ok(R::from_rejection(rejection))),
                    };
                    let (waiting, handle) = waiting.take().expect("a future is not polled after it is ready");
                    let ends = recorded.from.event_type == EventType::Disconnect;
                    match waiting.resume::<E, T>(&recorded) {
                        Ok(request) => {
                            let then = if ends {
                                Then::Forget(recorded)
                            } else {
                                Then::Reply(None)
                            };
                            State::Handling {
                                handling: handle.handle(request),
                                then: Some(then),
                            }
                        }
                        // The connection has ended, whether the handler can be told or not.
                        Err(rejection) if ends => {
                            State::forgetting(recorded, Ok(R::from_rejection(rejection)))
                        }
                        Err(rejection) => return Poll::Ready(Ok(R::from_rejection(rejection))),
                    }
                }
                StateProj::Handling { handling, then } => {
                    let answer = ready!(handling.poll(cx));
                    match then.take().expect("a future is not polled after it is ready") {
                        Then::Reply(subprotocol) => {
                            return Poll::Ready(with_subprotocol(answer, subprotocol));
                        }
                        Then::Record(recorded, subprotocol) if answer.as_ref().is_ok_and(is_success) => {
                            State::Settling {
                                settling: Box::pin(session::record(recorded)),
                                answer: Some(answer),
                                subprotocol,
                            }
                        }
                        Then::Record(..) => return Poll::Ready(answer),
                        Then::Forget(recorded) => State::forgetting(recorded, answer),
                    }
                }
                StateProj::Settling {
                    settling,
                    answer,
                    subprotocol,
                } => {
                    let settled = ready!(settling.as_mut().poll(cx));
                    let answer = answer.take().expect("a future is not polled after it is ready");
                    return Poll::Ready(match settled {
                        Ok(()) => with_subprotocol(answer, subprotocol.take()),
                        Err(rejection) => answer.map(|_| R::from_rejection(rejection)),
                    });
                }
            };
            state.set(next);
        }
    }
}

impl<H, F: Future> State<H, F> {
    fn forgetting(recorded: Recorded, answer: F::Output) -> Self {
        let settling = Box::pin(session::forget(recorded));
        Self::Settling {
            settling,
            answer: Some(answer),
            subprotocol: None,
        }
    }
}

/// A client that offered subprotocols waits for the one that was chosen; a refused one gets none.
fn with_subprotocol<R: WebSocketResponse, Er>(
    answer: Result<R, Er>,
    subprotocol: Option<Cow<'static, str>>,
) -> Result<R, Er> {
    answer.map(|mut response| {
        if let Some(protocol) = subprotocol.filter(|_| is_success(&response)) {
            response.set_subprotocol(&protocol);
        }
        response
    })
}

fn is_success(response: &impl WebSocketResponse) -> bool {
    (200..300).contains(&response.status_code())
}

impl<H: Handle<E, T>, E, T> fmt::Debug for ResponseFuture<H, E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
