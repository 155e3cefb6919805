//! The placeholders of tokens, `{token-1}`, in recorded texts.

const BEGIN: &str = "{token-";

/// Returns the names of the placeholders in `text`: `token-1`.
pub(super) fn names(text: &str) -> Vec<&str> {
    pieces(text).filter_map(Result::err).collect()
}

/// Replaces each placeholder by what `value` returns for its name.
pub(super) fn replace(text: &str, value: impl Fn(&str) -> String) -> String {
    let replaced = pieces(text).map(|piece| match piece {
        Ok(text) => text.to_owned(),
        Err(name) => value(name),
    });
    replaced.collect()
}

/// Returns what stands between the placeholders, and in place of an error the name of each placeholder.
fn pieces(mut text: &str) -> impl Iterator<Item = Result<&str, &str>> {
    std::iter::from_fn(move || {
        if let Some(name) = name_at(text) {
            // With its braces.
            text = &text[name.len() + 2..];
            return Some(Err(name));
        }
        let ends = text.char_indices().skip(1).map(|(at, _)| at);
        let end = ends
            .chain([text.len()])
            .find(|at| *at == text.len() || name_at(&text[*at..]).is_some())?;
        let (piece, rest) = text.split_at(end);
        text = rest;
        (!piece.is_empty()).then_some(Ok(piece))
    })
}

/// Returns the name of the placeholder that `text` begins with.
fn name_at(text: &str) -> Option<&str> {
    let digits = text.strip_prefix(BEGIN)?.split_once('}')?.0;
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| &text[1..BEGIN.len() + digits.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_and_replaced_and_nothing_else_is() {
        let text = r#"é{token-1}{token-22} {token-} {token-x} {"token": {"token-1": 1}} {token-1"#;
        assert_eq!(names(text), ["token-1", "token-22"]);
        assert_eq!(
            replace(text, |name| format!("<{name}>")),
            r#"é<token-1><token-22> {token-} {token-x} {"token": {"token-1": 1}} {token-1"#
        );
        assert_eq!(replace("", |_| unreachable!()), "");
    }
}
