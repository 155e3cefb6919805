//! What a token allows beside being in the room: the claim `can`.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// The most names that a `can` may hold.
const MAX_NAMES: usize = 32;

/// The longest name, in bytes.
const MAX_LEN: usize = 64;

/// What the claim `can` allows. Without the claim, everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capabilities(Option<Box<[Box<str>]>>);

impl Capabilities {
    /// Reads the claim; `None` if it is not an array of at most 32 different names.
    pub(super) fn read(claim: Option<&RawValue>) -> Option<Self> {
        let Some(claim) = claim else {
            return Some(Self::default());
        };
        let names: Vec<Cow<'_, str>> = serde_json::from_str(claim.get()).ok()?;
        let is_new = |(index, name): (usize, &Cow<'_, str>)| !names[..index].contains(name);
        let is_valid = names.len() <= MAX_NAMES
            && names.iter().all(|name| is_capability(name))
            && names.iter().enumerate().all(is_new);
        is_valid.then(|| Self(Some(names.into_iter().map(Into::into).collect())))
    }

    pub(crate) fn allow(&self, name: &str) -> bool {
        self.0
            .as_deref()
            .is_none_or(|names| names.iter().any(|allowed| **allowed == *name))
    }
}

/// Returns whether a text is the name of a capability: `[a-z0-9_.:-]{1,64}`.
pub(crate) fn is_capability(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.:-".contains(&byte);
    (1..=MAX_LEN).contains(&name.len()) && name.bytes().all(is_allowed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Capabilities> {
        let claim: Box<RawValue> = serde_json::from_str(json).unwrap();
        Capabilities::read(Some(&claim))
    }

    #[test]
    fn without_the_claim_everything_is_allowed_and_with_it_what_it_names() {
        assert!(Capabilities::read(None).unwrap().allow("send"));
        assert!(!read("[]").unwrap().allow("send"));
        let some = read(r#"["send","members:list","a.b_c-0"]"#).unwrap();
        for (name, is_allowed) in [
            ("send", true),
            ("members:list", true),
            ("a.b_c-0", true),
            ("members", false),
            ("sen", false),
            ("send ", false),
            ("*", false),
            ("", false),
        ] {
            assert_eq!(some.allow(name), is_allowed, "{name}");
        }
        // Nothing is a pattern.
        assert!(read(r#"["*"]"#).is_none());
    }

    #[test]
    fn a_malformed_claim_is_none() {
        let names = |count: usize| {
            let names: Vec<_> = (0..count).map(|number| format!("\"n{number}\"")).collect();
            format!("[{}]", names.join(","))
        };
        assert!(read(&names(32)).is_some());
        assert!(read(&format!(r#"["{}"]"#, "x".repeat(64))).is_some());
        for json in [
            "null",
            "true",
            r#""send""#,
            r#"{"send":true}"#,
            "[1]",
            r#"["send",null]"#,
            r#"["send",["send"]]"#,
            r#"["send","send"]"#,
            r#"[""]"#,
            r#"["Send"]"#,
            r#"["sënd"]"#,
            r#"["send\n"]"#,
            &names(33),
            &format!(r#"["{}"]"#, "x".repeat(65)),
        ] {
            assert!(read(json).is_none(), "{json}");
        }
    }
}
