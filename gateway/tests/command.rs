//! The binary, as a shell runs it.

// The processes below others are found in /proc.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::{process::Stdio, time::Duration};

use common::{PATIENCE, eventually, scripted};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use tokio_tungstenite::connect_async;

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_room-auth-gateway"));
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Starts the gateway, and returns it with its first line.
async fn start(options: &[&str]) -> (Child, String, Lines<BufReader<ChildStdout>>) {
    let mut child = command().args(options).stderr(Stdio::inherit()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = timeout(PATIENCE, lines.next_line())
        .await
        .expect("a line in time")
        .unwrap()
        .expect("a line");
    (child, first, lines)
}

/// Runs to the end, and returns the exit code and what stood on standard error.
async fn fails(options: &[&str]) -> (Option<i32>, String) {
    let output = timeout(PATIENCE, command().args(options).output())
        .await
        .expect("an end in time")
        .unwrap();
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn signal(child: &Child, signal: Signal) {
    let id = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
}

#[tokio::test]
async fn the_first_line_is_the_url_and_a_signal_ends_all_of_it() {
    let route = format!("$connect={}", scripted().display());
    for stop in [Signal::INT, Signal::TERM] {
        let (mut child, url, mut lines) = start(&["--route", &route, "--port", "0"]).await;
        assert!(
            url.starts_with("ws://127.0.0.1:") && url.ends_with("/dev"),
            "{url}"
        );
        let (client, _) = connect_async(&url).await.unwrap();
        let function = children_of(child.id().unwrap());
        assert_eq!(function.len(), 1, "one process of the function");
        drop(client);
        signal(&child, stop);
        let status = timeout(Duration::from_secs(10), child.wait())
            .await
            .expect("a quick end")
            .unwrap();
        assert_eq!(status.code(), Some(0), "{stop:?}");
        eventually(|| !std::path::Path::new(&format!("/proc/{}", function[0])).exists()).await;
        let mut rest = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            rest.push(line);
        }
        assert!(
            rest.iter().all(|line| !line.contains('\x1b')),
            "no colours in a pipe"
        );
        let (connect, rest) = rest.split_first().expect("a line for $connect");
        let words: Vec<&str> = connect.split_whitespace().collect();
        assert_eq!(words[2..5], ["$connect", "scripted", "200"], "{connect}");
        assert_eq!(words[6..], ["ms", "cold"], "{connect}");
        let rest = rest.join("\n");
        assert!(
            rest.contains("\n1 connected, 0 refused; 0 messages in, 0 out\nfunction "),
            "{rest}"
        );
    }
}

#[tokio::test]
async fn for_machines_everything_is_a_line_of_json() {
    let route = format!("$connect={}", scripted().display());
    let (child, first, mut lines) = start(&[
        "--route",
        &route,
        "--port",
        "0",
        "--json",
        "--bill",
        "--inspect=0",
    ])
    .await;
    let ready: serde_json::Value = serde_json::from_str(&first).unwrap();
    assert_eq!(ready["event"], "ready");
    let (client, _) = connect_async(ready["url"].as_str().unwrap()).await.unwrap();
    drop(client);
    let (mut kinds, mut summary, mut bill) = (Vec::new(), serde_json::Value::Null, serde_json::Value::Null);
    while let Some(line) = timeout(PATIENCE, lines.next_line())
        .await
        .expect("a line in time")
        .unwrap()
    {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        kinds.push(line["event"].as_str().unwrap().to_owned());
        match line["event"].as_str() {
            Some("log") => {
                assert_eq!(
                    (&line["function"], &line["stream"]),
                    (&"scripted".into(), &"stdout".into())
                );
                assert!(line["text"].as_str().unwrap().starts_with("EVENT "));
            }
            Some("closed") => signal(&child, Signal::TERM),
            Some("summary") => summary = line,
            Some("bill") => bill = line,
            _ => {}
        }
    }
    for kind in [
        "inspector",
        "handshake",
        "log",
        "function_answered",
        "handshake_answered",
        "closed",
    ] {
        assert!(kinds.iter().any(|one| one == kind), "{kind} in {kinds:?}");
    }
    assert_eq!(kinds[kinds.len() - 2..], ["summary", "bill"]);
    assert_eq!(bill["connection_minutes"], 1);
    assert!(bill["total_dollars"].as_f64().unwrap() > 0.0, "{bill}");
    assert_eq!(summary["functions"]["scripted"]["cold"], 1);
}

#[tokio::test]
async fn a_gateway_that_is_killed_leaves_no_function_behind() {
    let route = format!("$connect={}", scripted().display());
    let (mut child, _, _) = start(&["--route", &route, "--port", "0"]).await;
    let function = children_of(child.id().unwrap())[0];
    let stat = format!("/proc/{function}/stat");
    // Frozen, as it is nearly all the time. A gateway that is killed in the moment between leaves it frozen.
    eventually(|| std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T "))).await;
    signal(&child, Signal::KILL);
    child.wait().await.unwrap();
    // The kernel hangs up and continues the stopped processes of an orphaned group.
    eventually(|| std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "))).await;
}

fn children_of(parent: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{parent}/task")).unwrap();
    let children =
        threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("children")).unwrap());
    children
        .collect::<String>()
        .split_whitespace()
        .map(|id| id.parse().unwrap())
        .collect()
}

/// What a function sees of these variables and its directory, if the gateway is started with these options.
async fn seen_with(options: &[&str]) -> String {
    let dir = std::env::temp_dir().join(format!("gateway-env-{}", rand::random::<u64>()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("show.sh");
    let script =
        "echo \"$PUBLIC_KEY|$EXTRA|$AWS_REGION|$AWS_ACCESS_KEY_ID|$AWS_SESSION_TOKEN|$PWD\" >&2; exit 1";
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, executable).unwrap();
    std::fs::write(dir.join("env"), "# of the table\nEXTRA=from the file\n").unwrap();
    let route = format!("$connect={}", path.display());
    let options = options
        .iter()
        .map(|option| option.replace("DIR", dir.to_str().unwrap()));
    let mut command = command();
    command
        .args(["-p", "0", "--route", &route])
        .args(options)
        .env("PUBLIC_KEY", "the key")
        .env("AWS_ACCESS_KEY_ID", "mine")
        .env_remove("AWS_SESSION_TOKEN")
        .env_remove("AWS_REGION");
    let output = timeout(PATIENCE, command.output())
        .await
        .expect("an end in time")
        .unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    let (_, seen) = errors.split_once("failed at init: ").expect(&errors);
    seen.trim_end().replace(dir.to_str().unwrap(), "DIR")
}

#[tokio::test]
async fn functions_get_the_environment_of_lambda_the_options_and_no_more_unless_asked_for() {
    let table: [(&[&str], &str); 5] = [
        (&[], "||us-east-1|local|local|DIR"),
        (
            &["--env", "EXTRA=more", "--region", "eu-west-1"],
            "|more|eu-west-1|local|local|DIR",
        ),
        (
            &["--env-file", "DIR/env"],
            "|from the file|us-east-1|local|local|DIR",
        ),
        (
            &["--env", "EXTRA=more", "--env-file", "DIR/env"],
            "|more|us-east-1|local|local|DIR",
        ),
        // Credentials are inherited as they are: long-term keys have no session token.
        (
            &["--inherit-env", "--current-dir", "/"],
            "the key||us-east-1|mine||/",
        ),
    ];
    for (options, expected) in table {
        assert_eq!(seen_with(options).await, expected, "{options:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_in_one_line_and_with_a_status() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let function = scripted().display().to_string();
    let route = format!("$connect={function}");
    let table: [(&[&str], i32, &str); 8] = [
        (
            &["-p", "0", "-r", "$connect=nowhere"],
            1,
            "error: function nowhere: nowhere does not exist; build it first",
        ),
        (
            &["-p", &port, "-r", &route],
            1,
            "another program uses this port: choose another one, or 0",
        ),
        (
            &["-p", "0", "-r", &route, "--env", "AWS_LAMBDA_FUNCTION_NAME=x"],
            1,
            "error: function scripted: Lambda reserves the environment variable AWS_LAMBDA_FUNCTION_NAME; remove it",
        ),
        (
            &["-p", "0", "-r", &route, "--env-file", "/nowhere/at-all"],
            2,
            "'/nowhere/at-all' for '--env-file <FILE>'",
        ),
        (
            &[
                "-p",
                "0",
                "-r",
                &route,
                "--identity-sources",
                "context.x",
                "--authorizer",
                "f",
            ],
            2,
            "`context.x` is not an identity source",
        ),
        (
            &["-p", "0", "-r", "=x"],
            2,
            "put a text with a `$` in single quotes",
        ),
        (
            &["-p", "0", "-r", &route, "--identity-sources", "x"],
            2,
            "`x` is not an identity source",
        ),
        (
            &["-p", "0", "-r", &route, "--route-selection", "$x"],
            2,
            "`$x` is not a route selection expression",
        ),
    ];
    for (options, code, expected) in table {
        let (status, errors) = fails(options).await;
        assert_eq!(status, Some(code), "{options:?}: {errors}");
        assert!(errors.contains(expected), "{options:?}: {errors}");
        assert!(code == 2 || errors.lines().count() == 1, "{options:?}: {errors}");
    }
}

#[tokio::test]
async fn help_shows_how_it_is_used() {
    let output = command().arg("--help").output().await.unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for part in [
        "--route <KEY=FUNCTION>",
        "--port",
        "$connect=target/debug/connect",
        "@connections",
    ] {
        assert!(help.contains(part), "{part} in {help}");
    }
}

/// Runs `replay`, and returns the exit code, standard output and standard error.
async fn replay(options: &[&str]) -> (Option<i32>, String, String) {
    let replaying = command().arg("replay").args(options).output();
    let output = timeout(PATIENCE, replaying)
        .await
        .expect("an end in time")
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_bug_seen_once_is_a_test() {
    const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJsb2JieSJ9.c2lnbmF0dXJl-c2lnbmF0dXJl_c2ln";
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bug.jsonl").display().to_string();
    let connect = format!("$connect={}", scripted().display());
    let echo = format!("echo={}", scripted().display());
    let (mut child, url, _lines) = start(&[
        "-p",
        "0",
        "--route",
        &connect,
        "--route-with-response",
        &echo,
        "--record",
        &file,
    ])
    .await;
    let (mut client, _) = connect_async(format!("{url}?token={TOKEN}")).await.unwrap();
    common::send(&mut client, r#"{"action":"echo","do":"echo","text":"hi"}"#).await;
    common::receive(&mut client).await;
    common::send(&mut client, "no route").await;
    common::receive(&mut client).await;
    signal(&child, Signal::TERM);
    common::closed(&mut client).await;
    child.wait().await.unwrap();
    assert!(!std::fs::read_to_string(&file).unwrap().contains(TOKEN));

    let token = format!("token-1={TOKEN}");
    let functions = [
        "--route",
        connect.as_str(),
        "--route-with-response",
        echo.as_str(),
    ];
    let (code, _, errors) = replay(&[&[file.as_str(), "--token", &token], &functions[..]].concat()).await;
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("nothing has come out differently"), "{errors}");

    let (code, _, errors) = replay(&[&[file.as_str()], &functions[..]].concat()).await;
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("error: the recording needs a value for token-1 (the URL of "),
        "{errors}"
    );

    // Now it answers nothing.
    let broken = ["--route", connect.as_str(), "--route", echo.as_str()];
    let options = [
        &[file.as_str(), "--token", &token, "--patience", "1"],
        &broken[..],
    ]
    .concat();
    let (code, shown, errors) = replay(&options).await;
    assert_eq!(code, Some(1), "{errors}");
    let message = r#"  a message to the client
  recorded: {"action":"echo","do":"echo","text":"hi"}
  replayed: nothing"#;
    assert!(shown.contains(message), "{shown}");
    assert!(
        errors.contains("error: one thing has come out differently"),
        "{errors}"
    );
    let (code, shown, _) = replay(&[&options[..], &["--json"]].concat()).await;
    let differences = shown
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let differences: Vec<_> = differences.filter(|line| line["event"] == "difference").collect();
    assert_eq!((code, differences.len()), (Some(1), 1));
    assert_eq!(differences[0]["replayed"], serde_json::Value::Null);
}
