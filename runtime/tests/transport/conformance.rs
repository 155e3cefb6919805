//! The transport conforms, with a server that knows open and closed connections.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use room_auth::testing::{TestApi, transport_conformance};
use room_auth::transport::MAX_MESSAGE_BYTES;
use room_auth::{ApiEndpoint, ConnectionId};

use super::stub::{Answer, Request, Stub};
use super::{at, transport};

/// The connections of the server, by their percent-encoded ids.
#[derive(Debug, Default)]
struct Connections {
    count: usize,
    closed: BTreeSet<String>,
    received: BTreeMap<String, Vec<String>>,
}

impl Connections {
    fn answer(&mut self, request: &Request) -> Answer {
        let id = request
            .path
            .strip_prefix("/dev/@connections/")
            .unwrap()
            .to_owned();
        if self.closed.contains(&id) {
            return Answer::Status(410, "GoneException");
        }
        if request.method == "DELETE" {
            self.closed.insert(id);
            return Answer::Status(204, "");
        }
        if request.body.len() > MAX_MESSAGE_BYTES {
            return Answer::Status(413, "PayloadTooLargeException");
        }
        let frame = String::from_utf8(request.body.clone()).unwrap();
        self.received.entry(id).or_default().push(frame);
        Answer::Status(200, "")
    }
}

#[derive(Clone, Debug, Default)]
struct Clients(Arc<Mutex<Connections>>);

impl TestApi for Clients {
    async fn connect(&self) -> (ApiEndpoint, ConnectionId) {
        let mut connections = self.0.lock().unwrap();
        connections.count += 1;
        (at(), format!("client/{}=", connections.count).parse().unwrap())
    }

    async fn received(&self, _: &ApiEndpoint, by: &ConnectionId) -> Vec<String> {
        let id = by.as_str().replace('/', "%2F").replace('=', "%3D");
        let connections = self.0.lock().unwrap();
        connections.received.get(&id).cloned().unwrap_or_default()
    }
}

#[tokio::test]
async fn it_conforms() {
    let clients = Clients::default();
    let connections = clients.0.clone();
    let stub = Stub::start(move |request| connections.lock().unwrap().answer(request)).await;
    transport_conformance(transport(&stub).await, clients).await;
}
