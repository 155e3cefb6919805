//! Whose room a token speaks of.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::claims::{InvalidClaim, RoomClaims, StandardClaims};
use crate::id::RoomId;
use crate::json::{self, Object};

/// The query parameter that names the requested room.
pub(crate) const ROOM_PARAMETER: &str = "room";

type Permission = dyn Fn(&TokenClaims<'_>, &RoomId) -> bool + Send + Sync;

/// Says which room a token is for. The default is the `sub` claim.
///
/// The other sources are for tokens that speak of a *user*, as those of identity providers do: `sub` may then be any
/// text of at most 255 bytes without control characters, and [`RoomClaims::subject`] returns it. Set by
/// [`Verifier::with_room_source`](crate::Verifier::with_room_source), so that the layer, the authorizer, renewals and
/// the reading of records all apply the same rule.
///
/// With a source whose room is *requested*, the client names it in the query parameter `room` of the `$connect`
/// (`wss://…/prod?room=lobby`); a handshake without it, with two of them or with one that is not a [`RoomId`] is
/// refused. A renewal is for the room that the connection is in.
///
/// ```
/// use room_auth::RoomSource;
///
/// // {"sub": "auth0|5f7c…", "room": "lobby", …}
/// let one_room = RoomSource::claim("room");
/// // {"sub": "auth0|5f7c…", "rooms": ["lobby", "staff"], …}
/// let one_of_several = RoomSource::requested_from("rooms");
/// ```
#[derive(Clone, Default)]
pub struct RoomSource(Kind);

#[derive(Clone, Default)]
enum Kind {
    #[default]
    Subject,
    Claim(&'static str),
    RequestedFrom(&'static str),
    RequestedIf(Arc<Permission>),
}

impl RoomSource {
    /// The default: the `sub` claim.
    pub(crate) const SUBJECT: Self = Self(Kind::Subject);

    /// Takes the room from the claim `name`, a string.
    pub fn claim(name: &'static str) -> Self {
        Self(Kind::Claim(name))
    }

    /// Takes the room that the client requests, which must be one of the strings of the array claim `name`.
    pub fn requested_from(name: &'static str) -> Self {
        Self(Kind::RequestedFrom(name))
    }

    /// Takes the room that the client requests, if `permits` returns `true` for it. A token that only says who
    /// somebody is permits no room by itself, so there is no source without such a condition.
    ///
    /// The condition is asked after signature, issuer, audience and required claims have been checked, and again
    /// whenever recorded claims are read: at every message, and for every member that is listed. It should be quick,
    /// and the same for the same claims; recorded claims that it no longer permits are a fault.
    ///
    /// ```
    /// use room_auth::RoomSource;
    ///
    /// // Members of the group `team-red` may enter the rooms `team-red:…`.
    /// let source = RoomSource::requested_if(|claims, room| {
    ///     let groups: Vec<String> = claims.get("groups").unwrap_or_default();
    ///     let team = room.as_str().split(':').next();
    ///     groups.iter().any(|group| Some(group.as_str()) == team)
    /// });
    /// ```
    pub fn requested_if(permits: impl Fn(&TokenClaims<'_>, &RoomId) -> bool + Send + Sync + 'static) -> Self {
        Self(Kind::RequestedIf(Arc::new(permits)))
    }

    /// Whether the client has to name the room.
    pub(crate) fn is_requested(&self) -> bool {
        matches!(self.0, Kind::RequestedFrom(_) | Kind::RequestedIf(_))
    }

    /// The claim or parameter to blame where a token is for another room than the one asked about.
    pub(super) fn member(&self) -> &'static str {
        match self.0 {
            Kind::Subject => "sub",
            Kind::Claim(name) | Kind::RequestedFrom(name) => name,
            Kind::RequestedIf(_) => ROOM_PARAMETER,
        }
    }

    /// The room that these claims are for.
    pub(super) fn room(
        &self,
        payload: &Object<'_>,
        standard: &StandardClaims<'_>,
        requested: Option<&RoomId>,
    ) -> Result<RoomId, InvalidClaim> {
        let requested = || requested.ok_or(ROOM_PARAMETER);
        match &self.0 {
            Kind::Subject => standard.subject.parse().map_err(|_| "sub"),
            Kind::Claim(name) => payload
                .get(name)
                .and_then(json::string)
                .and_then(|room| room.parse().ok())
                .ok_or(name),
            Kind::RequestedFrom(name) => {
                let requested = requested()?;
                let rooms: Vec<String> = payload.read(name).ok_or(*name)?;
                let is_listed = rooms.iter().any(|room| room == requested.as_str());
                is_listed.then(|| requested.clone()).ok_or(name)
            }
            Kind::RequestedIf(permits) => {
                let requested = requested()?;
                let claims = TokenClaims {
                    payload,
                    subject: &standard.subject,
                };
                permits(&claims, requested)
                    .then(|| requested.clone())
                    .ok_or(ROOM_PARAMETER)
            }
        }
    }

    /// Reads claims that were verified before from the payload that they were recorded as, with the room that was
    /// requested then, and the user of `user_claim`. `None` if they are not claims of this type, or not for that room.
    pub(crate) fn read_recorded<T: DeserializeOwned>(
        &self,
        payload: &str,
        requested: Option<&RoomId>,
        user_claim: Option<&'static str>,
    ) -> Option<RoomClaims<T>> {
        let payload = Object::parse(payload.as_bytes())?;
        let standard = StandardClaims::read(&payload, user_claim).ok()?;
        let room = self.room(&payload, &standard, requested).ok()?;
        standard.into_claims(room, payload)
    }
}

impl fmt::Debug for RoomSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Subject => f.write_str("Subject"),
            Kind::Claim(name) => f.debug_tuple("Claim").field(&name).finish(),
            Kind::RequestedFrom(name) => f.debug_tuple("RequestedFrom").field(&name).finish(),
            Kind::RequestedIf(_) => f.debug_tuple("RequestedIf").finish_non_exhaustive(),
        }
    }
}

/// The claims of a token while [`RoomSource::requested_if`] decides on the room.
///
/// `Debug` shows nothing of them: they may hold personal data.
pub struct TokenClaims<'a> {
    payload: &'a Object<'a>,
    subject: &'a str,
}

impl TokenClaims<'_> {
    /// Returns the `sub` claim: whom the token speaks of.
    pub fn subject(&self) -> &str {
        self.subject
    }

    /// Returns the claim `name` as a `C`; `None` if it is missing or of another type.
    pub fn get<C: DeserializeOwned>(&self, name: &str) -> Option<C> {
        self.payload.read(name)
    }
}

impl fmt::Debug for TokenClaims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenClaims").finish_non_exhaustive()
    }
}
