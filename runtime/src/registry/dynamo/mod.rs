//! The registry over DynamoDB.
//!
//! | file | job |
//! | --- | --- |
//! | `mod.rs` | [`DynamoRegistry`]: what is configured |
//! | `writes.rs` | recording, changing, forgetting |
//! | `reads.rs` | finding, listing |
//! | `revocations.rs` | markers of what is revoked |
//! | `stored.rs`, `shard.rs` | which items a connection consists of |
//! | `item.rs` | the items of the table |
//! | `transaction.rs` | writes that are done together or not at all |
//! | `retry.rs` | the retries of a call |
//! | `error.rs` | which requests are worth a retry |
//! | `table.rs` | the table, for local use |

mod error;
mod item;
mod reads;
mod retry;
mod revocations;
mod shard;
mod stored;
mod table;
mod transaction;
mod writes;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::StalledStreamProtectionConfig;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;

pub use self::item::TABLE_ENV;
use self::retry::RetryPolicy;
use super::{
    Connection, Page, PageToken, Registry, RegistryError, Revocation, Revocations, RoomMember, SingleUse,
    Trace, UserConnection, Written,
};
use crate::error::ConfigError;
use crate::id::ConnectionId;
use crate::id::RoomId;

/// The default of [`DynamoRegistry::with_page_size`]: a page holds at most 500 connections.
///
/// A room item holds the claims, and about 150 bytes more. With claims of 200 bytes, a page is a response of 175 KB and
/// costs 43 read units (4 KB each). With the largest claims that fit into a token (3 KB), DynamoDB ends the page after
/// about 330 connections, at 1 MB and 256 read units. A broadcast takes longer to send to a page than a query takes, so
/// that the next page is there when it is needed.
pub const DEFAULT_PAGE_SIZE: u16 = 500;

/// The default of [`DynamoRegistry::with_budget`]: a third of the 29 seconds that API Gateway waits for an integration
/// (API Gateway quota page), so that a request that calls twice is still answered.
const BUDGET: Duration = Duration::from_secs(9);

/// DynamoDB answers in milliseconds; a new TLS connection of a small function takes up to a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

/// A [`Registry`](crate::Registry) in a DynamoDB table.
///
/// The table has the string keys `pk` and `sk`, and its time to live is the attribute `ttl`; on-demand billing suits
/// it. All items of a connection are written and deleted in one transaction, and its partition is read by one query:
///
/// | pk | sk | attributes |
/// | --- | --- | --- |
/// | `CONNECTION#<id>` | `CONNECTION` | `endpoint` (`<api id>/<stage>`), `room`, `claims` (JSON), `user`, `connected_at` (ms), `expires_at` (s), `shard`, `version`, `ttl` (s) |
/// | `CONNECTION#<id>` | `ROOM#<room>` | of a further room: `claims`, `connected_at`, `expires_at` of its token, `ttl` |
/// | `ROOM#<room>#<shard>` | `CONNECTION#<id>` | `endpoint`, `claims` for the room, `user`, `connected_at`, `expires_at`, `ttl` |
/// | `USER#<user>` | `CONNECTION#<id>` | `endpoint`, `ttl`; only where a user claim is configured, as `user` is |
/// | `REVOKED#USER#<user>`, `REVOKED#TOKEN#<jti>` | `REVOKED` | `not_before` (s), `ttl`: when no such token is accepted any more |
/// | `USED#<jti>` | `USED` | `ttl`: when the token is not accepted any more; only for tokens that are accepted once |
///
/// `version` counts the changes: what was seen is changed or deleted only as it was seen, further rooms included.
///
/// One table may serve several APIs and stages, since the endpoint is recorded. `ttl` is two hours and ten minutes
/// after `connected_at`, when API Gateway has ended the connection for certain, and not `expires_at`: the items of an
/// expired connection tell whom to close.
///
/// The function's role needs `dynamodb:BatchGetItem`, `PutItem`, `UpdateItem`, `DeleteItem` and `Query` on the table
/// (`BatchGetItem` for revocation only). Whoever else can write the table can make claims.
///
/// Throttled requests, transaction conflicts and lost answers are tried again with backoff and full jitter until the
/// call's time is over ([`with_budget`](Self::with_budget)). The SDK's own retries are off: all requests of a client
/// share one token bucket there, so that a burst of throttling stops the retries of all others.
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
    retries: RetryPolicy,
}

