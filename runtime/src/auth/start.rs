//! The first half of the way: from a raw event to an authenticated request, or to whom must be asked for it.

use std::borrow::Cow;
use std::sync::Arc;

use lambda_runtime::{Context, LambdaEvent};
use serde::de::DeserializeOwned;

use super::authenticated::Authenticated;
use super::decision::{Admission, Decision, recorded_claims};
use super::layer::RoomAuthLayer;
use super::rejection::{Rejection, RejectionKind};
use super::report;
use super::session::{self, Origin};
use crate::claims::RoomClaims;
use crate::event::{EventType, Incoming, View, mask};
use crate::registry::{BoxFuture, Connection, Registry};
use crate::token::VerifyErrorKind;

/// What a layer makes of a raw event.
pub(crate) enum Start<E, T> {
    /// Not let through.
    Refused(Rejection),
    /// Let through at once.
    Admitted(LambdaEvent<Authenticated<E, T>>, Then),
    /// Let through, or not, when the future is there.
    Asking(BoxFuture<'static, Result<Recorded, Rejection>>, Waiting),
}

/// What is done after the handler.
pub(crate) enum Then {
    /// Answer, with the subprotocol if there is one.
    Reply(Option<Cow<'static, str>>),
    /// Record the connection if the handler lets it be, then answer.
    Record(Recorded, Option<Cow<'static, str>>),
    /// Forget the connection, whatever the handler says.
    Forget(Recorded),
}

/// A connection, where it is recorded, and the event that is about it.
pub(crate) struct Recorded {
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) from: Origin,
    pub(crate) connection: Connection,
}

/// A request while the registry is asked whose connection it is.
pub(crate) struct Waiting {
    event: String,
    context: Context,
}

impl<E: DeserializeOwned, T: DeserializeOwned> Start<E, T> {
    /// Decides on `event`.
    pub(crate) fn new(layer: &RoomAuthLayer, event: LambdaEvent<Incoming<E, T>>) -> Self {
        let (incoming, context) = event.into_parts();
        match Self::decide(layer, incoming, context) {
            Ok(start) => start,
            Err(rejection) => Self::Refused(rejection),
        }
    }

    fn decide(layer: &RoomAuthLayer, incoming: Incoming<E, T>, context: Context) -> Result<Self, Rejection> {
        let policy = layer.policy();
        let Some(view) = View::read(incoming.as_raw(), &policy.sources) else {
            return Err(report::refuse(RejectionKind::Event, "", ""));
        };
        let names = (view.connection_id.as_str(), &*view.route);
        match policy.decide::<T>(&view, policy.verifier.now()) {
            Ok(Decision::Connect(admission)) => {
                let Admission {
                    claims,
                    payload,
                    token,
                    subprotocol,
                } = admission;
                let then = match &policy.registry {
                    Some(registry) => {
                        let from = Origin::of(&view);
                        let connection = from.connection(&claims, payload)?;
                        Then::Record(
                            Recorded {
                                registry: registry.clone(),
                                from,
                                connection,
                            },
                            subprotocol,
                        )
                    }
                    None => Then::Reply(subprotocol),
                };
                let request = request(claims, &mask(incoming.as_json(), &token), context, names)?;
                Ok(Self::Admitted(request, then))
            }
            Ok(Decision::Known(claims)) => {
                let request = request(claims, incoming.as_json(), context, names)?;
                Ok(Self::Admitted(request, Then::Reply(None)))
            }
            Ok(Decision::Ask(registry)) => {
                let asking = Box::pin(session::find(layer.clone(), registry, Origin::of(&view)));
                Ok(Self::Asking(
                    asking,
                    Waiting {
                        event: incoming.into_json(),
                        context,
                    },
                ))
            }
            Err(RejectionKind::Token(VerifyErrorKind::Expired)) if view.event_type == EventType::Message => {
                let asking = Box::pin(session::expire_unrecorded(layer.clone(), Origin::of(&view)));
                Ok(Self::Asking(
                    asking,
                    Waiting {
                        event: String::new(),
                        context,
                    },
                ))
            }
            Err(kind) => Err(report::refuse(kind, names.0, names.1)),
        }
    }
}

impl Waiting {
    /// The request, now that its connection is known.
    pub(crate) fn resume<E: DeserializeOwned, T: DeserializeOwned>(
        self,
        recorded: &Recorded,
    ) -> Result<LambdaEvent<Authenticated<E, T>>, Rejection> {
        let claims = recorded_claims::<T>(&recorded.connection.claims)
            .ok_or_else(|| recorded.from.refuse(RejectionKind::Record))?;
        let names = (recorded.from.connection_id.as_str(), &*recorded.from.route);
        request(claims, &self.event, self.context, names)
    }
}

/// The authenticated request: the only place where an event is read into the handler's type. The names, of the
/// connection and the route, are for the log.
fn request<E: DeserializeOwned, T>(
    claims: RoomClaims<T>,
    event: &str,
    context: Context,
    (connection_id, route): (&str, &str),
) -> Result<LambdaEvent<Authenticated<E, T>>, Rejection> {
    match serde_json::from_str(event) {
        Ok(event) => {
            report::accept(claims.room_id().as_str(), connection_id, route);
            Ok(LambdaEvent::new(Authenticated::new(claims, event), context))
        }
        Err(error) => {
            report::misfit::<E>(&error);
            Err(report::refuse(RejectionKind::Payload, connection_id, route))
        }
    }
}
