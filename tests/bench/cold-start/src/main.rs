//! What authentication adds to a function: the start, the CPU per `$connect`, the size of the binary.
//!
//!     cargo run --release -p bench-cold-start [-- --check --sdk]
//!
//! Builds `connect`, functions that do nothing (`tests/bench/bare`) and one of another event type, all with the release profile, and runs
//! them by turns under the gateway's Runtime API:
//!
//! - **start**: from the spawn of the process until it asks for its first event, against `bare-logging`, which sets up
//!   the logging that `connect` has for itself, links no crypto and reads no key;
//! - **CPU per event**: what the kernel accounts to the process (`/proc/<pid>/task/*/schedstat`, so Linux only),
//!   above what `bare` takes for the same event, of which it reads nothing and logs nothing; by the same measure
//!   `bare-verify`, which is `bare` and one raw verification with a prepared key, says what a verification costs in
//!   such a process, and `connect-typed` what the event type of `aws_lambda_events` costs a handler;
//! - every answer is checked; in each round a forged token, and a second token beside a good one, have to be
//!   refused.
//!
//! With `--sdk` the `chat` function is measured beside `connect`: what linking the AWS SDK costs. Its release build
//! takes minutes.
//!
//! Machines are noisy: the figures are medians of many short turns, and the ratios are what counts. Where the scheduler puts
//! the processes decides more than what they do: with `taskset -c 1` before the command all are on one processor, and the
//! ratios repeat to some percent. With `--check` a missed target is an error.
#![allow(clippy::print_stdout)]

#[path = "../../../../runtime/benches/fixture/event.rs"]
mod event;
mod functions;
mod report;

use std::time::Duration;

use functions::{Functions, Running};
use report::{Error, Target, median};

