//! The endpoints of the backend.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    Json, Router,
    extract::{ConnectInfo, DefaultBodyLimit, Path, State},
    http::{StatusCode, header::SET_COOKIE},
    response::{
        AppendHeaders, IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
    routing::{get, post},
};
use axum_extra::extract::cookie::CookieJar;
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::{
    Backend, assets,
    attempts::{Refused, Source},
    guard::guarded,
    out,
    passwords::Busy,
    reply::{Body, Failure},
    tokens,
    user::User,
};
use crate::{
    attacks::{Attack, Attacks, Outcome},
    events::Step,
    stack::Mode,
};

type Shared = State<Arc<Backend>>;

/// The longest body in bytes: a name and a password, or a room.
const MAX_BODY: usize = 4 * 1024;

pub(super) fn router(backend: Arc<Backend>) -> Router {
    let (port, gateway_url) = (backend.address.port(), backend.stack.url.clone());
    let endpoints = Router::new()
        .route("/", get(assets::index))
        .route("/{*path}", get(assets::asset))
        .route("/api/login", post(log_in))
        .route("/api/logout", post(log_out))
        .route("/api/logout-everywhere", post(out::log_out_everywhere))
        .route("/api/put-out", get(out::who_is_out).post(out::put_out))
        .route("/api/let-in", post(out::let_in))
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
                "This endpoint does not take this method.",
            )
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(backend);
    guarded(endpoints, port, &gateway_url)
}

#[derive(Deserialize)]
struct Credentials {
    user: String,
    password: String,
}

async fn log_in(
    State(backend): Shared,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    cookies: CookieJar,
    Body(Credentials { user, password }): Body<Credentials>,
) -> Result<impl IntoResponse, Failure> {
    let device = backend.devices.of(&cookies, &user);
    let source = device.map_or(Source::Stranger(client.ip()), Source::Known);
    let begun = backend.attempts.begin(&user, source, Instant::now());
    begun.map_err(too_many_attempts)?;
    let account = backend.log_in(&user, password).await.map_err(|Busy| {
        backend.attempts.not_tried(&user, source);
        let message = "Too many people are logging in. Try again in a few seconds.";
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, message).retry_after(5)
    })?;
    let (account, refresh_token) =
        account.ok_or_else(|| Failure::new(StatusCode::UNAUTHORIZED, "Wrong name or password."))?;
    backend.attempts.succeeded(&user, source);
    let session = backend.sessions.open(account, refresh_token, Instant::now());
    let device = backend.devices.remember(account.name);
    let cookies = [session, device].map(|cookie| (SET_COOKIE, cookie.to_string()));
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cookies)))
}

fn too_many_attempts(refused: Refused) -> Failure {
    let (status, wait) = match refused {
        Refused::Here(wait) => (StatusCode::TOO_MANY_REQUESTS, wait),
        // Not this client's fault.
        Refused::Everywhere(wait) => (StatusCode::SERVICE_UNAVAILABLE, wait),
    };
    let seconds = wait.as_secs() + 1;
    Failure::new(
        status,
        format!("Too many attempts. Try again in {seconds} seconds."),
    )
    .retry_after(seconds)
}

async fn log_out(State(backend): Shared, cookies: CookieJar) -> impl IntoResponse {
    let ended = backend.sessions.close(&cookies);
    (StatusCode::NO_CONTENT, cookies.remove(ended))
}

async fn session(User(account): User) -> Json<Value> {
    Json(json!({"user": account.name, "rooms": account.rooms, "moderator": account.is_moderator}))
}

async fn key(State(backend): Shared) -> Json<Value> {
    let key = &backend.stack.key;
    let (bits, name) = match backend.stack.provider {
        Some(_) => (256, "the identity provider’s, P-256"),
        None => (2048, "the backend’s, RSA 2048"),
    };
    Json(json!({"kid": key.key_id(), "alg": key.algorithm().as_str(), "bits": bits, "name": name}))
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

/// Streams the steps of all requests from now on, until the demo stops or the page closes.
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
