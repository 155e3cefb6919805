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
    backend.standings.next_second(account.name).await;
    let (token, expires_at) = match &backend.provider {
        Some(provider) => renewed(&backend, provider, &cookies).await?,
        None => issued(&backend, account, &room).await?,
    };
    // Looked at once the token is there, not before: whoever is logged out or put out in the meantime does not get it.
    if backend.sessions.account(&cookies, Instant::now()).is_none() {
        return Err(Failure::log_in_first());
    }
    if backend.standings.is_put_out(account.name) {
        let message = format!("{} has been put out.", account.name);
        return Err(Failure::new(StatusCode::FORBIDDEN, message));
    }
    Ok(Json(Ticket {
        token,
        url: backend.stack.url_for(room.as_str()),
        expires_at,
    }))
}

/// A token for the room, signed by the backend.
async fn issued(backend: &Backend, account: &Account, room: &RoomId) -> Result<(String, u64), Failure> {
    let issued = backend.stack.issuer.issue(room, &account.claims()).await;
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
