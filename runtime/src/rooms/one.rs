//! One connection at a time: sending to it, and ending it.

use serde::Serialize;

use super::error::SendError;
use super::frame;
use super::rooms::Rooms;
use super::send::{Effort, Outcome, Peer, ask};
use crate::id::ConnectionId;
use crate::registry::{Connection, RegistryError, RoomMember, Trace, Written};
use crate::retry::Deadline;
use crate::transport::TransportError;

/// The last frame of a connection whose token has expired.
pub(crate) const EXPIRED_FRAME: &[u8] = br#"{"message":"token expired"}"#;

impl Rooms {
    /// Sends a frame, serialized as JSON, to one connection. It is tried again while API Gateway throttles or does
    /// not answer.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub async fn send<F: Serialize + ?Sized>(&self, to: &ConnectionId, frame: &F) -> Result<(), SendError> {
        let frame = frame::serialize(frame)?;
        let deadline = self.deadline(None);
        let connection = ask(deadline, || self.registry.find(to)).await?;
        let connection = connection.ok_or(SendError::UnknownConnection)?;
        match self.refresh_or_end(connection.member(), deadline).await? {
            Some(member) => self.deliver(&member, &frame, deadline).await,
            None => Err(SendError::Expired),
        }
    }

    /// Ends a connection now, in all its rooms: it is forgotten, so that none of its messages is handled any more,
    /// then closed.
    ///
    /// # Errors
    ///
    /// The registry failed, or the connection was forgotten but could not be closed: in its first 30 seconds API
    /// Gateway may not let it be closed yet ([`TransportError::Gone`]). Open or not, no message of it is handled. A
    /// connection that is not recorded is no error.
    pub async fn disconnect(&self, id: &ConnectionId) -> Result<(), SendError> {
        let deadline = self.deadline(None);
        match self.forget_if(id, |_| true, deadline).await? {
            Some(connection) => {
                let closing = self.sender.close((&connection).into(), self.now(), deadline);
                closing.await.map_err(SendError::Undelivered)
            }
            None => Ok(()),
        }
    }

    /// Sends to a live connection until it expires.
    pub(super) async fn deliver(
        &self,
        to: &RoomMember,
        frame: &[u8],
        deadline: Deadline,
    ) -> Result<(), SendError> {
        let deadline = deadline.min(self.expiry(to));
        let delivering =
            self.sender
                .deliver(to.into(), frame, self.now(), deadline, Effort::Persistent, None);
        match delivering.await {
            Outcome::Delivered => Ok(()),
            Outcome::Gone => {
                self.forget_gone(to, deadline).await?;
                Err(SendError::UnknownConnection)
            }
            Outcome::Failed(TransportError::Gone) => Err(SendError::NotYetConnected),
            Outcome::Failed(error) => Err(SendError::Undelivered(error)),
        }
    }

    /// Forgets the recorded connection if `is_meant` holds for it, whatever changes it meanwhile, and returns it.
    pub(super) async fn forget_if(
        &self,
        id: &ConnectionId,
        is_meant: impl Fn(&Connection) -> bool,
        deadline: Deadline,
    ) -> Result<Option<Connection>, RegistryError> {
        let mut seen = None;
        while let Some(connection) = ask(deadline, || self.registry.find(id)).await?.filter(&is_meant) {
            // Not forgotten: it was changed in between, or the answer to an earlier attempt was lost.
            let is_forgotten = ask(deadline, || self.registry.forget(&connection)).await?;
            seen = Some(connection);
            if is_forgotten {
                break;
            }
        }
        Ok(seen)
    }

    /// Forgets a connection that API Gateway says is gone, or the trace of it in a room.
    pub(super) async fn forget_gone(
        &self,
        member: &RoomMember,
        deadline: Deadline,
    ) -> Result<(), RegistryError> {
        let is_it = |found: &Connection| found.is_connection_of(member);
        if self.forget_if(&member.id, is_it, deadline).await?.is_none() {
            self.sweep(Trace::Member(member), deadline).await?;
        }
        Ok(())
    }

    pub(super) async fn sweep(&self, trace: Trace<'_>, deadline: Deadline) -> Result<(), RegistryError> {
        ask(deadline, || self.registry.sweep(trace)).await
    }

    /// Returns a live member as it is, and one that was renewed since it was seen as it is now. One that has expired is
    /// ended: its connection is forgotten, then closed, or only its membership is, where the connection lives on.
    ///
    /// What could not be closed is mute: it gets no frame, and its next message closes it.
    pub(super) async fn refresh_or_end(
        &self,
        mut member: RoomMember,
        deadline: Deadline,
    ) -> Result<Option<RoomMember>, RegistryError> {
        let mut was_expired = false;
        while self.has_expired(&member) {
            let found = ask(deadline, || self.registry.find(&member.id)).await?;
            let Some(found) = found.filter(|found| found.is_connection_of(&member)) else {
                if was_expired {
                    // The answer to an earlier attempt to forget it was lost.
                    self.close_expired((&member).into(), &member.id, deadline).await;
                } else {
                    // A trace in the room, whose id may be another connection's by now.
                    self.sweep(Trace::Member(&member), deadline).await?;
                }
                return Ok(None);
            };
            if self.has_ended(&found) {
                if ask(deadline, || self.registry.forget(&found)).await? {
                    self.close_expired((&found).into(), &found.id, deadline).await;
                    return Ok(None);
                }
                was_expired = true;
            } else if let Some(refreshed) = found.member_of(&member.room) {
                member = refreshed;
                if !self.has_expired(&member) {
                    break;
                }
                let next = found.left(|membership| membership.room == member.room);
                if ask(deadline, || self.registry.update(&found, &next, None)).await? == Written::Done {
                    return Ok(None);
                }
            } else {
                self.sweep(Trace::Member(&member), deadline).await?;
                return Ok(None);
            }
            if deadline.has_passed() {
                return Err(RegistryError::timeout("end the connection"));
            }
        }
        Ok(Some(member))
    }

    async fn close_expired(&self, peer: Peer<'_>, id: &ConnectionId, deadline: Deadline) {
        if let Err(error) = self.sender.close(peer, self.now(), deadline).await {
            let connection_id = id.as_str();
            tracing::warn!(target: "room_auth", %error, connection_id, "an expired connection was not closed");
        }
    }
}
