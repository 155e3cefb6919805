//! Checking passwords without letting strangers use up the machine.
//!
//! A check takes 19 MiB and a core on purpose, and anybody may ask for one. So two run at once at most, also when those
//! who asked for them have hung up, and all use the same memory again.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use argon2::{
    Argon2, Block, Params,
    password_hash::phc::{Output, PasswordHash},
};
use tokio::{sync::Semaphore, time::timeout};

/// Passwords that are checked at once.
const CHECKS: usize = 2;
/// How long a log-in waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Checks passwords, two at once.
#[derive(Debug)]
pub(super) struct PasswordChecks {
    turns: Arc<Semaphore>,
    memory: Arc<Memory>,
}

/// Too many passwords are waiting to be checked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Busy;

impl PasswordChecks {
    pub(super) fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(CHECKS)),
            memory: Arc::default(),
        }
    }

    /// Checks the password against its argon2id hash in PHC form, with the default parameters.
    ///
    /// # Errors
    ///
    /// [`Busy`] if no turn came within five seconds.
    pub(super) async fn matches(&self, password: String, hash: &'static str) -> Result<bool, Busy> {
        self.run(move |memory| matches(&password, hash, memory)).await
    }

    async fn run<T: Default + Send + 'static>(
        &self,
        check: impl FnOnce(&mut [Block]) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let turn = timeout(MAX_WAIT, self.turns.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| Busy)?.expect("the turns are never closed");
        let memory = self.memory.clone();
        let check = tokio::task::spawn_blocking(move || {
            // The turn ends with the check: one that has begun goes on when its request is gone.
            let _turn = turn;
            memory.lend(check)
        });
        Ok(check.await.unwrap_or_default())
    }
}

/// The memory of checks that are over.
#[derive(Debug, Default)]
struct Memory(Mutex<Vec<Vec<Block>>>);

impl Memory {
    fn lend<T>(&self, check: impl FnOnce(&mut [Block]) -> T) -> T {
        let unused = self.lock().pop();
        let mut blocks = unused.unwrap_or_else(|| vec![Block::default(); Params::DEFAULT.block_count()]);
        let result = check(&mut blocks);
        self.lock().push(blocks);
        result
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn matches(password: &str, hash: &str, memory: &mut [Block]) -> bool {
    let Ok(PasswordHash {
        salt: Some(salt),
        hash: Some(expected),
        ..
    }) = PasswordHash::new(hash)
    else {
        return false;
    };
    let mut output = vec![0; expected.len()];
    let hashed =
        Argon2::default().hash_password_into_with_memory(password.as_bytes(), &salt, &mut output, memory);
    // Outputs are compared in constant time.
    hashed.is_ok() && Output::new(&output).is_ok_and(|output| output == expected)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    };

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn forty_abandoned_log_ins_keep_to_two_checks_and_their_memory() {
        let checks = PasswordChecks::new();
        let running = Arc::new(AtomicUsize::new(0));
        let (begun, begins) = mpsc::channel();
        let (ends, end) = mpsc::channel::<()>();
        let end = Arc::new(Mutex::new(end));
        for _ in 0..40 {
            let (running, begun, end) = (running.clone(), begun.clone(), end.clone());
            let check = checks.run(move |memory| {
                begun
                    .send((running.fetch_add(1, Ordering::SeqCst) + 1, memory.as_ptr().addr()))
                    .unwrap();
                let _ = end.lock().unwrap().recv();
                running.fetch_sub(1, Ordering::SeqCst);
            });
            // Polled once, as far as it gets, and dropped: its client hangs up.
            assert_eq!(check.now_or_never(), None);
        }
        let two: Vec<_> = begins.iter().take(2).collect();
        assert_eq!(
            checks.turns.available_permits(),
            0,
            "both run on, without a client"
        );
        drop(ends);
        let mut addresses: Vec<usize> = two.into_iter().map(|(_, address)| address).collect();
        // Patient ones get their turn afterwards, in the memory of the others.
        for _ in 0..10 {
            let address = checks.run(|memory| memory.as_ptr().addr()).await;
            addresses.push(address.unwrap());
        }
        assert!(
            begins.try_iter().all(|(running, _)| running <= 2),
            "never more than two"
        );
        addresses.sort_unstable();
        addresses.dedup();
        assert!(addresses.len() <= 2, "{} pieces of memory", addresses.len());
        assert!(checks.memory.lock().len() <= 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_in_that_gets_no_turn_is_told_so() {
        let checks = PasswordChecks::new();
        let both = checks.turns.clone().acquire_many_owned(2).await.unwrap();
        let started = tokio::time::Instant::now();
        assert_eq!(checks.run(|_| true).await, Err(Busy));
        assert_eq!(started.elapsed(), MAX_WAIT);
        drop(both);
        assert_eq!(checks.run(|_| true).await, Ok(true));
    }
}
