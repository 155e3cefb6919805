//! Puts users out: by their own wish, on all their devices, or by a moderator's.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use axum_extra::extract::cookie::CookieJar;
use room_auth::rooms::DisconnectReport;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Backend,
    accounts::{ACCOUNTS, Account},
    reply::{Body, Failure},
    user::{Moderator, User},
};

/// What became of a user's connections.
#[derive(Serialize)]
struct Closing {
    ended: u64,
    /// How many may still be open.
    not_ended: u64,
    /// Whether none is; otherwise it helps to ask again.
    is_complete: bool,
}

#[derive(Deserialize)]
pub(super) struct Named {
    user: String,
}

impl Named {
    fn account(&self) -> Result<&'static Account, Failure> {
        Account::named(&self.user)
            .ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "There is no such user."))
    }
}

/// Handles `POST /api/logout-everywhere`: ends the user's sessions and connections, and revokes all tokens.
pub(super) async fn log_out_everywhere(
    State(backend): State<Arc<Backend>>,
    User(account): User,
    cookies: CookieJar,
) -> impl IntoResponse {
    let ended = revoke(backend.clone(), account, "Log in and try again.").await;
    let cookie = backend.sessions.close(&cookies);
    (cookies.remove(cookie), ended)
}

/// Handles `POST /api/put-out`: does the same to another user, who gets no token until let in.
pub(super) async fn put_out(
    State(backend): State<Arc<Backend>>,
    Moderator: Moderator,
    Body(named): Body<Named>,
) -> Result<impl IntoResponse, Failure> {
    let account = named.account()?;
    if account.is_moderator {
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "A moderator cannot be put out.",
        ));
    }
    backend.standings.put_out(account.name);
    revoke(backend, account, "Try again.").await
}

/// Handles `POST /api/let-in`.
pub(super) async fn let_in(
    State(backend): State<Arc<Backend>>,
    Moderator: Moderator,
    Body(named): Body<Named>,
) -> Result<StatusCode, Failure> {
    backend.standings.let_in(named.account()?.name);
    Ok(StatusCode::NO_CONTENT)
}

/// Handles `GET /api/put-out`: who is out, and who could be.
pub(super) async fn who_is_out(State(backend): State<Arc<Backend>>, Moderator: Moderator) -> Json<Value> {
    let others = ACCOUNTS.iter().filter(|account| !account.is_moderator);
    let (out, others): (Vec<_>, Vec<_>) = others
        .map(|account| account.name)
        .partition(|name| backend.standings.is_put_out(name));
    Json(json!({"out": out, "in": others}))
}

async fn revoke(
    backend: Arc<Backend>,
    account: &'static Account,
    then: &str,
) -> Result<Json<Closing>, Failure> {
    // Sessions end first: one that is open could get a token that was issued after the revocation.
    backend.sessions.close_all(account);
    // In a task of its own, so that it is not left half done when the page does not wait for the answer.
    let revoking = tokio::spawn(async move {
        let revoked = backend.stack.revocation.revoke(account.name).await;
        // The marker may be there even if this failed.
        backend.standings.revoked(account.name);
        for room in account.rooms.iter().filter_map(|room| room.parse().ok()) {
            backend.stack.revocation.tell_left(account.name, &room).await;
        }
        revoked
    });
    match revoking.await {
        Ok(Ok(report)) => Ok(Json(Closing::of(&report))),
        Ok(Err(_)) | Err(_) => Err(Failure::new(
            StatusCode::BAD_GATEWAY,
            format!("The connections could not all be ended. {then}"),
        )),
    }
}

impl Closing {
    fn of(report: &DisconnectReport) -> Self {
        Self {
            ended: report.ended(),
            not_ended: report.not_ended_count(),
            is_complete: report.is_complete(),
        }
    }
}
