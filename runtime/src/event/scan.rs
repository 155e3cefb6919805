//! Walking over JSON that has been read before.
//!
//! An event is known to be valid JSON: it came as a [`RawValue`]. So the ends of strings and brackets are all
//! that has to be looked for, which takes three fifths of the time of parsing it once more. What is taken out is
//! parsed; should the text be other than promised, the answer is `None` or a value that parses as nothing.

use std::borrow::Cow;

use memchr::memchr2;
use serde_json::value::RawValue;

/// A place in a JSON text. All methods return `None` for something else than what they are named for.
pub(crate) struct Cursor<'e> {
    json: &'e str,
    at: usize,
}

impl<'e> Cursor<'e> {
    pub(crate) fn new(json: &'e RawValue) -> Self {
        Self::over(json.get())
    }

    /// A cursor over a text that was a [`RawValue`], or a part of one.
    pub(crate) fn over(json: &'e str) -> Self {
        Self { json, at: 0 }
    }

    /// The object here: `member` is called with the name of each and has to take its value.
    #[inline]
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Cow<'e, str>) -> Option<()>,
    ) -> Option<()> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            return self.expect(b'}');
        }
        loop {
            let name = self.text()?;
            self.expect(b':')?;
            member(self, name)?;
            match self.take()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// The array here: `element` is called for each and has to take it.
    pub(crate) fn array(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            return self.expect(b']');
        }
        loop {
            element(self)?;
            match self.take()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// The string here.
    #[inline]
    pub(crate) fn text(&mut self) -> Option<Cow<'e, str>> {
        self.expect(b'"')?;
        let start = self.at;
        if self.skip_to_string_end()? {
            return self.unescaped(start);
        }
        self.json.get(start..self.at - 1).map(Cow::Borrowed)
    }

    #[cold]
    fn unescaped(&self, start: usize) -> Option<Cow<'e, str>> {
        let quoted = self.json.get(start - 1..self.at)?;
        serde_json::from_str(quoted).ok().map(Cow::Owned)
    }

    /// The value here, unread.
    pub(crate) fn value(&mut self) -> Option<&'e str> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        self.json.get(start..self.at)
    }

    /// Passes the value here.
    #[inline]
    pub(crate) fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => {
                self.at += 1;
                self.skip_to_string_end().map(|_| ())
            }
            b'{' | b'[' => self.skip_nested(),
            _ => {
                self.skip_literal();
                Some(())
            }
        }
    }

    /// The first byte of what comes next.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = self.byte()?;
            // White space and nothing else that stands between the tokens of JSON is this low.
            if byte > b' ' {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    /// The first byte of what comes next, which is then passed.
    #[inline]
    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    #[inline]
    fn expect(&mut self, expected: u8) -> Option<()> {
        if self.peek()? == expected {
            self.at += 1;
            Some(())
        } else {
            None
        }
    }

    /// From within a string to behind it. Tells whether there were escapes.
    #[inline]
    fn skip_to_string_end(&mut self) -> Option<bool> {
        let mut has_escapes = false;
        loop {
            let rest = self.json.as_bytes().get(self.at..)?;
            let found = memchr2(b'"', b'\\', rest)?;
            self.at += found + 1;
            if rest[found] == b'"' {
                return Some(has_escapes);
            }
            // Whatever the escape, its second byte is no end of the string.
            has_escapes = true;
            self.at += 1;
        }
    }

    /// An object or an array. Its brackets match, so only their number counts.
    fn skip_nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.byte()? {
                b'"' => {
                    self.at += 1;
                    self.skip_to_string_end()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.checked_sub(1)?,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// A number, `true`, `false` or `null`.
    fn skip_literal(&mut self) {
        while self
            .byte()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        {
            self.at += 1;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    /// Everything that the cursor has to say, put together again.
    fn walk(cursor: &mut Cursor<'_>) -> Option<Value> {
        match cursor.peek()? {
            b'{' => {
                let mut members = Map::new();
                cursor.object(|cursor, name| {
                    members.insert(name.into_owned(), walk(cursor)?);
                    Some(())
                })?;
                Some(members.into())
            }
            b'[' => {
                let mut elements = Vec::new();
                cursor.array(|cursor| {
                    elements.push(walk(cursor)?);
                    Some(())
                })?;
                Some(elements.into())
            }
            b'"' => cursor.text().map(|text| text.into_owned().into()),
            _ => serde_json::from_str(cursor.value()?).ok(),
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e30..1e30).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            r#"[\\"{}\[\],: ]{0,8}"#.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |element| {
            prop_oneof![
                prop::collection::vec(element.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), element, 0..8)
                    .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_walk_meets_what_serde_json_reads(json in any_json()) {
            for text in [json.to_string(), serde_json::to_string_pretty(&json).unwrap()] {
                let raw: &RawValue = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(walk(&mut Cursor::new(raw)), serde_json::from_str(&text).ok());
                let mut skipping = Cursor::new(raw);
                prop_assert_eq!(skipping.value(), Some(&*text));
                prop_assert_eq!(skipping.peek(), None);
            }
        }

        #[test]
        fn other_text_is_no_reason_to_panic(text in r#"([\\"{}\[\],:eu0 -]|\PC){0,40}"#) {
            walk(&mut Cursor { json: &text, at: 0 });
            Cursor { json: &text, at: 0 }.skip();
        }

        #[test]
        fn a_text_that_is_cut_off_is_found_out(json in any_json(), cut in any::<prop::sample::Index>()) {
            let text = Value::from(vec![json]).to_string();
            let end = (0..text.len()).filter(|end| text.is_char_boundary(*end)).collect::<Vec<_>>();
            let json = &text[..*cut.get(&end)];
            prop_assert_eq!(walk(&mut Cursor { json, at: 0 }), None);
            prop_assert_eq!(Cursor { json, at: 0 }.skip(), None);
        }
    }

    #[test]
    fn escapes_are_undone_and_lone_surrogates_are_no_text() {
        for (json, text) in [
            (r#""\u0065\ud83d\ude00\n\"\\""#, Some("e😀\n\"\\")),
            (r#""\\""#, Some("\\")),
            (r#""\ud800""#, None),
        ] {
            let raw: &RawValue = serde_json::from_str(json).unwrap();
            assert_eq!(Cursor::new(raw).text().as_deref(), text, "{json}");
            assert!(Cursor::new(raw).skip().is_some(), "{json}");
        }
    }
}
