//! All connections of a user: sending to them, and ending them.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;

use super::broadcast::Broadcast;
use super::delivery::missed;
use super::error::SendError;
use super::report::{DeliveryReport, DisconnectReport, UndeliveredReason};
use super::rooms::Rooms;
use super::send::{Peer, ask};
use crate::id::ConnectionId;
use crate::registry::{Connection, Page, PageToken, RegistryError, RoomMember, Trace, UserConnection};
use crate::retry::Deadline;

impl Rooms {
    /// Sends a frame, serialized as JSON, to every live connection of a user, in whatever room, as
    /// [`broadcast`](Self::broadcast) sends to a room.
    ///
    /// Needs a verifier with a [user claim](crate::Verifier::with_user_claim) in the functions that connect; the same
    /// holds for the other methods that name a user.
    ///
    /// # Errors
    ///
    /// See [`broadcast`](Self::broadcast).
    pub async fn send_to_user<F: Serialize + ?Sized>(
        &self,
        user: &str,
        frame: &F,
    ) -> Result<DeliveryReport, SendError> {
        self.broadcast(Broadcast::to_user(user, frame)).await
    }

    /// Ends every connection of a user now, as [`disconnect`](Self::disconnect) ends one. Their tokens stay valid:
    /// [`revoke_user`](Self::revoke_user) also keeps the user out.
    ///
    /// May be repeated for what the report names.
    ///
    /// # Errors
    ///
    /// The registry did not list the connections; none was ended then.
    pub async fn disconnect_user(&self, user: &str) -> Result<DisconnectReport, RegistryError> {
        self.end_all_of(user, None, self.deadline(None)).await
    }

    /// Ends every connection of a user, with a last frame if there is one.
    pub(super) async fn end_all_of(
        &self,
        user: &str,
        last_frame: Option<&[u8]>,
        deadline: Deadline,
    ) -> Result<DisconnectReport, RegistryError> {
        let mut report = DisconnectReport::default();
        let mut page = ask(deadline, || self.registry.connections_of(user, None)).await?;
        loop {
            let ending = page.items.into_iter();
            let ending = ending.map(|entry| self.end_one_of(user, entry, last_frame, deadline));
            let mut ending = stream::iter(ending).buffer_unordered(self.concurrency);
            while let Some(ended) = ending.next().await {
                match ended {
                    Ok(()) => report.count_ended(),
                    Err((id, reason)) => report.miss(id, reason),
                }
            }
            let Some(from) = page.next.take() else {
                return Ok(report);
            };
            page = match ask(deadline, || self.registry.connections_of(user, Some(&from))).await {
                Ok(page) => page,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(target: "room_auth", error, "the connections of a user were not listed to the end");
                    report.truncate();
                    return Ok(report);
                }
            };
        }
    }

    /// Ends one connection of a user, or says which could not be ended, and why.
    ///
    /// Forgets it first: from then on it gets no frame and none of its messages is handled, even if it cannot be told
    /// or closed.
    async fn end_one_of(
        &self,
        user: &str,
        entry: UserConnection,
        last_frame: Option<&[u8]>,
        deadline: Deadline,
    ) -> Result<(), (ConnectionId, UndeliveredReason)> {
        let is_it = |found: &Connection| is_of(found, user, &entry);
        let ended = match self.forget_if(&entry.id, is_it, deadline).await {
            Ok(Some(connection)) => {
                let mut peer = Peer::from(&connection);
                // Whoever does not take its last frame is closed all the same. Whoever does may be quicker to close.
                if let Some(frame) = last_frame
                    && self.sender.try_once(peer, frame, deadline).await.is_ok()
                {
                    peer = peer.reached();
                }
                let closed = self.sender.close(peer, self.now(), deadline).await;
                closed.map_err(|error| missed(&entry.id, &error))
            }
            Ok(None) => {
                let swept = self.sweep(Trace::User(user, &entry), deadline).await;
                swept.map_err(|_| UndeliveredReason::NotForgotten)
            }
            Err(_) => Err(UndeliveredReason::NotForgotten),
        };
        ended.map_err(|reason| (entry.id, reason))
    }

    /// Returns a page of a user's connections as members of their own rooms.
    pub(super) async fn page_of_user(
        &self,
        user: &str,
        from: Option<&PageToken>,
        deadline: Deadline,
    ) -> Result<Page<RoomMember>, RegistryError> {
        let page = ask(deadline, || self.registry.connections_of(user, from)).await?;
        let finding = page.items.into_iter();
        let finding = finding.map(|entry| self.find_of_user(user, entry, deadline));
        let found: Vec<_> = stream::iter(finding)
            .buffered(self.concurrency)
            .try_collect()
            .await?;
        Ok(Page::new(found.into_iter().flatten().collect(), page.next))
    }

    async fn find_of_user(
        &self,
        user: &str,
        entry: UserConnection,
        deadline: Deadline,
    ) -> Result<Option<RoomMember>, RegistryError> {
        let found = ask(deadline, || self.registry.find(&entry.id)).await?;
        let found = found.filter(|found| is_of(found, user, &entry));
        if found.is_none() {
            self.sweep(Trace::User(user, &entry), deadline).await?;
        }
        Ok(found.map(|found| found.member()))
    }
}

fn is_of(connection: &Connection, user: &str, entry: &UserConnection) -> bool {
    connection.user.as_deref() == Some(user) && connection.endpoint == entry.endpoint
}
