//! Templates and configuration files, run by the binary as a shell runs it.

#![cfg(all(target_os = "linux", feature = "cli", feature = "dynamodb"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use common::{
    PATIENCE,
    binary::{command, project, start},
    scripted,
};
use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

async fn ask(url: &str, message: &str) -> String {
    let (mut client, _) = connect_async(url).await.unwrap();
    client.send(Message::text(message)).await.unwrap();
    let answer = timeout(PATIENCE, client.next()).await.expect("an answer in time");
    answer.unwrap().unwrap().into_text().unwrap().to_string()
}

fn put_bootstrap(dir: &Path) -> PathBuf {
    fs::create_dir_all(dir).unwrap();
    let path = dir.join("bootstrap");
    fs::copy(scripted(), &path).unwrap();
    path
}

#[tokio::test]
async fn a_template_of_sam_is_built_and_run_with_its_authorizer() {
    let dir = project("sam");
    let options = ["--template", "template.yaml", "--parameter", "Environment=dev"];
    let (_child, url) = start(dir.path(), &options).await;
    for (query, status) in [("", 401), ("?token=other", 403)] {
        match connect_async(format!("{url}{query}")).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), status, "{query}"),
            other => panic!("{query}: {other:?}"),
        }
    }
    let answer = ask(&format!("{url}?token=let-me-in"), r#"{"action":"greet"}"#).await;
    let seen: Vec<&str> = answer.split('|').collect();
    assert_eq!(
        [seen[0], seen[2], seen[3]],
        ["hello from dev", "Connections", "dev-room"]
    );
}

#[tokio::test]
async fn plain_cloudformation_runs_and_options_count_more() {
    let dir = project("plain");
    put_bootstrap(&dir.path().join("chat"));
    let options = [
        "--template",
        "template.yaml",
        "--stage",
        "mine",
        "--env",
        "TABLE=other",
    ];
    let (_child, url) = start(dir.path(), &options).await;
    assert!(url.ends_with("/mine"), "{url}");
    let mut request = url.as_str().into_client_request().unwrap();
    request.headers_mut().insert("x-token", "t".parse().unwrap());
    let (mut client, _) = connect_async(request).await.unwrap();
    client
        .send(Message::text(r#"{"kind":"echo","do":"echo"}"#))
        .await
        .unwrap();
    let answer = timeout(PATIENCE, client.next()).await.expect("an answer in time");
    assert_eq!(
        answer.unwrap().unwrap(),
        Message::text(r#"{"kind":"echo","do":"echo"}"#)
    );
}

#[tokio::test]
async fn a_configuration_file_in_the_directory_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    put_bootstrap(&dir.path().join("chat"));
    let text = r#"
        stage = "prod"
        [routes]
        "$connect" = "chat"
        echo = { function = "chat", response = true }
        [functions.chat]
        path = "chat"
    "#;
    fs::write(dir.path().join("room-auth-gateway.toml"), text).unwrap();
    let (_child, url) = start(dir.path(), &[]).await;
    assert!(url.ends_with("/prod"), "{url}");
    let message = r#"{"action":"echo","do":"echo"}"#;
    assert_eq!(ask(&url, message).await, message);
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_said_with_what_to_do() {
    let dir = project("sam");
    let broken = dir.path().join("room/src/bin/gate.rs");
    fs::write(&broken, "fn main() { let x: u8 = \"\"; }").unwrap();
    let empty = tempfile::tempdir().unwrap();
    let table: [(&Path, &[&str], &str); 4] = [
        (
            dir.path(),
            &["-t", "nowhere.yaml"],
            "error: nowhere.yaml: No such file",
        ),
        (
            dir.path(),
            &["-t", "template.yaml"],
            "error: template.yaml: its parameter `Environment` has no value; add --parameter Environment=VALUE",
        ),
        (
            dir.path(),
            &["-t", "template.yaml", "--parameter", "Environment=dev"],
            "error[E0308]: mismatched types",
        ),
        (
            empty.path(),
            &[],
            "error: there is no route; add --route KEY=FUNCTION, --template FILE or a room-auth-gateway.toml",
        ),
    ];
    for (dir, options, expected) in table {
        let output = command(dir).args(options).stderr(Stdio::piped()).output();
        let output = timeout(4 * PATIENCE, output)
            .await
            .expect("an end in time")
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{options:?}: {errors}");
        assert!(errors.contains(expected), "{options:?}: {errors}");
    }
}

#[tokio::test]
#[ignore = "needs npm, cmake and pip"]
async fn node_and_python_run_by_their_clients_and_reach_the_endpoint_of_the_samples_over_tls() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interface-clients.sh");
    let installed = tokio::process::Command::new("bash")
        .arg(script)
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&installed.stderr);
    assert!(installed.status.success(), "{errors}");
    let clients = String::from_utf8(installed.stdout).unwrap();
    let dir = project("handlers");
    for part in ["node_modules", ".venv"] {
        let clients = Path::new(clients.trim()).join(part);
        std::os::unix::fs::symlink(clients, dir.path().join(part)).unwrap();
    }
    let (_child, url) = start(dir.path(), &["--template", "template.yaml", "--tls"]).await;
    let url = url.replace("wss://", "ws://");
    assert_eq!(ask(&url, r#"{"action":"node"}"#).await, "from Node");
    assert_eq!(ask(&url, r#"{"action":"python"}"#).await, "from Python");
}

#[tokio::test]
async fn a_runtime_interface_client_that_is_not_there_is_named() {
    let dir = project("handlers");
    let mut command = command(dir.path());
    // No interpreter can be found.
    command
        .env("PATH", "/nowhere")
        .env_remove("VIRTUAL_ENV")
        .args(["--template", "template.yaml"]);
    let output = timeout(PATIENCE, command.stderr(Stdio::piped()).output());
    let output = output.await.expect("an end in time").unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.ends_with("function NodeEcho cannot be run: there is no `node` in PATH; install Node\n"),
        "{errors}"
    );
}
