//! A thousand schedules of faults: what must hold of a broadcast in all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use room_auth::rooms::{Broadcast, DeliveryReport, FrameId, Rooms, UndeliveredReason};
use room_auth::{Connection, Registry as _, RoomId};
use tokio::time::{Instant, sleep};

use crate::faults::{Chances, Dice, FaultyRegistry, FaultyTransport};
use crate::world::{T0, Temper, World, abroad, home, room};

const SCHEDULES: u64 = 1000;

const CHANCES: Chances = Chances {
    registry_throttled: 10,
    transport_throttled: 5,
    answer_lost: 2,
};

/// What a member of the room must have seen in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// The frame.
    Heard,
    /// The frame, or to be named as undelivered.
    HeardOrNamed,
    /// Nothing, and to be forgotten and closed; one whose function was killed between the two is not closed.
    Expired,
    /// To be forgotten.
    Gone,
    /// It left meanwhile: it may have heard the frame or not.
    Left,
}

struct Schedule {
    seed: u64,
    dice: Dice,
    world: World,
    lobby: RoomId,
    members: Vec<(Connection, Expected)>,
    strangers: Vec<Connection>,
}

impl Schedule {
    async fn new(seed: u64) -> Self {
        let dice = Dice::seeded(seed);
        let world = World::new(1 + usize::try_from(dice.below(20)).unwrap());
        let (mut members, mut strangers) = (Vec::new(), Vec::new());
        for number in 0..20 + dice.below(60) {
            let (temper, expected) = temper(&dice);
            let exp = match expected {
                Expected::Expired => T0 - dice.below(100),
                _ => T0 + 3600,
            };
            // Two APIs over one table.
            let endpoint = if dice.percent(40) { abroad() } else { home() };
            let id = format!("m{number}");
            let member = world.join_at(&endpoint, &id, "lobby", temper, exp).await;
            members.push((member, expected));
        }
        for number in 0..dice.below(20) {
            let takes = Temper::Takes(Duration::from_millis(5));
            strangers.push(world.join(&format!("s{number}"), "lobby.2", takes).await);
        }
        Self {
            seed,
            dice,
            world,
            lobby: room("lobby"),
            members,
            strangers,
        }
    }

    fn rooms(&self) -> Rooms {
        let registry = FaultyRegistry {
            memory: self.world.registry.clone(),
            dice: self.dice.clone(),
            chances: CHANCES,
        };
        let transport = FaultyTransport {
            world: self.world.transport(),
            dice: self.dice.clone(),
            chances: CHANCES,
        };
        Rooms::new(registry, transport)
            .with_verifier(self.world.verifier())
            .with_concurrency(1 + usize::try_from(self.dice.below(32)).unwrap())
    }

    /// The function: killed now and then, and repeated until it has said what became of everybody. Returns whether it
    /// was killed, too.
    async fn broadcast(&self, frame: &str) -> (DeliveryReport, bool) {
        let rooms = self.rooms();
        let mut kills = self.dice.below(4);
        let mut was_killed = false;
        loop {
            let broadcast = rooms.broadcast(Broadcast::new(&self.lobby, frame));
            if kills > 0 {
                kills -= 1;
                let killed_after = self.dice.millis(1500);
                tokio::select! {
                    biased;
                    () = sleep(killed_after) => was_killed = true,
                    delivery = broadcast => {
                        if let Ok(delivery) = delivery && !delivery.is_truncated() {
                            return (delivery, was_killed);
                        }
                    }
                }
            } else if let Ok(delivery) = broadcast.await
                && !delivery.is_truncated()
            {
                return (delivery, was_killed);
            }
        }
    }

    /// Some leave while the broadcast is under way; of half of them, `$disconnect` never comes.
    async fn leave(&self, leaving: &[Connection]) {
        for connection in leaving {
            sleep(self.dice.millis(100)).await;
            self.world.set_temper(&connection.id, Temper::Gone);
            if self.dice.percent(50) {
                self.world.registry.forget(connection).await.unwrap();
            }
        }
    }

    async fn run(&mut self) -> BTreeMap<String, usize> {
        let frame = FrameId::random().to_string();
        let mut leaving = Vec::new();
        for (connection, expected) in &mut self.members {
            if *expected == Expected::Heard && self.dice.percent(5) {
                *expected = Expected::Left;
                leaving.push(connection.clone());
            }
        }
        let began = Instant::now();
        let ((delivery, was_killed), ()) = tokio::join!(self.broadcast(&frame), self.leave(&leaving));
        assert!(
            began.elapsed() < 4 * Duration::from_secs(25),
            "{:?}",
            began.elapsed()
        );
        self.check(&frame, &delivery, was_killed).await
    }

