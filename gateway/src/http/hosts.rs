//! Keeping web pages away from what is not for browsers.
//!
//! Any page that is open in a browser can send requests to a port of the same machine, and a page whose host name
//! leads to this machine (DNS rebinding) can read the responses. So whoever calls `@connections` or the Runtime API
//! must not be a browser, and must call by an address or by a known name. The inspector is for browsers: whoever calls
//! it must be no page of another site.

use std::net::IpAddr;

use hyper::{
    HeaderMap, StatusCode,
    header::{HOST, HeaderName, HeaderValue, ORIGIN},
    http::uri::Authority,
};

use super::responses::{self, FullResponse};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The host names by which a listener may be called. IP addresses and `localhost` always may: no DNS server can make
/// them lead elsewhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts(Vec<String>);

impl Hosts {
    /// Takes names with or without a port, which does not count.
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let without_port = |name: String| match name.parse::<Authority>() {
            Ok(authority) => authority.host().to_owned(),
            Err(_) => name,
        };
        Self(names.into_iter().map(without_port).collect())
    }

    /// Returns the names, without ports.
    #[cfg(feature = "tls")]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Checks that a request does not come from a web page.
    ///
    /// # Errors
    ///
    /// If it has a header that only browsers send, or an unknown host: the response to send.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Box<FullResponse>> {
        if headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE) {
            return Err(refuse(
                "requests of web pages are refused; call this from a program",
            ));
        }
        self.check_host(headers)
    }

    /// Checks that a request comes from a page of this same listener, over plain HTTP, or from a program.
    ///
    /// # Errors
    ///
    /// If it comes from another page, or has an unknown host: the response to send.
    pub(crate) fn check_same_origin(&self, headers: &HeaderMap) -> Result<(), Box<FullResponse>> {
        self.check_host(headers)?;
        let host = headers.get(HOST).map_or(&b""[..], HeaderValue::as_bytes);
        let is_own = |origin: &HeaderValue| origin.as_bytes().strip_prefix(b"http://") == Some(host);
        // `none` is what a person enters into the address bar.
        let is_same = |site: &HeaderValue| site == "same-origin" || site == "none";
        if headers.get_all(ORIGIN).iter().all(is_own) && headers.get_all(SEC_FETCH_SITE).iter().all(is_same) {
            return Ok(());
        }
        Err(refuse("requests of other web pages are refused"))
    }

    /// Checks that a request is for a known host.
    ///
    /// # Errors
    ///
    /// If it is not: the response to send.
    pub(crate) fn check_host(&self, headers: &HeaderMap) -> Result<(), Box<FullResponse>> {
        // Every browser sends one.
        if headers.get_all(HOST).iter().all(|host| self.knows(host)) {
            return Ok(());
        }
        Err(refuse("unknown host; call 127.0.0.1, or allow this host name"))
    }

    fn knows(&self, host: &HeaderValue) -> bool {
        let Ok(authority) = Authority::try_from(host.as_bytes()) else {
            return false;
        };
        let name = authority.host();
        let address = name.trim_start_matches('[').trim_end_matches(']');
        address.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.0.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

fn refuse(message: &str) -> Box<FullResponse> {
    let body = serde_json::json!({ "message": message }).to_string();
    let mut response = responses::json(StatusCode::FORBIDDEN, body);
    responses::set_error_type(&mut response, "ForbiddenException");
    Box::new(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_localhost_and_known_names_are_hosts_and_others_are_not() {
        let hosts = Hosts::new(["api.example:3001".to_owned()]);
        let table = [
            ("127.0.0.1", true),
            ("127.0.0.1:3001", true),
            ("192.0.2.1:3001", true),
            ("[::1]:3001", true),
            ("localhost:3001", true),
            ("LOCALHOST", true),
            ("api.example:3001", true),
            ("API.example", true),
            ("rebind.evil.example", false),
            ("evil.example:3001", false),
            ("api.example.evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("2130706433", false),
            ("", false),
        ];
        for (host, expected) in table {
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            assert_eq!(hosts.check(&headers).is_ok(), expected, "{host}");
        }
        assert!(hosts.check(&HeaderMap::new()).is_ok(), "no browser leaves it out");
    }

    #[test]
    fn what_only_browsers_send_is_refused_whatever_the_host() {
        for (name, value) in [
            (ORIGIN, "https://evil.example"),
            (ORIGIN, "null"),
            (ORIGIN, "http://127.0.0.1:3001"),
            (SEC_FETCH_SITE, "cross-site"),
            (SEC_FETCH_SITE, "none"),
        ] {
            let headers = HeaderMap::from_iter([
                (HOST, HeaderValue::from_static("127.0.0.1:3001")),
                (name.clone(), HeaderValue::from_static(value)),
            ]);
            let refusal = Hosts::default().check(&headers).unwrap_err();
            assert_eq!(refusal.status(), StatusCode::FORBIDDEN, "{name}: {value}");
        }
    }

    #[test]
    fn a_page_may_call_its_own_listener_and_no_other() {
        const OWN: &str = "127.0.0.1:3002";
        let table = [
            (OWN, None, None, true),
            (OWN, Some("http://127.0.0.1:3002"), Some("same-origin"), true),
            (OWN, None, Some("none"), true),
            ("localhost:3002", Some("http://localhost:3002"), None, true),
            (OWN, Some("http://localhost:3002"), None, false),
            (OWN, Some("http://127.0.0.1:3001"), Some("same-site"), false),
            (OWN, Some("https://127.0.0.1:3002"), None, false),
            (OWN, Some("https://evil.example"), Some("cross-site"), false),
            (OWN, Some("null"), None, false),
            (OWN, Some(""), None, false),
            (OWN, None, Some("same-site"), false),
            (OWN, None, Some("cross-site"), false),
            (
                "evil.example",
                Some("http://evil.example"),
                Some("same-origin"),
                false,
            ),
        ];
        for (host, origin, site, expected) in table {
            let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            headers.extend(origin.map(|origin| (ORIGIN, HeaderValue::from_static(origin))));
            headers.extend(site.map(|site| (SEC_FETCH_SITE, HeaderValue::from_static(site))));
            let checked = Hosts::default().check_same_origin(&headers);
            assert_eq!(checked.is_ok(), expected, "{host} {origin:?} {site:?}");
        }
    }
}
