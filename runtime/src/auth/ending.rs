//! What a refused connection is told, and how one is ended: best effort, within two seconds, before the refusal leaves.

use std::time::Duration;

use tokio::time::timeout;

use super::session::Session;
use crate::registry::Connection;
use crate::rejection::{Rejection, RejectionKind};
use crate::rooms::EXPIRED_FRAME;
use crate::token::VerifyErrorKind;
use crate::transport::TransportError;

/// How long ending a connection may take before the refusal leaves. What was not done by then is done by the next
/// message, the next broadcast, or API Gateway's own end of the connection.
const TIME_TO_END: Duration = Duration::from_secs(2);

/// What a connection gets for a message that its token does not allow.
const FORBIDDEN_FRAME: &[u8] = br#"{"message":"Forbidden"}"#;

impl Session {
    /// Tells a connection that its token does not allow what it asked for.
    pub(super) async fn forbid(self) -> Rejection {
        if let (Some(transport), Some(endpoint)) = (&self.auth.transport, self.context.endpoint()) {
            let telling = transport.post(endpoint, self.context.connection_id(), FORBIDDEN_FRAME);
            let _ = timeout(TIME_TO_END, telling).await;
        }
        self.refuse(RejectionKind::Forbidden)
    }

    /// Closes a connection whose claims, known without a registry, have expired.
    pub(super) async fn expire(self) -> Rejection {
        if let (Some(transport), Some(endpoint)) = (&self.auth.transport, self.context.endpoint()) {
            let id = self.context.connection_id();
            let ending = async {
                let _ = transport.post(endpoint, id, EXPIRED_FRAME).await;
                self.close_at_gateway().await;
            };
            let _ = timeout(TIME_TO_END, ending).await;
        }
        self.refuse(RejectionKind::Token(VerifyErrorKind::Expired))
    }

    /// Ends a connection whose claims have expired, or that is not recorded, within [`TIME_TO_END`].
    ///
    /// It is forgotten first, and only as it was seen: a renewal in between wins. Once forgotten it gets no frame and
    /// none of its messages is handled, whether it could be closed or not.
    pub(super) async fn close(&self, expired: Option<&Connection>) {
        let ending = async {
            if let (Some(connection), Ok(registry)) = (expired, self.registry()) {
                // Without a transport nobody can be told; the record says who may speak, and its claims say no.
                let (Some(transport), Some(endpoint)) = (&self.auth.transport, self.context.endpoint())
                else {
                    return;
                };
                match registry.forget(connection).await {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(target: "room_auth", error, "an expired connection was not forgotten");
                        return;
                    }
                }
                if let Err(error) = transport.post(endpoint, &connection.id, EXPIRED_FRAME).await {
                    tracing::debug!(target: "room_auth", %error, "an expired connection did not take its last frame");
                }
            }
            self.close_at_gateway().await;
        };
        if timeout(TIME_TO_END, ending).await.is_err() {
            tracing::warn!(target: "room_auth", "there was no time to close a connection");
        }
    }

    async fn close_at_gateway(&self) {
        let (Some(transport), Some(endpoint)) = (&self.auth.transport, self.context.endpoint()) else {
            return;
        };
        match transport.close(endpoint, self.context.connection_id()).await {
            Ok(()) | Err(TransportError::Gone) => {}
            Err(error) => tracing::warn!(target: "room_auth", %error, "a connection was not closed"),
        }
    }
}
