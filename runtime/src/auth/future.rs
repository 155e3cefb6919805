//! The way of a request: decided, found or recorded, handled, answered.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use lambda_runtime::LambdaEvent;
use pin_project_lite::pin_project;
use serde::de::DeserializeOwned;
use tower::Service;

use super::authenticated::Authenticated;
use super::authenticator::Admission;
use super::decision::Decision;
use super::session::{Auth, Session};
use crate::claims::RoomClaims;
use crate::event::{EventContext, Incoming, View, WebSocketEvent, mask};
use crate::registry::Connection;
use crate::rejection::{Rejection, RejectionKind};
use crate::report;
use crate::response::WebSocketResponse;

pin_project! {
    /// The response of a [`RoomAuth`](super::RoomAuth) service.
    ///
    /// Only what asks the registry, or an issuer for its keys, is boxed: a `$connect` without adds no allocation here.
    pub struct ResponseFuture<S, E, T>
    where
        S: Service<LambdaEvent<Authenticated<E, T>>>,
    {
        #[pin]
        state: State<S, E, T>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, E, T>
    where
        S: Service<LambdaEvent<Authenticated<E, T>>>,
    {
        /// The token waits for newer keys of its issuer.
        AwaitingKeys { awaited: BoxFuture<'static, ()>, undecided: Option<Box<Undecided<S>>> },
        /// The answer is known.
        Refused { rejection: Rejection },
        /// The answer is known, and a connection is told or closed first.
        Refusing { refusing: BoxFuture<'static, Rejection> },
        /// The connection is recorded, or looked up.
        Preparing {
            preparing: BoxFuture<'static, Result<Connection, Rejection>>,
            pending: Option<Pending<S, E, T>>,
        },
        /// The handler works.
        Handling { #[pin] handling: S::Future, after: Option<AfterHandler> },
        /// The connection is forgotten, since the handler did not accept it.
        Forgetting { forgetting: BoxFuture<'static, ()>, answer: Option<Result<S::Response, S::Error>> },
    }
}

/// A request before it is decided on, and the service that is ready for it.
struct Undecided<S> {
    auth: Arc<Auth>,
    /// The capability that the service itself requires.
    required: Option<&'static str>,
    event: LambdaEvent<Incoming>,
    service: S,
}

/// A request while its connection is recorded or looked up, and the service that is ready for it.
struct Pending<S, E, T> {
    session: Session,
    context: EventContext,
    invocation: lambda_runtime::Context,
    event: PendingEvent<E, T>,
    service: S,
}

enum PendingEvent<E, T> {
    /// Of a `$connect`: claims and event are known, and the subprotocol to answer with.
    Admitted(RoomClaims<T>, E, Option<Cow<'static, str>>),
    /// Of another route, as JSON: the claims are in the registry.
    LookedUp(String, PhantomData<fn() -> E>),
}

/// What is done after the handler.
#[derive(Default)]
struct AfterHandler {
    /// The subprotocol to answer with if the handler accepts the connection.
    subprotocol: Option<Cow<'static, str>>,
    /// What is forgotten if it does not.
    recorded: Option<(Session, Connection)>,
}

impl<S, E, T> ResponseFuture<S, E, T>
where
    S: Service<LambdaEvent<Authenticated<E, T>>>,
    E: DeserializeOwned + 'static,
    T: DeserializeOwned,
{
    /// Starts the way of `event` to `service`, which is ready and requires a capability of its own or none.
    pub(crate) fn start(
        auth: &Arc<Auth>,
        required: Option<&'static str>,
        event: LambdaEvent<Incoming>,
        service: S,
    ) -> Self {
        let undecided = Undecided {
            auth: auth.clone(),
            required,
            event,
            service,
        };
        let state = State::start(undecided, false);
        Self {
            state: state.unwrap_or_else(|rejection| State::Refused { rejection }),
        }
    }

    pub(crate) fn refused(rejection: Rejection) -> Self {
        Self {
            state: State::Refused { rejection },
        }
    }
}

impl<S, E, T> State<S, E, T>
where
    S: Service<LambdaEvent<Authenticated<E, T>>>,
    E: DeserializeOwned + 'static,
    T: DeserializeOwned,
{
    /// Decides, or waits for keys once.
    fn start(undecided: Undecided<S>, has_waited: bool) -> Result<Self, Rejection> {
        let Undecided {
            auth,
            required,
            event,
            service,
        } = undecided;
        let (incoming, invocation) = event.into_parts();
        let authenticator = &auth.policy.authenticator;
        let view = View::read(incoming.as_raw(), authenticator.sources())
            .map_err(|member| report::refused(member.into(), None))?;
        let now = authenticator.verifier().now();
        if !has_waited && let Some(awaited) = auth.policy.awaited_keys(&view, now) {
            let undecided = Undecided {
                auth: auth.clone(),
                required,
                event: LambdaEvent::new(incoming, invocation),
                service,
            };
            return Ok(Self::AwaitingKeys {
                awaited,
                undecided: Some(Box::new(undecided)),
            });
        }
        let context = view.context.clone();
        let session = Session::new(auth.clone(), context.clone(), required);
        let decision = auth.policy.decide::<T>(&view, now);
        let decision = decision.map_err(|rejection| session.refuse(rejection))?;
        match decision {
            Decision::Admit(admission) => {
                let Admission {
                    claims,
                    payload,
                    token,
                    subprotocol,
                } = admission;
                if !session.permits(&claims) {
                    return Err(session.refuse(RejectionKind::Forbidden));
                }
                let newcomer = session.newcomer(&claims, payload)?;
                // The event is masked in place, so the token may not borrow from it.
                let token = token.into_owned();
                let event = read(&session, &context, mask(incoming.into_json(), &token))?;
                let Some(newcomer) = newcomer else {
                    let after = AfterHandler {
                        subprotocol,
                        recorded: None,
                    };
                    return Ok(Self::handle(claims, context, event, invocation, service, after));
                };
                Ok(Self::Preparing {
                    preparing: Box::pin(session.clone().record(newcomer)),
                    pending: Some(Pending {
                        session,
                        context,
                        invocation,
                        event: PendingEvent::Admitted(claims, event, subprotocol),
                        service,
                    }),
                })
            }
            Decision::Identify(claims) => {
                if !session.lets_speak(&claims) {
                    return Ok(Self::forbid(session));
                }
                let event = read(&session, &context, incoming.into_json())?;
                Ok(Self::handle(
                    claims,
                    context,
                    event,
                    invocation,
                    service,
                    AfterHandler::default(),
                ))
            }
            Decision::LookUp => Ok(Self::Preparing {
                preparing: Box::pin(session.clone().find()),
                pending: Some(Pending {
                    session,
                    context,
                    invocation,
                    event: PendingEvent::LookedUp(incoming.into_json(), PhantomData),
                    service,
                }),
            }),
            Decision::Expire => Ok(Self::Refusing {
                refusing: Box::pin(session.expire()),
            }),
        }
    }

    /// Goes on once the connection is recorded or found.
    fn resume(pending: Pending<S, E, T>, connection: Connection) -> Result<Self, Rejection> {
        let Pending {
            session,
            context,
            invocation,
            event,
            service,
        } = pending;
        let (claims, event, after) = match event {
            PendingEvent::Admitted(claims, event, subprotocol) => {
                let recorded = Some((session, connection));
                (
                    claims,
                    event,
                    AfterHandler {
                        subprotocol,
                        recorded,
                    },
                )
            }
            PendingEvent::LookedUp(json, _) => {
                let claims = session.room_claims::<T>(&connection);
                let claims = claims.ok_or_else(|| session.refuse(RejectionKind::RecordedClaims))?;
                if !session.lets_speak(&claims) {
                    return Ok(Self::forbid(session));
                }
                (claims, read(&session, &context, json)?, AfterHandler::default())
            }
        };
        Ok(Self::handle(claims, context, event, invocation, service, after))
    }

    /// Refuses a message that its sender's token does not allow.
    fn forbid(session: Session) -> Self {
        Self::Refusing {
            refusing: Box::pin(session.forbid()),
        }
    }

    /// Calls the handler: the only place where an authenticated request is made.
    fn handle(
        claims: RoomClaims<T>,
        context: EventContext,
        event: E,
        invocation: lambda_runtime::Context,
        mut service: S,
        after: AfterHandler,
    ) -> Self {
        report::accepted(&claims, &context);
        let request = LambdaEvent::new(Authenticated::new(claims, context, event), invocation);
        Self::Handling {
            handling: service.call(request),
            after: Some(after),
        }
    }
}

/// Reads an event into the handler's type. Our own needs no second reading.
fn read<E: DeserializeOwned + 'static>(
    session: &Session,
    context: &EventContext,
    json: String,
) -> Result<E, Rejection> {
    let mut event: Option<E> = None;
    if let Some(own) = (&mut event as &mut dyn Any).downcast_mut::<Option<WebSocketEvent>>() {
        *own = Some(WebSocketEvent::new(context.clone(), json));
    } else {
        match serde_json::from_str(&json) {
            Ok(other) => event = Some(other),
            Err(error) => report::deserialization_failed::<E>(&error),
        }
    }
    event.ok_or_else(|| session.refuse(RejectionKind::EventDeserialization))
}

const POLLED_AFTER_END: &str = "a future is not polled after it is ready";

impl<S, E, T> Future for ResponseFuture<S, E, T>
where
    S: Service<LambdaEvent<Authenticated<E, T>>>,
    S::Response: WebSocketResponse,
    E: DeserializeOwned + 'static,
    T: DeserializeOwned,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::AwaitingKeys { awaited, undecided } => {
                    ready!(awaited.as_mut().poll(cx));
                    let started = State::start(*undecided.take().expect(POLLED_AFTER_END), true);
                    started.unwrap_or_else(|rejection| State::Refused { rejection })
                }
                StateProj::Refused { rejection } => {
                    return Poll::Ready(Ok(S::Response::from_rejection(*rejection)));
                }
                StateProj::Refusing { refusing } => {
                    let rejection = ready!(refusing.as_mut().poll(cx));
                    return Poll::Ready(Ok(S::Response::from_rejection(rejection)));
                }
                StateProj::Preparing { preparing, pending } => {
                    let prepared = ready!(preparing.as_mut().poll(cx));
                    let pending = pending.take().expect(POLLED_AFTER_END);
                    let resumed = prepared.and_then(|connection| State::resume(pending, connection));
                    resumed.unwrap_or_else(|rejection| State::Refused { rejection })
                }
                StateProj::Handling { handling, after } => {
                    let mut answer = ready!(handling.poll(cx));
                    let AfterHandler {
                        subprotocol,
                        recorded,
                    } = after.take().expect(POLLED_AFTER_END);
                    match (&mut answer, recorded) {
                        (Ok(response), _) if is_success(response) => {
                            if let Some(protocol) = subprotocol {
                                response.set_subprotocol(&protocol);
                            }
                            return Poll::Ready(answer);
                        }
                        (_, None) => return Poll::Ready(answer),
                        (_, Some((session, connection))) => State::Forgetting {
                            forgetting: Box::pin(session.forget(connection)),
                            answer: Some(answer),
                        },
                    }
                }
                StateProj::Forgetting { forgetting, answer } => {
                    ready!(forgetting.as_mut().poll(cx));
                    return Poll::Ready(answer.take().expect(POLLED_AFTER_END));
                }
            };
            state.set(next);
        }
    }
}

fn is_success(response: &impl WebSocketResponse) -> bool {
    (200..300).contains(&response.status_code())
}

impl<S, E, T> fmt::Debug for ResponseFuture<S, E, T>
where
    S: Service<LambdaEvent<Authenticated<E, T>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
