//! One recorded connection, made again.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::Instant};

use super::{
    client::{Answer, Socket},
    received::Received,
    terms::Terms,
};

/// How long the right message may come after a wrong one.
const AFTER_ANOTHER: Duration = Duration::from_secs(1);

pub(super) struct Connection {
    /// The id in the replay.
    pub(super) id: Arc<str>,
    pub(super) state: State,
    /// What has come and was not waited for yet.
    pending: VecDeque<Received>,
}

pub(super) enum State {
    Handshake(JoinHandle<io::Result<Answer>>),
    Open(Box<Socket>),
    /// It has ended as it was recorded.
    Ended,
    /// It has gone another way, so that nothing further can be compared.
    Lost,
}

impl Connection {
    pub(super) fn new(id: Arc<str>, handshake: JoinHandle<io::Result<Answer>>) -> Self {
        Self {
            id,
            state: State::Handshake(handshake),
            pending: VecDeque::new(),
        }
    }

    /// Waits for what was recorded. What comes before it is kept.
    ///
    /// # Errors
    ///
    /// If it does not come: what has come in its place, if that is not what a later step waits for.
    pub(super) async fn wait_for(
        &mut self,
        recorded: &Received,
        patience: Duration,
        terms: &mut Terms<'_>,
        is_for_later: impl Fn(&Terms<'_>, &Received) -> bool,
    ) -> Result<(), Option<Received>> {
        let mut deadline = Instant::now() + patience;
        let mut next = 0;
        loop {
            while let Some(received) = self.pending.get(next) {
                if terms.is(recorded, received) {
                    self.pending.remove(next);
                    return Ok(());
                }
                if !is_for_later(terms, received) {
                    deadline = deadline.min(Instant::now() + AFTER_ANOTHER);
                }
                next += 1;
            }
            let has_ended = self.pending.back().is_some_and(Received::is_end);
            match &mut self.state {
                State::Open(socket) if !has_ended => match socket.next(deadline).await {
                    Some(received) => self.pending.push_back(received.masked(|text| terms.masked(text))),
                    None => break,
                },
                _ => break,
            }
        }
        let other = self
            .pending
            .iter()
            .position(|received| !is_for_later(terms, received));
        Err(other.and_then(|at| self.pending.remove(at)))
    }

    /// Reads to the end, and returns all that nobody waited for.
    pub(super) async fn rest(mut self, patience: Duration, terms: &Terms<'_>) -> Vec<Received> {
        let deadline = Instant::now() + patience;
        if let State::Open(socket) = &mut self.state {
            while let Some(received) = socket.next(deadline).await {
                if received.is_end() {
                    break;
                }
                self.pending.push_back(received.masked(|text| terms.masked(text)));
            }
        }
        if matches!(self.state, State::Lost) {
            return Vec::new();
        }
        self.pending.into()
    }
}
