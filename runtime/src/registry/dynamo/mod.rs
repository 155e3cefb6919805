//! The registry over DynamoDB.
//!
//! | file | job |
//! | --- | --- |
//! | `mod.rs` | [`DynamoRegistry`]: what is configured |
//! | `writes.rs` | recording, renewing, forgetting |
//! | `reads.rs` | finding, listing |
//! | `item.rs` | the items of the table |
//! | `patience.rs` | trying again within a time |
//! | `failure.rs` | what is worth trying again |
//! | `table.rs` | the table, for local use |

mod failure;
mod item;
mod patience;
mod reads;
mod table;
mod writes;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::StalledStreamProtectionConfig;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use tokio::time::Instant;

use self::patience::Patience;
use super::{BoxFuture, Connection, MemberPage, PageToken, Registry, RegistryError};
use crate::error::ConfigError;
use crate::id::ConnectionId;
use crate::id::RoomId;

/// The environment variable that names the table.
pub const TABLE_VARIABLE: &str = "DYNAMO_TABLE_NAME_CHAT_CONNECTIONS";

/// How many members a page holds at most, unless [`DynamoRegistry::with_page_size`] says otherwise.
///
/// A room item is at most 400 bytes, so that a page is one answer of at most 200 KB (DynamoDB's limit is 1 MB)
/// and costs at most 50 read units; a broadcast sends to 500 connections in well over the time a query takes,
/// so that the next page is there when it is needed.
pub const DEFAULT_PAGE_SIZE: u16 = 500;

/// How long a call may take by default, all its attempts together: a third of the 29 seconds that API Gateway
/// waits for an integration (API Gateway quota page), so that a request that asks twice is still answered.
const BUDGET: Duration = Duration::from_secs(9);

/// DynamoDB answers in milliseconds; a new TLS connection of a small function takes up to a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

/// A [`Registry`](crate::Registry) in a DynamoDB table.
///
/// The table has the string keys `pk` and `sk`, and a time to live in `ttl`; on-demand billing suits it. It holds
/// two items a connection, written and deleted in one transaction:
///
/// | pk | sk | attributes |
/// | --- | --- | --- |
/// | `CONNECTION#<id>` | `CONNECTION` | `room`, `shard`, `claims` (JSON), `connected_at` (ms), `expires_at` (s), `ttl` (s) |
/// | `ROOM#<room>#<shard>` | `CONNECTION#<id>` | `connected_at`, `expires_at`, `ttl` |
///
/// `ttl` is ten minutes after API Gateway has ended the connection at the latest (two hours), not `expires_at`:
/// the items of an expired connection tell whom to close.
///
/// The function's role needs `dynamodb:GetItem`, `PutItem`, `UpdateItem`, `DeleteItem` and `Query` on the table.
///
/// Throttled requests and transaction conflicts are tried again with backoff and full jitter until the call's
/// time is over ([`with_budget`](Self::with_budget), [`with_deadline`](Self::with_deadline)). The SDK's own
/// retries are off: they share one token bucket, in which a burst of throttling stops the retries of all others.
///
/// Clones share their HTTP connections.
///
/// ```no_run
/// # async fn start() -> Result<(), room_auth::Error> {
/// use room_auth::registry::DynamoRegistry;
///
/// let registry = DynamoRegistry::from_env().await?.with_shards(4);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct DynamoRegistry {
    client: Client,
    table: Arc<str>,
    shards: u16,
    page_size: u16,
    patience: Patience,
}

impl DynamoRegistry {
    /// The registry in the table that `DYNAMO_TABLE_NAME_CHAT_CONNECTIONS` names.
    ///
    /// Region, credentials and endpoint come from the SDK's own variables (`AWS_REGION`,
    /// `AWS_ENDPOINT_URL_DYNAMODB`, …), which Lambda sets as needed. Nothing is requested yet.
    ///
    /// # Errors
    ///
    /// The variable is not set, or no region is.
    pub async fn from_env() -> Result<Self, ConfigError> {
        Self::from_config(&crate::aws::config_from_env().await?)
    }

    /// Like [`from_env`](Self::from_env), over a configuration that is there already.
    ///
    /// # Errors
    ///
    /// The variable is not set.
    pub fn from_config(config: &SdkConfig) -> Result<Self, ConfigError> {
        let table = std::env::var(TABLE_VARIABLE).unwrap_or_default();
        if table.is_empty() {
            return Err(ConfigError::new(format!(
                "{TABLE_VARIABLE} is not set; set it to the name of the DynamoDB table of connections"
            )));
        }
        Ok(Self::new(&Client::new(config), table))
    }

    /// The registry in `table`, reached as `client` is configured; only retries and timeouts are set anew.
    pub fn new(client: &Client, table: impl Into<String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let config = client
            .config()
            .to_builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            // The attempt's timeout ends a stalled answer too.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self {
            client: Client::from_conf(config),
            table: table.into().into(),
            shards: 1,
            page_size: DEFAULT_PAGE_SIZE,
            patience: Patience::new(BUDGET),
        }
    }

    /// Spreads each room over `shards` partitions (default 1; 0 counts as 1).
    ///
    /// A partition takes 1,000 write units a second; a connection writes a transactional unit of 2 into its room
    /// when it comes and when it goes, so that one shard is enough for 500 comings and goings a second in *one*
    /// room. Each shard costs a listing one query. All functions that share a table use the same number. Raise it
    /// at any time; after lowering it, connections recorded before in a shard that is no more are not listed.
    #[must_use]
    pub fn with_shards(mut self, shards: u16) -> Self {
        self.shards = shards.max(1);
        self
    }

    /// At most this many members a page (default [`DEFAULT_PAGE_SIZE`]; 0 counts as 1, and more than 1,000 as
    /// 1,000).
    #[must_use]
    pub fn with_page_size(mut self, members: u16) -> Self {
        self.page_size = members.clamp(1, 1000);
        self
    }

    /// The time of a call, all its attempts together (default 9 seconds).
    #[must_use]
    pub fn with_budget(mut self, budget: Duration) -> Self {
        self.patience.budget = budget;
        self
    }

    /// The moment by which every call ends, whatever is left of its budget: an invocation's deadline.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.patience.deadline = Some(deadline);
        self
    }
}

impl fmt::Debug for DynamoRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoRegistry")
            .field("table", &self.table)
            .field("shards", &self.shards)
            .field("page_size", &self.page_size)
            .finish_non_exhaustive()
    }
}

impl Registry for DynamoRegistry {
    fn record<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<(), RegistryError>> {
        Box::pin(self.record_connection(connection))
    }

    fn find<'a>(&'a self, id: &'a ConnectionId) -> BoxFuture<'a, Result<Option<Connection>, RegistryError>> {
        Box::pin(self.find_connection(id))
    }

    fn renew<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<bool, RegistryError>> {
        Box::pin(self.renew_connection(connection))
    }

    fn forget<'a>(
        &'a self,
        id: &'a ConnectionId,
        room: &'a RoomId,
        connected_at: u64,
    ) -> BoxFuture<'a, Result<(), RegistryError>> {
        Box::pin(self.forget_connection(id, room, connected_at))
    }

    fn members<'a>(
        &'a self,
        room: &'a RoomId,
        from: Option<&'a PageToken>,
    ) -> BoxFuture<'a, Result<MemberPage, RegistryError>> {
        Box::pin(self.page(room, from))
    }
}
