//! One message from a client: its route, the function, and what the client is told.

use bytes::Bytes;

use crate::{
    api::{Api, IntegrationError, Route},
    connections::Connection,
    event::{self, RequestStamp},
    http::responses,
    journal::Content,
    observe::ObservedEvent,
};

/// Notes that a client has sent a message, in the order in which messages come. Returns its route.
pub(crate) fn arrived(api: &Api, connection: &Connection, text: &str) -> Option<Route> {
    let id = &connection.info.id;
    api.usage.message(text.len());
    let route = api.route_of_message(text);
    let key = || route.map(|route| route.key.clone());
    api.observer.notify(id, || ObservedEvent::FrameIn {
        route: key(),
        bytes: text.len(),
    });
    api.journal.note(id, || Content::MessageIn {
        route: key(),
        text: Bytes::copy_from_slice(text.as_bytes()),
    });
    route.cloned()
}

/// Invokes the function of the message's route, and sends the client the response or an error frame.
pub(crate) async fn handle(api: &Api, connection: &Connection, text: &str, route: Option<Route>) {
    let stamp = RequestStamp::new(api.clock.now());
    let id = &connection.info.id;
    let error_frame = |message: &str| {
        // A client that reads nothing, or has gone, cannot be told.
        let _ = connection.send(
            responses::body(message, id, &stamp.request_id),
            api.limits.client_buffer_bytes,
        );
    };
    if !api.allows_request() {
        return error_frame("Too Many Requests");
    }
    let Some(route) = route else {
        return error_frame("Forbidden");
    };
    let event = event::message(&api.stage, &connection.info, &stamp, &route.key, text);
    match api.integrate(&route, id, event).await {
        Ok(response) if route.has_response => {
            // Seen on AWS: without a body the client gets an empty message.
            let body = response.body.unwrap_or_default();
            if body.len() > api.limits.message_bytes {
                return error_frame("Internal server error");
            }
            let _ = connection.send(body, api.limits.client_buffer_bytes);
        }
        Ok(_) => {}
        Err(IntegrationError::Failed | IntegrationError::Refused) => error_frame("Internal server error"),
        Err(IntegrationError::TimedOut) => error_frame("Endpoint request timed out"),
    }
}
