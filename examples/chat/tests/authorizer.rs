//! The authorizer is small: it does without the AWS SDK.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::process::Command;

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn nothing_of_the_sdk_is_linked() {
    // nm comes with the linker.
    let symbols = |program| output("nm", &[program]);
    assert!(
        symbols(env!("CARGO_BIN_EXE_chat")).contains("aws_sdk_dynamodb"),
        "the chat has it"
    );
    let authorizer = symbols(env!("CARGO_BIN_EXE_chat-authorizer"));
    assert!(authorizer.contains("room_auth"), "these are symbols");
    assert!(!authorizer.contains("aws_sdk") && !authorizer.contains("aws_config"));
}

#[test]
fn nothing_of_the_sdk_is_built_for_it_alone() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let tree = |features: &[&str]| {
        let args = [
            "tree",
            "--offline",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--manifest-path",
            manifest,
        ];
        output(env!("CARGO"), &[&args, features].concat())
    };
    assert!(tree(&[]).contains("aws-sdk-dynamodb"), "the chat needs it");
    let alone = tree(&["--no-default-features"]);
    assert!(alone.contains("room-auth v"), "{alone}");
    assert!(
        !alone.contains("aws-sdk") && !alone.contains("aws-config"),
        "{alone}"
    );
}
