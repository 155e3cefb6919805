//! The demo as a person starts it: a process, its output and its signals.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{BufRead, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

fn start(args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_demo"))
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn send(signal: Signal, to: &Child) {
    let pid = Pid::from_raw(i32::try_from(to.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// The processes that `parent` started.
fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.unwrap().file_name().to_str()?.parse().ok()?;
        (state_and_parent(pid)?.1 == parent).then_some(pid)
    });
    processes.collect()
}

fn is_alive(pid: u32) -> bool {
    // A zombie has ended, and waits for whoever inherited it.
    state_and_parent(pid).is_some_and(|(state, _)| state != "Z")
}

fn state_and_parent(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // pid (name) state parent …; a name may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

/// Reads the one line that a demo prints: the address of its page.
fn ready(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let address = line
        .strip_prefix("ready: http://")
        .and_then(|url| url.strip_suffix("/\n"));
    address.unwrap_or_else(|| panic!("{line:?}")).to_owned()
}

/// Sends a log-in, and leaves the answer to be read.
fn log_in(address: &str, user: &str) -> TcpStream {
    let body = format!(r#"{{"user":"{user}","password":"{user}"}}"#);
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST /api/login HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    stream
}

fn status(mut answer: TcpStream) -> String {
    let mut text = String::new();
    answer.read_to_string(&mut text).unwrap();
    text.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// The most memory that the process has ever used, in MiB.
fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kib: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    kib / 1024
}

#[test]
fn log_ins_abandoned_or_patient_take_the_memory_of_two() {
    let mut demo = start(&["--port", "0"]);
    let mut errors = demo.stderr.take().unwrap();
    std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
    let address = ready(&mut BufReader::new(demo.stdout.take().unwrap()));
    let before = peak_memory(demo.id());
    for number in 0..40 {
        let stream = log_in(&address, &format!("made-up-{number}"));
        // Long enough to be read and begun, as by somebody who wants to cost the most.
        std::thread::sleep(Duration::from_millis(2));
        drop(stream);
    }
    let patient: Vec<_> = (0..24)
        .map(|number| log_in(&address, &format!("patient-{number}")))
        .collect();
    for answer in patient {
        assert_eq!(status(answer), "401");
    }
    let growth = peak_memory(demo.id()) - before;
    assert_eq!(status(log_in(&address, "alice")), "204", "and nobody is shut out");
    send(Signal::TERM, &demo);
    assert!(demo.wait().unwrap().success());
    // A check takes 19 MiB; the rest is what 64 requests cost.
    assert!(growth < 3 * 19, "{growth} MiB");
}

#[test]
fn it_says_one_line_serves_the_page_and_leaves_nothing_behind() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut demo = start(&["--port", "0"]);
        // Read, or cargo could block on a full pipe.
        let mut errors = demo.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).map(|_| text)
        });
        let mut output = BufReader::new(demo.stdout.take().unwrap());
        let address = ready(&mut output);
        let mut page = TcpStream::connect(&address).unwrap();
        write!(
            page,
            "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        page.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("<!doctype html>"),
            "{answer}"
        );

        let functions = children(demo.id());
        assert!(!functions.is_empty(), "the functions run");
        send(signal, &demo);
        assert!(
            demo.wait().unwrap().success(),
            "{}",
            errors.join().unwrap().unwrap()
        );
        let left: Vec<u32> = functions.into_iter().filter(|pid| is_alive(*pid)).collect();
        assert_eq!(left, [], "after {signal:?}");
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "one line and no more");
        assert!(TcpStream::connect(&address).is_err(), "nobody listens");
    }
}

#[test]
fn stopped_while_it_starts_it_leaves_nothing_behind() {
    let mut demo = start(&["--port", "0"]);
    // From its first child on: that is cargo.
    let cargo = loop {
        if let Some(cargo) = children(demo.id()).first() {
            break *cargo;
        }
        std::thread::yield_now();
    };
    send(Signal::TERM, &demo);
    assert!(demo.wait().unwrap().success());
    // It was killed; how soon the system is done with that is not ours.
    let patience = Instant::now() + Duration::from_secs(10);
    while is_alive(cargo) {
        assert!(Instant::now() < patience, "cargo goes on");
        std::thread::yield_now();
    }
    let mut output = String::new();
    demo.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert_eq!(output, "");
}

#[test]
fn a_port_that_is_taken_ends_it_with_advice() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = start(&["--port", &port]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.starts_with(&format!("error: cannot listen on 127.0.0.1:{port}")),
        "{errors}"
    );
    assert!(errors.trim_end().ends_with("--port 0"), "{errors}");
}
