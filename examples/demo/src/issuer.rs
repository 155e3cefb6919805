//! An identity provider in small, for `--issuer`: it knows the users, publishes its keys and hands out tokens.
//!
//! A real one sends browsers to its own page and comes back with an authorization code (with PKCE). This one takes the
//! password from the backend (RFC 6749 §4.3), which OAuth 2.1 has removed: enough to see whose token it is.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Form, Json, Router,
    extract::State,
    http::StatusCode,
    middleware,
    routing::{get, post},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use room_auth::{Algorithm, Issuer, PublicKeys, SigningKey, Verifier};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    DemoError,
    backend::accounts::{self, Account, Accounts},
    loopback::{self, Callers, Listener},
};

/// The `aud` of the tokens: the service that they are for.
pub(crate) const AUDIENCE: &str = "chat";
/// How long a user stays logged in.
const LOGGED_IN: Duration = Duration::from_hours(8);

/// An identity provider on loopback, until it is dropped.
#[derive(Debug)]
pub struct LocalIssuer {
    shared: Arc<Shared>,
    _server: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Shared {
    /// The `iss` of the tokens.
    url: String,
    key: SigningKey,
    accounts: Accounts,
    /// Signs tokens for the service.
    access: Issuer,
    /// Signs, for itself, what a new token is given for: no list of log-ins to keep.
    refresh: Issuer,
    refresh_verifier: Verifier,
}

impl LocalIssuer {
    /// Starts an issuer whose tokens (ES256) live for `lifetime`.
    ///
    /// # Errors
    ///
    /// Returns an error if no port is free or no key can be made.
    ///
    /// # Panics
    ///
    /// Never: the public half of a key that was made is a good key.
    pub async fn start(lifetime: Duration) -> Result<Self, DemoError> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(DemoError::Relay)?;
        let address: SocketAddr = listener.local_addr().map_err(DemoError::Relay)?;
        let url = format!("http://{address}/");
        let key = SigningKey::generate_for(Algorithm::Es256)?;
        let keys = PublicKeys::from_pem(&key.public_key_pem()).expect("a key that was made is a good one");
        let issuer = |lifetime, audience: &str| {
            Issuer::new(key.clone(), lifetime).map(|issuer| issuer.with_issuer(&url).with_audience(audience))
        };
        let shared = Arc::new(Shared {
            access: issuer(lifetime, AUDIENCE)?,
            refresh: issuer(LOGGED_IN, &url)?,
            refresh_verifier: Verifier::new(keys).with_issuer(&url).with_audience(&url),
            accounts: Accounts::new(),
            key,
            url,
        });
        let for_programs = Listener {
            port: address.port(),
            callers: Callers::Programs,
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/.well-known/jwks.json", get(key_set))
            .route("/token", post(token))
            .with_state(shared.clone())
            .layer(middleware::from_fn_with_state(for_programs, loopback::guard));
        let server = tokio::spawn(async move {
            // It never fails: accepting is tried again.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            shared,
            _server: AbortOnDropHandle::new(server),
        })
    }

    /// Returns the `iss` of the tokens, which is also where the issuer is: `http://127.0.0.1:<port>/`.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Returns the environment of a function that takes the issuer's tokens.
    pub fn environment(&self) -> [(&'static str, String); 3] {
        [
            ("JWKS_URL", self.shared.jwks_url()),
            ("JWT_ISSUER", self.shared.url.clone()),
            ("JWT_AUDIENCE", AUDIENCE.to_owned()),
        ]
    }

    /// Returns the key that signs the tokens.
    pub(crate) fn key(&self) -> &SigningKey {
        &self.shared.key
    }
}

impl Shared {
    fn jwks_url(&self) -> String {
        format!("{}.well-known/jwks.json", self.url)
    }

    /// The account that a refresh token was given to.
    fn account_of(&self, refresh_token: &str) -> Option<&'static Account> {
        let claims = self.refresh_verifier.verify::<()>(refresh_token).ok()?;
        Account::named(claims.subject())
    }
}

async fn configuration(State(issuer): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({
        "issuer": issuer.url,
        "jwks_uri": issuer.jwks_url(),
        "token_endpoint": format!("{}token", issuer.url),
        "grant_types_supported": ["password", "refresh_token"],
    }))
}

async fn key_set(State(issuer): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({"keys": [jwk(&issuer.key)]}))
}

/// The public key as RFC 7517 wants it. A P-256 key in SPKI ends with its point: x and y, 32 bytes each.
fn jwk(key: &SigningKey) -> Value {
    let pem = key.public_key_pem();
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(base64).expect("the PEM is our own");
    let (x, y) = der[der.len() - 64..].split_at(32);
    let text = |bytes| URL_SAFE_NO_PAD.encode(bytes);
    json!({
        "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y),
        "kid": key.key_id(), "alg": "ES256", "use": "sig",
    })
}

/// A request for a token (RFC 6749 §4.3.2 and §6).
#[derive(Deserialize)]
#[serde(tag = "grant_type", rename_all = "snake_case")]
enum TokenRequest {
    Password { username: String, password: String },
    RefreshToken { refresh_token: String },
}

/// What is handed out (RFC 6749 §5.1).
#[derive(Serialize)]
struct Tokens {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: String,
}

/// The claims beside `iss`, `aud`, `sub` and the times.
#[derive(Serialize)]
struct Claims {
    #[serde(flatten)]
    of_user: accounts::Claims,
    rooms: &'static [&'static str],
}

/// A refusal (RFC 6749 §5.2).
type Refused = (StatusCode, Json<Value>);

fn refused(status: StatusCode, error: &str) -> Refused {
    (status, Json(json!({"error": error})))
}

async fn token(
    State(issuer): State<Arc<Shared>>,
    Form(request): Form<TokenRequest>,
) -> Result<Json<Tokens>, Refused> {
    let account = match request {
        TokenRequest::Password { username, password } => {
            let logged_in = issuer.accounts.log_in(&username, password).await;
            logged_in.map_err(|_| refused(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"))?
        }
        TokenRequest::RefreshToken { refresh_token } => issuer.account_of(&refresh_token),
    };
    let account = account.ok_or_else(|| refused(StatusCode::BAD_REQUEST, "invalid_grant"))?;
    let tokens = tokens(&issuer, account).await;
    tokens
        .map(Json)
        .ok_or_else(|| refused(StatusCode::INTERNAL_SERVER_ERROR, "server_error"))
}

async fn tokens(issuer: &Shared, account: &Account) -> Option<Tokens> {
    // The `sub` of an `Issuer` is a room; here it is the user. The names of all accounts have its form.
    let subject = account.name.parse().ok()?;
    let claims = Claims {
        of_user: account.claims(),
        rooms: account.rooms,
    };
    let access = issuer.access.issue(&subject, &claims).await.ok()?;
    let refresh = issuer.refresh.issue(&subject, &()).await.ok()?;
    let left = access.expires_at().elapsed().err()?.duration();
    Some(Tokens {
        access_token: access.as_str().to_owned(),
        token_type: "Bearer",
        expires_in: left.as_secs(),
        refresh_token: refresh.as_str().to_owned(),
    })
}
