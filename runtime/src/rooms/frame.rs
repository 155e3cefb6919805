//! Frames: their size, and ids by which clients drop repeats.

use std::fmt;

use aws_lc_rs::rand;
use lambda_runtime::Context;
use serde::{Serialize, Serializer};

use super::error::{FrameTooLarge, SendError};
use crate::transport::MAX_MESSAGE_BYTES;

/// An id for a frame. Delivery is at least once: a client that remembers the last ids drops repeats.
///
/// ```
/// use room_auth::rooms::FrameId;
///
/// let frame = serde_json::json!({"type": "message", "id": FrameId::random(), "text": "hello"});
/// assert_eq!(frame["id"].as_str().map(str::len), Some(32));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FrameId(Box<str>);

impl FrameId {
    /// 128 random bits, in hexadecimal.
    ///
    /// # Panics
    ///
    /// The operating system has no randomness to give.
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        rand::fill(&mut bytes).expect("the operating system has randomness");
        Self(format!("{:032x}", u128::from_be_bytes(bytes)).into())
    }

    /// The id of the invocation that sends the frame: the same when Lambda repeats the invocation. For a
    /// function that sends one frame an invocation.
    pub fn of_invocation(context: &Context) -> Self {
        Self(context.request_id.as_str().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for FrameId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Serializes a frame as JSON.
pub(super) fn serialize<F: Serialize + ?Sized>(frame: &F) -> Result<Vec<u8>, SendError> {
    let frame = serde_json::to_vec(frame).map_err(|_| SendError::NotSerializable)?;
    if frame.len() > MAX_MESSAGE_BYTES {
        return Err(FrameTooLarge { bytes: frame.len() }.into());
    }
    Ok(frame)
}
