//! Functions that are built and restarted while the gateway runs.

#![cfg(all(target_os = "linux", feature = "cli"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::{fs, path::Path};

use common::{
    Client, PATIENCE,
    binary::{project, start, start_noting},
    receive, scripted, send,
};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::connect_async;

/// Asks on the same socket until the answer has `part` in it.
async fn ask_until(client: &mut Client, part: &str) {
    let asking = async {
        loop {
            send(client, r#"{"action":"greet"}"#).await;
            if receive(client).await.to_text().unwrap().contains(part) {
                return;
            }
            // A build is another process, of which nothing can be awaited here.
            sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    timeout(4 * PATIENCE, asking).await.expect(part);
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(file, text.replace(from, to)).unwrap();
}

#[tokio::test]
async fn an_edit_is_built_and_answers_on_the_same_socket_and_a_broken_one_is_not() {
    let dir = project("sam");
    let options = [
        "--template",
        "template.yaml",
        "--parameter",
        "Environment=dev",
        "--watch",
    ];
    let (_child, url, mut notes) = start_noting(dir.path(), &options).await;
    let (mut client, _) = connect_async(format!("{url}?token=let-me-in")).await.unwrap();
    ask_until(&mut client, "hello from dev|").await;
    let file = dir.path().join("room/src/bin/room.rs");
    edit(&file, r#"shown.join("|")"#, r#"shown.join("+")"#);
    ask_until(&mut client, "hello from dev+").await;
    edit(&file, r#"shown.join("+")"#, "shown.join(7)");
    notes.wait_for("error[E0308]: mismatched types").await;
    notes.wait_for("the last good version goes on").await;
    ask_until(&mut client, "hello from dev+").await;
    edit(&file, "shown.join(7)", r#"shown.join("-")"#);
    ask_until(&mut client, "hello from dev-").await;
}

#[tokio::test]
async fn a_changed_environment_file_restarts_the_functions() {
    let dir = tempfile::tempdir().unwrap();
    let env = dir.path().join("variables.env");
    fs::write(&env, "GREETING=one\n").unwrap();
    let script = format!("echo \"SEEN $GREETING\" >> seen; exec {}", scripted().display());
    let bootstrap = dir.path().join("bootstrap");
    fs::write(&bootstrap, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&bootstrap, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let options = [
        "-r",
        "$default=bootstrap",
        "--env-file",
        "variables.env",
        "--watch",
    ];
    let (_child, url, mut notes) = start_noting(dir.path(), &options).await;
    let (_client, _) = connect_async(url).await.unwrap();
    let seen = dir.path().join("seen");
    let seen = || fs::read_to_string(&seen).unwrap_or_default();
    assert_eq!(seen(), "SEEN one\n");
    fs::write(&env, "GREETING").unwrap();
    notes
        .wait_for("line 1 is not NAME=VALUE; the last good version goes on")
        .await;
    fs::write(&env, "GREETING=two\n").unwrap();
    common::eventually(|| seen() == "SEEN one\nSEEN two\n").await;
}

#[tokio::test]
async fn a_command_builds_what_lies_at_a_path() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("target")).unwrap();
    let source = dir.path().join("source.sh");
    let write = |version: u8| {
        let scripted = scripted();
        let text = format!(
            "#!/bin/sh\necho {version} >> {}/target/seen\nexec {}\n",
            dir.path().display(),
            scripted.display()
        );
        fs::write(&source, text).unwrap();
    };
    write(1);
    let build = "cp source.sh target/new && chmod +x target/new && mv target/new target/bootstrap";
    let options = ["-r", "$default=target/bootstrap", "--build", build, "--watch"];
    let (_child, _) = start(dir.path(), &options).await;
    let seen = || fs::read_to_string(dir.path().join("target/seen")).unwrap_or_default();
    assert_eq!(seen(), "1\n");
    write(2);
    common::eventually(|| seen() == "1\n2\n").await;
}
