//! Between an answer and the next poll a process is neither idle nor busy.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::{PATIENCE, function};
use room_auth_gateway::{Function, LogSink};
use tokio::time::timeout;

#[tokio::test]
async fn a_caller_that_never_rests_is_served_by_one_process() {
    let pool = function().logs(LogSink::discard()).start().await.unwrap();
    let started = Instant::now();
    // Longer than a process is waited for.
    while started.elapsed() < Duration::from_millis(1500) {
        let answer = timeout(PATIENCE, pool.invoke("{}")).await;
        answer.expect("an answer in time").unwrap();
    }
    assert_eq!(pool.processes().len(), 1);
}

#[tokio::test]
async fn a_process_that_does_not_ask_again_is_not_waited_for_long() {
    let script = r#"
        api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
        head=$(curl -s -D - -o /dev/null "$api/invocation/next" | tr -d '\r')
        id=$(echo "$head" | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
        curl -s -o /dev/null "$api/invocation/$id/response" -d "$$"
        exec sleep 1000
    "#;
    let spec = Function::new("/bin/sh").arg("-c").arg(script).timeout(PATIENCE);
    let pool = spec.logs(LogSink::discard()).start().await.unwrap();
    let mut processes = Vec::new();
    for _ in 0..2 {
        let answer = timeout(PATIENCE, pool.invoke("{}")).await;
        processes.push(answer.expect("an answer in time").unwrap());
    }
    assert_ne!(processes[0], processes[1]);
    assert_eq!(pool.processes().len(), 2);
}
