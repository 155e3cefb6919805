//! A setting that says neither yes nor no ends the chat's init: it must not turn off what it was to turn on.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn single_use_tokens_are_true_or_false() {
    for value in ["True", "1", "yes", ""] {
        let output = Command::new(env!("CARGO_BIN_EXE_chat"))
            .env_clear()
            .env("DYNAMO_TABLE_NAME_CHAT_CONNECTIONS", "connections")
            .env("AWS_REGION", "us-east-1")
            // Nobody answers there.
            .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")
            .env("SINGLE_USE_TOKENS", value)
            .output()
            .unwrap();
        assert!(!output.status.success(), "{value:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("SINGLE_USE_TOKENS is neither true nor false"),
            "{value:?}: {said}"
        );
    }
}
