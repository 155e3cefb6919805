//! All that is wrong with a function is said at once.

use room_auth::{RoomClaims, room_auth};

#[room_auth(strict)]
unsafe fn connect(claims: RoomClaims) {
    println!("{claims:?}");
}

fn main() {}
