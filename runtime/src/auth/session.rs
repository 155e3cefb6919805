//! What happens around the handler: one event of a connection, and what the registry and the transport do about it.
//!
//! | event | before the handler | after it |
//! | --- | --- | --- |
//! | `$connect` | [record](Session::record), then ask whether the token is revoked | unless it answers 2xx: [forget](Session::forget) |
//! | a message | [find](Session::find); an expired or unknown connection is closed instead | |
//! | `$disconnect` | find and forget | |

use std::sync::Arc;
use std::time::SystemTime;

use serde::de::DeserializeOwned;

use super::decision::Policy;
use crate::claims::RoomClaims;
use crate::endpoint::ApiEndpoint;
use crate::event::{EventContext, EventType};
use crate::registry::{Connection, ErasedRegistry, Registry, RegistryError, Written};
use crate::rejection::{Rejection, RejectionKind};
use crate::report;
use crate::rooms::{CONNECT_GRACE, Rooms, Vetting};
use crate::token::VerifyErrorKind;
use crate::transport::{ErasedTransport, Transport};

/// How often a connection that changes at the same time is looked at again before it is forgotten.
const MAX_CHANGES: u32 = 3;

/// What a layer is made of.
#[derive(Clone, Debug)]
pub(crate) struct Auth {
    pub(crate) policy: Policy,
    registry: Option<Arc<dyn ErasedRegistry>>,
    pub(super) transport: Option<Arc<dyn ErasedTransport>>,
    rooms: Option<Rooms>,
}

impl Auth {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            registry: None,
            transport: None,
            rooms: None,
        }
    }

    pub(super) fn set_rooms(&mut self, rooms: Rooms) {
        self.policy.has_registry = true;
        self.registry = Some(rooms.registry().clone());
        self.transport = Some(rooms.transport().clone());
        self.rooms = Some(rooms);
    }

    pub(super) fn set_registry(&mut self, registry: Arc<impl Registry>) {
        self.policy.has_registry = true;
        self.registry = Some(registry);
        self.rooms = None;
    }

    pub(super) fn set_transport(&mut self, transport: Arc<impl Transport>) {
        self.transport = Some(transport);
    }
}

/// One event of one connection.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) auth: Arc<Auth>,
    pub(super) context: EventContext,
    /// The capability that the handler itself requires.
    required: Option<&'static str>,
}

/// A connection that a `$connect` makes, and what decides about its token.
pub(super) struct Newcomer {
    connection: Connection,
    vetting: Option<Vetting>,
}

impl Session {
    pub(super) fn new(auth: Arc<Auth>, context: EventContext, required: Option<&'static str>) -> Self {
        Self {
            auth,
            context,
            required,
        }
    }

    /// Returns whether claims allow all that is required.
    pub(super) fn permits<T>(&self, claims: &RoomClaims<T>) -> bool {
        let mut required = self.auth.policy.required.iter().chain(&self.required);
        required.all(|capability| claims.can(capability))
    }

    /// Returns whether the handler may be called for an event of these claims. A `$disconnect` is handled in any case.
    pub(super) fn lets_speak<T>(&self, claims: &RoomClaims<T>) -> bool {
        self.context.event_type() == EventType::Disconnect || self.permits(claims)
    }

    /// Logs why the event is refused.
    pub(super) fn refuse(&self, rejection: impl Into<Rejection>) -> Rejection {
        report::refused(rejection.into(), Some(&self.context))
    }

    /// Returns the connection that a `$connect` makes, if there is a registry to record it. The event has to say when
    /// and through which API the connection is made.
    pub(super) fn newcomer<T>(
        &self,
        claims: &RoomClaims<T>,
        payload: String,
    ) -> Result<Option<Newcomer>, Rejection> {
        if self.auth.registry.is_none() {
            return Ok(None);
        }
        let (endpoint, connected_at) = self.where_and_when()?;
        let vetting = self.auth.rooms.as_ref().map(|rooms| rooms.vetting(claims));
        let connection = Connection::new(
            self.context.connection_id().clone(),
            endpoint.clone(),
            claims.room_id().clone(),
            payload,
            connected_at,
            claims.expires_at(),
        );
        Ok(Some(Newcomer {
            connection: connection.with_user(claims.user()),
            vetting: vetting.transpose().map_err(|error| self.refuse(error))?,
        }))
    }

