//! Issues tokens: the one endpoint that a backend of your own has to add.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};

use super::{
    Backend,
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
    let issued = backend
        .stack
        .issuer
        .issue(&room, &Claims { user: account.name })
        .await;
    let token = issued.map_err(|_| {
        Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The token could not be signed.",
        )
    })?;
    Ok(Json(Ticket {
        expires_at: seconds(token.expires_at()),
        token: token.as_str().to_owned(),
        url: backend.stack.url.clone(),
    }))
}
