//! The URLs of @connections: of an endpoint in a region, and as operators write them.

use http::Uri;

use crate::endpoint::ApiEndpoint;
use crate::error::ConfigError;

/// The path below which an API's connections are.
const CONNECTIONS: &str = "/@connections";

/// The DNS suffixes of AWS's partitions, and of dual-stack endpoints.
const SUFFIXES: [&str; 9] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "api.aws",
    "api.amazonwebservices.com.cn",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// Returns the URL of a stage of an API in `region`.
pub(super) fn stage_url(endpoint: &ApiEndpoint, region: &str) -> String {
    let suffix = partition_suffix(region);
    let (api_id, stage) = (endpoint.api_id(), endpoint.stage());
    format!("https://{api_id}.execute-api.{region}.{suffix}/{stage}")
}

/// Returns the DNS suffix of the partition that a region is in (`partitions.json` of the AWS SDKs).
fn partition_suffix(region: &str) -> &'static str {
    let partitions = [
        ("cn-", "amazonaws.com.cn"),
        ("eusc-", "amazonaws.eu"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("eu-isof-", "csp.hci.ic.gov"),
    ];
    let suffix = partitions.iter().find(|(prefix, _)| region.starts_with(prefix));
    suffix.map_or("amazonaws.com", |(_, suffix)| suffix)
}

/// Returns the region in the host `<api>.execute-api.<region>.<partition suffix>`; `None` for any other host.
pub(super) fn execute_api_region(host: &str) -> Option<&str> {
    let (_api, rest) = host.split_once('.')?;
    let (region, suffix) = rest.strip_prefix("execute-api.")?.split_once('.')?;
    SUFFIXES.contains(&suffix).then_some(region)
}

/// Where @connections is, as an operator has set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EndpointUrl {
    /// Without a slash at the end.
    pub(super) url: String,
    /// The region of the API, if the host tells it.
    pub(super) region: Option<String>,
}

impl EndpointUrl {
    /// Parses what an operator has set; `name` is where.
    ///
    /// What the way into the environment adds is removed: spaces, quotes, slashes at the end. The WebSocket URL that
    /// the console shows is understood, and so is its @connections URL.
    pub(super) fn parse(text: &str, name: &str) -> Result<Self, ConfigError> {
        // The text is not repeated as a whole: it may hold a password.
        let refused = |found: &str, advice: &str| Err(ConfigError::new(format!("{name} {found}; {advice}")));
        let set_it = "set it to https://<domain name>/<stage>, without /@connections";

        let text = unquoted(text);
        if text.is_empty() {
            return refused("is empty", set_it);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return refused("has no scheme", set_it);
        };
        let scheme = match &*scheme.to_ascii_lowercase() {
            "https" | "wss" => "https",
            "http" | "ws" => "http",
            _ => return refused("has a scheme other than https, http, wss and ws", set_it),
        };
        if rest.contains(['?', '#']) {
            return refused(
                "has a query or a fragment",
                "remove everything from `?` or `#` on",
            );
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return refused(
                "has credentials",
                "remove everything up to the `@`: requests are signed instead",
            );
        }
        let path = path.trim_end_matches('/');
        let path = path
            .strip_suffix(CONNECTIONS)
            .unwrap_or(path)
            .trim_end_matches('/');
        if path.contains("@connections") {
            return refused("goes on after /@connections", "end it with the stage");
        }
        let url = format!("{scheme}://{authority}{path}");
        let Some(host) = host_of(&url) else {
            return refused("is not a valid URL", set_it);
        };
        if host.is_empty() {
            return refused("has no host", set_it);
        }
        let region = execute_api_region(&host);
        if region.is_some() && scheme == "http" {
            return refused("has the scheme http", "set it to https: AWS answers nothing else");
        }
        // Emulators have such hosts too: their first label is the API.
        let is_execute_api = host.split('.').nth(1) == Some("execute-api");
        if is_execute_api && path.matches('/').count() != 1 {
            return refused(
                &format!(
                    "has {} after the host `{host}`",
                    if path.is_empty() {
                        "no stage"
                    } else {
                        "a longer path"
                    }
                ),
                &format!("set it to {scheme}://{authority}/<stage>"),
            );
        }
        Ok(Self {
            region: region.map(str::to_owned),
            url,
        })
    }
}

