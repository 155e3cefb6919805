//! JSON objects as RFC 7515 §4 wants them: member names are unique, at every depth.
//!
//! `serde_json::Value` keeps the last of two equal members and other parsers keep the first; a token that
//! two parties read differently is no proof of anything.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The members of one JSON object, values unread.
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// Reads `text` as one object without duplicate members; `None` for anything else.
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| *value)
    }

    /// The member `name`, deserialized; `None` if it is missing or of another type.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The members for which `keep` holds.
    pub(crate) fn into_members(self, keep: impl Fn(&str) -> bool) -> Members<'a> {
        let mut members = self.0;
        members.retain(|(name, _)| keep(name));
        Members(members)
    }
}

/// The text of a JSON string.
pub(crate) fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    text(value.get())
}

/// The text of a JSON string that has been read as JSON before.
pub(crate) fn text(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        let Text(text) = serde_json::from_str(json).ok()?;
        return Some(text);
    }
    Some(Cow::Borrowed(inner))
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object without duplicate members")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                // Eight members hold the header and the usual claims without growing.
                let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::with_capacity(8);
                while let Some(Text(name)) = map.next_key()? {
                    let value: &'de RawValue = map.next_value()?;
                    if needs_reading(value) {
                        serde_json::from_str::<Unambiguous>(value.get()).map_err(de::Error::custom)?;
                    }
                    members.push((name, value));
                }
                if has_duplicates(&members) {
                    return Err(de::Error::custom("duplicate member"));
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// Whether a value that was skipped may still be ambiguous: by the members of an object inside of it, or by a
/// lone surrogate, which some parsers replace and others refuse.
fn needs_reading(value: &RawValue) -> bool {
    let text = value.get();
    text.starts_with(['{', '[']) || (text.starts_with('"') && text.contains('\\'))
}

/// The usual handful is compared pair by pair, without an allocation. Hundreds are sorted: headers are read
/// before the signature, so a stranger chooses how many.
fn has_duplicates(members: &[(Cow<'_, str>, &RawValue)]) -> bool {
    if members.len() <= 16 {
        return members
            .iter()
            .enumerate()
            .any(|(index, (name, _))| members[..index].iter().any(|(earlier, _)| earlier == name));
    }
    let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

/// A string, borrowed where it has no escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// Any JSON value in which no object has two members of the same name.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UnambiguousVisitor;

        impl<'de> Visitor<'de> for UnambiguousVisitor {
            type Value = Unambiguous;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value without duplicate members")
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Unambiguous)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Unambiguous)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Unambiguous)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Unambiguous)
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Unambiguous)
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Unambiguous)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<Unambiguous>()?.is_some() {}
                Ok(Unambiguous)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut names = std::collections::HashSet::new();
                while let Some(Text(name)) = map.next_key()? {
                    if !names.insert(name) {
                        return Err(de::Error::custom("duplicate member"));
                    }
                    map.next_value::<Unambiguous>()?;
                }
                Ok(Unambiguous)
            }
        }

        deserializer.deserialize_any(UnambiguousVisitor)
    }
}

/// Members of an object, to be read into a type of the user's.
///
/// A unit reads from any members, so that "no claims of my own" is written `()`.
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserializer<'de> for Members<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_map(de::value::MapDeserializer::new(self.0.into_iter()))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_members_are_found_at_every_depth_and_behind_escapes() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[{"b":{"c":1,"c":2}}]}"#,
        ] {
            assert!(Object::parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn one_duplicate_among_many_members_is_found() {
        let members = |count: u32| {
            (0..count)
                .map(|index| format!(r#""{index}":0"#))
                .collect::<Vec<_>>()
        };
        for count in [2, 16, 17, 500] {
            let mut members = members(count);
            let text = format!("{{{}}}", members.join(","));
            assert!(Object::parse(text.as_bytes()).is_some(), "{count} members");
            members.push(r#""0":1"#.to_owned());
            let text = format!("{{{}}}", members.join(","));
            assert!(
                Object::parse(text.as_bytes()).is_none(),
                "{count} members and one again"
            );
        }
    }

    #[test]
    fn lone_surrogates_are_found_in_names_and_in_values() {
        for text in [r#"{"\ud800":1}"#, r#"{"a":"\ud800"}"#, r#"{"a":["\udc00"]}"#] {
            assert!(Object::parse(text.as_bytes()).is_none(), "{text}");
        }
        assert!(Object::parse(br#"{"a":"\ud83d\ude00"}"#).is_some());
    }

    #[test]
    fn only_one_whole_object_is_an_object() {
        for text in [
            "",
            "null",
            "[]",
            "1",
            "\"a\"",
            "{}{}",
            "{} x",
            "{",
            r#"{"a":}"#,
            "\u{feff}{}",
            "{'a':1}",
        ] {
            assert!(Object::parse(text.as_bytes()).is_none(), "{text}");
        }
        assert!(Object::parse(b" {\"a\" : [1, {\"b\":null}] } ").is_some());
        assert!(Object::parse(b"{\"a\":\"\xff\"}").is_none(), "not UTF-8");
    }

    #[test]
    fn deep_nesting_is_refused_and_does_not_overflow_the_stack() {
        let text = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(Object::parse(text.as_bytes()).is_none());
    }

    #[test]
    fn members_read_into_unit_option_map_and_struct() {
        #[derive(serde::Deserialize, PartialEq, Debug)]
        #[serde(deny_unknown_fields)]
        struct Own {
            user: String,
        }
        let object = || {
            Object::parse(br#"{"sub":"r","user":"u"}"#)
                .unwrap()
                .into_members(|name| name != "sub")
        };
        <()>::deserialize(object()).unwrap();
        assert_eq!(Own::deserialize(object()).unwrap(), Own { user: "u".into() });
        assert_eq!(
            Option::<Own>::deserialize(object()).unwrap(),
            Some(Own { user: "u".into() })
        );
        assert_eq!(
            serde_json::Value::deserialize(object()).unwrap(),
            serde_json::json!({"user": "u"})
        );
    }
}
