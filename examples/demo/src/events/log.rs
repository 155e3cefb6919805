use serde::Deserialize;

/// A refusal, from a function's own log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) connection: String,
    pub(crate) reason: String,
}

#[derive(Deserialize)]
struct Line {
    reason: String,
    connection_id: String,
}

impl Refusal {
    /// Reads one JSON line of `tracing`, written by the layer or the function. Returns `None` if it is not about a
    /// refusal.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let Line {
            reason,
            connection_id,
        } = serde_json::from_str(line).ok()?;
        Some(Self {
            connection: connection_id,
            reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_are_read() {
        let line = r#"{"level":"WARN","message":"refused","reason":"expired","connection_id":"abc=","route":"$connect","target":"room_auth"}"#;
        let refusal = Refusal {
            connection: "abc=".to_owned(),
            reason: "expired".to_owned(),
        };
        assert_eq!(Refusal::read(line), Some(refusal));
        for other in [
            "panicked at main.rs",
            r#"{"message":"joined","room":"lobby","target":"connect"}"#,
            r#"{"message":"a connection was not closed","error":"x","connection_id":"abc=","target":"room_auth"}"#,
        ] {
            assert_eq!(Refusal::read(other), None, "{other}");
        }
    }
}
