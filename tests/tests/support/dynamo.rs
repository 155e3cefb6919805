//! DynamoDB on this machine, and registries in it.

use std::net::SocketAddr;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::{Client, Config};
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

/// A client of the DynamoDB at `url`, with credentials that are good for local ones only.
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

/// A registry in a table of its own.
pub(crate) async fn registry(client: &Client, table: &str) -> DynamoRegistry {
    let registry = DynamoRegistry::new(client, table);
    registry.create_local_table().await.unwrap();
    registry
}
