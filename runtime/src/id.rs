//! The ids of rooms and connections: texts that are checked once, where they enter.

use std::fmt;
use std::str::FromStr;

/// Defines a checked text: the type, its conversions and the error of a text that does not fit.
macro_rules! id {
    ($(#[$docs:meta])* $name:ident, $allows:expr, $(#[$error_docs:meta])* $error:ident, $message:literal) => {
        $(#[$docs])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The longest id, in bytes.
            pub const MAX_LEN: usize = 128;

            /// Returns the id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            fn check(text: &str) -> Result<(), $error> {
                let fits = (1..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all($allows);
                if fits { Ok(()) } else { Err($error) }
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::check(text).map(|()| Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::check(&text).map(|()| Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        $(#[$error_docs])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        #[error($message)]
        #[non_exhaustive]
        pub struct $error;
    };
}

id! {
    /// The name of a room: `[A-Za-z0-9._:-]{1,128}`.
    ///
    /// ```
    /// use room_auth::RoomId;
    ///
    /// let room: RoomId = "lobby".parse()?;
    /// assert_eq!(room.as_str(), "lobby");
    /// assert!("no spaces".parse::<RoomId>().is_err());
    /// # Ok::<_, room_auth::ParseRoomIdError>(())
    /// ```
    RoomId,
    |byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte),
    /// A text that is not a valid [`RoomId`].
    ParseRoomIdError,
    "a room id has 1 to 128 characters out of A-Z a-z 0-9 . _ : -"
}

id! {
    /// The id that API Gateway gives a connection: base64, at most 128 characters.
    ///
    /// ```
    /// use room_auth::ConnectionId;
    ///
    /// let id: ConnectionId = "L0SM9cOFvHcCIhw=".parse()?;
    /// assert_eq!(id.as_str(), "L0SM9cOFvHcCIhw=");
    /// assert!("no/../path?".parse::<ConnectionId>().is_err());
    /// # Ok::<_, room_auth::ParseConnectionIdError>(())
    /// ```
    ConnectionId,
    |byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte),
    /// A text that is not a valid [`ConnectionId`].
    ParseConnectionIdError,
    "a connection id has 1 to 128 characters of base64"
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_room_id_is_checked_for_length_and_alphabet() {
        for good in ["a", "A-Z.a_z:0", &"x".repeat(128)] {
            assert_eq!(good.parse::<RoomId>().unwrap().as_str(), good);
        }
        for bad in ["", &"x".repeat(129), "a b", "a/b", "a#b", "ä", "a\n", "a\0"] {
            assert!(bad.parse::<RoomId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_id_in_json_is_checked_like_one_that_is_parsed() {
        let room: RoomId = serde_json::from_str(r#""lobby""#).unwrap();
        assert_eq!(serde_json::to_string(&room).unwrap(), r#""lobby""#);
        assert!(serde_json::from_str::<RoomId>(r#""no room""#).is_err());
        let id: ConnectionId = serde_json::from_str(r#""L0SM9cOFvHcCIhw=""#).unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), r#""L0SM9cOFvHcCIhw=""#);
        assert!(serde_json::from_str::<ConnectionId>(r#""a?b""#).is_err());
        assert!(ConnectionId::try_from("x".repeat(129)).is_err());
    }
}
