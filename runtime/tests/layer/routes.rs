//! Whose claims a handler gets, and what is answered.

use room_auth::{Authenticator, RegistryError, TokenSource};

use super::*;

#[tokio::test]
async fn claims_of_connect_are_known_on_every_route_until_disconnect() {
    let stage = Stage::new();
    stage.connect().await;
    let recorded = stage.recorded().unwrap();
    assert_eq!(
        (recorded.room.as_str(), recorded.connected_at, recorded.expires_at),
        ("lobby", at(NOW), at(NOW + 300))
    );
    assert_eq!(
        recorded.endpoint.to_string(),
        "a1b2c3/dev",
        "through which it is reached"
    );
    assert!(
        !format!("{recorded:?}").contains("alice"),
        "claims may be personal"
    );

    assert_eq!(stage.send(NOW + 299, &message()).await["statusCode"], 200);
    assert_eq!(stage.send(NOW + 299, &disconnect()).await["statusCode"], 200);
    assert!(stage.recorded().is_none());
    let calls = stage.calls.lock().unwrap();
    let event_types: Vec<_> = calls.iter().map(|call| call.event_type).collect();
    assert_eq!(
        event_types,
        [EventType::Connect, EventType::Message, EventType::Disconnect]
    );
    for call in calls.iter() {
        assert_eq!(call.claims.room_id().as_str(), "lobby");
        assert_eq!(call.claims.custom()["user"], "alice");
    }
    assert_eq!(calls[0].event["headers"]["Authorization"], "Bearer ***");
}

#[tokio::test]
async fn a_fault_of_the_registry_is_a_500_and_no_401() {
    let stage = Stage::new();
    stage.connect().await;
    for event in [message(), disconnect(), connect(&token("lobby", "bob", NOW, 300))] {
        stage.registry.fail_next(RegistryError::throttled("answer"));
        assert_eq!(stage.send(NOW, &event).await, failed(), "{event}");
        assert_eq!(stage.calls(), 1, "only the first $connect: {event}");
    }
}

#[tokio::test]
async fn a_subprotocol_is_answered_after_the_connection_is_recorded() {
    let stage = Stage::new();
    let token = token("lobby", "alice", NOW, 300);
    let mut event = event("CONNECT", "$connect");
    event["headers"] = json!({"Sec-WebSocket-Protocol": format!("room-auth, {token}")});
    let answer = stage.send(NOW, &event).await;
    assert_eq!(
        answer,
        json!({"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "room-auth"}})
    );
    assert!(stage.recorded().is_some());
}

#[tokio::test]
async fn an_application_protocol_is_answered_also_where_no_token_may_stand_beside_it() {
    let stage = Stage::new();
    let narrow = |authenticator: Authenticator| {
        authenticator
            .with_sources([TokenSource::authorization()])
            .unwrap()
    };
    let name =
        |authenticator: Authenticator| authenticator.with_application_protocols(["graphql-ws"]).unwrap();
    let authenticator = Authenticator::new(verifier_at(NOW));
    for authenticator in [
        name(narrow(authenticator.clone())),
        narrow(name(authenticator.clone())),
    ] {
        let layer = RoomAuthLayer::new(authenticator).with_rooms(stage.rooms());
        for (offer, answer) in [
            ("graphql-ws", json!("graphql-ws")),
            ("other, graphql-ws", json!("graphql-ws")),
            ("other", json!(null)),
        ] {
            let mut event = connect(&token("lobby", "alice", NOW, 300));
            event["headers"]["Sec-WebSocket-Protocol"] = json!(offer);
            let response = stage.send_through(&layer, &event).await.unwrap();
            assert_eq!(response["statusCode"], 200, "{offer}");
            assert_eq!(response["headers"]["Sec-WebSocket-Protocol"], answer, "{offer}");
        }
        let mut event = event("CONNECT", "$connect");
        let token = token("lobby", "alice", NOW, 300);
        event["headers"] = json!({"Sec-WebSocket-Protocol": format!("graphql-ws, room-auth, {token}")});
        assert_eq!(stage.send_through(&layer, &event).await.unwrap(), unauthorized());
    }
}

#[tokio::test]
async fn an_event_that_does_not_say_when_or_where_is_refused_where_connections_are_recorded() {
    for member in ["connectedAt", "apiId", "stage"] {
        for wrong in [json!(null), json!({}), json!("")] {
            let stage = Stage::new();
            let mut event = connect(&token("lobby", "alice", NOW, 300));
            event["requestContext"][member] = wrong.clone();
            assert_eq!(stage.send(NOW, &event).await, unauthorized(), "{member} {wrong}");
            assert_eq!(
                (stage.calls(), stage.registry.connections().len()),
                (0, 0),
                "{member}"
            );
        }
    }
}

#[tokio::test]
async fn without_a_registry_an_event_of_an_emulator_needs_neither_time_nor_api() {
    let stage = Stage::new();
    let layer = RoomAuthLayer::new(verifier_at(NOW));
    let mut event = connect(&token("lobby", "alice", NOW, 300));
    let context = event["requestContext"].as_object_mut().unwrap();
    context.retain(|name, _| ["eventType", "routeKey", "connectionId"].contains(&name.as_str()));
    event["queryStringParameters"] = json!({"x": null});
    assert_eq!(
        stage.send_through(&layer, &event).await.unwrap()["statusCode"],
        200
    );
    assert_eq!(stage.calls(), 1);
}
