//! The event before anybody has looked at it.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A raw, unread event: what the layer and an attributed function take.
///
/// `lambda_runtime` deserializes it without looking inside, so that a malformed event is refused by the layer
/// rather than by a deserializer whose message quotes it. `Debug` shows nothing of it. `E` and `T` say what it
/// becomes behind the layer, an [`Authenticated<E, T>`](crate::Authenticated); usually the compiler finds them.
///
/// ```
/// use room_auth::Incoming;
///
/// let event: Incoming = serde_json::from_str(r#"{"headers":{"Authorization":"Bearer s3cret"}}"#)?;
/// assert!(!format!("{event:?}").contains("s3cret"));
/// # Ok::<_, serde_json::Error>(())
/// ```
pub struct Incoming<E = serde_json::Value, T = ()> {
    json: Box<RawValue>,
    becomes: PhantomData<fn() -> (E, T)>,
}

impl<E, T> Incoming<E, T> {
    pub(crate) fn as_raw(&self) -> &RawValue {
        &self.json
    }

    pub(crate) fn as_json(&self) -> &str {
        self.json.get()
    }

    pub(crate) fn into_json(self) -> String {
        String::from(Box::<str>::from(self.json))
    }

    /// The same event, to become something else.
    pub(crate) fn retarget<E2, T2>(self) -> Incoming<E2, T2> {
        Incoming {
            json: self.json,
            becomes: PhantomData,
        }
    }
}

impl<'de, E, T> Deserialize<'de> for Incoming<E, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self {
            json,
            becomes: PhantomData,
        })
    }
}

impl<E, T> Clone for Incoming<E, T> {
    fn clone(&self) -> Self {
        Self {
            json: self.json.clone(),
            becomes: PhantomData,
        }
    }
}

impl<E, T> fmt::Debug for Incoming<E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").finish_non_exhaustive()
    }
}