    /// Records a connection before its handler is called, and only then asks whether its token is revoked: see
    /// `rooms/revocation.rs` for why.
    pub(super) async fn record(self, newcomer: Newcomer) -> Result<Connection, Rejection> {
        let Newcomer { connection, vetting } = newcomer;
        let registry = self.registry()?;
        let single_use = vetting.as_ref().and_then(|vetting| vetting.single_use.as_ref());
        match registry.record(&connection, single_use).await {
            Ok(Written::TokenUsed) => return Err(self.refuse(RejectionKind::TokenUsed)),
            Ok(_) => {}
            Err(error) => return Err(self.fault(&error)),
        }
        let Some(vetting) = vetting else {
            return Ok(connection);
        };
        let rejection = match vetting.is_revoked(&**registry).await {
            Ok(false) => return Ok(connection),
            Ok(true) => self.refuse(RejectionKind::Revoked),
            Err(error) => self.fault(&error),
        };
        self.forget(connection).await;
        Err(rejection)
    }

    /// Forgets a connection that was not accepted. What fails here is found gone by a later broadcast.
    pub(super) async fn forget(self, mut connection: Connection) {
        let Ok(registry) = self.registry() else { return };
        for _ in 0..MAX_CHANGES {
            let error = match registry.forget(&connection).await {
                Ok(true) => return,
                Ok(false) => match registry.find(&connection.id).await {
                    // Its handler has changed it.
                    Ok(Some(found)) if found.is_same_connection(&connection) => {
                        connection = found;
                        continue;
                    }
                    Ok(_) => return,
                    Err(error) => error,
                },
                Err(error) => error,
            };
            let error = &error as &dyn std::error::Error;
            tracing::error!(target: "room_auth", error, "a connection that was not accepted is still recorded");
            return;
        }
    }

    /// Finds the recorded connection of a message, if it may still speak, or of a `$disconnect`, which is forgotten.
    pub(super) async fn find(self) -> Result<Connection, Rejection> {
        let is_disconnect = self.context.event_type() == EventType::Disconnect;
        for _ in 0..MAX_CHANGES {
            let Some(connection) = self.look_up().await? else {
                if !is_disconnect && !self.is_young() {
                    self.close(None).await;
                }
                return Err(self.refuse(RejectionKind::UnknownConnection));
            };
            if is_disconnect {
                match self.registry()?.forget(&connection).await {
                    Ok(true) => return Ok(connection),
                    // It was changed just now, or forgotten by somebody else.
                    Ok(false) => continue,
                    Err(error) => return Err(self.fault(&error)),
                }
            }
            let verifier = self.auth.policy.authenticator.verifier();
            if connection.has_expired(verifier.now(), verifier.leeway()) {
                self.close(Some(&connection)).await;
                return Err(self.refuse(RejectionKind::Token(VerifyErrorKind::Expired)));
            }
            return Ok(connection);
        }
        Err(self.refuse(RejectionKind::UnknownConnection))
    }

    /// The claims that were recorded with `connection`.
    pub(super) fn room_claims<T: DeserializeOwned>(&self, connection: &Connection) -> Option<RoomClaims<T>> {
        connection.room_claims(self.auth.policy.authenticator.verifier().room_source())
    }

    /// The record that was made for the connection of this event, and for no other of the same id.
    async fn look_up(&self) -> Result<Option<Connection>, Rejection> {
        let id = self.context.connection_id();
        let found = match self.registry()?.find(id).await {
            Ok(found) => found,
            Err(error) => return Err(self.fault(&error)),
        };
        let Some(connection) = found else { return Ok(None) };
        let (endpoint, connected_at) = self.where_and_when()?;
        let is_recorded = connection.endpoint == *endpoint && connection.was_made_at(connected_at);
        Ok(is_recorded.then_some(connection))
    }

    /// Returns through which API and when the connection was made; refused if the event does not say it.
    fn where_and_when(&self) -> Result<(&ApiEndpoint, SystemTime), Rejection> {
        let missing = |member| self.refuse(Rejection::of_member(RejectionKind::Event, member));
        let endpoint = self.context.endpoint().ok_or_else(|| missing("apiId"))?;
        let connected_at = self.context.connected_at();
        Ok((endpoint, connected_at.ok_or_else(|| missing("connectedAt"))?))
    }

    /// Whether the connection's `$connect` may not have been recorded yet. API Gateway lets nobody speak before, but
    /// some emulators do.
    fn is_young(&self) -> bool {
        let now = self.auth.policy.authenticator.verifier().now();
        self.context
            .connected_at()
            .is_some_and(|connected_at| now < connected_at + CONNECT_GRACE)
    }

    pub(super) fn registry(&self) -> Result<&Arc<dyn ErasedRegistry>, Rejection> {
        let registry = self.auth.registry.as_ref();
        registry.ok_or_else(|| self.refuse(RejectionKind::NoClaimsSource))
    }

    fn fault(&self, error: &RegistryError) -> Rejection {
        tracing::error!(target: "room_auth", error = error as &dyn std::error::Error, "the registry failed");
        self.refuse(RejectionKind::Registry)
    }
}
