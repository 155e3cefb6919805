//! No name of the user's means anything to the attribute, and none of the attribute's to the user.
#![allow(non_camel_case_types, non_upper_case_globals, dead_code, unused_macros)]

#[path = "../support.rs"]
mod support;

mod shadowed {
    // What an unhygienic expansion would stumble over.
    struct Result;
    struct Ok;
    struct Err;
    struct Some;
    struct None;
    struct Option;
    struct Future;
    struct Send;
    struct Incoming;
    struct LambdaEvent;
    struct RoomClaims;
    struct Box;
    trait FnOnce {}
    mod core {}
    mod std {}
    mod __private {}
    mod room_auth {
        pub mod __private {}
    }
    mod lambda_runtime {}
    fn authenticate() {}
    fn layer() {}
    fn layer_from_env() {}
    fn claims() {}
    fn event() {}
    fn output() {}
    fn declared() {}
    const configured: u8 = 1;
    const declared_value: u8 = 1;
    const authenticated_claims: u8 = 2;
    const authenticated_event: u8 = 3;
    macro_rules! unreachable {
        () => {};
    }

    type Json = ::serde_json::Value;
    type Outcome = ::core::result::Result<Json, ::room_auth::Error>;

    #[::room_auth::room_auth(with = &super::support::LAYER)]
    pub async fn handler(
        claims: ::room_auth::RoomClaims,
        event: ::room_auth::LambdaEvent<Json>,
        declared: u8,
        handler: u8,
        output: u8,
    ) -> Outcome {
        // Still the user's constants, not the attribute's variables.
        let constants = configured + authenticated_claims + authenticated_event;
        ::core::assert_eq!(event.context.request_id, "request-1");
        ::core::result::Result::Ok(
            ::std::format!("{} {}", claims.room_id(), constants + declared + handler + output).into(),
        )
    }
}

mod same_names {
    use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
    use serde_json::Value;

    // State by the names that the expansion uses.
    #[room_auth(with = &crate::support::LAYER)]
    pub async fn room_auth_handler(
        configured: RoomClaims,
        authenticated_claims: LambdaEvent<Value>,
        authenticated_event: u8,
        event: u8,
        claims: u8,
    ) -> Result<Value, Error> {
        let sum = authenticated_event + event + claims;
        Ok(format!("{} {} {sum}", configured.room_id(), authenticated_claims.context.request_id).into())
    }

    // The expression is the caller's: it sees the state, and the function's own name is still the function.
    #[room_auth(with = configured)]
    pub async fn recursive(
        _claims: RoomClaims,
        event: LambdaEvent<Value>,
        configured: &room_auth::RoomAuthLayer,
        again: Option<LambdaEvent<room_auth::Incoming>>,
    ) -> Result<Value, Error> {
        match again {
            Some(again) => Box::pin(recursive(again, configured, None)).await,
            None => Ok(event.context.request_id.into()),
        }
    }
}

fn main() {
    let event = support::authenticated_event;
    assert_eq!(support::block_on(shadowed::handler(event(), 10, 20, 30)).unwrap(), "lobby 66");
    let response = support::block_on(same_names::room_auth_handler(event(), 1, 2, 3)).unwrap();
    assert_eq!(response, "lobby request-1 6");
    let layer = support::layer();
    assert_eq!(support::block_on(same_names::recursive(event(), &layer, Some(event()))).unwrap(), "request-1");
    // Recursion is authenticated as well.
    let refused = support::connect_event("");
    let response = support::block_on(same_names::recursive(event(), &layer, Some(refused))).unwrap();
    assert_eq!(response["statusCode"], 401);
}
