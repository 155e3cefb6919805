//! What a replay shows that a recording does not, or the other way round.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};

/// One difference between a recording and its replay, without tokens. It serializes to a JSON object, with `at` in
/// milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// When it happened in the recording, since its begin.
    #[serde(serialize_with = "millis")]
    pub at: Duration,
    /// The id of the connection in the recording.
    pub connection_id: String,
    /// What was compared, such as `a message to the client`.
    pub what: String,
    /// What was recorded, or `None` if it has only happened now.
    pub recorded: Option<String>,
    /// What happened now, or `None` if it has not.
    pub replayed: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(
            f,
            "{:.3} s  {}  {}\n  recorded: {}\n  replayed: {}",
            self.at.as_secs_f64(),
            self.connection_id,
            self.what,
            shown(&self.recorded),
            shown(&self.replayed)
        )
    }
}

fn millis<S: Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(at.as_millis()).unwrap_or(u64::MAX))
}