/// Returns the host of a URL, in lower case; `None` if it is not a URL.
fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    if rest.is_empty() || rest.starts_with(['/', ':']) {
        return Some(String::new());
    }
    let uri: Uri = url.parse().ok()?;
    let authority = uri.authority()?;
    // `Uri` takes any text for a port.
    let port = authority.as_str().strip_prefix(authority.host())?;
    if !port.is_empty() {
        let _: u16 = port.strip_prefix(':')?.parse().ok()?;
    }
    Some(authority.host().to_ascii_lowercase())
}

/// Removes spaces and quotes around a text.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inner = ['"', '\'']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
    inner.unwrap_or(text).trim()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const AWS: &str = "https://a1.execute-api.eu-west-1.amazonaws.com/prod";

    #[test]
    fn the_url_is_built_from_endpoint_and_region() {
        let endpoint = "a1/dev".parse().unwrap();
        for (region, expected) in [
            ("eu-west-1", "https://a1.execute-api.eu-west-1.amazonaws.com/dev"),
            (
                "us-gov-west-1",
                "https://a1.execute-api.us-gov-west-1.amazonaws.com/dev",
            ),
            (
                "us-isolated-1",
                "https://a1.execute-api.us-isolated-1.amazonaws.com/dev",
            ),
            (
                "cn-north-1",
                "https://a1.execute-api.cn-north-1.amazonaws.com.cn/dev",
            ),
            (
                "eusc-de-east-1",
                "https://a1.execute-api.eusc-de-east-1.amazonaws.eu/dev",
            ),
            (
                "us-iso-east-1",
                "https://a1.execute-api.us-iso-east-1.c2s.ic.gov/dev",
            ),
            (
                "us-isob-east-1",
                "https://a1.execute-api.us-isob-east-1.sc2s.sgov.gov/dev",
            ),
            (
                "eu-isoe-west-1",
                "https://a1.execute-api.eu-isoe-west-1.cloud.adc-e.uk/dev",
            ),
            (
                "us-isof-east-1",
                "https://a1.execute-api.us-isof-east-1.csp.hci.ic.gov/dev",
            ),
        ] {
            assert_eq!(stage_url(&endpoint, region), expected);
        }
    }

    #[test]
    fn requests_are_signed_for_the_region_of_the_api() {
        for (host, region) in [
            ("a1.execute-api.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("a1.execute-api.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            (
                "a1.execute-api.eusc-de-east-1.amazonaws.eu",
                Some("eusc-de-east-1"),
            ),
            ("a1.execute-api.us-iso-east-1.c2s.ic.gov", Some("us-iso-east-1")),
            ("a1.execute-api.eu-west-1.api.aws", Some("eu-west-1")),
            ("chat.example", None),
            ("execute-api.chat.example", None),
            ("execute-api.eu-west-1.amazonaws.com", None),
            ("a1.execute-api.evil.example", None),
            ("a1.execute-api.eu-west-1.amazonaws.com.evil.example", None),
            ("", None),
        ] {
            assert_eq!(execute_api_region(host), region, "{host}");
        }
    }

    #[test]
    fn an_endpoint_url_is_understood_as_it_is_pasted() {
        for (text, expected) in [
            (AWS, AWS),
            ("  https://a1.execute-api.eu-west-1.amazonaws.com/prod/\n", AWS),
            ("\"https://a1.execute-api.eu-west-1.amazonaws.com/prod\"", AWS),
            ("' https://a1.execute-api.eu-west-1.amazonaws.com/prod//'", AWS),
            ("HTTPS://a1.execute-api.eu-west-1.amazonaws.com/prod", AWS),
            // What the console shows.
            ("wss://a1.execute-api.eu-west-1.amazonaws.com/prod/", AWS),
            (
                "https://a1.execute-api.eu-west-1.amazonaws.com/prod/@connections",
                AWS,
            ),
            (
                "wss://a1.execute-api.eu-west-1.amazonaws.com/prod/@connections/",
                AWS,
            ),
            // Custom domains, with and without a mapping.
            ("https://ws.example.com", "https://ws.example.com"),
            ("https://ws.example.com/", "https://ws.example.com"),
            ("https://ws.example.com/@connections", "https://ws.example.com"),
            ("https://ws.example.com/chat/v1", "https://ws.example.com/chat/v1"),
            (
                "https://execute-api.chat.example",
                "https://execute-api.chat.example",
            ),
            // Emulators and local gateways.
            ("http://127.0.0.1:3001", "http://127.0.0.1:3001"),
            ("ws://localhost:3001/dev", "http://localhost:3001/dev"),
            ("http://[::1]:3001/dev", "http://[::1]:3001/dev"),
            (
                "http://a1.execute-api.localhost.localstack.cloud:4566/dev",
                "http://a1.execute-api.localhost.localstack.cloud:4566/dev",
            ),
            (
                "http://localhost:4566/_aws/execute-api/a1/dev",
                "http://localhost:4566/_aws/execute-api/a1/dev",
            ),
        ] {
            let parsed = EndpointUrl::parse(text, "X").unwrap();
            assert_eq!(parsed.url, expected, "{text:?}");
            let region = (expected == AWS).then_some("eu-west-1");
            assert_eq!(parsed.region.as_deref(), region, "{text:?}");
        }
    }

    #[test]
    fn an_endpoint_url_that_leads_nowhere_says_what_was_found_and_what_to_do() {
        for (text, found, advice) in [
            ("", "is empty", "https://<domain name>/<stage>"),
            (" \n", "is empty", "https://"),
            ("\"\"", "is empty", "https://"),
            ("127.0.0.1:3000/dev", "has no scheme", "https://"),
            ("ws.example.com", "has no scheme", "https://"),
            ("//ws.example.com/dev", "has no scheme", "https://"),
            ("https:/ws.example.com/dev", "has no scheme", "https://"),
            ("ftp://ws.example.com/dev", "has a scheme other than", "https://"),
            ("://ws.example.com/dev", "has a scheme other than", "https://"),
            ("https://", "has no host", "https://<domain name>"),
            ("https:///dev", "has no host", "https://<domain name>"),
            ("https://:443/dev", "has no host", "https://<domain name>"),
            ("https://ws example.com/dev", "is not a valid URL", "https://"),
            (
                "https://ws.example.com:port/dev",
                "is not a valid URL",
                "https://",
            ),
            ("https://ws.example.com:/dev", "is not a valid URL", "https://"),
            ("http://127.0.0.1:65536/dev", "is not a valid URL", "https://"),
            (
                "https://{api}.execute-api.{region}.amazonaws.com/{stage}",
                "is not a valid URL",
                "https://",
            ),
            (
                "https://ws.example.com/dev/@connections/{connection_id}",
                "goes on after /@connections",
                "end it with the stage",
            ),
            (
                "https://ws.example.com/@connections/L0SM9cOFvHcCIhw=",
                "goes on after",
                "end it",
            ),
            (
                "https://a1.execute-api.eu-west-1.amazonaws.com",
                "has no stage after the host `a1.execute-api.eu-west-1.amazonaws.com`",
                "https://a1.execute-api.eu-west-1.amazonaws.com/<stage>",
            ),
            (
                "https://a1.execute-api.eu-west-1.amazonaws.com/@connections",
                "has no stage",
                "/<stage>",
            ),
            (
                "https://A1.Execute-API.eu-west-1.amazonaws.com/",
                "has no stage",
                "/<stage>",
            ),
            (
                "http://a1.execute-api.localhost.localstack.cloud:4566",
                "has no stage",
                ":4566/<stage>",
            ),
            (
                "https://a1.execute-api.eu-west-1.amazonaws.com/prod/chat",
                "has a longer path",
                "/<stage>",
            ),
            (
                "http://a1.execute-api.eu-west-1.amazonaws.com/prod",
                "has the scheme http",
                "https",
            ),
            (
                "ws://a1.execute-api.eu-west-1.amazonaws.com/prod",
                "has the scheme http",
                "https",
            ),
            (
                "https://user:secret@ws.example.com/dev",
                "has credentials",
                "remove",
            ),
            ("https://ws.example.com/dev?token=secret", "has a query", "remove"),
            (
                "https://user:secret@ws.example.com/dev?a",
                "has a query",
                "remove",
            ),
            (
                "https://ws.example.com/dev#secret",
                "has a query or a fragment",
                "remove",
            ),
            ("user:secret@ws.example.com/dev", "has no scheme", "https://"),
        ] {
            let told = EndpointUrl::parse(text, "THE_VARIABLE").unwrap_err().to_string();
            assert!(
                told.starts_with(&format!("THE_VARIABLE {found}")),
                "{text:?}: {told}"
            );
            let (_, says) = told.split_once("; ").unwrap();
            assert!(says.contains(advice), "{text:?}: {told}");
            assert!(!told.contains("secret"), "{text:?}: {told}");
        }
    }
}
