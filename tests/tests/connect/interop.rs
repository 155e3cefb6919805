//! Tokens of other languages open sockets at the real `connect` function, and theirs verifies ours.
//!
//! `tests/interop/setup.sh` installs what is needed; the tests run it themselves.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use room_auth::testing::FixedClock;
use room_auth::{Issuer, RoomId, SigningKey};
use room_auth_tests::fixture;
use room_auth_tests::forge::{HEADER, attacker_key, key, sign_hs256, signed, token};

use super::client::{Offer, serve};

const LANGUAGES: [&str; 4] = ["php", "go", "node", "python"];

/// `setup.sh` has made a command of this name.
fn command(name: &str) -> Command {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let status = Command::new(tests.join("interop/setup.sh")).status().unwrap();
        assert!(status.success(), "tests/interop/setup.sh");
        tests.join("../target/interop/bin")
    });
    Command::new(folder.join(name))
}

/// The files of `key()`.
fn key_file(name: &str) -> PathBuf {
    fixture::path(&format!("keys/trusted_{name}"))
}

fn sign(language: &str, private_key: &Path, room: &str, key_id: Option<&str>) -> String {
    let output = command(&format!("sign-{language}"))
        .args([private_key.as_os_str(), room.as_ref(), "60".as_ref()])
        .args(key_id)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{language}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn verify(language: &str, public_key: &Path, token: &str) -> Output {
    let mut child = command(&format!("verify-{language}"))
        .arg(public_key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[tokio::test]
#[ignore = "installs and runs PHP, Go, Node and Python"]
async fn tokens_of_all_languages_open_sockets() {
    let pkcs8 = key_file("private.pem");
    let pkcs1 = fixture::path("keys/private_pkcs1.pem");
    // PKCS#8 and PKCS#1: backends have either.
    let mut served = serve(&(key().public_key_pem() + &attacker_key().public_key_pem())).await;
    for language in LANGUAGES {
        for (number, (private_key, key_id)) in [
            (&pkcs8, None),
            (&pkcs8, Some(key().key_id())),
            (&pkcs8, Some("a-key-id-of-the-backend")),
            (&pkcs1, None),
            (&pkcs1, Some(attacker_key().key_id())),
        ]
        .into_iter()
        .enumerate()
        {
            let room = format!("{language}:room-{number}");
            let token = sign(language, private_key, &room, key_id);
            for offer in [
                Offer::default().header("Sec-WebSocket-Protocol", format!("room-auth, {token}")),
                Offer::default().header("Authorization", format!("Bearer {token}")),
                Offer::default().query(format!("?token={token}")),
            ] {
                let opened = served.connect(&offer).await;
                let mut open = opened.unwrap_or_else(|refusal| panic!("{room}: {refusal:?}"));
                assert_eq!(served.told("room").await.0, room);
                open.socket.close(None).await.unwrap();
            }
        }
    }
    served.gateway.shutdown().await;
}

/// Each with the languages whose libraries have the algorithm; PHP's openssl extension has no Ed25519.
const CURVES: [(&str, &str, &[&str]); 2] = [
    ("private_ec", "ES256", &LANGUAGES),
    ("private_ed25519", "EdDSA", &["go", "node", "python"]),
];

#[tokio::test]
#[ignore = "installs and runs PHP, Go, Node and Python"]
async fn tokens_of_keys_on_curves_open_sockets_and_ours_are_verified() {
    for (name, algorithm, languages) in CURVES {
        let private_key = fixture::path(&format!("keys/{name}.pem"));
        let key = SigningKey::from_pem(&fixture::key(name)).unwrap();
        assert_eq!(key.algorithm().as_str(), algorithm);
        let public_key =
            std::env::temp_dir().join(format!("room-auth-interop-{}-{name}.pem", std::process::id()));
        std::fs::write(&public_key, key.public_key_pem()).unwrap();
        let issuer = Issuer::new(key.clone(), Duration::from_mins(1)).unwrap();
        let room: RoomId = "lobby".parse().unwrap();
        let mut served = serve(&key.public_key_pem()).await;
        for language in languages {
            // Numbers of ECDSA signatures differ in length: several of them.
            for number in 0..8 {
                let room = format!("{language}:room-{number}");
                let token = sign(language, &private_key, &room, None);
                let offer = Offer::default().query(format!("?token={token}"));
                let opened = served.connect(&offer).await;
                let mut open = opened.unwrap_or_else(|refusal| panic!("{algorithm} {room}: {refusal:?}"));
                assert_eq!(served.told("room").await.0, room);
                open.socket.close(None).await.unwrap();

                let ours = issuer.issue(&"lobby".parse().unwrap(), &()).await.unwrap();
                let output = verify(language, &public_key, ours.as_str());
                assert!(output.status.success(), "{algorithm} {language}: {output:?}");
                assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), "lobby");
            }
            let by_another = issuer_of_another(algorithm).issue(&room, &()).await.unwrap();
            let output = verify(language, &public_key, by_another.as_str());
            assert_eq!(
                output.status.code(),
                Some(1),
                "{algorithm} {language}: {output:?}"
            );
        }
        served.gateway.shutdown().await;
        std::fs::remove_file(public_key).unwrap();
    }
}

fn issuer_of_another(algorithm: &str) -> Issuer {
    let known = room_auth_forge::ALGORITHMS
        .into_iter()
        .find(|known| known.as_str() == algorithm);
    let [key, _] = room_auth_forge::keys_for(known.unwrap());
    Issuer::new(key.clone(), Duration::from_mins(1)).unwrap()
}

#[tokio::test]
#[ignore = "installs and runs PHP, Go, Node and Python"]
async fn tokens_of_another_key_open_none() {
    let private_key = fixture::path("keys/private_pkcs8.pem");
    let mut served = serve(&key().public_key_pem()).await;
    for language in LANGUAGES {
        let token = sign(language, &private_key, "lobby", Some(key().key_id()));
        let refusal = served
            .connect(&Offer::default().query(format!("?token={token}")))
            .await
            .map(|_| ());
        assert_eq!(refusal.unwrap_err().status, 401, "{language}");
        assert_eq!(served.told("reason").await.0, "signature", "{language}");
    }
    served.gateway.shutdown().await;
}

#[tokio::test]
#[ignore = "installs and runs PHP, Go, Node and Python"]
async fn tokens_of_our_issuer_are_verified_by_all_languages() {
    let public_key = key_file("public.pem");
    let issuer = Issuer::new(key().clone(), Duration::from_mins(1)).unwrap();
    let room: RoomId = "staff:42._-A".parse().unwrap();
    let plain = issuer.issue(&room, &()).await.unwrap();
    let own = serde_json::json!({"user": "Zoë \u{1f600}", "roles": ["staff", {"since": 2027}], "jti": "1"});
    let with_claims = issuer.issue(&room, &own).await.unwrap();
    for language in LANGUAGES {
        for token in [&plain, &with_claims] {
            let output = verify(language, &public_key, token.as_str());
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{language}: {said}");
            assert_eq!(
                String::from_utf8(output.stdout).unwrap().trim_end(),
                room.as_str(),
                "{language}"
            );
        }
    }
}

/// The verifiers are no proof if they take anything.
#[tokio::test]
#[ignore = "installs and runs PHP, Go, Node and Python"]
async fn what_is_not_ours_is_refused_by_all_languages() {
    let public_key = key_file("public.pem");
    let issue = |key: &SigningKey, at: u64| {
        let issuer = Issuer::new(key.clone(), Duration::from_mins(1)).unwrap();
        let issuer = if at == 0 {
            issuer
        } else {
            issuer.with_clock(FixedClock::at(at))
        };
        async move {
            issuer
                .issue(&"lobby".parse().unwrap(), &())
                .await
                .unwrap()
                .as_str()
                .to_owned()
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let payload = format!(r#"{{"sub":"lobby","iat":{now},"exp":{}}}"#, now + 60);
    let hs256 = signed(&HEADER.replace("RS256", "HS256"), &payload, |message| {
        sign_hs256(key().public_key_pem().as_bytes(), message)
    });
    let none = token(&HEADER.replace("RS256", "none"), &payload);
    let rows = [
        ("of another key", issue(attacker_key(), 0).await),
        ("expired", issue(key(), 1_000_000_000).await),
        ("HS256 with the public key", hs256),
        ("alg none", none),
        ("no token", "a.b.c".to_owned()),
    ];
    for language in LANGUAGES {
        for (name, token) in &rows {
            let output = verify(language, &public_key, token);
            assert_eq!(output.status.code(), Some(1), "{language}, {name}: {output:?}");
            assert!(output.stdout.is_empty(), "{language}, {name}: {output:?}");
        }
    }
}
