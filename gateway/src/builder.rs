//! Configuring a gateway.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use crate::{
    authorizer::IdentitySources,
    checks::RouteSpec,
    clock::{Clock, ManualClock},
    function::{Function, LogSink},
    gateway::Gateway,
    journal::Journal,
    limits::Limits,
    observe::{Observation, Observer},
    selection::SelectionExpression,
};

/// Configures and starts a [`Gateway`].
#[derive(Debug)]
pub struct GatewayBuilder {
    pub(crate) listen: SocketAddr,
    pub(crate) stage: String,
    pub(crate) api_id: String,
    pub(crate) region: String,
    pub(crate) account_id: String,
    pub(crate) domain_name: Option<String>,
    pub(crate) is_mapped: bool,
    #[cfg(feature = "tls")]
    pub(crate) tls: bool,
    pub(crate) stage_variables: BTreeMap<String, String>,
    pub(crate) signed_management_only: bool,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) selection: SelectionExpression,
    pub(crate) functions: Vec<(String, Function)>,
    pub(crate) routes: Vec<RouteSpec>,
    pub(crate) authorizer: Option<(String, IdentitySources)>,
    #[cfg(feature = "dynamodb")]
    pub(crate) tables: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) logs: LogSink,
    pub(crate) observer: Observer,
    pub(crate) journal: Journal,
    pub(crate) record: Option<PathBuf>,
    pub(crate) inspect: Option<u16>,
}

impl Gateway {
    /// Returns a builder to configure a gateway and to [`start`](GatewayBuilder::start) it.
    pub fn builder() -> GatewayBuilder {
        GatewayBuilder::new()
    }
}

