use serde::Deserialize;

/// A refusal, as the function's own log tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) connection: String,
    pub(crate) reason: String,
}

#[derive(Deserialize)]
struct Line {
    target: String,
    reason: String,
    connection_id: String,
}

impl Refusal {
    /// Reads one JSON line of `tracing`; `None` if it tells of something else.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let Line {
            target,
            reason,
            connection_id,
        } = serde_json::from_str(line).ok()?;
        (target == "room_auth").then_some(Self {
            connection: connection_id,
            reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_of_the_layer_are_read() {
        let line = r#"{"level":"WARN","message":"refused","reason":"expired","connection_id":"abc=","route":"$connect","target":"room_auth"}"#;
        let refusal = Refusal {
            connection: "abc=".to_owned(),
            reason: "expired".to_owned(),
        };
        assert_eq!(Refusal::read(line), Some(refusal));
        for other in [
            "panicked at main.rs",
            r#"{"message":"joined","room":"lobby","target":"connect"}"#,
            r#"{"reason":"x","connection_id":"abc=","target":"chat"}"#,
        ] {
            assert_eq!(Refusal::read(other), None, "{other}");
        }
    }
}
