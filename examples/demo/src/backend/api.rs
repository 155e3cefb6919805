//! The endpoints.

use std::{convert::Infallible, sync::Arc, time::Instant};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode, header::SET_COOKIE},
    middleware,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::{get, post},
};
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::{
    Backend, assets, guard,
    reply::{Body, Failure},
    sessions::User,
    tokens,
};
use crate::{
    attacks::{Attack, Attacks, Outcome},
    events::Step,
    stack::Mode,
};

type Shared = State<Arc<Backend>>;

/// Requests are a name, a password or a room.
const MAX_BODY: usize = 4 * 1024;

pub(super) fn router(backend: Arc<Backend>) -> Router {
    Router::new()
        .route("/", get(assets::index))
        .route("/{*path}", get(assets::asset))
        .route("/api/login", post(log_in))
        .route("/api/logout", post(log_out))
        .route("/api/session", get(session))
        .route("/api/token", post(tokens::token))
        .route("/api/key", get(key))
        .route("/api/mode", get(mode))
        .route("/api/attacks", get(attacks))
        .route("/api/attacks/{id}", post(attack))
        .route("/api/events", get(events))
        .route("/api/gateway/restart", post(restart_gateway))
        .method_not_allowed_fallback(|| async {
            Failure::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "This endpoint takes another method.",
            )
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(backend.clone(), guard::guard))
        .with_state(backend)
}

#[derive(Deserialize)]
struct Credentials {
    user: String,
    password: String,
}

async fn log_in(
    State(backend): Shared,
    Body(Credentials { user, password }): Body<Credentials>,
) -> Result<Response, Failure> {
    backend.attempts.begin(&user, Instant::now()).map_err(|wait| {
        let seconds = wait.as_secs() + 1;
        let message = format!("Too many attempts. Try again in {seconds} seconds.");
        Failure::new(StatusCode::TOO_MANY_REQUESTS, message).retry_after(seconds)
    })?;
    let account = backend.accounts.log_in(&user, password).await;
    let account = account.ok_or_else(|| Failure::new(StatusCode::UNAUTHORIZED, "Wrong name or password."))?;
    backend.attempts.succeeded(&user);
    let cookie = backend.sessions.open(account, Instant::now());
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

async fn log_out(State(backend): Shared, headers: HeaderMap) -> Response {
    let cookie = backend.sessions.close(&headers);
    (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response()
}

async fn session(User(account): User) -> Json<Value> {
    Json(json!({"user": account.name, "rooms": account.rooms}))
}

async fn key(State(backend): Shared) -> Json<Value> {
    Json(json!({"kid": backend.stack.key.key_id(), "alg": "RS256", "bits": 2048}))
}

async fn mode(State(backend): Shared) -> Json<Mode> {
    Json(backend.stack.mode)
}

async fn attacks() -> Json<&'static [Attack]> {
    Json(Attacks::list())
}

async fn attack(
    State(backend): Shared,
    User(_): User,
    Path(id): Path<String>,
) -> Result<Json<Outcome>, Failure> {
    let known = Attacks::list().iter().find(|attack| attack.id == id);
    let attack = known.ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "There is no such attack."))?;
    let outcome = backend.attacks.run(attack).await;
    outcome.map(Json).map_err(|error| {
        Failure::new(
            StatusCode::BAD_GATEWAY,
            format!("The attack could not be tried: {error}."),
        )
    })
}

/// The steps of the requests that come from now on, until the demo stops or the page goes.
async fn events(State(backend): Shared, User(_): User) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let steps = stream::unfold(backend.stack.events.steps(), |mut steps| async {
        loop {
            match steps.recv().await {
                Ok(step) => return Some((Ok(event(&step)), steps)),
                // A reader that is too slow misses some.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    let until_stop = steps.take_until(backend.stopping.clone().cancelled_owned());
    Sse::new(until_stop).keep_alive(KeepAlive::default())
}

fn event(step: &Step) -> Event {
    Event::default().json_data(step).unwrap_or_default()
}

async fn restart_gateway(State(backend): Shared, User(_): User) -> Result<StatusCode, Failure> {
    let restarted = backend.stack.restart_gateway().await;
    restarted
        .map(|()| StatusCode::NO_CONTENT)
        .map_err(|error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}
