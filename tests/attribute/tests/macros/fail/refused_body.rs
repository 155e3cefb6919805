//! A refused function is still checked: what is wrong in its body is told as well, what it uses counts as used, and
//! whoever calls it is not told more.

use std::collections::HashMap;

use room_auth::{Error, LambdaEvent, RoomClaims, room_auth};
use serde_json::Value;

struct App;

#[room_auth]
pub(crate) fn connect<'a, T>(claims: RoomClaims<T>, event: LambdaEvent<Value>, app: &'a App) -> Result<Value, Error>
where
    T: serde::de::DeserializeOwned + 'a,
{
    let mut seen: HashMap<String, u8> = HashMap::new();
    seen.insert(event.context.request_id, "one");
    Ok(Value::Null)
}

async fn caller(event: LambdaEvent<room_auth::Incoming>) -> Result<Value, Error> {
    connect::<u8>(event, &App).await
}

fn main() {}
