//! Starts and stops what runs behind the page: the key pair or an identity provider, the database, the functions and the gateway.

use std::{
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use room_auth::{Issuer, PUBLIC_KEY_ENV, SigningKey, registry::TABLE_ENV};
use room_auth_gateway::{Function, Gateway, GatewayBuilder, IdentitySources, LogSink, StartError};
use tokio::sync::Mutex;

use crate::{
    DemoError, Options,
    cargo::{self, Executables, Program},
    database::{self, Database, TABLE},
    events::Events,
    issuer::LocalIssuer,
    relay::{Relay, Upstream},
    revocation::Revocation,
};

const STAGE: &str = "dev";
const CHAT: Program = Program {
    package: "chat",
    name: "chat",
};
const AUTHORIZER: Program = Program {
    package: "chat",
    name: "chat-authorizer",
};
const ROUTES: [&str; 9] = [
    "$connect",
    "$disconnect",
    "$default",
    "send",
    "renew",
    "members",
    "join",
    "leave",
    "ping",
];

/// How the demo runs, for the page.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Mode {
    /// Whether the REQUEST authorizer is in front.
    pub(crate) authorizer: bool,
    /// Whether a function handles messages, too.
    pub(crate) chat: bool,
    /// The life of a token, in seconds.
    pub(crate) token_lifetime: u64,
}

#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) mode: Mode,
    /// The key that signs tokens.
    pub(crate) key: SigningKey,
    pub(crate) issuer: Issuer,
    /// Signs tokens in place of the backend.
    pub(crate) provider: Option<LocalIssuer>,
    pub(crate) events: Events,
    /// Puts users out.
    pub(crate) revocation: Revocation,
    /// The URL of the API.
    pub(crate) url: String,
    plan: Plan,
    gateway: Mutex<Running>,
}

/// Where the functions reach their services, for a program that works on the same rooms: one that ends a connection,
/// say.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Endpoints {
    /// The URL of DynamoDB.
    pub database: String,
    /// The table of connections in it.
    pub table: &'static str,
    /// The URL of @connections, with the stage.
    pub connections: String,
}

#[derive(Debug)]
struct Running {
    /// `None` while it is being restarted, and if that failed.
    gateway: Option<Gateway>,
    stopped: bool,
}

