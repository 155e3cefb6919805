//! The function out of the container image built `FROM scratch`, behind the gateway, with a real socket.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "connect/client.rs"]
mod client;

use std::path::{Path, PathBuf};
use std::process::Command;

use client::{Offer, serve_program};
use room_auth_forge::{fresh_token, key};

/// The bootstrap in the unpacked image; `ROOM_AUTH_IMAGE_ROOT` names one that was unpacked before.
fn bootstrap() -> PathBuf {
    let root = std::env::var_os("ROOM_AUTH_IMAGE_ROOT").map_or_else(built, PathBuf::from);
    root.join("bootstrap").canonicalize().unwrap()
}

fn built() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let status = Command::new("bash")
        .arg(tests.join("deploy/image.sh"))
        .status()
        .unwrap();
    assert!(status.success(), "tests/deploy/image.sh");
    tests.join("../target/deploy/image/connect/rootfs")
}

#[tokio::test]
#[ignore = "needs buildah; .ci/run installs it"]
async fn the_function_of_a_scratch_image_opens_sockets_and_refuses_forgeries() {
    let function = serve_program(&bootstrap(), &key().public_key_pem()).await;
    let offer =
        |token: &str| Offer::default().header("Sec-WebSocket-Protocol", format!("room-auth, {token}"));
    let open = function.connect(&offer(&fresh_token("lobby"))).await.unwrap();
    assert_eq!(open.response.headers()["Sec-WebSocket-Protocol"], "room-auth");
    let refusal = function.connect(&offer("a.b.c")).await.err().unwrap();
    assert_eq!(refusal.status, 401);
    function.gateway.shutdown().await;
}