const STARTS: usize = 200;
const ROUNDS: usize = 12;
const BATCHES: usize = 9;
const EVENTS_PER_BATCH: usize = 40;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let functions = Functions::build()?;
    let mut targets = vec![size(&functions)?];
    targets.push(start(&functions).await?);
    targets.push(cpu(&functions).await?);
    if std::env::args().any(|argument| argument == "--sdk") {
        sdk(&functions).await?;
    }
    let missed = targets.iter().filter(|target| !target.is_met()).count();
    if missed > 0 && std::env::args().any(|argument| argument == "--check") {
        return Err(format!("{missed} of {} targets missed", targets.len()).into());
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
fn size(functions: &Functions) -> Result<Target, Error> {
    let megabytes = |path| Ok::<_, Error>(std::fs::metadata(path)?.len() as f64 / 1e6);
    let (bare, connect) = (megabytes(&functions.bare)?, megabytes(&functions.connect)?);
    println!("size of the binary: bare {bare:.2} MB, connect {connect:.2} MB");
    Ok(Target::new("size of connect, MB", connect, 5.0))
}

async fn start(functions: &Functions) -> Result<Target, Error> {
    let (mut bare, mut connect) = (Vec::new(), Vec::new());
    for turn in 0..STARTS + 5 {
        // Each is first as often as the other, and what is evicted by the one is missing to the other.
        let inits = if turn % 2 == 0 {
            let bare = functions.bare_logging().await?.stop().await;
            (bare, functions.connect().await?.stop().await)
        } else {
            let connect = functions.connect().await?.stop().await;
            (functions.bare_logging().await?.stop().await, connect)
        };
        // The first ones bring the binaries into the page cache.
        if turn >= 5 {
            bare.push(milliseconds(inits.0));
            connect.push(milliseconds(inits.1));
        }
    }
    let ratio = median(connect.iter().zip(&bare).map(|(connect, bare)| connect / bare));
    let (bare, connect) = (median(bare), median(connect));
    println!(
        "start until the first event is asked for: bare with logging {bare:.2} ms, connect {connect:.2} ms"
    );
    Ok(Target::new(
        "start of connect by that of bare with its logging",
        ratio,
        1.10,
    ))
}

/// What the AWS SDK costs a function: its start and its size. No target, a choice.
#[allow(clippy::cast_precision_loss)]
async fn sdk(functions: &Functions) -> Result<(), Error> {
    let chat = functions.build_chat()?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for turn in 0..STARTS / 4 + 5 {
        let inits = (
            functions.chat(&chat).await?.stop().await,
            functions.connect().await?.stop().await,
        );
        if turn >= 5 {
            with.push(milliseconds(inits.0));
            without.push(milliseconds(inits.1));
        }
    }
    let megabytes = std::fs::metadata(&chat)?.len() as f64 / 1e6;
    println!(
        "with the AWS SDK (chat): start {:.2} ms, connect {:.2} ms; size {megabytes:.2} MB",
        median(with),
        median(without)
    );
    Ok(())
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

async fn cpu(functions: &Functions) -> Result<Target, Error> {
    let mut times = [const { Vec::new() }; 4];
    // Where the scheduler has put a process can make it slow as long as it lives: so new ones each round.
    for _ in 0..ROUNDS {
        cpu_round(functions, &mut times).await?;
    }
    let [bare, verify, connect, typed] = times.map(median);
    println!(
        "CPU per $connect: bare {bare:.1} µs, with a raw verification {verify:.1} µs (+ {:.1}), connect {connect:.1} \
         µs (+ {:.1}), connect with the event type of aws_lambda_events {typed:.1} µs (+ {:.1})",
        verify - bare,
        connect - bare,
        typed - bare
    );
    if verify <= bare {
        return Err("a verification was measured to cost nothing: the machine is too busy".into());
    }
    let ratio = (connect - bare) / (verify - bare);
    println!(
        "  CPU of connect with the event type of aws_lambda_events above bare, by one raw verification: {:.3}",
        (typed - bare) / (verify - bare)
    );
    Ok(Target::new(
        "CPU of connect above bare, by one raw verification",
        ratio,
        1.25,
    ))
}

async fn cpu_round(functions: &Functions, times: &mut [Vec<f64>; 4]) -> Result<(), Error> {
    let token = room_auth_forge::fresh_token("lobby");
    let good = event::connect(&token);
    let refused = [
        event::connect(&forge(&token)),
        event::connect_with_two_tokens(&token),
    ];
    let running = [
        functions.bare().await?,
        functions.bare_verify(&token).await?,
        functions.connect().await?,
        functions.connect_typed().await?,
    ];
    for batch in 0..=BATCHES {
        for (function, times) in running.iter().zip(times.iter_mut()) {
            let microseconds = per_event(function, &good).await?;
            // The first batch warms up.
            if batch > 0 {
                times.push(microseconds);
            }
        }
    }
    let [_, _, connect, _] = &running;
    for event in &refused {
        let answer = connect.invoke(event).await?;
        if answer["statusCode"] != 401 || answer["body"] != r#"{"message":"Unauthorized"}"# {
            return Err(format!("connect answered a bad token with {answer}").into());
        }
    }
    for function in running {
        function.stop().await;
    }
    Ok(())
}

/// The CPU time that `function` takes for one event, in microseconds.
#[allow(clippy::cast_precision_loss)]
async fn per_event(function: &Running, event: &[u8]) -> Result<f64, Error> {
    let before = function.cpu_time()?;
    for _ in 0..EVENTS_PER_BATCH {
        let answer = function.invoke(event).await?;
        if answer["statusCode"] != 200 {
            return Err(format!("{} answered a good token with {answer}", function.name()).into());
        }
    }
    let spent = function.cpu_time()?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1e6 / EVENTS_PER_BATCH as f64)
}

/// The token with another signature, of the right form.
fn forge(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').expect("a token has three parts");
    let turned: String = signature.chars().rev().collect();
    // The last character of a signature of 256 bytes has four bits that must be zero.
    format!("{message}.{}A", &turned[..turned.len() - 1])
}