impl DynamoRegistry {
    /// Creates the registry in the table that `DYNAMO_TABLE_NAME_CHAT_CONNECTIONS` names.
    ///
    /// Region, credentials and endpoint come from the SDK's own variables (`AWS_REGION`,
    /// `AWS_ENDPOINT_URL_DYNAMODB`, …), which Lambda sets as needed. Sends no request.
    ///
    /// # Errors
    ///
    /// The variable is not set, or no region is.
    pub async fn from_env() -> Result<Self, ConfigError> {
        Self::from_config(&crate::aws::config_from_env().await?)
    }

    /// Like [`from_env`](Self::from_env), with an existing configuration of the SDK.
    ///
    /// # Errors
    ///
    /// The variable is not set.
    pub fn from_config(config: &SdkConfig) -> Result<Self, ConfigError> {
        let table = std::env::var(TABLE_ENV).unwrap_or_default();
        let table = table.trim();
        if table.is_empty() {
            return Err(ConfigError::new(format!(
                "{TABLE_ENV} is not set; set it to the name of the DynamoDB table of connections"
            )));
        }
        Ok(Self::new(&Client::new(config), table))
    }

    /// Creates the registry in `table`, reached as `client` is configured. Only retries and timeouts are replaced.
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
            retries: RetryPolicy { budget: BUDGET },
        }
    }

    /// Spreads each room over `shards` partitions (default: 1; 0 counts as 1).
    ///
    /// A partition takes 1,000 write units a second. A connection with claims of less than 800 bytes writes a
    /// transactional unit of 2 into its room when it comes and when it goes, so that one shard is enough for 500 of
    /// these a second in *one* room. Each shard costs a listing one query. All functions that share a table use the
    /// same number. It can be raised at any time; after it is lowered, connections in a shard that no longer exists
    /// are not listed.
    ///
    /// ```
    /// # fn spread(registry: room_auth::registry::DynamoRegistry) {
    /// let registry = registry.with_shards(4).with_page_size(250);
    /// # }
    /// ```
    #[must_use]
    pub fn with_shards(mut self, shards: u16) -> Self {
        self.shards = shards.max(1);
        self
    }

    /// Sets how many connections a page holds at most (default: [`DEFAULT_PAGE_SIZE`]; 1 to 1,000, the nearest is
    /// taken).
    #[must_use]
    pub fn with_page_size(mut self, connections: u16) -> Self {
        self.page_size = connections.clamp(1, 1000);
        self
    }

    /// Sets how long a call may take, all its attempts together (default: 9 s).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # fn hurry(registry: room_auth::registry::DynamoRegistry) {
    /// let registry = registry.with_budget(Duration::from_secs(3));
    /// # }
    /// ```
    #[must_use]
    pub fn with_budget(mut self, budget: Duration) -> Self {
        self.retries.budget = budget;
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
    async fn record(
        &self,
        connection: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        self.record_connection(connection, token).await
    }

    async fn find(&self, id: &ConnectionId) -> Result<Option<Connection>, RegistryError> {
        let mut operation = self.retries.start("find the connection");
        let found = self.find_stored(&mut operation, id).await?;
        Ok(found.map(|stored| stored.connection))
    }

    async fn update(
        &self,
        seen: &Connection,
        next: &Connection,
        token: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        self.change_connection(seen, next, token).await
    }

    async fn forget(&self, seen: &Connection) -> Result<bool, RegistryError> {
        self.forget_connection(seen).await
    }

    async fn members(
        &self,
        room: &RoomId,
        from: Option<&PageToken>,
    ) -> Result<Page<RoomMember>, RegistryError> {
        self.page_of_room(room, from).await
    }

    async fn connections_of(
        &self,
        user: &str,
        from: Option<&PageToken>,
    ) -> Result<Page<UserConnection>, RegistryError> {
        self.page_of_user(user, from).await
    }

    async fn sweep(&self, trace: Trace<'_>) -> Result<(), RegistryError> {
        self.sweep_trace(trace).await
    }

    async fn revoke(&self, revocation: &Revocation) -> Result<(), RegistryError> {
        self.write_marker(revocation).await
    }

    async fn revocations(
        &self,
        user: Option<&str>,
        token_id: Option<&str>,
    ) -> Result<Revocations, RegistryError> {
        self.read_markers(user, token_id).await
    }
}
