//! The invariant of SECURITY.md, held by the real layer, rooms and registries in whatever order things happen:
//! no frame reaches, and no message is handled from, a connection whose claims have expired, been revoked or left the
//! room; and nobody who should have been reached is missed without being in the report.
//!
//! | file | job |
//! | --- | --- |
//! | `steps.rs` | what happens, generated and shrunk |
//! | `model.rs` | what may be and what must be after it |
//! | `world.rs` | time, tokens, sockets, API Gateway |
//! | `store.rs`, `memory.rs` | the registries |
//! | `gates.rs`, `schedule.rs` | whose call is next, and what goes wrong with it |
//! | `events.rs`, `backend.rs` | the invocations |
//! | `audit.rs` | what every reader sees after a step |
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod audit;
mod backend;
mod events;
mod gates;
mod memory;
mod model;
mod schedule;
mod steps;
mod store;
mod world;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::task::unconstrained;

use backend::Call;
use gates::Line;
use schedule::Running;
use steps::{Invocation, Sequence, Step};
use store::Store;
use world::World;

/// What happened in all sequences: a model that sees nothing happen proves nothing.
#[derive(Debug, Default)]
struct Tally {
    heard: usize,
    connected: usize,
    renewed_or_joined: usize,
    ended: usize,
}

async fn carry_out(world: &Arc<World>, invocations: &[Invocation], schedule: &[u8]) {
    let is_clean = invocations.iter().all(|invocation| invocation.plan.is_clean());
    let is_calm = is_clean && schedule.iter().all(|choice| *choice < schedule::WAITS_FROM);
    let mut running: Vec<_> = invocations
        .iter()
        .map(|Invocation { act, plan }| {
            let (number, since) = world.state().begin();
            world.state().log(|| format!("#{number} {act:?} {plan:?}"));
            let line = Line::new(&world.gates, number, plan);
            let call = Call {
                world: world.clone(),
                line: line.clone(),
                since,
                is_calm,
            };
            let (scope, act) = (line.clone(), *act);
            let performing = Box::pin(backend::perform(call, act));
            let work = Some(Box::pin(async move { scope.scope(performing).await }) as _);
            Running { line, work }
        })
        .collect();
    let killed = |act| {
        let mut state = world.state();
        state.log(|| format!("  #{act} is killed"));
        state.model.killed(act);
    };
    schedule::run(&world.gates, &mut running, schedule, killed).await;
}

async fn run(
    sequence: &Sequence,
    store: Store,
    is_logged: bool,
    tally: &RefCell<Tally>,
) -> Result<(), String> {
    let world = World::new(sequence, store, is_logged);
    for step in &sequence.steps {
        match step {
            Step::Alone(invocation) => carry_out(&world, std::slice::from_ref(invocation), &[]).await,
            Step::Together(invocations, schedule) => carry_out(&world, invocations, schedule).await,
            Step::Pass(seconds) => {
                world.state().log(|| format!("{seconds} s pass"));
                tokio::time::advance(Duration::from_secs(*seconds)).await;
            }
            Step::ClientLeaves { id } => world.client_leaves(*id),
            Step::TimeToLive(bits) => world.store.time_to_live(*bits, world.now()).await,
        }
        audit::audit(&world).await;
        world.verdict()?;
    }
    let model = &world.state().model;
    let (mut tally, (connected, later)) = (tally.borrow_mut(), model.accepted_count());
    tally.heard += model.heard();
    tally.connected += connected;
    tally.renewed_or_joined += later;
    tally.ended += model.ended_count();
    Ok(())
}

/// Runs a sequence in a time of its own, which the same seed repeats.
fn replay(
    sequence: &Sequence,
    store: fn(&Sequence) -> Store,
    is_logged: bool,
    tally: &RefCell<Tally>,
) -> Result<(), String> {
    fastrand::seed(7);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    // All is ready at once here: tokio's budget for a task would end in the middle of a step.
    runtime.block_on(unconstrained(run(sequence, store(sequence), is_logged, tally)))
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect(variable))
}

fn check(sequences: u64, store: fn(&Sequence) -> Store) -> Tally {
    let seed = number("ROOM_AUTH_MODEL_SEED", 1);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: u32::try_from(sequences).unwrap(),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        // In milliseconds.
        max_shrink_time: 20_000,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let (tally, ran, has_failed) = (RefCell::default(), Cell::new(0_u64), Cell::new(false));
    let result = runner.run(&steps::sequences(), |sequence| {
        if !has_failed.get() {
            ran.set(ran.get() + 1);
        }
        replay(&sequence, store, false, &tally).map_err(|wrong| {
            if !has_failed.get() {
                // Said at once: shrinking takes a while.
                println!("sequence {} is wrong: {wrong}", ran.get());
            }
            has_failed.set(true);
            TestCaseError::fail(wrong)
        })
    });
    match result {
        Ok(()) => tally.into_inner(),
        Err(TestError::Fail(_, smallest)) => {
            let told = replay(&smallest, store, true, &tally);
            let steps: Vec<_> = smallest.steps.iter().map(|step| format!("{step:?}")).collect();
            let Sequence {
                single_use,
                page_size,
                ..
            } = smallest;
            panic!(
                "ROOM_AUTH_MODEL_SEED={seed}, sequence {}, single use: {single_use}, pages of {page_size}\n{}\n\n{}",
                ran.get(),
                steps.join("\n"),
                told.unwrap_err(),
            );
        }
        Err(TestError::Abort(reason)) => panic!("no sequences: {reason}"),
    }
}

#[test]
fn no_sequence_of_events_breaks_the_invariant() {
    let sequences = number("ROOM_AUTH_MODEL_SEQUENCES", 1000);
    let tally = check(sequences, Store::memory);
    println!("{sequences} sequences: {tally:?}");
    let each = |count: usize| count as u64 / sequences.max(1);
    assert!(
        each(tally.connected) >= 1 && each(tally.heard * 2) >= 1,
        "{tally:?}"
    );
    assert!(
        each(tally.renewed_or_joined * 4) >= 1 && each(tally.ended * 2) >= 1,
        "{tally:?}"
    );
}

#[test]
fn no_sequence_of_events_breaks_it_over_dynamodb() {
    let tally = check(number("ROOM_AUTH_MODEL_DYNAMODB_SEQUENCES", 100), Store::dynamo);
    assert!(tally.heard > 0 && tally.ended > 0, "{tally:?}");
}
