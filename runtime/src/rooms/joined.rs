//! The rooms of the connection that an event came from, as its session knows them: no read is needed.

use std::sync::{MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use serde::de::DeserializeOwned;

use super::known::Known;
use super::session::Session;
use crate::claims::RoomClaims;
use crate::event::EventType;
use crate::id::RoomId;
use crate::membership::Membership;
use crate::registry::Connection;

impl<T> Session<'_, T> {
    /// Returns the rooms that the connection is in, that of `$connect` first. At `$disconnect`: the rooms that it was
    /// in, as long as nobody forgot them.
    pub fn rooms(&self) -> Vec<RoomId> {
        let known = self.known();
        let live = known.memberships.iter().filter(|one| self.is_live(&known, one));
        let joined = live.map(|membership| membership.room.clone());
        std::iter::once(self.own.room_id().clone())
            .chain(joined)
            .collect()
    }

    /// Takes what is recorded now for what is known.
    pub(super) fn know(&self, recorded: &Connection) {
        *self.known() = recorded.into();
    }

    /// Whether a membership has lapsed by itself, however long its connection lasts.
    pub(super) fn has_lapsed(&self, membership: &Membership) -> bool {
        let connected_at = self.context.connected_at().unwrap_or(UNIX_EPOCH);
        let left = self.rooms.time_left(connected_at, membership.expires_at);
        left.is_zero()
    }

    /// Whether the connection is in the room of a membership. When it has ended, it is no longer asked.
    fn is_live(&self, known: &Known, membership: &Membership) -> bool {
        let connected_at = self.context.connected_at().unwrap_or(UNIX_EPOCH);
        let has_ended = self.rooms.time_left(connected_at, known.expires_at).is_zero();
        self.context.event_type() == EventType::Disconnect || !(has_ended || self.has_lapsed(membership))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a, T: DeserializeOwned> Session<'a, T> {
    /// Returns the session of another room that the connection [joined](Self::join): its verbs are about that room.
    /// `None` if the connection is not in that room, or if the claims for it are not of this type.
    ///
    /// ```
    /// # use room_auth::{RoomId, rooms::{SendError, Session}};
    /// # async fn say(session: &Session<'_>, room: &RoomId, frame: &str) -> Result<(), SendError> {
    /// if let Some(session) = session.in_room(room) {
    ///     session.broadcast(frame).await?.log_if_incomplete();
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn in_room(&self, room: &RoomId) -> Option<Session<'a, T>> {
        let joined = if room == self.own.room_id() {
            None
        } else {
            Some(self.joined_claims(room)?)
        };
        Some(Session {
            rooms: self.rooms,
            own: self.own,
            joined,
            context: self.context,
            invocation: self.invocation,
            deadline: self.deadline,
            known: self.known.clone(),
        })
    }

    /// Returns the claims for a room that the connection is in.
    pub fn claims_for(&self, room: &RoomId) -> Option<RoomClaims<T>>
    where
        T: Clone,
    {
        if room == self.own.room_id() {
            Some(self.own.clone())
        } else {
            self.joined_claims(room)
        }
    }

    fn joined_claims(&self, room: &RoomId) -> Option<RoomClaims<T>> {
        let known = self.known();
        let mut memberships = known.memberships.iter();
        let membership = memberships.find(|one| one.room == *room && self.is_live(&known, one))?;
        let source = self.rooms.room_source();
        let claims = source.read_recorded::<T>(&membership.claims, Some(room), None);
        let is_of_record =
            |claims: &RoomClaims<T>| claims.room_id() == room && membership.expires_at <= claims.expires_at();
        let claims = claims
            .filter(is_of_record)
            .map(|claims| claims.of_user(self.own.user()));
        if claims.is_none() {
            tracing::warn!(target: "room_auth", "the claims of a membership do not fit and it counts for nothing");
        }
        claims
    }
}
