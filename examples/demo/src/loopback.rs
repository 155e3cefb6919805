//! Checks that every listener of the demo makes before it reads a request.
//!
//! A port on loopback is not a private channel. Each page that is open in a browser on this machine can send requests
//! to it: under its address, or under a host name of the page's own that resolves to it (DNS rebinding).

use axum::{
    Json,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{HOST, ORIGIN},
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use serde_json::json;

/// A listener on 127.0.0.1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listener {
    pub(crate) port: u16,
    pub(crate) callers: Callers,
}

/// Who has a reason to call a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callers {
    /// Browsers, and programs.
    Browsers,
    /// Programs only: the functions, with the AWS SDK.
    Programs,
}

/// Answers requests that are not meant for this listener, and passes on the others.
pub(crate) async fn guard(State(listener): State<Listener>, request: Request, next: Next) -> Response {
    match listener.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err((status, message)) => (status, Json(json!({"message": message}))).into_response(),
    }
}

impl Listener {
    fn check(self, headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
        let names = ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{}", self.port));
        let host = headers.get(HOST).map(HeaderValue::as_bytes);
        if !names.iter().any(|name| host == Some(name.as_bytes())) {
            return Err((
                StatusCode::MISDIRECTED_REQUEST,
                "This server has another name; use the address that the demo printed.",
            ));
        }
        // Only browsers send these, and no page can leave them out of a request that it could read the answer of, or
        // that changes something.
        let is_browser = headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site");
        if is_browser && self.callers == Callers::Programs {
            return Err((StatusCode::FORBIDDEN, "This port is not for browsers."));
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn refusal(callers: Callers, headers: &[(&'static str, &'static str)]) -> Option<u16> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let listener = Listener { port: 8080, callers };
        let refused = listener.check(&headers.collect()).err()?;
        Some(refused.0.as_u16())
    }

    #[test]
    fn other_names_of_this_machine_are_refused() {
        for callers in [Callers::Browsers, Callers::Programs] {
            for host in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"] {
                assert_eq!(refusal(callers, &[("host", host)]), None, "{host}");
            }
            for host in [
                "rebind.example:8080",
                "127.0.0.1:8081",
                "127.0.0.1",
                "127.0.0.1:8080.evil.example",
                "",
            ] {
                assert_eq!(refusal(callers, &[("host", host)]), Some(421), "{host:?}");
            }
            assert_eq!(refusal(callers, &[]), Some(421), "no host");
        }
    }

    #[test]
    fn browsers_are_refused_where_only_programs_call() {
        let host = ("host", "127.0.0.1:8080");
        for (row, header) in [
            ("a page elsewhere", ("origin", "https://evil.example")),
            ("the demo's own page", ("origin", "http://127.0.0.1:8080")),
            ("a sandboxed page", ("origin", "null")),
            ("a request without an origin", ("sec-fetch-site", "cross-site")),
            ("a link", ("sec-fetch-site", "none")),
        ] {
            assert_eq!(refusal(Callers::Programs, &[host, header]), Some(403), "{row}");
            assert_eq!(refusal(Callers::Browsers, &[host, header]), None, "{row}");
        }
    }
}
