//! The id of one WebSocket connection.

use std::fmt;
use std::str::FromStr;

/// The id that API Gateway gives a connection: base64, at most 128 characters.
///
/// ```
/// use room_auth::ConnectionId;
///
/// let id: ConnectionId = "L0SM9cOFvHcCIhw=".parse()?;
/// assert_eq!(id.as_str(), "L0SM9cOFvHcCIhw=");
/// assert!("no/../path?".parse::<ConnectionId>().is_err());
/// # Ok::<_, room_auth::InvalidConnectionId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(Box<str>);

impl ConnectionId {
    fn is_valid(text: &str) -> bool {
        (1..=128).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ConnectionId {
    type Err = InvalidConnectionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if Self::is_valid(text) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidConnectionId)
        }
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for ConnectionId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A text that cannot be a [`ConnectionId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a connection id is 1 to 128 characters of base64")]
#[non_exhaustive]
pub struct InvalidConnectionId;
