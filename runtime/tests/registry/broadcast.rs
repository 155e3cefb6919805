//! Rooms over DynamoDB.

use std::time::Duration;

use room_auth::registry::{Registry, Written};
use room_auth::rooms::{Broadcast, Rooms};
use room_auth::testing::RecordingTransport;

use super::dynamo::{self, Embedded, connection, now};

#[tokio::test]
async fn a_broadcast_reaches_a_room_in_it_and_forgets_who_is_gone() {
    let dynamodb = Embedded::start().await;
    let registry = dynamo::registry(&dynamo::client(&dynamodb.url()), "connections").await;
    let registry = registry.with_shards(3).with_page_size(9);
    let transport = RecordingTransport::new();
    // Not young: a 410 is final.
    let connected_at = now() - Duration::from_mins(1);
    for number in 0..90 {
        let connection = connection(&format!("m{number}"), "lobby", connected_at);
        if number % 3 == 0 {
            transport.disconnect(&connection.id);
        }
        assert_eq!(registry.record(&connection, None).await.unwrap(), Written::Done);
    }
    let rooms = Rooms::new(registry.clone(), transport.clone());
    let lobby = "lobby".parse().unwrap();
    for gone in [30, 0] {
        let report = rooms.broadcast(Broadcast::new(&lobby, &())).await.unwrap();
        assert!(report.is_complete());
        assert_eq!((report.delivered(), report.gone()), (60, gone));
    }
    assert_eq!(transport.sent().len(), 2 * 60);
    let (mut left, mut next) = (0, None);
    loop {
        let page = registry.members(&lobby, next.as_ref()).await.unwrap();
        left += page.items.len();
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(left, 60);
    let id = "m0".parse().unwrap();
    assert_eq!(registry.find(&id).await.unwrap(), None);
}
