//! What runs behind the page: the key pair, the functions, the gateway.

use std::{
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use room_auth::{Issuer, SigningKey};
use room_auth_gateway::{Function, Gateway, LogSink, StartError};
use tokio::sync::Mutex;

use crate::{
    DemoError, Options,
    cargo::{self, Executables, Program},
    events::Events,
};

const STAGE: &str = "dev";
const CONNECT: Program = Program {
    package: "connect",
    name: "connect",
};

/// How the demo runs, as the page is told.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Mode {
    /// Whether the REQUEST authorizer is in front.
    pub(crate) authorizer: bool,
    /// Whether there is a function behind messages, too.
    pub(crate) chat: bool,
    /// In seconds.
    pub(crate) token_lifetime: u64,
}

#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) mode: Mode,
    pub(crate) key: SigningKey,
    pub(crate) issuer: Issuer,
    pub(crate) events: Events,
    /// Where clients connect.
    pub(crate) url: String,
    address: SocketAddr,
    executables: &'static Executables,
    /// None after the stop.
    gateway: Mutex<Option<Gateway>>,
}

impl Stack {
    pub(crate) async fn start(options: &Options) -> Result<Self, DemoError> {
        let executables = cargo::build(&[CONNECT]).await?;
        let key = SigningKey::generate()?;
        let issuer = Issuer::new(key.clone(), Duration::from_secs(options.token_lifetime))?;
        let events = Events::new();
        let mode = Mode {
            authorizer: false,
            chat: false,
            token_lifetime: options.token_lifetime,
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.gateway_port));
        let gateway = start_gateway(address, executables, &key, &events).await?;
        Ok(Self {
            mode,
            key,
            issuer,
            events,
            url: gateway.websocket_url(),
            address: gateway.local_addr(),
            executables,
            gateway: Mutex::new(Some(gateway)),
        })
    }

    /// Stops the gateway with its functions, and starts it again at the same place: for the page what an outage
    /// is for an application.
    pub(crate) async fn restart_gateway(&self) -> Result<(), StartError> {
        let mut gateway = self.gateway.lock().await;
        if let Some(running) = gateway.take() {
            running.shutdown().await;
            *gateway = Some(start_gateway(self.address, self.executables, &self.key, &self.events).await?);
        }
        Ok(())
    }

    /// Returns when no process is left.
    pub(crate) async fn stop(&self) {
        if let Some(gateway) = self.gateway.lock().await.take() {
            gateway.shutdown().await;
        }
    }
}

async fn start_gateway(
    address: SocketAddr,
    executables: &Executables,
    key: &SigningKey,
    events: &Events,
) -> Result<Gateway, StartError> {
    let (for_logs, for_observations) = (events.clone(), events.clone());
    let function = Function::process(&executables[CONNECT.name]).env("PUBLIC_KEY", key.public_key_pem());
    Gateway::builder()
        .stage(STAGE)
        .listen(address)
        .function(CONNECT.name, function)
        .route("$connect", CONNECT.name)
        .logs(LogSink::callback(move |line| {
            for_logs.log(&line);
            // A closed standard error is no reason to stop.
            let _ = writeln!(std::io::stderr(), "[{}] {}", line.function, line.text);
        }))
        .observe(move |observation| for_observations.observe(observation))
        .start()
        .await
}
