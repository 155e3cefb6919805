//! The event before anybody has looked at it.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A raw, unread event: what the layer and an attributed function take.
///
/// `lambda_runtime` deserializes it without looking inside, so that a malformed event is refused by the layer
/// rather than by a deserializer whose message quotes it. `Debug` shows nothing of it.
///
/// ```
/// use room_auth::Incoming;
///
/// let event: Incoming = serde_json::from_str(r#"{"headers":{"Authorization":"Bearer s3cret"}}"#)?;
/// assert!(!format!("{event:?}").contains("s3cret"));
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct Incoming(Box<RawValue>);

impl Incoming {
    pub(crate) fn as_raw(&self) -> &RawValue {
        &self.0
    }

    pub(crate) fn into_json(self) -> String {
        String::from(Box::<str>::from(self.0))
    }
}

impl<'de> Deserialize<'de> for Incoming {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self)
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").finish_non_exhaustive()
    }
}
