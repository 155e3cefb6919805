//! Issues tokens: the one endpoint that a backend of your own has to add.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use axum::{Json, extract::State, http::StatusCode};
use axum_extra::extract::cookie::CookieJar;
use room_auth::RoomId;
use serde::{Deserialize, Serialize};

use super::{
    Backend,
    accounts::Account,
    provider::Provider,
    reply::{Body, Failure},
    user::User,
};
use crate::clock::seconds;

#[derive(Deserialize)]
pub(super) struct TokenRequest {
    room: String,
}

/// Everything that the client needs to connect.
#[derive(Serialize)]
pub(super) struct Ticket {
    token: String,
    url: String,
    expires_at: u64,
}

/// The claims beside room and times.
#[derive(Serialize)]
struct Claims {
    user: &'static str,
}

/// Handles `POST /api/token`: issues a token for a room that the user may enter.
pub(super) async fn token(
    State(backend): State<Arc<Backend>>,
    User(account): User,
    cookies: CookieJar,
    Body(TokenRequest { room }): Body<TokenRequest>,
) -> Result<Json<Ticket>, Failure> {
    let room = account
        .rooms
        .iter()
        .find(|own| **own == room)
        .and_then(|room| room.parse().ok());
    let room = room.ok_or_else(|| {
        Failure::new(
            StatusCode::FORBIDDEN,
            format!("{} may not enter this room.", account.name),
        )
    })?;
    let (token, expires_at) = match &backend.provider {
        Some(provider) => renewed(&backend, provider, &cookies).await?,
        None => issued(&backend, account, &room).await?,
    };
    Ok(Json(Ticket {
        token,
        url: backend.stack.url_for(room.as_str()),
        expires_at,
    }))
}

/// A token for the room, signed by the backend.
async fn issued(backend: &Backend, account: &Account, room: &RoomId) -> Result<(String, u64), Failure> {
    let claims = Claims { user: account.name };
    let issued = backend.stack.issuer.issue(room, &claims).await;
    let token = issued.map_err(|_| {
        Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The token could not be signed.",
        )
    })?;
    Ok((token.as_str().to_owned(), seconds(token.expires_at())))
}

/// A token for the user, signed by the identity provider.
async fn renewed(
    backend: &Backend,
    provider: &Provider,
    cookies: &CookieJar,
) -> Result<(String, u64), Failure> {
    let now = SystemTime::now();
    let refresh_token = backend.sessions.refresh_token(cookies, Instant::now());
    let tokens = match refresh_token {
        Some(refresh_token) => provider.renew(&refresh_token).await,
        None => Ok(None),
    };
    let tokens = tokens
        .map_err(|_| Failure::new(StatusCode::BAD_GATEWAY, "The identity provider does not answer."))?;
    let tokens = tokens.ok_or_else(|| Failure::new(StatusCode::UNAUTHORIZED, "Log in again."))?;
    Ok((tokens.access_token, seconds(now) + tokens.expires_in))
}
