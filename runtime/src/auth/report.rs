//! What the operator is told.

use super::rejection::{Rejection, RejectionKind};

/// Tells the operator why; the peer gets the rejection.
pub(crate) fn refuse(kind: RejectionKind, connection_id: &str, route: &str) -> Rejection {
    let reason = kind.as_str();
    if kind.is_fault() {
        tracing::error!(target: "room_auth", reason, connection_id, route, "failed");
    } else if kind == RejectionKind::UnknownConnection && route == "$disconnect" {
        // The usual end of a connection that was closed and forgotten by us.
        tracing::debug!(target: "room_auth", reason, connection_id, route, "refused");
    } else {
        tracing::warn!(target: "room_auth", reason, connection_id, route, "refused");
    }
    Rejection::new(kind)
}

/// The event was let through to the handler.
pub(crate) fn accept(room_id: &str, connection_id: &str, route: &str) {
    tracing::info!(target: "room_auth", room_id, connection_id, route, "authenticated");
}

/// The event is authenticated, but the handler's type `E` cannot hold it.
///
/// The error's message quotes the event: its place and category are enough to find the field.
pub(crate) fn misfit<E>(error: &serde_json::Error) {
    tracing::error!(
        target: "room_auth",
        category = ?error.classify(),
        column = error.column(),
        handler_type = std::any::type_name::<E>(),
        "the event does not fit the handler's type"
    );
}
