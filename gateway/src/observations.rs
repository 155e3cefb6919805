//! Waiting for what happens in a gateway.

use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    time::Duration,
};

use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use crate::observe::Observation;

/// What happens in a gateway, to wait for in a test: see [`Gateway::observations`](crate::Gateway::observations).
///
/// Each observation is returned once. [`until`](Self::until) leaves those that it was not asked for, so it does not matter
/// in which order a test waits for what happens at the same time.
#[derive(Debug)]
pub struct Observations {
    arriving: mpsc::UnboundedReceiver<Observation>,
    /// What has happened, and was not returned yet.
    happened: VecDeque<Observation>,
    patience: Duration,
}

impl Observations {
    pub(crate) fn new(arriving: mpsc::UnboundedReceiver<Observation>) -> Self {
        Self {
            arriving,
            happened: VecDeque::new(),
            patience: Duration::from_secs(10),
        }
    }

    /// Sets how long [`until`](Self::until) waits, in real time (default: 10 s).
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # fn run(gateway: room_auth_gateway::Gateway) {
    /// let seen = gateway.observations().with_patience(Duration::from_secs(60));
    /// # }
    /// ```
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Waits for something that matches, and returns it: the first that was not returned yet.
    ///
    /// ```no_run
    /// use room_auth_gateway::{Gateway, ObservedEvent};
    ///
    /// # async fn run(gateway: Gateway) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut seen = gateway.observations();
    /// // … a client connects …
    /// let connected = seen
    ///     .until(|seen| matches!(seen.event, ObservedEvent::HandshakeAnswered { status: 101 }))
    ///     .await?;
    /// // … and leaves: its $disconnect has been answered …
    /// seen.until(|seen| {
    ///     seen.connection_id == connected.connection_id
    ///         && matches!(&seen.event, ObservedEvent::FunctionAnswered { route, .. } if &**route == "$disconnect")
    /// })
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If nothing has matched within the [patience](Self::with_patience), or before the gateway ended: what has
    /// happened instead, and was not returned yet.
    pub async fn until(
        &mut self,
        matches: impl Fn(&Observation) -> bool,
    ) -> Result<Observation, NotObserved> {
        self.until_within(self.patience, matches).await
    }

    /// As [`until`](Self::until), with its own patience.
    pub(crate) async fn until_within(
        &mut self,
        patience: Duration,
        matches: impl Fn(&Observation) -> bool,
    ) -> Result<Observation, NotObserved> {
        let deadline = Instant::now() + patience;
        let mut next = 0;
        loop {
            while let Some(seen) = self.happened.get(next) {
                if matches(seen) {
                    return Ok(self.happened.remove(next).expect("it was just looked at"));
                }
                next += 1;
            }
            let arrived = timeout_at(deadline, self.arriving.recv()).await;
            match arrived {
                Ok(Some(observation)) => self.happened.push_back(observation),
                Ok(None) => return Err(self.not_observed("before the gateway ended".to_owned())),
                Err(_) => return Err(self.not_observed(format!("within {patience:?}"))),
            }
        }
    }

    /// Returns the next observation that was not returned yet, and waits for it. Returns `None` when the gateway has
    /// ended.
    pub async fn next(&mut self) -> Option<Observation> {
        match self.try_next() {
            None => self.arriving.recv().await,
            observation => observation,
        }
    }

    /// Returns the next observation that was not returned yet, if there is one already.
    pub fn try_next(&mut self) -> Option<Observation> {
        self.happened
            .pop_front()
            .or_else(|| self.arriving.try_recv().ok())
    }

    fn not_observed(&self, when: String) -> NotObserved {
        NotObserved {
            when,
            happened: self.happened.iter().cloned().collect(),
        }
    }
}

/// What a test waited for has not happened. The text lists what has.
#[derive(Clone)]
pub struct NotObserved {
    when: String,
    happened: Vec<Observation>,
}

impl NotObserved {
    /// Returns what has happened, and was not returned yet.
    pub fn happened(&self) -> &[Observation] {
        &self.happened
    }
}

impl fmt::Display for NotObserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing has matched {}; what has happened:", self.when)?;
        if self.happened.is_empty() {
            return f.write_str(" nothing");
        }
        for Observation {
            connection_id, event, ..
        } in &self.happened
        {
            write!(f, "\n  {connection_id} {event:?}")?;
        }
        f.write_char('\n')
    }
}

/// As the text, because a test shows it by `unwrap`.
impl fmt::Debug for NotObserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for NotObserved {}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::observe::ObservedEvent;

    fn observed(connection_id: &str, event: ObservedEvent) -> Observation {
        Observation {
            at: SystemTime::UNIX_EPOCH,
            connection_id: connection_id.into(),
            event,
        }
    }

    fn observations(of: &[(&str, u16)]) -> (mpsc::UnboundedSender<Observation>, Observations) {
        let (sender, arriving) = mpsc::unbounded_channel();
        for (id, code) in of {
            sender
                .send(observed(id, ObservedEvent::Closed { code: *code }))
                .unwrap();
        }
        (sender, Observations::new(arriving))
    }

    fn closed(seen: &Observation, expected: u16) -> bool {
        matches!(seen.event, ObservedEvent::Closed { code } if code == expected)
    }

    #[tokio::test]
    async fn what_a_wait_passes_over_is_there_for_the_next_one() {
        let (sender, mut seen) = observations(&[("a", 1001), ("b", 1000), ("c", 1000)]);
        assert_eq!(
            *seen.until(|seen| closed(seen, 1000)).await.unwrap().connection_id,
            *"b"
        );
        assert_eq!(
            *seen.until(|seen| closed(seen, 1000)).await.unwrap().connection_id,
            *"c"
        );
        assert_eq!(*seen.next().await.unwrap().connection_id, *"a");
        assert!(seen.try_next().is_none());
        drop(sender);
        assert!(seen.next().await.is_none());
    }

    #[tokio::test]
    async fn an_error_lists_what_has_happened_instead() {
        let (sender, mut seen) = observations(&[("a", 1001)]);
        seen = seen.with_patience(Duration::from_millis(1));
        let error = seen.until(|seen| closed(seen, 1000)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "nothing has matched within 1ms; what has happened:\n  a Closed { code: 1001 }\n"
        );
        assert_eq!(error.happened().len(), 1);
        drop(sender);
        seen.next().await;
        let error = seen.until(|_| true).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "nothing has matched before the gateway ended; what has happened: nothing"
        );
    }
}
