//! Claims and authenticated events have no constructor.

use room_auth::{Authenticated, EventContext, Incoming, RoomClaims, RoomId};
use serde_json::Value;

fn claims_from_constructor(room_id: RoomId) -> RoomClaims {
    RoomClaims::new(room_id, 0, u64::MAX, ())
}

fn claims_by_default() -> RoomClaims {
    RoomClaims::default()
}

fn claims_changed(mut claims: RoomClaims, room_id: RoomId) -> RoomClaims {
    claims.room_id = room_id;
    claims
}

fn event_from_constructor(claims: RoomClaims, context: EventContext, event: Value) -> Authenticated<Value> {
    Authenticated::new(claims, context, event)
}

fn event_from_parts(claims: RoomClaims, event: Value) -> Authenticated<Value> {
    Authenticated::from((claims, event))
}

fn event_from_incoming(incoming: Incoming) -> Authenticated<Value> {
    incoming.into()
}

fn main() {}
