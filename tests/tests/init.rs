//! The real `connect` process with an unusable `PUBLIC_KEY`: it ends at init, and nobody is asked for an event.
#![allow(clippy::unwrap_used)]

use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Read};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use room_auth_forge::unusable::rows;
use room_auth_tests::{fixture, program};

struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    took: Duration,
}

/// Runs `connect` in an environment like Lambda's until it ends, against a Runtime API that must not be asked.
fn run(public_key: Option<&OsStr>) -> Ended {
    let runtime_api = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut command = Command::new(program::connect());
    command
        .env_clear()
        .env(
            "AWS_LAMBDA_RUNTIME_API",
            runtime_api.local_addr().unwrap().to_string(),
        )
        .env("AWS_LAMBDA_FUNCTION_NAME", "connect")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(public_key) = public_key {
        command.env("PUBLIC_KEY", public_key);
    }
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    // The one who starts at all asks for its first event, and gets an end instead of an answer.
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    let code = child.wait().unwrap().code();
    let took = started.elapsed();
    runtime_api.set_nonblocking(true).unwrap();
    let asked = runtime_api.accept();
    assert_eq!(
        asked.unwrap_err().kind(),
        ErrorKind::WouldBlock,
        "the Runtime API was asked"
    );
    Ended {
        code,
        stdout,
        stderr,
        took,
    }
}

fn assert_says(name: &str, ended: &Ended, found: &str, advice: &str) {
    let Ended { stderr, .. } = ended;
    assert_eq!(ended.code, Some(1), "{name}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{name}: {stderr}");
    assert!(stderr.contains("PUBLIC_KEY "), "{name}: {stderr}");
    assert!(
        stderr.contains(found) && stderr.contains(advice),
        "{name}: {stderr}"
    );
    assert_eq!(ended.stdout, "", "{name}");
}

#[test]
fn an_unusable_key_ends_the_process_with_one_line_before_an_event_is_asked_for() {
    let mut fastest = Duration::MAX;
    for row in rows() {
        // An environment variable ends at a NUL, so no row has one.
        let ended = run(Some(OsString::from(row.text).as_os_str()));
        assert_says(row.name, &ended, row.found, row.advice);
        fastest = fastest.min(ended.took);
    }
    // Other tests run beside this one: the fastest of some sixty starts tells what it takes.
    assert!(
        fastest < Duration::from_millis(100),
        "the fastest took {fastest:?}"
    );
}

#[test]
fn a_missing_variable_is_named() {
    assert_says(
        "missing",
        &run(None),
        "PUBLIC_KEY is not set",
        "set it to the PEM",
    );
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_named() {
    use std::os::unix::ffi::OsStrExt;
    let mut bytes = fixture::key("rsa_2048_spki").into_bytes();
    bytes[40] = 0xff;
    let ended = run(Some(OsStr::from_bytes(&bytes)));
    assert_says(
        "not Unicode",
        &ended,
        "not valid Unicode",
        "set it to the PEM text",
    );
}

#[test]
fn outside_of_lambda_one_line_says_how_to_run_the_function() {
    let run = |public_key: &str| {
        let output = Command::new(program::connect())
            .env_clear()
            .env("PUBLIC_KEY", public_key)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let told = run(&room_auth_forge::key().public_key_pem());
    assert_eq!(told.lines().count(), 1, "{told}");
    for help in ["AWS_LAMBDA_RUNTIME_API", "room-auth-gateway"] {
        assert!(told.contains(help), "{help}: {told}");
    }
    // A key that cannot be used comes first: it would fail there as well.
    let told = run("not a key");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("PUBLIC_KEY"), "{told}");
}
