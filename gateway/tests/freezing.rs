//! Processes are frozen from one event to the next. D: "Lambda freezes the execution environment when the runtime and
//! each extension have completed and there are no pending events".

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{Log, PATIENCE, eventually, scripted};
use room_auth_gateway::{Function, FunctionPool, LogSink};
use serde_json::{Value, json};

async fn order(pool: &FunctionPool, orders: Value) -> Value {
    let event = json!({"body": orders.to_string()}).to_string();
    let answer = tokio::time::timeout(PATIENCE, pool.invoke(event)).await;
    serde_json::from_slice(&answer.expect("an answer in time").unwrap()).unwrap()
}

/// The state of a process in /proc: `T` if it is stopped.
fn state(process: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

fn has_ended(process: u32) -> bool {
    matches!(state(process), None | Some('Z'))
}

fn function() -> (Function, Log) {
    let (sink, log) = Log::channel();
    let function = Function::new(scripted()).timeout(PATIENCE).logs(sink);
    (function, log)
}

#[tokio::test]
async fn work_left_running_stops_until_the_next_event() {
    for freeze in [true, false] {
        let (function, mut log) = function();
        let pool = function.freeze(freeze).start().await.unwrap();
        order(&pool, json!({"do": "leave", "ms": 50})).await;
        log.event().await;
        if freeze {
            eventually(|| state(pool.processes()[0].id) == Some('T')).await;
            // Many times what the work takes.
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert_eq!(log.lines_so_far(), [] as [String; 0]);
            order(&pool, json!({"do": "sleep", "ms": 200})).await;
        }
        while log.line().await.text != "the work is done" {}
        pool.shutdown().await;
    }
}

#[tokio::test]
async fn a_process_is_frozen_after_its_init_and_thawed_for_each_event() {
    let (function, _log) = function();
    let pool = function.start().await.unwrap();
    let process = pool.processes()[0].id;
    for number in 0..50 {
        eventually(|| state(process) == Some('T')).await;
        let answer = order(&pool, json!({"do": "echo", "number": number})).await;
        assert_eq!(answer["statusCode"], 200);
    }
    assert_eq!(pool.processes().len(), 1);
}

#[tokio::test]
async fn frozen_processes_end_with_their_function_and_when_a_test_kills_them() {
    for how in ["shutdown", "drop"] {
        let (function, _log) = function();
        let script = format!("sleep 1000 & exec {}", scripted().display());
        let shell = Function::new("/bin/sh")
            .arg("-c")
            .arg(script)
            .logs(LogSink::discard());
        for function in [function, shell] {
            let pool = function.start().await.unwrap();
            let process = pool.processes()[0].id;
            eventually(|| state(process) == Some('T')).await;
            match how {
                "shutdown" => tokio::time::timeout(PATIENCE, pool.shutdown())
                    .await
                    .expect("a quick end"),
                _ => drop(pool),
            }
            eventually(|| has_ended(process)).await;
        }
    }
}

#[tokio::test]
async fn a_process_with_several_invocations_at_once_is_never_frozen() {
    let (function, mut log) = function();
    let pool = function.invocations_per_process(2).start().await.unwrap();
    order(&pool, json!({"do": "leave", "ms": 50})).await;
    log.event().await;
    assert_eq!(log.line().await.text, "the work is done");
    assert_ne!(state(pool.processes()[0].id), Some('T'));
}
