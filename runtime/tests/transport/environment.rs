//! What the environment says, in processes of their own: tests share their environment.

use std::path::Path;
use std::process::Command;

use room_auth::Transport;
use room_auth::transport::{ENDPOINT_ENV, ManagementApi};

use super::stub::{Answer, Stub};
use super::{at, id};

/// Runs [`in_a_child_process`] with these variables; returns whether it succeeded, and what it printed.
fn run(variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "--ignored",
            "--nocapture",
            "environment::in_a_child_process",
        ])
        .env_clear()
        .env("IN_A_CHILD_PROCESS", "1")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        // Not the machine's own role, if it has one.
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied());
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_env_finds_the_endpoint_in_the_environment() {
    let stub = Stub::start(|_| Answer::Status(200, "")).await;
    let url = format!("http://{}/dev", stub.address);
    let (succeeded, told) = run(&[(ENDPOINT_ENV, &url)]);
    assert!(succeeded, "{told}");
    assert_eq!(stub.requests()[0].path, "/dev/@connections/child%3D");
    // Of an emulator, where the global endpoint is another.
    let pasted = format!(" {url}/@connections/\n");
    let variables = [
        (ENDPOINT_ENV, &*pasted),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ];
    let (succeeded, told) = run(&variables);
    assert!(succeeded, "{told}");
    assert_eq!(stub.requests()[1].path, "/dev/@connections/child%3D");
    let (succeeded, told) = run(&[(ENDPOINT_ENV, &url), ("AWS_ENDPOINT_URL", &url)]);
    assert!(succeeded, "{told}");
    assert_eq!(stub.requests()[2].path, "/dev/@connections/child%3D");
    let (succeeded, told) = run(&[(ENDPOINT_ENV, "127.0.0.1:3000/dev")]);
    assert!(
        !succeeded && told.contains(&format!("{ENDPOINT_ENV} has no scheme; set it to")),
        "{told}"
    );
}

#[tokio::test]
async fn a_global_endpoint_alone_never_leads_to_aws() {
    let told_to_set = format!("AWS_ENDPOINT_URL is set, {ENDPOINT_ENV} is not; set it to");
    for variables in [
        &[("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")][..],
        &[("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"), (ENDPOINT_ENV, " ")],
    ] {
        let (succeeded, told) = run(variables);
        assert!(!succeeded && told.contains(&told_to_set), "{variables:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_counts_like_the_environment() {
    let stub = Stub::start(|_| Answer::Status(200, "")).await;
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("transport_profiles");
    let of_the_service = format!(
        "services = local\n[services local]\napigatewaymanagementapi =\n  endpoint_url = http://{}/dev\n",
        stub.address
    );
    let global = "[default]\nendpoint_url = http://127.0.0.1:4566\n";
    let with_file = [("AWS_CONFIG_FILE", file.to_str().unwrap())];

    std::fs::write(&file, global).unwrap();
    let (succeeded, told) = run(&with_file);
    assert!(!succeeded && told.contains("AWS_ENDPOINT_URL is set"), "{told}");

    std::fs::write(&file, format!("{global}{of_the_service}")).unwrap();
    let (succeeded, told) = run(&with_file);
    assert!(succeeded, "{told}");
    assert_eq!(stub.requests()[0].path, "/dev/@connections/child%3D");
}

#[tokio::test]
#[ignore = "run by the tests of this file"]
async fn in_a_child_process() {
    // Its environment is made by the test that starts it; among the other ignored ones there is nothing to see.
    if std::env::var_os("IN_A_CHILD_PROCESS").is_none() {
        return;
    }
    let transport = ManagementApi::from_env().await.unwrap();
    transport.post(&at(), &id("child="), b"{}").await.unwrap();
}
