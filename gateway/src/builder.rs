//! Configuring and starting a gateway.

use std::{
    collections::{BTreeMap, HashMap},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use futures_util::future::try_join_all;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[cfg(feature = "dynamodb")]
use crate::dynamodb::DynamoDb;
use crate::{
    api::{Api, Route},
    authorizer::{Authorizer, IdentitySources},
    checks::{self, RouteSpec},
    connections::Connections,
    error::StartError,
    faults::Faults,
    function::{Function, FunctionPool, LogSink},
    gateway::Gateway,
    http::Hosts,
    limits::{Limits, RequestRate, Throttle},
    observe::{Observation, Observer},
    selection::SelectionExpression,
    server,
    stage::Stage,
};

/// Configures and starts a [`Gateway`].
#[derive(Debug)]
pub struct GatewayBuilder {
    listen: SocketAddr,
    stage: String,
    api_id: String,
    region: String,
    account_id: String,
    domain_name: Option<String>,
    stage_variables: BTreeMap<String, String>,
    signed_management_only: bool,
    allowed_hosts: Vec<String>,
    selection: SelectionExpression,
    functions: Vec<(String, Function)>,
    routes: Vec<RouteSpec>,
    authorizer: Option<(String, IdentitySources)>,
    #[cfg(feature = "dynamodb")]
    tables: Vec<String>,
    limits: Limits,
    logs: LogSink,
    observer: Observer,
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
            logs: LogSink::default(),
            observer: Observer::default(),
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

    /// Listens, starts the functions, and waits until each has asked for its first event.
    ///
    /// # Errors
    ///
    /// If the parts do not fit together, the address cannot be listened on, or a function cannot be started.
    pub async fn start(self) -> Result<Gateway, StartError> {
        self.check()?;
        let address = self.listen;
        let bind = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let local_addr = listener.local_addr().map_err(bind)?;
        let reachable_at = server::reachable(local_addr);
        let endpoint = format!("http://{reachable_at}/{}", self.stage);

        let mut endpoints = vec![("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", endpoint)];
        #[cfg(feature = "dynamodb")]
        let database = if self.tables.is_empty() {
            None
        } else {
            let database = DynamoDb::start(&self.tables).await?;
            endpoints.push(("AWS_ENDPOINT_URL_DYNAMODB", database.endpoint().to_owned()));
            Some(database)
        };

        let starting = self.functions.into_iter().map(|(name, function)| {
            let function = function
                .name_or(&name)
                .region_or(&self.region)
                .account_id_or(&self.account_id)
                .logs_or(&self.logs)
                .env_defaults(&endpoints);
            async move { Ok::<_, StartError>((name, Arc::new(function.start().await?))) }
        });
        let pools: HashMap<String, Arc<FunctionPool>> = try_join_all(starting).await?.into_iter().collect();
        let pool = |name: &str| pools[name].clone();
        let route = |spec: RouteSpec| {
            let route = Route {
                key: spec.key.as_str().into(),
                function: pool(&spec.function),
                has_response: spec.has_response,
            };
            (spec.key, route)
        };
        let now = Instant::now();
        let per_second = |rate| RequestRate { rate, burst: rate };
        let hosts = Hosts::new(self.allowed_hosts.into_iter().chain(self.domain_name.clone()));
        let api = Arc::new(Api {
            stage: Stage {
                api_id: self.api_id,
                name: self.stage,
                region: self.region,
                account_id: self.account_id,
                domain_name: self.domain_name.unwrap_or_else(|| reachable_at.to_string()),
                port: local_addr.port(),
                variables: self.stage_variables,
            },
            signed_management_only: self.signed_management_only,
            hosts,
            selection: self.selection,
            routes: self.routes.into_iter().map(route).collect(),
            authorizer: self.authorizer.map(|(name, sources)| Authorizer {
                function: pool(&name),
                sources,
                timeout: self.limits.integration_timeout,
                max_result_bytes: self.limits.authorizer_result_bytes,
            }),
            new_connections: Throttle::new(self.limits.connections_per_second.map(per_second), now),
            requests: Throttle::new(self.limits.requests_per_second, now),
            limits: self.limits,
            connections: Connections::default(),
            faults: Faults::of(pools.clone()),
            observer: self.observer,
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let server = tokio::spawn(server::serve(listener, api.clone()));
        let functions = pools.into_values().collect();
        Ok(Gateway {
            api,
            functions,
            #[cfg(feature = "dynamodb")]
            database,
            server,
            local_addr,
            reachable_at,
        })
    }

    fn check(&self) -> Result<(), StartError> {
        checks::stage(&self.stage)?;
        let functions = self.functions.iter().map(|(name, _)| name.as_str());
        let authorizer = self.authorizer.as_ref().map(|(name, _)| name.as_str());
        if let Some((_, sources)) = &self.authorizer {
            sources.check()?;
        }
        checks::references(functions, &self.routes, authorizer)
    }
}
