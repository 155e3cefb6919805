//! The API and stage through which a connection is reached.

use std::fmt;
use std::str::FromStr;

/// An API and one of its stages: where the connections of that stage are reached.
///
/// Connections are recorded together with their endpoint, so that a frame goes to each member through the API that
/// the member is connected to, whatever the sender's event says. The text form is `<api id>/<stage>`.
///
/// ```
/// use room_auth::ApiEndpoint;
///
/// let endpoint = ApiEndpoint::new("a1b2c3d4e5", "prod")?;
/// assert_eq!(endpoint.to_string(), "a1b2c3d4e5/prod");
/// assert_eq!("a1b2c3d4e5/prod".parse::<ApiEndpoint>()?, endpoint);
/// assert!(ApiEndpoint::new("evil.example", "prod").is_err());
/// # Ok::<_, room_auth::ParseApiEndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiEndpoint {
    api_id: Box<str>,
    stage: Box<str>,
}

impl ApiEndpoint {
    /// Creates the endpoint of a stage of an API.
    ///
    /// # Errors
    ///
    /// The API id becomes a part of a host name: 1 to 63 letters, digits and `-`. The stage becomes a part of a
    /// path: 1 to 128 letters, digits, `-`, `_` and `$`.
    pub fn new(api_id: &str, stage: &str) -> Result<Self, ParseApiEndpointError> {
        let is = |text: &str, longest: usize, also: &[u8]| {
            (1..=longest).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte))
        };
        if is(api_id, 63, b"-") && is(stage, 128, b"-_$") {
            Ok(Self {
                api_id: api_id.into(),
                stage: stage.into(),
            })
        } else {
            Err(ParseApiEndpointError)
        }
    }

    /// Returns the id of the API (`apiId` in events).
    pub fn api_id(&self) -> &str {
        &self.api_id
    }

    /// Returns the name of the stage.
    pub fn stage(&self) -> &str {
        &self.stage
    }
}

impl fmt::Display for ApiEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.api_id, self.stage)
    }
}

impl FromStr for ApiEndpoint {
    type Err = ParseApiEndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (api_id, stage) = text.split_once('/').ok_or(ParseApiEndpointError)?;
        Self::new(api_id, stage)
    }
}

/// A text that is not an [`ApiEndpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an endpoint is an API id (letters, digits, -) and a stage (letters, digits, - _ $)")]
#[non_exhaustive]
pub struct ParseApiEndpointError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_change_the_host_or_the_path_is_not_an_endpoint() {
        for (api_id, stage) in [
            ("", "dev"),
            ("a1", ""),
            ("a.b", "dev"),
            ("a/b", "dev"),
            ("a@b", "dev"),
            ("a1", "dev/x"),
            ("a1", ".."),
            ("a1", "d?v"),
            ("ä", "dev"),
        ] {
            assert_eq!(
                ApiEndpoint::new(api_id, stage),
                Err(ParseApiEndpointError),
                "{api_id} {stage}"
            );
        }
        for text in ["", "a1", "a1/", "/dev", "a1/dev/x"] {
            assert_eq!(text.parse::<ApiEndpoint>(), Err(ParseApiEndpointError), "{text}");
        }
    }
}
