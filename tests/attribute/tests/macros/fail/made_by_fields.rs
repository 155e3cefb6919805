//! The fields of claims and authenticated events are private.

use room_auth::{Authenticated, EventContext, RoomClaims, RoomId};
use serde_json::Value;

fn claims(room_id: RoomId) -> RoomClaims {
    RoomClaims {
        room_id,
        subject: None,
        issued_at: 0,
        expires_at: u64::MAX,
        authority: Default::default(),
        custom: (),
        memberships: None,
    }
}

fn claims_from_others(claims: RoomClaims, room_id: RoomId) -> RoomClaims {
    RoomClaims { room_id, ..claims }
}

fn event(claims: RoomClaims, context: EventContext, event: Value) -> Authenticated<Value> {
    Authenticated { claims, context, event }
}

fn main() {}
