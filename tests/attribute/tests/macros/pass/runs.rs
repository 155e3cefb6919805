//! The function fits where a Lambda function is started, and its future is `Send`.

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use room_auth::{Error, Incoming, LambdaEvent, RoomClaims, room_auth, service_fn};

#[path = "../support.rs"]
mod support;

struct App;

#[room_auth]
async fn connect(
    claims: RoomClaims,
    event: LambdaEvent<ApiGatewayWebsocketProxyRequest>,
) -> Result<ApiGatewayProxyResponse, Error> {
    tokio::task::yield_now().await;
    assert_ne!(Some(claims.room_id().as_str()), event.payload.body.as_deref());
    Ok(room_auth::response::ok())
}

#[room_auth]
async fn with_state(
    claims: RoomClaims,
    event: LambdaEvent<ApiGatewayWebsocketProxyRequest>,
    app: &App,
) -> Result<ApiGatewayProxyResponse, Error> {
    tokio::task::yield_now().await;
    let (_, _, _) = (claims, event, app);
    Ok(room_auth::response::ok())
}

async fn started() -> Result<(), Error> {
    let app = Arc::new(App);
    let handler = move |event: LambdaEvent<Incoming>| {
        let app = app.clone();
        async move { with_state(event, &app).await }
    };
    match std::env::args().count() {
        2 => room_auth::run(connect).await,
        3 => room_auth::run(handler).await,
        4 => lambda_runtime::run(service_fn(connect)).await,
        5 => lambda_runtime::run_concurrent(service_fn(connect)).await,
        6 => lambda_runtime::run_concurrent(service_fn(handler)).await,
        _ => Ok(()),
    }
}

fn main() {
    drop(support::assert_send(connect(support::authenticated_event())));
    drop(support::assert_send(with_state(support::authenticated_event(), &App)));
    support::block_on(started()).unwrap();
}
