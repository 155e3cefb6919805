//! Round trips, by turns: through the gateway's function and back, of a bare echo, through a bare relay and
//! through MiniStack.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio::time::sleep;

use crate::{
    client::Client,
    programs::{Programs, Running},
    report::{Error, Target, median},
};

const ROUNDS: usize = 30;
/// From rest, in a turn.
const TRIPS: usize = 100;
/// Long enough for everybody to be at rest again: the function has asked for its next event, and is frozen.
const REST: Duration = Duration::from_millis(5);
/// How long messages are sent without rest, in a turn. In a shorter one the scheduler still has client and echo on the
/// processor where they started, and an echo takes a fifth.
const RUSH: Duration = Duration::from_millis(500);
/// MiniStack takes a hundred times as long.
const MINISTACK_TRIPS: usize = 10;
/// Clients that all have a message on its way.
const CROWD: usize = 16;

pub(crate) async fn measure(programs: &Programs) -> Result<Vec<Target>, Error> {
    let mut echo = Way::to(programs.bare_echo().await?).await?;
    let mut relay = Way::to(programs.bare_relay().await?).await?;
    let mut freezing = Way::to(programs.gateway(&[]).await?).await?;
    let mut running_on = Way::to(programs.gateway(&["--no-freeze"]).await?).await?;
    let mut ministack = if let Some(running) = programs.ministack().await? {
        Some(Way::to(running).await?)
    } else {
        println!(
            "MiniStack is not installed and is left out; install it by: bash tests/ministack/setup.sh\n"
        );
        None
    };
    for round in 0..=ROUNDS {
        // Each is first as often as the others.
        let mut ways = [&mut echo, &mut relay, &mut freezing, &mut running_on];
        ways.rotate_left(round % 4);
        for way in ways {
            // The first round starts the function's processes.
            if round == 1 {
                way.forget();
            }
            way.turn(TRIPS).await?;
            way.rush(1).await?;
            way.rush(CROWD).await?;
        }
        if let Some(ministack) = &mut ministack {
            ministack.turn(MINISTACK_TRIPS).await?;
        }
    }
    println!("Round trips from rest and without, and messages a second of one client and of {CROWD}:");
    println!("  bare echo: {}, {}", echo.trips(), echo.rates());
    println!(
        "  bare relay to the function and back: {}, {}",
        relay.trips(),
        relay.rates()
    );
    println!(
        "  gateway, through the function and back over @connections: {}, {}",
        freezing.trips(),
        freezing.rates()
    );
    println!(
        "  the same without freezing: {}, {}",
        running_on.trips(),
        running_on.rates()
    );
    let from_rest = [&echo.turns, &relay.turns, &freezing.turns];
    let without_rest = [&echo.rushed_turns, &relay.rushed_turns, &freezing.rushed_turns];
    for (when, [echo, relay, gateway]) in [("from rest", from_rest), ("without rest", without_rest)] {
        println!(
            "  p50 {when}, by the bare echo: the bare relay {:.2}, the gateway {:.2}; the gateway by the bare relay: {:.2}",
            ratio(relay, echo),
            ratio(gateway, echo),
            ratio(gateway, relay)
        );
    }
    println!(
        "  from rest with freezing, by that without: {:.2}; a process that has rested has to be woken and continued",
        ratio(&freezing.turns, &running_on.turns)
    );
    if let Some(ministack) = &mut ministack {
        let times = ratio(&ministack.turns, &freezing.turns);
        println!(
            "  MiniStack with the same function: {}, {times:.0} times that of the gateway",
            ministack.trips()
        );
    }
    println!();
    let targets = targets(&echo, &freezing, &running_on);
    for way in [
        Some(echo),
        Some(relay),
        Some(freezing),
        Some(running_on),
        ministack,
    ]
    .into_iter()
    .flatten()
    {
        way.process.stop().await?;
    }
    Ok(targets)
}

fn targets(echo: &Way, freezing: &Way, running_on: &Way) -> Vec<Target> {
    vec![
        Target::new(
            "p50 from rest, through a function and back over @connections, by that of the bare echo",
            ratio(&freezing.turns, &echo.turns),
            2.0,
        ),
        Target::new(
            "p50 without rest, by that of the bare echo",
            ratio(&freezing.rushed_turns, &echo.rushed_turns),
            2.0,
        ),
        Target::new(
            "time for a message, one after the other, with freezing by that without",
            ratio(&freezing.rushes[0], &running_on.rushes[0]),
            1.1,
        ),
        Target::new(
            "time for a message, 16 at once, with freezing by that without",
            ratio(&freezing.rushes[1], &running_on.rushes[1]),
            1.1,
        ),
    ]
}

/// The median of what one has taken in a turn by what the other has taken in that turn.
fn ratio(one: &[f64], other: &[f64]) -> f64 {
    median(one.iter().zip(other).map(|(one, other)| one / other))
}

/// A way there and back, with all times in microseconds.
struct Way {
    process: Running,
    clients: Vec<Client>,
    /// Of all trips of one client alone.
    trips: Vec<f64>,
    /// The median of each turn of trips.
    turns: Vec<f64>,
    /// The same without rest.
    rushed_turns: Vec<f64>,
    /// For each rush of one client, and of the crowd, the time divided by the messages.
    rushes: [Vec<f64>; 2],
}

impl Way {
    async fn to(process: Running) -> Result<Self, Error> {
        let connecting = (0..CROWD).map(|name| Client::connect(&process.url, name));
        Ok(Self {
            clients: try_join_all(connecting).await?,
            process,
            trips: Vec::new(),
            turns: Vec::new(),
            rushed_turns: Vec::new(),
            rushes: [const { Vec::new() }; 2],
        })
    }

    fn forget(&mut self) {
        self.trips.clear();
        self.turns.clear();
        self.rushed_turns.clear();
        self.rushes.iter_mut().for_each(Vec::clear);
    }

    /// One client sends messages, each from rest.
    async fn turn(&mut self, trips: usize) -> Result<(), Error> {
        let mut times = Vec::with_capacity(trips);
        for _ in 0..trips {
            sleep(REST).await;
            times.push(micros(self.clients[0].trip().await?));
        }
        self.turns.push(median(times.iter().copied()));
        self.trips.extend(times);
        Ok(())
    }

    /// Clients send messages at the same time, each as soon as it has the answer to its last one.
    #[allow(clippy::cast_precision_loss)]
    async fn rush(&mut self, clients: usize) -> Result<(), Error> {
        let started = Instant::now();
        let sending = self.clients.iter_mut().take(clients);
        let sending = sending.map(async |client: &mut Client| {
            let mut times = Vec::new();
            while started.elapsed() < RUSH {
                times.push(micros(client.trip().await?));
            }
            Ok::<_, Error>(times)
        });
        let times = try_join_all(sending).await?.concat();
        self.rushes[usize::from(clients > 1)].push(micros(started.elapsed()) / times.len() as f64);
        if clients == 1 {
            self.rushed_turns.push(median(times));
        }
        Ok(())
    }

    fn trips(&mut self) -> String {
        self.trips.sort_by(f64::total_cmp);
        let at = |percent| self.trips[self.trips.len() * percent / 100];
        format!("p50 {:.0} µs, p99 {:.0} µs", at(50), at(99))
    }

    fn rates(&self) -> String {
        let [alone, crowd] = self
            .rushes
            .each_ref()
            .map(|times| 1e6 / median(times.iter().copied()));
        let trip = median(self.rushed_turns.iter().copied());
        format!("without rest p50 {trip:.0} µs, {alone:.0} and {crowd:.0} a second")
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
