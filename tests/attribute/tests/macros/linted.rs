//! What nobody should be warned of, and what the attribute must not hide.

use room_auth::{Error, LambdaEvent, RoomAuthLayer, RoomClaims, room_auth};
use serde_json::Value;

#[path = "support.rs"]
mod support;

struct App {
    auth: RoomAuthLayer,
}

// No `.await` in the body, no use of the parameters.
#[room_auth(with = &app.auth)]
async fn quiet(_claims: RoomClaims, _event: LambdaEvent<Value>, app: &App) -> Result<Value, Error> {
    Ok(Value::Null)
}

// Nothing but an awaited future, a block that ends in a `match`, a clone of a parameter.
#[room_auth(with = &support::LAYER)]
async fn awaits(claims: RoomClaims, event: LambdaEvent<Value>, state: &App) -> Result<Value, Error> {
    helper(claims, event, state.auth.clone()).await
}

#[room_auth(with = &support::LAYER)]
async fn matches(mut claims: RoomClaims<String>, event: LambdaEvent<Value>) -> Result<Value, Error> {
    claims = claims.clone();
    match event.payload {
        Value::String(text) if &text == claims.custom() => Ok(text.into()),
        payload => Ok(payload),
    }
}

// Generic parameters that are only in what was taken away.
#[room_auth(with = &support::LAYER)]
async fn generic<T, E>(claims: RoomClaims<T>, event: LambdaEvent<E>) -> Result<Value, Error>
where
    T: serde::de::DeserializeOwned,
    E: serde::de::DeserializeOwned + Into<Value> + 'static,
{
    drop(claims);
    Ok(event.payload.into())
}

/// Documented.
///
/// # Errors
///
/// Never.
#[room_auth(with = &support::LAYER)]
pub async fn public(
    claims: RoomClaims,
    LambdaEvent { payload, .. }: LambdaEvent<Value>,
) -> Result<Value, Error> {
    if claims.room_id().as_str() == "lobby" {
        return Ok(payload);
    }
    Err("not the lobby".into())
}

#[room_auth]
#[tracing::instrument(skip_all)]
async fn instrumented(
    claims: RoomClaims,
    _: LambdaEvent<aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest>,
) -> Result<Value, Error> {
    let Some(first) = claims.room_id().as_str().chars().next() else {
        return Err("no room has an empty name".into());
    };
    Ok(first.to_string().into())
}

async fn helper(claims: RoomClaims, event: LambdaEvent<Value>, auth: RoomAuthLayer) -> Result<Value, Error> {
    tokio::task::yield_now().await;
    Ok(format!("{claims:?} {event:?} {auth:?}").into())
}

#[test]
fn linted_handlers_answer() {
    let app = App {
        auth: support::layer(),
    };
    let event = support::authenticated_event;
    assert_eq!(support::block_on(quiet(event(), &app)).ok(), Some(Value::Null));
    let awaited = support::block_on(awaits(event(), &app)).ok();
    assert!(awaited.is_some_and(|text| text.to_string().contains("lobby")));
    // The token has no string for claims of its own.
    let refused = support::block_on(matches(event())).ok();
    assert_eq!(
        refused.map(|response| response["statusCode"].clone()),
        Some(401.into())
    );
    let answered = support::block_on(generic::<Value, Value>(event())).ok();
    assert!(answered.is_some_and(|event| event["requestContext"].is_object()));
    assert!(support::block_on(public(event())).is_ok());
    // Refused: the token by the key of the environment, or the environment for having none.
    let refused = support::block_on(instrumented(support::connect_event(""))).ok();
    let status = refused.and_then(|response| response["statusCode"].as_u64());
    assert!(matches!(status, Some(401 | 500)), "{status:?}");
}
