//! Everything that the crate logs about requests: the names of its events and fields stand here and nowhere else.
//!
//! All events have the target `room_auth`.

use crate::claims::RoomClaims;
use crate::event::EventContext;
use crate::rejection::{Rejection, RejectionKind};

/// The fields that metrics are made of.
#[cfg(feature = "emf")]
pub(crate) mod field {
    /// Why a request was refused: [`RejectionKind::as_str`](crate::RejectionKind::as_str), or `denied`.
    pub(crate) const REASON: &str = "reason";
    /// The room of a request that was accepted.
    pub(crate) const ROOM_ID: &str = "room_id";
    pub(crate) const ROUTE: &str = "route";
    /// How long a verification took, in microseconds.
    pub(crate) const VERIFICATION_US: &str = "verification_us";
}

/// Logs why a request was refused; the peer gets the rejection.
pub(crate) fn refused(rejection: Rejection, context: Option<&EventContext>) -> Rejection {
    let (kind, reason) = (rejection.kind(), rejection.kind().as_str());
    let member = rejection.member();
    let connection_id = context.map_or("", |context| context.connection_id().as_str());
    let route = context.map_or("", EventContext::route_key);
    if kind.is_fault() {
        tracing::error!(target: "room_auth", reason, member, connection_id, route, "failed");
    } else if kind == RejectionKind::UnknownConnection && route == "$disconnect" {
        // The usual end of a connection that was closed and forgotten by us.
        tracing::debug!(target: "room_auth", reason, member, connection_id, route, "refused");
    } else {
        tracing::warn!(target: "room_auth", reason, member, connection_id, route, "refused");
    }
    rejection
}

/// Logs that a request was passed on to the handler, or allowed by the authorizer.
pub(crate) fn accepted<T>(claims: &RoomClaims<T>, context: &EventContext) {
    let room_id = claims.room_id().as_str();
    let connection_id = context.connection_id().as_str();
    let route = context.route_key();
    tracing::info!(target: "room_auth", room_id, connection_id, route, "authenticated");
}

/// Logs that the authorizer's permission does not hold for verified claims.
pub(crate) fn denied(context: &EventContext) {
    let connection_id = context.connection_id().as_str();
    let route = context.route_key();
    tracing::warn!(target: "room_auth", reason = "denied", connection_id, route, "refused");
}

/// Logs that a new token was not accepted for a live connection: to renew its claims, or to join a room.
pub(crate) fn not_accepted(reason: &str, member: Option<&str>, context: &EventContext) {
    let connection_id = context.connection_id().as_str();
    let route = context.route_key();
    tracing::warn!(target: "room_auth", reason, member, connection_id, route, "not accepted");
}

/// Logs that a connection is in a further room.
pub(crate) fn joined<T>(claims: &RoomClaims<T>, context: &EventContext) {
    let joined_room_id = claims.room_id().as_str();
    let connection_id = context.connection_id().as_str();
    tracing::info!(target: "room_auth", joined_room_id, connection_id, "joined");
}

/// Logs that an authenticated event does not fit the handler's type `E`.
///
/// The error's message quotes the event: its place and category are enough to find the field.
pub(crate) fn deserialization_failed<E>(error: &serde_json::Error) {
    tracing::error!(
        target: "room_auth",
        category = ?error.classify(),
        column = error.column(),
        handler_type = std::any::type_name::<E>(),
        "the event does not fit the handler's type"
    );
}
