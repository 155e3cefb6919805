//! Identity sources of REQUEST authorizers.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::client_request::ClientRequest;

/// The places in which an authorizer expects the identity of a client. If one of them is missing or empty, the client
/// gets 401, and the authorizer is not called.
///
/// ```
/// use room_auth_gateway::IdentitySources;
///
/// let sources = IdentitySources::new().header("Authorization").query("token");
/// assert_eq!(sources.to_string(), "route.request.header.Authorization,route.request.querystring.token");
/// assert_eq!(sources.to_string().parse(), Ok(sources));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentitySources(Vec<Source>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Header(String),
    Query(String),
    StageVariable(String),
}

/// The error for a text that is not an identity source.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an identity source; use route.request.header.NAME, route.request.querystring.NAME or \
     stageVariables.NAME, with letters, digits, `.`, `_` and `-` in NAME"
)]
pub struct IdentitySourceError(String);

impl IdentitySources {
    /// Creates an empty list: the authorizer is called for every handshake, and finds the identity itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the header `name`. Its case is ignored.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.0.push(Source::Header(name.into()));
        self
    }

    /// Adds the query parameter `name`.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>) -> Self {
        self.0.push(Source::Query(name.into()));
        self
    }

    /// Adds the stage variable `name`.
    #[must_use]
    pub fn stage_variable(mut self, name: impl Into<String>) -> Self {
        self.0.push(Source::StageVariable(name.into()));
        self
    }

    /// Checks the names that were added.
    ///
    /// # Errors
    ///
    /// If API Gateway would refuse one of them.
    pub(crate) fn check(&self) -> Result<(), IdentitySourceError> {
        let is_valid = |source: &Source| match source {
            Source::Header(name) | Source::Query(name) | Source::StageVariable(name) => is_name(name),
        };
        match self.0.iter().find(|source| !is_valid(source)) {
            Some(wrong) => Err(IdentitySourceError(Self(vec![wrong.clone()]).to_string())),
            None => Ok(()),
        }
    }

    pub(crate) fn are_present(
        &self,
        request: &ClientRequest,
        stage_variables: &BTreeMap<String, String>,
    ) -> bool {
        self.0.iter().all(|source| match source {
            Source::Header(wanted) => {
                let mut headers = request.headers.iter();
                headers.any(|(name, value)| name.eq_ignore_ascii_case(wanted) && !value.is_empty())
            }
            Source::Query(wanted) => request
                .query
                .iter()
                .any(|(name, value)| name == wanted && !value.is_empty()),
            Source::StageVariable(wanted) => {
                stage_variables.get(wanted).is_some_and(|value| !value.is_empty())
            }
        })
    }
}

/// Returns whether `name` has the characters that API Gateway takes: `[a-zA-Z0-9._-]+`.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// Parses the notation of API Gateway, with commas between the sources.
impl FromStr for IdentitySources {
    type Err = IdentitySourceError;

    fn from_str(text: &str) -> Result<Self, IdentitySourceError> {
        let source = |text: &str| {
            let after = |prefix| {
                text.strip_prefix(prefix)
                    .filter(|name| is_name(name))
                    .map(str::to_owned)
            };
            let header = after("route.request.header.").map(Source::Header);
            let query = || after("route.request.querystring.").map(Source::Query);
            let variable = || after("stageVariables.").map(Source::StageVariable);
            header
                .or_else(query)
                .or_else(variable)
                .ok_or_else(|| IdentitySourceError(text.to_owned()))
        };
        text.split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(source)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl fmt::Display for IdentitySources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, source) in self.0.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            match source {
                Source::Header(name) => write!(f, "{comma}route.request.header.{name}")?,
                Source::Query(name) => write!(f, "{comma}route.request.querystring.{name}")?,
                Source::StageVariable(name) => write!(f, "{comma}stageVariables.{name}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_must_be_there_and_not_empty() {
        let pairs = |list: &[(&str, &str)]| {
            list.iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect()
        };
        let request = ClientRequest {
            headers: pairs(&[("authorization", "Bearer x"), ("Empty", "")]),
            query: pairs(&[("token", "x"), ("none", "")]),
        };
        let variables = BTreeMap::from([("tier".to_owned(), "gold".to_owned())]);
        let table = [
            ("", true),
            ("route.request.header.Authorization", true),
            ("route.request.querystring.token", true),
            ("route.request.querystring.Token", false),
            ("route.request.header.Empty", false),
            ("route.request.querystring.none", false),
            ("route.request.header.Absent", false),
            ("stageVariables.tier", true),
            ("stageVariables.other", false),
            (
                "route.request.header.Authorization, route.request.querystring.token",
                true,
            ),
            (
                "route.request.header.Authorization,route.request.querystring.absent",
                false,
            ),
        ];
        for (sources, expected) in table {
            let parsed: IdentitySources = sources.parse().unwrap();
            assert_eq!(parsed.are_present(&request, &variables), expected, "{sources}");
        }
    }

    #[test]
    fn names_added_by_hand_are_checked_too() {
        let fine = IdentitySources::new().header("X-Api.Key_1").query("token");
        assert_eq!(fine.check(), Ok(()));
        let error = fine.header("a,stageVariables.b").check().unwrap_err().to_string();
        assert!(
            error.starts_with("`route.request.header.a,stageVariables.b`"),
            "{error}"
        );
    }

    #[test]
    fn what_names_no_source_is_refused() {
        for wrong in [
            "Authorization",
            "route.request.header.",
            "method.request.header.A",
            "$request.header.A",
            "route.request.header.A B",
            "route.request.header.A*",
            "route.request.querystring.tökén",
            "route.request.querystring.a[0]",
            "stageVariables.a/b",
            "context.identity.sourceIp",
        ] {
            let error = wrong.parse::<IdentitySources>().expect_err(wrong).to_string();
            assert!(error.starts_with(&format!("`{wrong}`")), "{error}");
        }
    }
}
