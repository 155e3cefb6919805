//! Running a recorded session again, and comparing what comes back: a bug seen once is a test.

mod client;
mod connection;
mod difference;
mod error;
mod matching;
mod player;
mod received;
mod steps;
mod terms;
mod tokens;

use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    time::{Duration, SystemTime},
};

pub use self::{difference::Difference, error::ReplayError};
use self::{player::Player, steps::Steps, terms::Terms};
use crate::{builder::GatewayBuilder, clock::ManualClock};

/// A session that [`GatewayBuilder::record`] recorded, to run again.
///
/// [`replay`](Self::replay) does what the clients did: it connects with the same URLs and headers, sends the same
/// messages and closes when they closed, in the recorded order and at the recorded distances of a
/// [virtual clock](GatewayBuilder::clock). It compares what comes back: the status of each handshake, its subprotocol and
/// the body of a refusal, the messages to each client, and the close codes. Ids of connections, requests and messages
/// need not be the recorded ones, only the same where those were the same; times are not compared.
///
/// Calls of `@connections` that were made while no function was invoked came from outside, and are made again.
///
/// The functions are real, and take their real time. The clock begins as far behind that of the system as the session
/// lasted, so that it is never ahead of the functions' clocks.
///
/// ```no_run
/// use room_auth_gateway::{Function, Gateway, Recording};
///
/// # async fn run(fresh_token: String) -> Result<(), Box<dyn std::error::Error>> {
/// let recording = Recording::read("bug.jsonl")?.with_token("token-1", fresh_token);
/// let gateway = Gateway::builder()
///     .function("chat", Function::new("target/debug/chat"))
///     .route("$connect", "chat")
///     .route_with_response("$default", "chat");
/// let differences = recording.replay(gateway).await?;
/// assert!(differences.is_empty(), "{}", differences[0]);
/// # Ok(())
/// # }
/// ```
pub struct Recording {
    steps: Steps,
    tokens: BTreeMap<String, String>,
    patience: Duration,
}

impl Recording {
    /// Reads a recording.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not a recording of this version.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ReplayError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| ReplayError::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            steps: Steps::parse(&text)?,
            tokens: BTreeMap::new(),
            patience: Duration::from_secs(10),
        })
    }

    /// Sets what clients send in place of the placeholder `{name}`, such as `token-1`. Each placeholder that they sent
    /// needs it: a recording holds no tokens.
    ///
    /// ```no_run
    /// # use room_auth_gateway::Recording;
    /// # fn run(fresh_token: String) -> Result<(), Box<dyn std::error::Error>> {
    /// let recording = Recording::read("bug.jsonl")?.with_token("token-1", fresh_token);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_token(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.tokens.insert(name.into(), value.into());
        self
    }

    /// Sets how long the replay waits for what was recorded, in real time and beyond the time that a function took then
    /// (default: 10 s).
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use room_auth_gateway::Recording;
    /// # fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let recording = Recording::read("bug.jsonl")?.with_patience(Duration::from_secs(60));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Returns whether the recording goes to the end of its gateway. It does not if that was killed, or could not write
    /// any more; what there is can be replayed.
    pub fn is_complete(&self) -> bool {
        self.steps.is_complete()
    }

    /// Returns the placeholders that [`with_token`](Self::with_token) has to replace, each with where clients sent it
    /// first.
    pub fn tokens(&self) -> BTreeMap<String, String> {
        self.steps.tokens()
    }

    /// Starts the gateway with a clock of its own, does what the recorded clients did, and shuts it down. Returns what was
    /// different, in the order of the recording.
    ///
    /// # Errors
    ///
    /// If a token is missing, or one is given that the recording does not have, or the gateway cannot be started.
    pub async fn replay(&self, gateway: GatewayBuilder) -> Result<Vec<Difference>, ReplayError> {
        let needed = self.tokens();
        let missing = needed.iter().filter(|(name, _)| !self.tokens.contains_key(*name));
        let missing: Vec<_> = missing.map(|(name, place)| format!("{name} ({place})")).collect();
        if !missing.is_empty() {
            return Err(ReplayError::MissingTokens(missing.join(", ")));
        }
        if let Some(unknown) = self.tokens.keys().find(|name| !needed.contains_key(*name)) {
            let known: Vec<_> = needed.into_keys().collect();
            return Err(ReplayError::UnknownToken {
                name: unknown.clone(),
                known: known.join(", "),
            });
        }
        let clock = ManualClock::at(SystemTime::now() - self.steps.duration());
        let gateway = gateway.clock(clock.clone()).start().await?;
        let address = gateway.reachable_at.to_string();
        let terms = Terms::new(self.steps.address(), address, &self.tokens);
        let player = Player::new(gateway, clock, terms, self.patience);
        Ok(player.play(self.steps.all()).await)
    }
}

/// Shows no tokens, and nothing that was said.
impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("steps", &self.steps.all().len())
            .field("tokens", &self.tokens.keys())
            .finish_non_exhaustive()
    }
}