/// What is needed to start the gateway, and to restart it.
#[derive(Debug)]
struct Plan {
    address: SocketAddr,
    executables: &'static Executables,
    /// The environment that says whose tokens are taken.
    keys: Vec<(&'static str, String)>,
    authorizer: bool,
    database_relay: Relay,
    connections_relay: Relay,
    events: Events,
}

impl Stack {
    pub(crate) async fn start(options: &Options) -> Result<Self, DemoError> {
        let executables = cargo::build(&[CHAT, AUTHORIZER]).await?;
        let lifetime = Duration::from_secs(options.token_lifetime);
        let provider = if options.issuer {
            Some(LocalIssuer::start(lifetime).await?)
        } else {
            None
        };
        let (key, keys) = if let Some(provider) = &provider {
            (provider.key().clone(), provider.environment().to_vec())
        } else {
            let key = SigningKey::generate()?;
            let public = key.public_key_pem();
            (key, vec![(PUBLIC_KEY_ENV, public)])
        };
        let events = Events::new();
        let database = Database::new()?;
        let relay = |behind| Relay::start(behind, events.clone());
        let mut plan = Plan {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, options.gateway_port)),
            executables,
            keys,
            authorizer: options.authorizer,
            database_relay: relay(Upstream::DynamoDb(database))
                .await
                .map_err(DemoError::Relay)?,
            connections_relay: relay(Upstream::Management).await.map_err(DemoError::Relay)?,
            events: events.clone(),
        };
        let Endpoints {
            database,
            connections,
            ..
        } = plan.endpoints();
        database::create_table(&database).await?;
        let revocation = Revocation::new(&database, &connections, events.clone())?;
        let gateway = plan.gateway(plan.chat()).listen(plan.address).start().await?;
        plan.address = gateway.local_addr();
        plan.connections_relay.set_gateway(plan.address);
        Ok(Self {
            mode: Mode {
                authorizer: options.authorizer,
                chat: true,
                token_lifetime: options.token_lifetime,
            },
            issuer: Issuer::new(key.clone(), lifetime)?,
            provider,
            key,
            events,
            revocation,
            url: gateway.websocket_url(),
            plan,
            gateway: Mutex::new(Running {
                gateway: Some(gateway),
                stopped: false,
            }),
        })
    }

    /// Stops the gateway with its functions, and starts it again on the same port. For the page, this is an outage.
    pub(crate) async fn restart_gateway(&self) -> Result<(), StartError> {
        let mut running = self.gateway.lock().await;
        if let Some(gateway) = running.gateway.take() {
            gateway.shutdown().await;
        }
        if !running.stopped {
            let plan = &self.plan;
            let gateway = plan.gateway(plan.chat()).listen(plan.address);
            running.gateway = Some(gateway.start().await?);
        }
        Ok(())
    }

    /// Starts another gateway, on a free port, in front of the same chat: but each token is accepted once there.
    pub(crate) async fn start_single_use(&self) -> Result<Gateway, StartError> {
        let chat = self.plan.chat().env("SINGLE_USE_TOKENS", "true");
        self.plan.gateway(chat).start().await
    }

    /// Returns the URL that clients connect to.
    pub(crate) fn url_for(&self, room: &str) -> String {
        self.with_room(&self.url, room)
    }

    /// Adds the room to the URL of a gateway if tokens are the users': they do not say which room is meant.
    pub(crate) fn with_room(&self, url: &str, room: &str) -> String {
        match self.provider {
            Some(_) => format!("{url}?room={room}"),
            None => url.to_owned(),
        }
    }

    pub(crate) fn endpoints(&self) -> Endpoints {
        self.plan.endpoints()
    }

    /// Stops the gateway, and returns when no process is left.
    pub(crate) async fn stop(&self) {
        let mut running = self.gateway.lock().await;
        running.stopped = true;
        if let Some(gateway) = running.gateway.take() {
            gateway.shutdown().await;
        }
    }
}

impl Plan {
    /// Returns a gateway with the functions, ready to start.
    fn gateway(&self, chat: Function) -> GatewayBuilder {
        let (for_logs, for_observations) = (self.events.clone(), self.events.clone());
        let mut builder = Gateway::builder()
            .stage(STAGE)
            .function(CHAT.name, chat)
            .logs(LogSink::callback(move |line| {
                for_logs.log(&line);
                // A closed standard error is no reason to stop.
                let _ = writeln!(std::io::stderr(), "[{}] {}", line.function, line.text);
            }))
            .observe(move |observation| for_observations.observe(observation));
        for route in ROUTES {
            builder = builder.route(route, CHAT.name);
        }
        if self.authorizer {
            // No identity source: a token may be in one of several places.
            builder = builder
                .function(AUTHORIZER.name, self.function(AUTHORIZER))
                .authorizer(AUTHORIZER.name, IdentitySources::new());
        }
        builder
    }

    fn endpoints(&self) -> Endpoints {
        Endpoints {
            database: format!("http://{}", self.database_relay.address()),
            table: TABLE,
            connections: format!("http://{}/{STAGE}", self.connections_relay.address()),
        }
    }

    fn chat(&self) -> Function {
        let Endpoints {
            database,
            table,
            connections,
        } = self.endpoints();
        self.function(CHAT)
            .env(TABLE_ENV, table)
            .env("AWS_ENDPOINT_URL_DYNAMODB", database)
            .env("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", connections)
    }

    fn function(&self, program: Program) -> Function {
        // As deployed, and not Lambda's default of 3 s.
        let function = Function::new(&self.executables[program.name]).timeout(Duration::from_secs(30));
        let keys = self.keys.iter();
        keys.fold(function, |function, (name, value)| function.env(*name, value))
    }
}
