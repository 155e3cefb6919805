//! The types of claims, event and output are told by traits: aliases, paths and macros are as good as the names.

use aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use room_auth::{Error, room_auth};
use serde_json::Value;

#[path = "../support.rs"]
mod support;

#[derive(serde::Deserialize)]
pub struct Member {
    user: String,
}

type Claims = room_auth::RoomClaims<Member>;
type Event<E = ApiGatewayWebsocketProxyRequest> = lambda_runtime::LambdaEvent<E>;
type Answer = Result<Value, Error>;
type Fallible<T, E = Error> = std::result::Result<T, E>;

macro_rules! answer {
    () => { Result<Value, Error> };
}

trait Routes {
    type Event;
}

impl Routes for () {
    type Event = Event<Value>;
}

#[room_auth(with = &support::LAYER)]
async fn alias(claims: Claims, event: Event) -> Answer {
    let connection = event.payload.request_context.connection_id.ok_or("no connection")?;
    Ok(format!("{} {connection}", claims.custom().user).into())
}

#[room_auth(with = &support::LAYER)]
async fn path(claims: self::Claims, event: <() as Routes>::Event) -> self::Fallible<Value> {
    Ok(format!("{} {}", claims.custom().user, event.context.request_id).into())
}

#[allow(unused_parens)]
#[room_auth(with = &support::LAYER)]
async fn parenthesized(claims: (Claims), event: (Event<Value>)) -> (Answer) {
    Ok(format!("{} {}", claims.custom().user, event.context.request_id).into())
}

#[room_auth(with = &support::LAYER)]
async fn made_by_macro(claims: Claims, _event: Event<Value>) -> answer!() {
    Ok(claims.into_custom().user.into())
}

macro_rules! handler {
    ($(#[$attr:meta])* $name:ident, $claims:ident: $claims_type:ty, $event:pat, $event_type:ty, $output:ty, $layer:expr, $body:block) => {
        $(#[$attr])*
        #[room_auth(with = $layer)]
        async fn $name($claims: $claims_type, $event: $event_type) -> $output $body
    };
}

handler!(
    /// Every fragment in its invisible parentheses.
    from_fragments, claims: Claims, _, Event<Value>, Fallible<Value>, &support::LAYER, {
        if claims.custom().user.is_empty() {
            return Err("nobody".into());
        }
        Ok(claims.into_custom().user.into())
    }
);

fn main() {
    let event = support::authenticated_event;
    assert_eq!(support::block_on(alias(event())).unwrap(), format!("alice {}", support::CONNECTION_ID));
    assert_eq!(support::block_on(path(event())).unwrap(), "alice request-1");
    assert_eq!(support::block_on(parenthesized(event())).unwrap(), "alice request-1");
    assert_eq!(support::block_on(made_by_macro(event())).unwrap(), "alice");
    assert_eq!(support::block_on(from_fragments(event())).unwrap(), "alice");
}
