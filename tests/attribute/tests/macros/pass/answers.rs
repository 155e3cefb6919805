//! The body runs for a good token, with its claims; everybody else gets a 401 and the body does not run.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};

#[path = "../support.rs"]
mod support;

static CALLS: AtomicUsize = AtomicUsize::new(0);

#[derive(serde::Deserialize)]
struct Member {
    user: String,
}

#[room_auth]
async fn connect(
    claims: RoomClaims<Member>,
    event: LambdaEvent<ApiGatewayWebsocketProxyRequest>,
) -> Result<ApiGatewayProxyResponse, Error> {
    CALLS.fetch_add(1, Ordering::SeqCst);
    assert_eq!(claims.room_id().as_str(), "lobby");
    assert_eq!(claims.custom().user, "alice");
    assert_eq!(event.payload.request_context.connection_id.as_deref(), Some(support::CONNECTION_ID));
    assert_eq!(event.context.request_id, "request-1");
    Ok(room_auth::response::ok())
}

#[room_auth]
async fn fails(_: RoomClaims, _: LambdaEvent<serde_json::Value>) -> Result<serde_json::Value, Error> {
    Err("the handler's own error".into())
}

fn main() {
    if !support::has_public_key(&room_auth_forge::key().public_key_pem()) {
        return;
    }
    let good = room_auth_forge::fresh_token_with("lobby", r#","user":"alice""#);

    let response = support::block_on(connect(support::connect_event(&good))).unwrap();
    assert_eq!(response.status_code, 200);
    assert_eq!(CALLS.load(Ordering::SeqCst), 1);

    let without_user = room_auth_forge::fresh_token("lobby");
    let (head, signature) = good.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    for bad in [&without_user, &forged, "", "nonsense"] {
        let response = support::block_on(connect(support::connect_event(bad))).unwrap();
        assert_eq!(response.status_code, 401);
        assert_eq!(CALLS.load(Ordering::SeqCst), 1, "the body ran for {bad:?}");
    }

    let error = support::block_on(fails(support::connect_event(&good))).unwrap_err();
    assert_eq!(error.to_string(), "the handler's own error");
}
