//! Rules for every request to the page and its endpoints: which host and which origin, and what a browser may do with
//! the answer.

use axum::{
    Router,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    },
    middleware,
    response::IntoResponse as _,
};
use tower_http::{
    csrf::{CsrfLayer, ProtectionError},
    set_header::SetResponseHeaderLayer,
};

use super::reply::Failure;
use crate::loopback::{self, Callers, Listener};

/// Adds the rules to the endpoints of the listener on `port`. The page may open sockets to `gateway_url`.
pub(super) fn guarded(endpoints: Router, port: u16, gateway_url: &str) -> Router {
    let listener = Listener {
        port,
        callers: Callers::Browsers,
    };
    let always = |name, value| SetResponseHeaderLayer::overriding(name, value);
    let text = HeaderValue::from_static;
    endpoints
        // The cookie is SameSite=Strict, yet all ports of a machine are one site: pages of other programs on it must
        // not act for the user. Programs that are no browser send neither Origin nor Sec-Fetch-Site.
        .layer(CsrfLayer::new().with_rejection_response(|_: ProtectionError| {
            Failure::new(StatusCode::FORBIDDEN, "Requests from other pages are refused.").into_response()
        }))
        .layer(middleware::from_fn_with_state(listener, loopback::guard))
        .layer(always(
            CONTENT_SECURITY_POLICY,
            content_security_policy(gateway_url),
        ))
        .layer(always(X_CONTENT_TYPE_OPTIONS, text("nosniff")))
        .layer(always(REFERRER_POLICY, text("no-referrer")))
        // Nor may another page embed an answer as a script or an image.
        .layer(always(
            HeaderName::from_static("cross-origin-resource-policy"),
            text("same-origin"),
        ))
        // Answers hold tokens and names, and each version of the demo has another page.
        .layer(always(CACHE_CONTROL, text("no-store")))
}

/// Returns the page's policy: nothing from elsewhere, nothing inline, and sockets to the gateway only.
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
    use axum::{
        body::Body,
        http::{Method, Request},
        routing::any,
    };
    use tower::ServiceExt as _;

    use super::*;

    async fn status(method: Method, headers: &[(&str, &str)]) -> u16 {
        let endpoints = Router::new().route("/", any(|| async {}));
        let mut request = Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let guarded = guarded(endpoints, 8080, "ws://127.0.0.1:3001/dev");
        let response = guarded
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        response.status().as_u16()
    }

    #[tokio::test]
    async fn only_this_page_and_programs_may_post() {
        let host = ("host", "127.0.0.1:8080");
        for (row, headers, expected) in [
            ("a program", vec![host], 200),
            (
                "the page",
                vec![
                    host,
                    ("origin", "http://127.0.0.1:8080"),
                    ("sec-fetch-site", "same-origin"),
                ],
                200,
            ),
            (
                "the page by its other name",
                vec![("host", "localhost:8080"), ("origin", "http://localhost:8080")],
                200,
            ),
            (
                "the other name's page",
                vec![host, ("origin", "http://localhost:8080")],
                403,
            ),
            (
                "a page on another port",
                vec![host, ("origin", "http://127.0.0.1:9000")],
                403,
            ),
            (
                "a page on another port, in a browser of today",
                vec![
                    host,
                    ("origin", "http://127.0.0.1:9000"),
                    ("sec-fetch-site", "same-site"),
                ],
                403,
            ),
            (
                "a page elsewhere",
                vec![host, ("origin", "https://evil.example")],
                403,
            ),
            ("a sandboxed page", vec![host, ("origin", "null")], 403),
            (
                "a browser without an origin",
                vec![host, ("sec-fetch-site", "cross-site")],
                403,
            ),
            (
                "a page under a name of its own",
                vec![
                    ("host", "rebind.example:8080"),
                    ("origin", "http://rebind.example:8080"),
                    ("sec-fetch-site", "same-origin"),
                ],
                421,
            ),
        ] {
            assert_eq!(status(Method::POST, &headers).await, expected, "{row}");
        }
        let elsewhere = [host, ("origin", "https://evil.example")];
        assert_eq!(
            status(Method::GET, &elsewhere).await,
            200,
            "reading changes nothing, and no answer allows another page to see it"
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
