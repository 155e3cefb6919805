//! Describing a gateway, checking the description, starting it.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use futures_util::future::try_join_all;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    StartError,
    api::{Api, Route},
    authorizer::Authorizer,
    connections::Connections,
    faults::Faults,
    function::{Function, FunctionPool, LogSink},
    gateway::Gateway,
    identity::IdentitySources,
    limits::{Limits, RequestRate, Throttle},
    observe::{Observation, Observer},
    selection::SelectionExpression,
    server,
};

/// What a gateway shall be. From [`Gateway::builder`].
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
    selection: SelectionExpression,
    functions: Vec<(String, Function)>,
    routes: Vec<RouteSpec>,
    authorizer: Option<(String, IdentitySources)>,
    limits: Limits,
    logs: LogSink,
    observer: Observer,
}

#[derive(Debug)]
struct RouteSpec {
    key: String,
    function: String,
    response: bool,
}

impl GatewayBuilder {
    pub(crate) fn new() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            stage: "dev".to_owned(),
            api_id: "local".to_owned(),
            region: "us-east-1".to_owned(),
            account_id: "000000000000".to_owned(),
            domain_name: None,
            stage_variables: BTreeMap::new(),
            signed_management_only: false,
            selection: SelectionExpression::default(),
            functions: Vec::new(),
            routes: Vec::new(),
            authorizer: None,
            limits: Limits::default(),
            logs: LogSink::default(),
            observer: Observer::default(),
        }
    }

    /// The address to listen on; default: a free port on 127.0.0.1. The gateway has no authentication of its
    /// own on `@connections`, so think twice before it listens elsewhere.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The stage, the first step of every path; default `dev`.
    #[must_use]
    pub fn stage(mut self, stage: impl Into<String>) -> Self {
        self.stage = stage.into();
        self
    }

    /// `apiId` of the events; default `local`.
    #[must_use]
    pub fn api_id(mut self, api_id: impl Into<String>) -> Self {
        self.api_id = api_id.into();
        self
    }

    /// The region, in ARNs and in the functions' environment; default `us-east-1`.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// The account in ARNs; default `000000000000`.
    #[must_use]
    pub fn account_id(mut self, account_id: impl Into<String>) -> Self {
        self.account_id = account_id.into();
        self
    }

    /// `domainName` of the events; default: host and port of the listener, so that a function that builds
    /// its endpoint from the event finds the gateway, if it does so without TLS.
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

    /// Adds a function, under a name for routes and logs.
    #[must_use]
    pub fn function(mut self, name: impl Into<String>, function: Function) -> Self {
        self.functions.push((name.into(), function));
        self
    }

    /// Adds a route, `$connect`, `$disconnect`, `$default` or one of your own, to the function of that name.
    /// What the function answers to a message is not sent to the client.
    #[must_use]
    pub fn route(mut self, key: impl Into<String>, function: impl Into<String>) -> Self {
        self.routes.push(RouteSpec {
            key: key.into(),
            function: function.into(),
            response: false,
        });
        self
    }

    /// Adds a route with a route response: the body that the function answers to a message is sent to the
    /// client.
    #[must_use]
    pub fn route_with_response(mut self, key: impl Into<String>, function: impl Into<String>) -> Self {
        self.routes.push(RouteSpec {
            key: key.into(),
            function: function.into(),
            response: true,
        });
        self
    }

    /// How a message selects its route; default `$request.body.action`.
    #[must_use]
    pub fn route_selection(mut self, expression: SelectionExpression) -> Self {
        self.selection = expression;
        self
    }

    /// Puts a REQUEST authorizer in front of `$connect`: the function of that name.
    #[must_use]
    pub fn authorizer(mut self, function: impl Into<String>, sources: IdentitySources) -> Self {
        self.authorizer = Some((function.into(), sources));
        self
    }

    /// Changes limits; the defaults are those that AWS documents.
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

    /// Refuses calls of `@connections` without a signature, as AWS does. No signature is verified.
    #[must_use]
    pub fn signed_management_only(mut self) -> Self {
        self.signed_management_only = true;
        self
    }

    /// Where the lines of the functions go that have no sink of their own; default: standard error.
    #[must_use]
    pub fn logs(mut self, sink: LogSink) -> Self {
        self.logs = sink;
        self
    }

    /// Tells `observe` whatever happens, as it happens. It must not block.
    #[must_use]
    pub fn observe(mut self, observe: impl Fn(Observation) + Send + Sync + 'static) -> Self {
        self.observer = Observer::new(observe);
        self
    }

    /// Listens, starts the functions, and waits until each has asked for its first event.
    ///
    /// # Errors
    ///
    /// If the description does not hold together, the address cannot be listened on, or a function does not
    /// start.
    pub async fn start(self) -> Result<Gateway, StartError> {
        self.check()?;
        let address = self.listen;
        let bind = |source| StartError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let local_addr = listener.local_addr().map_err(bind)?;
        let reachable_at = reachable(local_addr);
        let endpoint = format!("http://{reachable_at}/{}", self.stage);

        let starting = self.functions.into_iter().map(|(name, function)| {
            let function = function
                .name_or(&name)
                .region_or(&self.region)
                .logs_or(&self.logs)
                .env_default("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", &endpoint);
            async move { Ok::<_, StartError>((name, Arc::new(function.start().await?))) }
        });
        let pools: HashMap<String, Arc<FunctionPool>> = try_join_all(starting).await?.into_iter().collect();
        let pool = |name: &str| pools[name].clone();
        let route = |spec: RouteSpec| {
            let route = Route {
                key: spec.key.as_str().into(),
                function: pool(&spec.function),
                response: spec.response,
            };
            (spec.key, route)
        };
        let now = Instant::now();
        let per_second = |rate| RequestRate { rate, burst: rate };
        let api = Arc::new(Api {
            id: self.api_id,
            region: self.region,
            account_id: self.account_id,
            domain_name: self.domain_name.unwrap_or_else(|| reachable_at.to_string()),
            port: local_addr.port(),
            stage: self.stage,
            stage_variables: self.stage_variables,
            signed_management_only: self.signed_management_only,
            selection: self.selection,
            routes: self.routes.into_iter().map(route).collect(),
            authorizer: self.authorizer.map(|(name, sources)| Authorizer {
                function: pool(&name),
                sources,
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
            server,
            local_addr,
            reachable_at,
        })
    }

    fn check(&self) -> Result<(), StartError> {
        let stage_is_fine = !self.stage.is_empty()
            && self
                .stage
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "$-_".contains(c));
        if !stage_is_fine {
            return Err(StartError::Stage(self.stage.clone()));
        }
        let mut names = std::collections::HashSet::new();
        if let Some((name, _)) = self
            .functions
            .iter()
            .find(|(name, _)| !names.insert(name.as_str()))
        {
            return Err(StartError::TwoFunctions(name.clone()));
        }
        let mut keys = std::collections::HashSet::new();
        for route in &self.routes {
            if !keys.insert(route.key.as_str()) {
                return Err(StartError::TwoRoutes(route.key.clone()));
            }
            let reserved = ["$connect", "$disconnect", "$default"];
            if route.key.is_empty() || (route.key.starts_with('$') && !reserved.contains(&route.key.as_str()))
            {
                return Err(StartError::RouteKey(route.key.clone()));
            }
            if !names.contains(route.function.as_str()) {
                let (user, function) = (format!("route {}", route.key), route.function.clone());
                return Err(StartError::UnknownFunction { user, function });
            }
        }
        match &self.authorizer {
            Some((function, _)) if !names.contains(function.as_str()) => Err(StartError::UnknownFunction {
                user: "the authorizer".to_owned(),
                function: function.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// Where a listener on all addresses is reached from this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}
