//! A DynamoDB on this machine, registries in it, and connections to record there.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::{Client, Config};
use room_auth::Connection;
use room_auth::registry::DynamoRegistry;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// An embedded DynamoDB behind a real HTTP server, until it is dropped.
pub(crate) struct Embedded {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Embedded {
    pub(crate) async fn start() -> Self {
        let database = dynoxide::Database::memory().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(dynoxide::server::serve_on(listener, database));
        Self { address, server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Creates a client of the DynamoDB at `url`, with credentials that only local ones accept.
pub(crate) fn client(url: &str) -> Client {
    let http_client = aws_smithy_http_client::Builder::new().build_http();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .endpoint_url(url)
        .http_client(http_client)
        .build();
    Client::from_conf(config)
}

/// Creates a registry in a table of its own.
pub(crate) async fn registry(client: &Client, table: &str) -> DynamoRegistry {
    let registry = DynamoRegistry::new(client, table);
    registry.create_local_table().await.unwrap();
    registry
}

/// Returns the present, to the millisecond: what has been over for hours, a DynamoDB may delete.
pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis(SystemTime::now()))
}

/// Returns the unit of `connected_at`.
pub(crate) fn millis(time: SystemTime) -> u64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap();
    since_epoch.as_millis().try_into().unwrap()
}

/// Creates a connection whose token expires five minutes after `connected_at`, to the second.
pub(crate) fn connection(id: &str, room: &str, connected_at: SystemTime) -> Connection {
    let seconds = Duration::from_secs(millis(connected_at) / 1000 + 300);
    Connection::new(
        id.parse().unwrap(),
        "a1b2c3d4e5/prod".parse().unwrap(),
        room.parse().unwrap(),
        r#"{"user":"alice"}"#,
        connected_at,
        UNIX_EPOCH + seconds,
    )
}