    /// Returns how often each connection heard the frame.
    async fn check(
        &self,
        frame: &str,
        delivery: &DeliveryReport,
        was_killed: bool,
    ) -> BTreeMap<String, usize> {
        let seed = self.seed;
        let named: BTreeMap<_, _> = delivery
            .undelivered()
            .iter()
            .map(|missed| (missed.connection_id.clone(), missed.reason))
            .collect();
        assert_eq!(
            named.len() as u64,
            delivery.undelivered_count(),
            "seed {seed}: named once each"
        );
        let mut counts = BTreeMap::new();
        for (connection, expected) in &self.members {
            let id = &connection.id;
            let who = format!("seed {seed}, {id}, {expected:?}, {:?}", named.get(id));
            let heard = self.world.heard(id.as_str());
            assert!(heard.iter().all(|heard| heard == frame), "{who}: another frame");
            let is_recorded = self.world.is_recorded(id.as_str()).await;
            match expected {
                Expected::Heard => {
                    assert!(!heard.is_empty() || named.contains_key(id), "{who}: missed");
                    // Only a storm of lost answers or throttling may leave it at being named.
                    assert!(!heard.is_empty(), "{who}: missed, though it was there");
                    assert!(
                        is_recorded && !self.world.is_closed(id.as_str()),
                        "{who}: thrown out"
                    );
                }
                Expected::HeardOrNamed => {
                    assert!(!heard.is_empty() || named.contains_key(id), "{who}: missed");
                    assert!(is_recorded, "{who}: forgotten");
                }
                Expected::Expired => {
                    assert!(heard.is_empty(), "{who}: heard after expiry");
                    assert!(
                        !is_recorded && (was_killed || self.world.is_closed(id.as_str())),
                        "{who}: still there"
                    );
                }
                Expected::Gone => assert!(!is_recorded && heard.is_empty(), "{who}: remains"),
                Expected::Left => {}
            }
            counts.insert(id.to_string(), heard.len());
        }
        let misdirected = self.world.misdirected();
        assert!(
            misdirected.is_empty(),
            "seed {seed}: asked for at another API: {misdirected:?}"
        );
        let recorded: BTreeSet<_> = self
            .world
            .registry
            .connections()
            .into_iter()
            .map(|known| known.id)
            .collect();
        for gone in self.world.found_gone() {
            assert!(
                !recorded.contains(&gone),
                "seed {seed}: {gone} was found gone and remains"
            );
        }
        for stranger in &self.strangers {
            let id = stranger.id.as_str();
            assert!(
                self.world.heard(id).is_empty(),
                "seed {seed}: {id} is in another room"
            );
            assert!(recorded.contains(&stranger.id), "seed {seed}: {id} was forgotten");
        }
        for (id, reason) in &named {
            assert_ne!(*reason, UndeliveredReason::NotForgotten, "seed {seed}: {id}");
        }
        counts
    }
}

fn temper(dice: &Dice) -> (Temper, Expected) {
    match dice.below(100) {
        0..33 => (Temper::Gone, Expected::Gone),
        33..37 => (Temper::Silent, Expected::HeardOrNamed),
        37..42 => {
            let slow = Duration::from_millis(500) + dice.millis(2000);
            (Temper::Takes(slow), Expected::Heard)
        }
        42..47 => {
            let times = u32::try_from(dice.below(6)).unwrap();
            (Temper::Throttled(times), Expected::Heard)
        }
        47..50 => (Temper::AnswerLost(1), Expected::Heard),
        50..55 => (Temper::Takes(Duration::ZERO), Expected::Expired),
        55..60 => (Temper::Connecting(dice.millis(2000)), Expected::HeardOrNamed),
        _ => (Temper::Takes(dice.millis(50)), Expected::Heard),
    }
}

/// Runs a schedule in a runtime of its own: time is counted from its beginning.
fn run(seed: u64) -> BTreeMap<String, usize> {
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async { Schedule::new(seed).await.run().await })
}

#[test]
fn no_schedule_of_faults_breaks_a_promise() {
    let (mut heard, mut repeats) = (0, 0);
    for seed in 0..SCHEDULES {
        let counts = run(seed);
        heard += counts.values().filter(|count| **count > 0).count();
        repeats += counts
            .values()
            .map(|count| count.saturating_sub(1))
            .sum::<usize>();
    }
    // The schedules are what they claim to be: many members, and some who heard a frame twice.
    assert!(heard > 20_000, "{heard}");
    assert!(repeats > 1000, "{repeats}");
}

#[test]
fn a_seed_repeats_its_schedule() {
    for seed in 0..50 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
