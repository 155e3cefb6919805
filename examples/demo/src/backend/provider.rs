//! The identity provider (`--issuer`), as the backend asks it: by HTTP, and with nothing else in common.

use axum::{
    body::{self, Body},
    http::{Request, StatusCode, header::CONTENT_TYPE},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;

/// The longest answer that is read, in bytes: two tokens of at most 4,096.
const MAX_ANSWER: usize = 16 * 1024;

/// Asks an identity provider for tokens.
#[derive(Debug)]
pub(super) struct Provider {
    client: Client<HttpConnector, Body>,
    token_endpoint: String,
}

/// What the provider hands out for a user (RFC 6749 §5.1).
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) access_token: String,
    /// The life of the access token, in seconds.
    pub(super) expires_in: u64,
    /// What the next access token is given for.
    pub(super) refresh_token: String,
}

/// The provider does not answer, or not as RFC 6749 says.
#[derive(Debug)]
pub(super) struct NoAnswer;

impl Provider {
    /// Makes a provider whose `iss` is `url`, which ends with a slash.
    pub(super) fn new(url: &str) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            token_endpoint: format!("{url}token"),
        }
    }

    /// Returns tokens if the password is the user's.
    pub(super) async fn log_in(&self, user: &str, password: &str) -> Result<Option<Tokens>, NoAnswer> {
        let form = [
            ("grant_type", "password"),
            ("username", user),
            ("password", password),
        ];
        self.ask(&form).await
    }

    /// Returns new tokens, unless the provider has put the user out.
    pub(super) async fn renew(&self, refresh_token: &str) -> Result<Option<Tokens>, NoAnswer> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        self.ask(&form).await
    }

    async fn ask(&self, form: &[(&str, &str)]) -> Result<Option<Tokens>, NoAnswer> {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = Request::post(&self.token_endpoint)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .map_err(|_| NoAnswer)?;
        let answer = self.client.request(request).await.map_err(|_| NoAnswer)?;
        match answer.status() {
            StatusCode::OK => {
                let body = body::to_bytes(Body::new(answer.into_body()), MAX_ANSWER).await;
                let tokens = serde_json::from_slice(&body.map_err(|_| NoAnswer)?).map_err(|_| NoAnswer)?;
                Ok(Some(tokens))
            }
            StatusCode::BAD_REQUEST => Ok(None),
            _ => Err(NoAnswer),
        }
    }
}
