//! PEM blocks (RFC 7468), however they are wrapped and indented.
//!
//! This is read at each start of a function, with what is linked anyway.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One block: what stands in its first line, and its contents.
pub(super) struct Block<'t> {
    pub(super) label: &'t str,
    pub(super) contents: Vec<u8>,
}

impl<'t> Block<'t> {
    /// All blocks of `text`; what stands around them is not looked at. `None`: one is cut off or damaged.
    pub(super) fn read_all(text: &'t str) -> Option<Vec<Self>> {
        text.split("-----BEGIN ").skip(1).map(Self::read).collect()
    }

    /// Reads on from behind `-----BEGIN `.
    fn read(text: &'t str) -> Option<Self> {
        let (label, text) = text.split_once("-----")?;
        let (body, text) = text.split_once("-----END ")?;
        let (end, _) = text.split_once("-----")?;
        if label.is_empty() || label != end {
            return None;
        }
        let body: String = body.split_whitespace().collect();
        let contents = STANDARD.decode(body).ok()?;
        Some(Self { label, contents })
    }
}
