//! From a raw event to the response.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lambda_runtime::LambdaEvent;
use pin_project_lite::pin_project;
use serde::de::DeserializeOwned;

use super::authenticated::Authenticated;
use super::layer::RoomAuthLayer;
use super::rejection::{Rejection, RejectionKind};
use crate::event::{Incoming, View, mask};
use crate::response::WebSocketResponse;

/// A request that may reach the handler.
pub(crate) struct Request<E, T> {
    pub(crate) event: LambdaEvent<Authenticated<E, T>>,
    pub(crate) subprotocol: Option<Cow<'static, str>>,
}

impl<E: DeserializeOwned, T: DeserializeOwned> Request<E, T> {
    /// The one way from an event to a handler.
    pub(crate) fn admit(
        layer: &RoomAuthLayer,
        event: LambdaEvent<Incoming<E, T>>,
    ) -> Result<Self, Rejection> {
        let (incoming, context) = event.into_parts();
        let policy = layer.policy();
        let Some(view) = View::read(incoming.as_json(), &policy.sources) else {
            return Err(refuse(RejectionKind::Event, "", ""));
        };
        let admission = match policy.decide::<T>(&view, policy.verifier.now()) {
            Ok(admission) => admission,
            Err(kind) => return Err(refuse(kind, &view.connection_id, &view.route)),
        };
        tracing::info!(
            target: "room_auth",
            room_id = %admission.claims.room_id(),
            connection_id = &*view.connection_id,
            route = &*view.route,
            "authenticated"
        );
        let (claims, subprotocol) = (admission.claims, admission.subprotocol);
        let token = admission.token.into_owned();
        let (connection_id, route) = (view.connection_id.into_owned(), view.route.into_owned());
        let masked = mask(incoming.into_json(), &token);
        match serde_json::from_str::<E>(&masked) {
            Ok(event) => Ok(Self {
                event: LambdaEvent::new(Authenticated::new(claims, event), context),
                subprotocol,
            }),
            Err(error) => {
                // The message of the error quotes the event: position and category are enough to find the field.
                tracing::error!(
                    target: "room_auth",
                    category = ?error.classify(),
                    column = error.column(),
                    handler_type = std::any::type_name::<E>(),
                    "the event does not fit the handler's type"
                );
                Err(refuse(RejectionKind::Payload, &connection_id, &route))
            }
        }
    }
}

/// Tells the operator why; the peer gets the rejection.
pub(crate) fn refuse(kind: RejectionKind, connection_id: &str, route: &str) -> Rejection {
    if kind.is_fault() {
        tracing::error!(target: "room_auth", reason = kind.as_str(), connection_id, route, "failed");
    } else {
        tracing::warn!(target: "room_auth", reason = kind.as_str(), connection_id, route, "refused");
    }
    Rejection::new(kind)
}

pin_project! {
    /// The response of a [`RoomAuth`](super::RoomAuth) service.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    #[derive(Debug)]
    enum State<F> {
        Rejected { rejection: Rejection },
        Admitted { #[pin] handler: F, subprotocol: Option<Cow<'static, str>> },
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn rejected(rejection: Rejection) -> Self {
        Self {
            state: State::Rejected { rejection },
        }
    }

    pub(crate) fn admitted(handler: F, subprotocol: Option<Cow<'static, str>>) -> Self {
        Self {
            state: State::Admitted { handler, subprotocol },
        }
    }
}

impl<F, R, Er> Future for ResponseFuture<F>
where
    F: Future<Output = Result<R, Er>>,
    R: WebSocketResponse,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Rejected { rejection } => Poll::Ready(Ok(R::from_rejection(*rejection))),
            StateProj::Admitted { handler, subprotocol } => {
                let mut response = ready!(handler.poll(cx))?;
                if let Some(protocol) = subprotocol
                    && (200..300).contains(&response.status_code())
                {
                    response.set_subprotocol(protocol);
                }
                Poll::Ready(Ok(response))
            }
        }
    }
}
