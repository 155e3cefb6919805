//! The rooms of a live connection: joining, leaving, and new claims for old ones, in band.

use serde::de::DeserializeOwned;

use super::error::MembershipError;
use super::send::ask;
use super::session::Session;
use crate::claims::RoomClaims;
use crate::event::EventType;
use crate::id::RoomId;
use crate::registry::{Connection, RegistryError, Written};
use crate::report;
use crate::token::Verified;

impl<T: DeserializeOwned> Session<'_, T> {
    /// Verifies `token` as strictly as that of `$connect` and puts the connection into its room, beside the ones that
    /// it is in. Returns the claims for the room.
    ///
    /// The membership lasts until the token expires or the connection ends, whichever comes first. A token for a room
    /// that the connection is in already replaces the claims for it. Where a user claim is configured, the token must
    /// be of the connection's user.
    ///
    /// The layer cannot know which message brings a token, so it masks none there: log no body of such a message.
    ///
    /// # Errors
    ///
    /// See [`MembershipError`]; the connection is in the rooms that it was in. From within the handler of `$connect`
    /// nothing can be joined ([`MembershipError::NotYetConnected`]).
    pub async fn join(&self, token: &str) -> Result<RoomClaims<T>, MembershipError> {
        self.join_as(token, None).await
    }

    /// Does what [`join`](Self::join) does for the room that the client requests: needed where the
    /// [`RoomSource`](crate::RoomSource) takes a requested room, and refused for any other room everywhere else.
    ///
    /// # Errors
    ///
    /// See [`join`](Self::join).
    pub async fn join_requested(&self, token: &str, room: &RoomId) -> Result<RoomClaims<T>, MembershipError> {
        self.join_as(token, Some(room)).await
    }

    async fn join_as(
        &self,
        token: &str,
        requested: Option<&RoomId>,
    ) -> Result<RoomClaims<T>, MembershipError> {
        let permits = |new: &RoomClaims<T>| match requested {
            Some(room) if new.room_id() != room => Err(MembershipError::OtherRoom),
            _ => Ok(()),
        };
        let joined = self.accept(token, requested, permits, |_| true).await;
        match &joined {
            Ok(claims) => report::joined(claims, self.context()),
            Err(error) => report::not_accepted(error.reason(), error.member(), self.context()),
        }
        joined
    }

    /// Verifies `token` like the first one and replaces the claims recorded for the session's room.
    ///
    /// The new claims must be for the same room, and of the same user where a user claim is configured. Returns them.
    /// Clients that renew never reconnect for a token's sake.
    ///
    /// The layer cannot know which message brings a token, so it masks none there: log no body of such a message.
    ///
    /// # Errors
    ///
    /// See [`MembershipError`]; the recorded claims stay as they were.
    pub async fn renew(&self, token: &str) -> Result<RoomClaims<T>, MembershipError> {
        self.renew_if(token, |_| true).await
    }

    /// Does what [`renew`](Self::renew) does if `accept` holds for the new claims: if they name the same tenant, say.
    ///
    /// ```
    /// use room_auth::RoomClaims;
    /// use room_auth::rooms::{MembershipError, Session};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Member {
    ///     tenant: String,
    /// }
    ///
    /// async fn renew(
    ///     session: &Session<'_, Member>,
    ///     token: &str,
    /// ) -> Result<RoomClaims<Member>, MembershipError> {
    ///     let tenant = &session.claims().custom().tenant;
    ///     session.renew_if(token, |new| new.custom().tenant == *tenant).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`MembershipError`]; the recorded claims stay as they were.
    pub async fn renew_if(
        &self,
        token: &str,
        accept: impl FnOnce(&RoomClaims<T>) -> bool,
    ) -> Result<RoomClaims<T>, MembershipError> {
        let room = self.claims().room_id();
        let permits = |new: &RoomClaims<T>| {
            if new.room_id() != room {
                return Err(MembershipError::OtherRoom);
            }
            accept(new).then_some(()).ok_or(MembershipError::NotAccepted)
        };
        // Who has left a room meanwhile does not renew it.
        let renewed = self
            .accept(token, Some(room), permits, |seen| seen.is_in(room))
            .await;
        if let Err(error) = &renewed {
            report::not_accepted(error.reason(), error.member(), self.context());
        }
        renewed
    }

    /// Takes the connection out of a room that it joined. Returns whether it was in it.
    ///
    /// # Errors
    ///
    /// See [`MembershipError`]. The room of `$connect` cannot be left ([`MembershipError::OwnRoom`]).
    pub async fn leave(&self, room: &RoomId) -> Result<bool, MembershipError> {
        let mut was_in_room = false;
        loop {
            let seen = self.recorded().await?;
            if seen.room == *room {
                return Err(MembershipError::OwnRoom);
            }
            if !seen.is_in(room) {
                // Left by an attempt before, perhaps, whose answer was lost.
                self.know(&seen);
                return Ok(was_in_room);
            }
            was_in_room = true;
            let next = seen.left(|membership| membership.room == *room);
            if self.update(&seen, &next, None).await? == Written::Done {
                return Ok(true);
            }
        }
    }

    /// Verifies a token and records its claims, if `permits` them and the connection as it is now `fits`.
    async fn accept(
        &self,
        token: &str,
        requested: Option<&RoomId>,
        permits: impl FnOnce(&RoomClaims<T>) -> Result<(), MembershipError>,
        fits: impl Fn(&Connection) -> bool,
    ) -> Result<RoomClaims<T>, MembershipError> {
        let rooms = self.all_rooms();
        let verifier = rooms.verifier.get().ok_or(MembershipError::NoVerifier)?;
        if let Some(awaited) = verifier.awaited_keys(|| Some(token.into()), verifier.now()) {
            awaited.await;
        }
        let Verified { claims, payload } = verifier.verify_at::<T>(token, requested, verifier.now())?;
        permits(&claims)?;
        let vetting = rooms.vetting(&claims)?;
        // The payload was read as JSON, which is UTF-8.
        let payload = String::from_utf8(payload).map_err(|_| MembershipError::NotAccepted)?;
        loop {
            let seen = self.recorded().await?;
            if !fits(&seen) {
                return Err(MembershipError::UnknownConnection);
            }
            if seen.user.as_deref() != claims.user() {
                return Err(MembershipError::OtherUser);
            }
            if ask(self.deadline(), || vetting.is_revoked(&*rooms.registry)).await? {
                return Err(MembershipError::Revoked);
            }
            let room = claims.room_id();
            if seen
                .member_of(room)
                .is_some_and(|member| member.claims == payload)
            {
                // A repetition, of a message or after a lost answer: the token has done its work.
                self.know(&seen);
                return Ok(claims);
            }
            let next = if *room == seen.room {
                seen.renewed(payload.as_str(), claims.expires_at())
            } else {
                // What has lapsed makes room.
                seen.left(|membership| self.has_lapsed(membership)).joined(
                    room,
                    payload.as_str(),
                    claims.expires_at(),
                )
            };
            if next.memberships().len() > rooms.membership_limit && !seen.is_in(room) {
                return Err(MembershipError::TooManyRooms(rooms.membership_limit));
            }
            match self.update(&seen, &next, vetting.single_use.as_ref()).await? {
                Written::Done => return Ok(claims),
                Written::TokenUsed => return Err(MembershipError::TokenUsed),
                // Another message of the same connection came first.
                Written::Changed => {}
            }
        }
    }

    /// Returns the recorded connection that the event came from.
    async fn recorded(&self) -> Result<Connection, MembershipError> {
        if self.context().event_type() == EventType::Connect {
            return Err(MembershipError::NotYetConnected);
        }
        let (registry, id) = (&self.all_rooms().registry, self.context().connection_id());
        let found = ask(self.deadline(), || registry.find(id)).await?;
        found
            .filter(|found| self.is_of(found))
            .ok_or(MembershipError::UnknownConnection)
    }

    /// Writes a change, and knows it from then on.
    async fn update(
        &self,
        seen: &Connection,
        next: &Connection,
        token: Option<&crate::registry::SingleUse>,
    ) -> Result<Written, MembershipError> {
        let registry = &self.all_rooms().registry;
        let written = ask(self.deadline(), || registry.update(seen, next, token)).await?;
        match written {
            Written::Done => self.know(next),
            _ if self.deadline().has_passed() => {
                return Err(RegistryError::timeout("change the connection").into());
            }
            _ => {}
        }
        Ok(written)
    }
}
