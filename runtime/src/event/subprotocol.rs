//! The list of subprotocols that a client offers (RFC 6455 §11.3.4), and what is selected from it.

use std::borrow::Cow;

use super::error::SourceError;

pub(super) const HEADER: &str = "Sec-WebSocket-Protocol";

/// The subprotocol that says "the next entry is my token".
pub(super) const ROOM_AUTH: &str = "room-auth";

/// The entries of a list.
pub(super) fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(|entry| entry.trim_matches([' ', '\t']))
}

/// What a list offers.
pub(super) struct Offer<'l> {
    /// The subprotocol to answer with: the first that is allowed, or ours. `None` selects none of the offered ones,
    /// which RFC 6455 §4.2.2 lets a server do.
    pub(super) selected: Option<Cow<'static, str>>,
    pub(super) token: Option<&'l str>,
}

/// Reads a list. A token stands behind `room-auth`, and both end the list; a list without `room-auth` is not ours
/// and presents nothing.
pub(super) fn read<'l>(list: &'l str, allowed: &[String]) -> Result<Offer<'l>, SourceError> {
    let mut entries = entries(list);
    let mut selected = None;
    let mut are_allowed = true;
    while let Some(entry) = entries.next() {
        if entry == ROOM_AUTH {
            // Before it stand the application's own protocols, and nothing that could be taken for a token.
            return match (entries.next(), entries.next()) {
                (Some(token), None) if are_allowed => Ok(Offer {
                    selected: Some(selected.unwrap_or(Cow::Borrowed(ROOM_AUTH))),
                    token: Some(token),
                }),
                _ => Err(SourceError::Malformed),
            };
        }
        if !allowed.iter().any(|allowed| allowed == entry) {
            are_allowed = false;
        } else if selected.is_none() {
            selected = Some(Cow::Owned(entry.to_owned()));
        }
    }
    Ok(Offer {
        selected,
        token: None,
    })
}

/// The first entry that is an allowed application protocol.
pub(super) fn select(list: &str, allowed: &[String]) -> Option<Cow<'static, str>> {
    entries(list)
        .find(|entry| allowed.iter().any(|allowed| allowed == entry))
        .map(|entry| Cow::Owned(entry.to_owned()))
}
