//! Rules for every request: which host, which origin, and what the browser may do with the answer.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{Backend, reply::Failure};

pub(super) async fn guard(State(backend): State<Arc<Backend>>, request: Request, next: Next) -> Response {
    let verdict = check(request.method(), request.headers(), backend.address.port());
    let mut response = match verdict {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    };
    let policy = content_security_policy(&backend.stack.url);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // Answers hold tokens and names; and the page is another one with each version of the demo.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn check(method: &Method, headers: &HeaderMap, port: u16) -> Result<(), Failure> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    // Another name that resolves to this machine would be a page of somebody else's (DNS rebinding).
    let names = ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{port}"));
    let Some(host) = text(HOST).filter(|host| names.iter().any(|name| name == host)) else {
        return Err(Failure::new(
            StatusCode::MISDIRECTED_REQUEST,
            "This is not the host you asked for.",
        ));
    };
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    // The cookie is SameSite=Strict, yet a site is all ports of a machine: pages of other programs on it must not
    // act for the user. Programs that are no browser send no origin.
    let is_ours = match headers.get(ORIGIN) {
        Some(origin) => origin.as_bytes() == format!("http://{host}").as_bytes(),
        None => !headers.contains_key("sec-fetch-site"),
    };
    if is_ours {
        Ok(())
    } else {
        Err(Failure::new(
            StatusCode::FORBIDDEN,
            "Requests from other pages are refused.",
        ))
    }
}

/// Nothing from elsewhere, nothing inline, and one place to open sockets to.
fn content_security_policy(gateway_url: &str) -> HeaderValue {
    let gateway = gateway_url
        .rsplit_once('/')
        .map_or(gateway_url, |(origin, _stage)| origin);
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' {gateway}; img-src 'self' data:; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("a URL of the gateway is a header value")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn verdict(method: &Method, headers: &[(&str, &str)]) -> Option<StatusCode> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (
                    name.parse::<HeaderName>().unwrap(),
                    value.parse::<HeaderValue>().unwrap(),
                )
            })
            .collect();
        let failure = check(method, &headers, 8080).err()?;
        Some(failure.into_response().status())
    }

    #[test]
    fn only_this_page_and_programs_may_post() {
        let host = ("host", "127.0.0.1:8080");
        let forbidden = Some(StatusCode::FORBIDDEN);
        for (row, headers, expected) in [
            ("a program", vec![host], None),
            (
                "the page",
                vec![
                    host,
                    ("origin", "http://127.0.0.1:8080"),
                    ("sec-fetch-site", "same-origin"),
                ],
                None,
            ),
            (
                "the page by its other name",
                vec![("host", "localhost:8080"), ("origin", "http://localhost:8080")],
                None,
            ),
            (
                "the other name's page",
                vec![host, ("origin", "http://localhost:8080")],
                forbidden,
            ),
            (
                "a page on another port",
                vec![host, ("origin", "http://127.0.0.1:9000")],
                forbidden,
            ),
            (
                "a page elsewhere",
                vec![host, ("origin", "https://evil.example")],
                forbidden,
            ),
            ("a sandboxed page", vec![host, ("origin", "null")], forbidden),
            (
                "a browser without an origin",
                vec![host, ("sec-fetch-site", "cross-site")],
                forbidden,
            ),
        ] {
            assert_eq!(verdict(&Method::POST, &headers), expected, "{row}");
        }
        assert_eq!(
            verdict(&Method::GET, &[host, ("origin", "https://evil.example")]),
            None,
            "reading is harmless"
        );
    }

    #[test]
    fn other_names_of_this_machine_are_refused() {
        for host in ["rebind.example:8080", "127.0.0.1:8081", "127.0.0.1", ""] {
            assert_eq!(
                verdict(&Method::GET, &[("host", host)]),
                Some(StatusCode::MISDIRECTED_REQUEST),
                "{host}"
            );
        }
        assert_eq!(
            verdict(&Method::GET, &[]),
            Some(StatusCode::MISDIRECTED_REQUEST),
            "no host"
        );
    }

    #[test]
    fn the_policy_names_the_gateway_and_no_more() {
        let policy = content_security_policy("ws://127.0.0.1:3001/dev");
        assert!(
            policy
                .to_str()
                .unwrap()
                .contains("connect-src 'self' ws://127.0.0.1:3001;"),
            "{policy:?}"
        );
    }
}
