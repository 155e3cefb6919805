//! Who is in a room.

use std::fmt;
use std::marker::PhantomData;
use std::time::SystemTime;

use serde::de::DeserializeOwned;

use super::rooms::Rooms;
use super::send::ask;
use crate::claims::RoomClaims;
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::registry::{PageToken, RegistryError, RoomMember};
use crate::retry::Deadline;

/// A live member of a room.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Member<T = ()> {
    /// The connection.
    pub connection_id: ConnectionId,
    /// When it connected.
    pub connected_at: SystemTime,
    /// The claims of its newest token for the room.
    pub claims: RoomClaims<T>,
}

/// The live members of a room, listed page by page: one query a page, and no read per member.
///
/// ```
/// use room_auth::rooms::Rooms;
/// use room_auth::{RegistryError, RoomId};
///
/// #[derive(serde::Deserialize)]
/// struct Member {
///     user: String,
/// }
///
/// async fn users(rooms: &Rooms, room: &RoomId) -> Result<Vec<String>, RegistryError> {
///     let mut members = rooms.members::<Member>(room);
///     let mut users = Vec::new();
///     while let Some(member) = members.next().await? {
///         users.push(member.claims.into_custom().user);
///     }
///     Ok(users)
/// }
/// ```
#[must_use = "members are listed when they are asked for"]
pub struct Members<'a, T = ()> {
    rooms: &'a Rooms,
    room: RoomId,
    deadline: Deadline,
    page: std::vec::IntoIter<RoomMember>,
    next: NextPage,
    claims: PhantomData<fn() -> T>,
}

/// The page that is asked for next.
enum NextPage {
    First,
    From(PageToken),
    None,
}

impl Rooms {
    /// Returns the live members of a room, with claims of their own of the type `T`.
    pub fn members<T: DeserializeOwned>(&self, room: &RoomId) -> Members<'_, T> {
        Members::new(self, room.clone(), self.deadline(None))
    }
}

impl<'a, T: DeserializeOwned> Members<'a, T> {
    pub(super) fn new(rooms: &'a Rooms, room: RoomId, deadline: Deadline) -> Self {
        Self {
            rooms,
            room,
            deadline,
            page: Vec::new().into_iter(),
            next: NextPage::First,
            claims: PhantomData,
        }
    }

    /// Returns the next live member, or `None` after the last. A record that is not one of this claims type is
    /// left out, with a warning in the log.
    ///
    /// # Errors
    ///
    /// The registry failed.
    pub async fn next(&mut self) -> Result<Option<Member<T>>, RegistryError> {
        loop {
            for member in self.page.by_ref() {
                if self.rooms.has_expired(&member) {
                    continue;
                }
                let Some(claims) = member.room_claims(self.rooms.room_source()) else {
                    tracing::warn!(target: "room_auth", "the claims of a member do not fit and it is not listed");
                    continue;
                };
                return Ok(Some(Member {
                    connection_id: member.id,
                    connected_at: member.connected_at,
                    claims,
                }));
            }
            let from = match &self.next {
                NextPage::First => None,
                NextPage::From(token) => Some(token),
                NextPage::None => return Ok(None),
            };
            let page = || self.rooms.registry.members(&self.room, from);
            let page = ask(self.deadline, page).await?;
            self.page = page.items.into_iter();
            self.next = page.next.map_or(NextPage::None, NextPage::From);
        }
    }

    /// Returns all members, or the first `most` of them.
    ///
    /// # Errors
    ///
    /// The registry failed.
    pub async fn up_to(mut self, most: usize) -> Result<Vec<Member<T>>, RegistryError> {
        let mut members = Vec::new();
        while members.len() < most
            && let Some(member) = self.next().await?
        {
            members.push(member);
        }
        Ok(members)
    }
}

impl<T> fmt::Debug for Members<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members")
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}
