//! DynamoDB, embedded: the functions reach it over HTTP, as they do in AWS.

use std::{io, net::SocketAddr};

use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
};
use room_auth::registry::DynamoRegistry;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::DemoError;

/// The table of connections.
pub(crate) const TABLE: &str = "chat-connections";

/// An empty database in memory, until it is dropped.
#[derive(Debug)]
pub(crate) struct Database {
    address: SocketAddr,
    _server: AbortOnDropHandle<()>,
}

impl Database {
    /// Starts it, and makes the table.
    pub(crate) async fn start() -> Result<Self, DemoError> {
        let database = dynoxide::Database::memory()
            .map_err(|error| DemoError::Database(io::Error::other(error.to_string()).into()))?;
        let listen = async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            io::Result::Ok((listener.local_addr()?, listener))
        };
        let (address, listener) = listen.await.map_err(|error| DemoError::Database(error.into()))?;
        let server = AbortOnDropHandle::new(tokio::spawn(dynoxide::server::serve_on(listener, database)));
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "demo"))
            .endpoint_url(format!("http://{address}"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let registry = DynamoRegistry::new(&Client::from_conf(config), TABLE);
        registry
            .create_local_table()
            .await
            .map_err(|error| DemoError::Database(error.into()))?;
        Ok(Self {
            address,
            _server: server,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