impl GatewayBuilder {
    fn new() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            stage: "dev".to_owned(),
            api_id: "local".to_owned(),
            region: "us-east-1".to_owned(),
            account_id: "000000000000".to_owned(),
            domain_name: None,
            is_mapped: false,
            #[cfg(feature = "tls")]
            tls: false,
            stage_variables: BTreeMap::new(),
            signed_management_only: false,
            allowed_hosts: Vec::new(),
            selection: SelectionExpression::default(),
            functions: Vec::new(),
            routes: Vec::new(),
            authorizer: None,
            #[cfg(feature = "dynamodb")]
            tables: Vec::new(),
            limits: Limits::default(),
            clock: Clock::default(),
            logs: LogSink::default(),
            observer: Observer::default(),
            journal: Journal::default(),
            record: None,
            inspect: None,
        }
    }

    /// Sets the address to listen on (default: a free port on 127.0.0.1). `@connections` has no authentication here, so
    /// any other than a loopback address opens it to the network.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Sets the name of the stage, the first segment of every path (default: `dev`).
    #[must_use]
    pub fn stage(mut self, stage: impl Into<String>) -> Self {
        self.stage = stage.into();
        self
    }

    /// Sets the `apiId` of the events (default: `local`).
    #[must_use]
    pub fn api_id(mut self, api_id: impl Into<String>) -> Self {
        self.api_id = api_id.into();
        self
    }

    /// Sets the region in ARNs and in the functions' environment (default: `us-east-1`).
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// Sets the account in ARNs (default: `000000000000`).
    #[must_use]
    pub fn account_id(mut self, account_id: impl Into<String>) -> Self {
        self.account_id = account_id.into();
        self
    }

    /// Sets the `domainName` of the events (default: host and port of the listener, so that a function that makes its
    /// endpoint of the event, with `http://`, finds the gateway).
    #[must_use]
    pub fn domain_name(mut self, domain_name: impl Into<String>) -> Self {
        self.domain_name = Some(domain_name.into());
        self
    }

    /// Lets clients come by a custom domain, which maps its root to the stage: the stage is not in the path of clients
    /// and of `@connections`, `domainName` is this name, and all header names in events are in lower case, as behind a
    /// mapping of several levels. The name may have a port, and should lead to this machine, as `localhost:3001` does.
    #[must_use]
    pub fn custom_domain(mut self, domain_name: impl Into<String>) -> Self {
        self.is_mapped = true;
        self.domain_name(domain_name)
    }

    /// Serves `wss://` and `https://` on the same port as `ws://` and `http://` (default: only these), with a
    /// certificate that is made at the start. `https://{domainName}/{stage}`, which most samples of AWS make of an
    /// event, works then.
    ///
    /// The functions trust the certificate by `AWS_CA_BUNDLE`, `REQUESTS_CA_BUNDLE`, `SSL_CERT_FILE` and
    /// `NODE_EXTRA_CA_CERTS`, and clients by [`Gateway::ca_file`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Sets a stage variable.
    #[must_use]
    pub fn stage_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.stage_variables.insert(name.into(), value.into());
        self
    }

    /// Adds a function, with a name for routes and logs.
    #[must_use]
    pub fn function(mut self, name: impl Into<String>, function: Function) -> Self {
        self.functions.push((name.into(), function));
        self
    }

    /// Adds a route to the function of that name: `$connect`, `$disconnect`, `$default` or a key of your own. The
    /// function's response to a message is not sent to the client.
    #[must_use]
    pub fn route(self, key: impl Into<String>, function: impl Into<String>) -> Self {
        self.with_route(key.into(), function.into(), false)
    }

    /// Adds a route with a route response: the body of the function's response to a message is sent to the client.
    #[must_use]
    pub fn route_with_response(self, key: impl Into<String>, function: impl Into<String>) -> Self {
        self.with_route(key.into(), function.into(), true)
    }

    fn with_route(mut self, key: String, function: String, has_response: bool) -> Self {
        self.routes.push(RouteSpec {
            key,
            function,
            has_response,
        });
        self
    }

    /// Sets how a message selects its route (default: `$request.body.action`).
    #[must_use]
    pub fn route_selection(mut self, expression: SelectionExpression) -> Self {
        self.selection = expression;
        self
    }

    /// Makes the function of that name the REQUEST authorizer of `$connect`.
    #[must_use]
    pub fn authorizer(mut self, function: impl Into<String>, sources: IdentitySources) -> Self {
        self.authorizer = Some((function.into(), sources));
        self
    }

    /// Adds a table to the embedded DynamoDB, by the JSON of a `CreateTable` request. The functions find it by
    /// `AWS_ENDPOINT_URL_DYNAMODB`, which the AWS SDKs read. It lies in memory, and is empty at first.
    ///
    /// ```
    /// # use room_auth_gateway::Gateway;
    /// let builder = Gateway::builder().table(
    ///     r#"{"TableName": "connections", "BillingMode": "PAY_PER_REQUEST",
    ///         "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    ///         "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}"#,
    /// );
    /// ```
    #[cfg(feature = "dynamodb")]
    #[must_use]
    pub fn table(mut self, create_table: impl Into<String>) -> Self {
        self.tables.push(create_table.into());
        self
    }

    /// Changes the limits. The defaults are those that AWS documents.
    ///
    /// ```
    /// # use room_auth_gateway::Gateway;
    /// use std::time::Duration;
    ///
    /// let builder = Gateway::builder().limits(|limits| limits.idle_timeout = Duration::from_secs(1));
    /// ```
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Lets the gateway take the time from `clock`, which a test advances (default: the clock of the system).
    ///
    /// It moves everything that the gateway itself does by time: the idle timeout and the longest duration of a
    /// connection, the rates of [`Limits`], `connectedAt`, `requestTimeEpoch` and the other times of events,
    /// `lastActiveAt` and `connectedAt` of `@connections`, `aws:CurrentTime` in policies, the minutes of the
    /// [`Bill`](crate::Bill), [`Faults::delay_disconnects`](crate::Faults::delay_disconnects), and the times of
    /// observations.
    ///
    /// It does not move what others do. Functions are processes with the clock of the system: they judge by it whether
    /// a token has expired, and their timeouts, `Limits::integration_timeout`, the GB-seconds of the bill and `took` of
    /// observations are real time. So are the waits for clients: for their handshakes, for their close frames, and for
    /// one that is [slow](crate::Faults::slow).
    ///
    /// So the `connectedAt` of a client that connects after the clock was advanced lies in the future of the functions.
    /// `room-auth` with a registry takes a connection that is made more than a minute from now as expired. Let the clock
    /// begin behind (`ManualClock::at(SystemTime::now() - …)`) if clients connect later. With two hours behind, the
    /// connection has expired for a function with `room-auth` as soon as it is open: no connection is older.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use room_auth_gateway::{Function, Gateway, ManualClock};
    ///
    /// # async fn run() -> Result<(), room_auth_gateway::StartError> {
    /// let clock = ManualClock::new();
    /// let gateway = Gateway::builder()
    ///     .function("chat", Function::new("target/debug/chat"))
    ///     .route("$connect", "chat")
    ///     .clock(clock.clone())
    ///     .start()
    ///     .await?;
    /// // … a client connects …
    /// clock.advance(Duration::from_mins(10)); // and gets 1001: it was idle
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn clock(mut self, clock: ManualClock) -> Self {
        self.clock = Clock::Manual(clock);
        self
    }

    /// Refuses calls of `@connections` without a signature, as AWS does. Signatures are not verified.
    #[must_use]
    pub fn signed_management_only(mut self) -> Self {
        self.signed_management_only = true;
        self
    }

    /// Lets `@connections` be called by this host name, too (default: `localhost`, the
    /// [`domain_name`](Self::domain_name) and IP addresses). Unknown names are refused, because a web page could call by
    /// one (DNS rebinding). Clients may connect by any name.
    #[must_use]
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.allowed_hosts.push(name.into());
        self
    }

    /// Sets where the functions without a sink of their own print to (default: standard error).
    #[must_use]
    pub fn logs(mut self, sink: LogSink) -> Self {
        self.logs = sink;
        self
    }

    /// Calls `observe` with everything that happens, as it happens. It must not block.
    #[must_use]
    pub fn observe(mut self, observe: impl Fn(Observation) + Send + Sync + 'static) -> Self {
        self.observer = Observer::new(observe);
        self
    }

    /// Records what comes and goes, as one JSON object a line, to a new file that only its owner can read:
    /// handshakes, messages, events and answers of functions, calls of `@connections`, closes, and their times.
    /// [`Recording`](crate::Recording) replays it, and [`Gateway::check_recording`] says whether all could be written.
    ///
    /// The first line says the version of the format. Each further one has `at` in milliseconds since 1970, the
    /// `connection_id`, and the `event`: `handshake`, `decided` (the authorizer), `handshake_answered`, `message_in`,
    /// `invoked` and `answered` (the functions), `message_out`, `management_call` or `closed`. The last one is `end`.
    ///
    /// It holds what clients and functions say, but no tokens: what has the form of a JWT, and what stands where
    /// secrets stand (`Authorization`, `Cookie`, members named `token` and so on), is replaced by a placeholder
    /// such as `{token-1}`, always the same one for the same token.
    ///
    /// ```
    /// # use room_auth_gateway::Gateway;
    /// let builder = Gateway::builder().record("bug.jsonl");
    /// ```
    #[must_use]
    pub fn record(mut self, path: impl Into<PathBuf>) -> Self {
        self.record = Some(path.into());
        self
    }

    /// Serves the inspector on this port of 127.0.0.1; 0 is any free port (default: no inspector). It is a page that shows
    /// connections, events and answers, gives functions events again, and injects faults; see
    /// [`Gateway::inspector_url`]. Tokens, `Authorization` and `Cookie` are masked in all that it shows.
    ///
    /// ```no_run
    /// # use room_auth_gateway::{Function, Gateway, StartError};
    /// # async fn run() -> Result<(), StartError> {
    /// let gateway = Gateway::builder()
    ///     .function("chat", Function::new("target/debug/chat"))
    ///     .route("$connect", "chat")
    ///     .inspect(0)
    ///     .start()
    ///     .await?;
    /// println!("{}", gateway.inspector_url().unwrap_or_default());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn inspect(mut self, port: u16) -> Self {
        self.inspect = Some(port);
        self
    }
}
