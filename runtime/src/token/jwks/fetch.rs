//! One request for a JWK set, and what its answer must be like.

use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, USER_AGENT};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;

use super::bounds::{MAX_BYTES, TIMEOUT};
use super::error::FetchError;
use super::max_age;
use super::url::JwksUrl;
use crate::json::Object;
use crate::token::key_error::{KeyError, Problem};
use crate::token::public_keys::PublicKeys;

/// A set as it was answered, and how long it is good for.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    pub(super) keys: PublicKeys,
    pub(super) max_age: Duration,
}

/// Fetches the set of one URL.
#[derive(Debug)]
pub(super) struct Fetcher {
    url: JwksUrl,
    connector: Connector,
}

impl Fetcher {
    /// Makes a fetcher that trusts the root certificates of the machine, or `roots` (PEM) instead.
    pub(super) fn new(url: JwksUrl, roots: Option<String>) -> Self {
        let (trusted, proxy) = match roots {
            // On this machine there is neither TLS nor a proxy, and certificates take their time to be read.
            _ if !url.is_https() => (TrustStore::empty(), ProxyConfig::disabled()),
            Some(pem) => (
                TrustStore::empty().with_pem_certificate(pem),
                ProxyConfig::from_env(),
            ),
            None => (TrustStore::default(), ProxyConfig::from_env()),
        };
        let tls = TlsContext::builder().with_trust_store(trusted).build();
        let connector = Connector::builder()
            // A function is frozen for longer than a connection is kept.
            .pool_max_idle_per_host(0)
            .proxy_config(proxy)
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(tls.unwrap_or_default())
            .build();
        Self { url, connector }
    }

    pub(super) fn url(&self) -> &JwksUrl {
        &self.url
    }

    pub(super) async fn fetch(&self) -> Result<Fetched, FetchError> {
        let fetched = timeout(TIMEOUT, self.ask());
        fetched.await.unwrap_or(Err(FetchError::Timeout))
    }

    async fn ask(&self) -> Result<Fetched, FetchError> {
        let request = http::Request::get(self.url.to_uri())
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .header(USER_AGENT, concat!("room-auth/", env!("CARGO_PKG_VERSION")))
            .body(SdkBody::empty())
            .expect("the parts are valid");
        let request = HttpRequest::try_from(request).expect("the URL is absolute");
        let answer = self.connector.call(request).await;
        read(answer.map_err(|error| FetchError::of_connection(&error))?).await
    }
}

async fn read(answer: HttpResponse) -> Result<Fetched, FetchError> {
    match answer.status().as_u16() {
        200 => {}
        status @ 300..=399 => return Err(FetchError::Redirect(status)),
        status => return Err(FetchError::Status(status)),
    }
    let media_type = answer.headers().get(CONTENT_TYPE.as_str());
    check_media_type(media_type)?;
    let max_age = max_age::read(answer.headers().get_all(CACHE_CONTROL.as_str()));
    let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            FetchError::TooLarge
        } else {
            FetchError::Interrupted
        }
    })?;
    let keys = read_set(&body.to_bytes())?;
    Ok(Fetched { keys, max_age })
}

/// JSON is a program's answer; a page, or a file that somebody has uploaded, comes as something else.
fn check_media_type(found: Option<&str>) -> Result<(), FetchError> {
    let Some(found) = found else {
        return Err(FetchError::MediaType(None));
    };
    let found = found
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let is_json = match found.strip_prefix("application/") {
        Some(subtype) => subtype == "json" || subtype.ends_with("+json"),
        None => false,
    };
    if is_json {
        return Ok(());
    }
    let shown = found.chars().filter(char::is_ascii_graphic).take(64).collect();
    Err(FetchError::MediaType(Some(shown)))
}

fn read_set(body: &[u8]) -> Result<PublicKeys, FetchError> {
    let broken = || FetchError::Keys(KeyError::new(Problem::BrokenJson));
    let text = std::str::from_utf8(body).map_err(|_| broken())?;
    let object = Object::parse(body).ok_or_else(broken)?;
    if object.contains("keys") {
        let keys = PublicKeys::from_exact_jwk(text);
        return keys.map_err(|error| FetchError::Keys(error.named("the answer")));
    }
    Err(if object.contains("jwks_uri") {
        FetchError::Discovery
    } else {
        FetchError::NoSet
    })
}
