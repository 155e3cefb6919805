//! Starting a gateway as its builder was told.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use futures_util::future::try_join_all;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[cfg(feature = "dynamodb")]
use crate::dynamodb::DynamoDb;
use crate::{
    api::{Api, Route},
    authorizer::Authorizer,
    builder::GatewayBuilder,
    checks,
    connections::Connections,
    defaults::FunctionDefaults,
    error::StartError,
    faults::Faults,
    function::FunctionPool,
    gateway::Gateway,
    http::{Hosts, Tls},
    inspector::{self, History, Inspector},
    limits::{RequestRate, Throttle},
    recorder::Recorder,
    server,
    stage::Stage,
    usage::ApiUsage,
};

type Pools = HashMap<String, Arc<FunctionPool>>;

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let local_addr = listener.local_addr().map_err(failed)?;
    Ok((listener, local_addr))
}

impl GatewayBuilder {
    /// Listens, starts the functions, and waits until each has asked for its first event.
    ///
    /// # Errors
    ///
    /// If the parts do not fit together, the address cannot be listened on, or a function cannot be started.
    pub async fn start(mut self) -> Result<Gateway, StartError> {
        self.check()?;
        self.observer = self.observer.with_clock(self.clock.clone());
        self.journal = self.journal.with_clock(self.clock.clone());
        let (listener, local_addr) = listen(self.listen).await?;
        let page = match self.inspect {
            Some(port) => Some(listen((Ipv4Addr::LOCALHOST, port).into()).await?),
            None => None,
        };
        let history = Arc::<History>::default();
        if page.is_some() {
            let history = history.clone();
            self.journal.add_reader(move |entry| history.add(entry));
        }
        let reachable_at = server::reachable(local_addr);
        let hosts = Hosts::new(self.allowed_hosts.iter().chain(&self.domain_name).cloned());
        let tls = self.make_tls(reachable_at, &hosts)?;
        let stage = self.stage_at(reachable_at, tls.is_some());

        #[cfg_attr(not(any(feature = "tls", feature = "dynamodb")), expect(unused_mut))]
        let mut environment = vec![(
            "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI",
            format!("http://{reachable_at}{}", stage.path()),
        )];
        #[cfg(feature = "tls")]
        environment.extend(tls.iter().flat_map(Tls::variables));
        #[cfg(feature = "dynamodb")]
        let database = match self.tables.as_slice() {
            [] => None,
            tables => Some(DynamoDb::start(tables).await?),
        };
        #[cfg(feature = "dynamodb")]
        if let Some(database) = &database {
            environment.push(("AWS_ENDPOINT_URL_DYNAMODB", database.endpoint().to_owned()));
        }
        let defaults = FunctionDefaults {
            region: self.region.clone(),
            account_id: self.account_id.clone(),
            logs: self.journal.noting(self.logs.clone()),
            environment,
        };
        let starting = self.functions.iter().map(|(name, function)| {
            let function = defaults.apply(name, function.clone());
            async move { Ok::<_, StartError>((name.clone(), Arc::new(function.start().await?))) }
        });
        let pools: Pools = try_join_all(starting).await?.into_iter().collect();
        // Last, so that a start that fails leaves no file.
        let recorder = self.make_recorder(reachable_at)?;
        let api = Arc::new(self.into_api(stage, hosts, &pools));
        let server = tokio::spawn(server::serve(listener, tls.clone(), api.clone()));
        let inspector = page.map(|(listener, address)| {
            let inspector = Inspector {
                api: api.clone(),
                history,
                websocket_url: api.stage.websocket_url(reachable_at, tls.is_some()),
            };
            (address, tokio::spawn(inspector::serve(listener, inspector)))
        });
        Ok(Gateway {
            api,
            functions: pools,
            defaults,
            #[cfg(feature = "dynamodb")]
            database,
            tls,
            recorder,
            server,
            local_addr,
            reachable_at,
            inspector,
        })
    }

    /// Lets a recorder read the journal, if there is to be one.
    fn make_recorder(&mut self, address: SocketAddr) -> Result<Option<Arc<Recorder>>, StartError> {
        let Some(path) = self.record.take() else {
            return Ok(None);
        };
        let created = Recorder::create(&path, &address.to_string(), self.clock.now());
        let recorder = Arc::new(created.map_err(|source| StartError::Record { path, source })?);
        let reader = recorder.clone();
        self.journal.add_reader(move |entry| reader.note(entry));
        Ok(Some(recorder))
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

    #[cfg(feature = "tls")]
    fn make_tls(&self, address: SocketAddr, hosts: &Hosts) -> Result<Option<Tls>, StartError> {
        if !self.tls {
            return Ok(None);
        }
        let names = hosts.names().map(str::to_owned);
        let tls = Tls::new(address.ip(), names).map_err(StartError::Certificate)?;
        Ok(Some(tls))
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "as with TLS")]
    fn make_tls(&self, _: SocketAddr, _: &Hosts) -> Result<Option<Tls>, StartError> {
        Ok(None)
    }

    fn stage_at(&self, address: SocketAddr, is_secure: bool) -> Stage {
        let own_name = || server::domain_name(address, is_secure);
        Stage {
            api_id: self.api_id.clone(),
            name: self.stage.clone(),
            region: self.region.clone(),
            account_id: self.account_id.clone(),
            domain_name: self.domain_name.clone().unwrap_or_else(own_name),
            port: address.port(),
            variables: self.stage_variables.clone(),
            is_mapped: self.is_mapped,
        }
    }

    fn into_api(self, stage: Stage, hosts: Hosts, pools: &Pools) -> Api {
        let now = self.clock.now();
        let per_second = |rate| RequestRate { rate, burst: rate };
        let routes = self.routes.into_iter().map(|spec| {
            let route = Route {
                key: spec.key.as_str().into(),
                function: pools[&spec.function].clone(),
                has_response: spec.has_response,
            };
            (spec.key, route)
        });
        Api {
            stage,
            signed_management_only: self.signed_management_only,
            hosts,
            selection: self.selection,
            routes: routes.collect(),
            authorizer: self.authorizer.map(|(name, sources)| Authorizer {
                function: pools[&name].clone(),
                sources,
                timeout: self.limits.integration_timeout,
                max_result_bytes: self.limits.authorizer_result_bytes,
            }),
            new_connections: Throttle::new(self.limits.connections_per_second.map(per_second), now),
            requests: Throttle::new(self.limits.requests_per_second, now),
            limits: self.limits,
            connections: Connections::default(),
            faults: Faults::new(pools.clone(), self.clock.clone()),
            observer: self.observer,
            journal: self.journal,
            clock: self.clock,
            usage: ApiUsage::default(),
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }
}
