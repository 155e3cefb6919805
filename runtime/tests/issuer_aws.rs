//! Issuers whose key is kept by AWS, through the real SDK, against moto's Secrets Manager and KMS.
#![allow(clippy::unwrap_used)]

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use room_auth::{Algorithm, Clock, Issuer, PublicKeys, RoomId, SigningKey, Verifier};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A moto server of this test's own.
struct Moto {
    server: Child,
    config: SdkConfig,
}

impl Moto {
    async fn start() -> Self {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/aws/setup.sh");
        let setup = Command::new("bash")
            .arg(root)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(setup.status.success(), "tests/aws/setup.sh failed");
        let command = String::from_utf8(setup.stdout).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = Command::new(command.trim())
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let config = aws_at(address).await;
        let started = std::time::Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            assert!(started.elapsed() < Duration::from_mins(1), "moto did not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self { server, config }
    }

    async fn put_secret(&self, name: &str, text: &str) {
        let client = aws_sdk_secretsmanager::Client::new(&self.config);
        if client
            .put_secret_value()
            .secret_id(name)
            .secret_string(text)
            .send()
            .await
            .is_err()
        {
            client
                .create_secret()
                .name(name)
                .secret_string(text)
                .send()
                .await
                .unwrap();
        }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

async fn aws_at(address: SocketAddr) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(format!("http://{address}"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(aws_sdk_kms::config::Credentials::new(
            "test", "test", None, None, "test",
        ))
        .load()
        .await
}

/// A clock that this test moves.
#[derive(Clone, Debug, Default)]
struct Hand(std::sync::Arc<std::sync::atomic::AtomicU64>);

impl Hand {
    fn put(&self, seconds: u64) {
        self.0.store(seconds, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

const LIFETIME: Duration = Duration::from_mins(5);
const NOW: u64 = 1_800_000_000;

fn lobby() -> RoomId {
    "lobby".parse().unwrap()
}

fn accepts(public_pem: &str, token: &str, clock: &Hand) -> bool {
    let keys = PublicKeys::from_pem(public_pem).unwrap();
    Verifier::new(keys)
        .with_clock(clock.clone())
        .verify::<Value>(token)
        .is_ok()
}

/// As `jsonencode` writes it.
fn secret(key: &SigningKey) -> String {
    json!({"private_key": *key.private_key_pem().unwrap(), "public_key": key.public_key_pem()}).to_string()
}

/// As a heredoc template writes it, which is no JSON.
fn heredoc(key: &SigningKey) -> String {
    let private = key.private_key_pem().unwrap();
    format!(
        "{{\n\"private_key\": \"{}\",\n\"public_key\": \"{}\"\n}}",
        *private,
        key.public_key_pem()
    )
}

#[tokio::test]
#[ignore = "needs Python and moto; .ci/run installs them"]
async fn a_key_in_secrets_manager_signs_and_is_read_again_when_it_was_rotated() {
    let moto = Moto::start().await;
    let (old, new) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let clock = Hand::default();
    clock.put(NOW);
    moto.put_secret("chat-key", &secret(&old)).await;
    let issuer = Issuer::from_secrets_manager_with(&moto.config, "chat-key", LIFETIME)
        .await
        .unwrap()
        .with_clock(clock.clone());

    let first = issuer.issue(&lobby(), &json!({"user": "alice"})).await.unwrap();
    assert!(accepts(&old.public_key_pem(), first.as_str(), &clock));

    moto.put_secret("chat-key", &heredoc(&new)).await;
    // The functions know both keys while the issuer switches; nothing valid is refused on the way.
    let both = format!("{}{}", old.public_key_pem(), new.public_key_pem());
    let mut switched = false;
    for second in (NOW..NOW + 600).step_by(60) {
        clock.put(second);
        let token = issuer.issue(&lobby(), &()).await.unwrap();
        assert!(accepts(&both, token.as_str(), &clock), "at {second}");
        switched |= accepts(&new.public_key_pem(), token.as_str(), &clock);
    }
    assert!(switched, "the new key was picked up within ten minutes");
    assert_eq!(issuer.public_key_pem().await.unwrap(), new.public_key_pem());

    // Unreadable later on: the last key goes on.
    aws_sdk_secretsmanager::Client::new(&moto.config)
        .delete_secret()
        .secret_id("chat-key")
        .force_delete_without_recovery(true)
        .send()
        .await
        .unwrap();
    clock.put(NOW + 3600);
    let token = issuer.issue(&lobby(), &()).await.unwrap();
    assert!(accepts(&new.public_key_pem(), token.as_str(), &clock));
}

#[tokio::test]
#[ignore = "needs Python and moto; .ci/run installs them"]
async fn an_unusable_secret_is_said_at_start_without_what_it_holds() {
    let moto = Moto::start().await;
    let key = SigningKey::generate().unwrap();
    moto.put_secret("not-json", "-----BEGIN PRIVATE KEY-----").await;
    moto.put_secret(
        "public-only",
        &json!({"private_key": key.public_key_pem()}).to_string(),
    )
    .await;
    for (id, expected) in [
        ("missing", "ResourceNotFoundException; check its name"),
        ("not-json", r#"JSON of the form {"private_key""#),
        ("public-only", "the issuer signs with the private one"),
    ] {
        let error = Issuer::from_secrets_manager_with(&moto.config, id, LIFETIME)
            .await
            .unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            error.to_string().contains(expected) && error.to_string().contains(id),
            "{error}"
        );
        assert!(!text.contains("BEGIN") && !text.contains("MII"), "{text}");
    }
    let nowhere = moto
        .config
        .to_builder()
        .endpoint_url("http://127.0.0.1:1")
        .build();
    let error = Issuer::from_secrets_manager_with(&nowhere, "any", LIFETIME)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("check the network"), "{error}");
}

#[tokio::test]
#[ignore = "needs Python and moto; .ci/run installs them"]
async fn a_key_in_kms_signs_and_what_an_alias_names_is_followed() {
    let moto = Moto::start().await;
    let client = aws_sdk_kms::Client::new(&moto.config);
    let make = async || {
        let request = client
            .create_key()
            .key_spec(KeySpec::Rsa2048)
            .key_usage(KeyUsageType::SignVerify);
        request.send().await.unwrap().key_metadata.unwrap().key_id
    };
    let (old, new) = (make().await, make().await);
    client
        .create_alias()
        .alias_name("alias/chat")
        .target_key_id(&old)
        .send()
        .await
        .unwrap();
    let clock = Hand::default();
    clock.put(NOW);
    let issuer = Issuer::from_kms_with(&moto.config, "alias/chat", LIFETIME)
        .await
        .unwrap()
        .with_clock(clock.clone());
    let old_public = issuer.public_key_pem().await.unwrap();
    let token = issuer.issue(&lobby(), &json!({"user": "alice"})).await.unwrap();
    assert!(accepts(&old_public, token.as_str(), &clock));

    client
        .update_alias()
        .alias_name("alias/chat")
        .target_key_id(&new)
        .send()
        .await
        .unwrap();
    let token = issuer.issue(&lobby(), &()).await.unwrap();
    assert!(
        accepts(&old_public, token.as_str(), &clock),
        "the key and its kid change together"
    );
    clock.put(NOW + 301);
    let new_public = issuer.public_key_pem().await.unwrap();
    assert_ne!(new_public, old_public);
    let token = issuer.issue(&lobby(), &()).await.unwrap();
    assert!(accepts(&new_public, token.as_str(), &clock));
}

#[tokio::test]
#[ignore = "needs Python and moto; .ci/run installs them"]
async fn keys_on_curves_in_kms_sign_too() {
    let moto = Moto::start().await;
    let client = aws_sdk_kms::Client::new(&moto.config);
    for (spec, algorithm) in [
        (KeySpec::EccNistP256, Algorithm::Es256),
        (KeySpec::EccNistP384, Algorithm::Es384),
    ] {
        let request = client
            .create_key()
            .key_spec(spec)
            .key_usage(KeyUsageType::SignVerify);
        let key = request.send().await.unwrap().key_metadata.unwrap().key_id;
        let clock = Hand::default();
        clock.put(NOW);
        let issuer = Issuer::from_kms_with(&moto.config, &key, LIFETIME)
            .await
            .unwrap()
            .with_clock(clock.clone());
        let public = issuer.public_key_pem().await.unwrap();
        let keys = PublicKeys::from_pem(&public).unwrap();
        assert!(keys.iter().all(|key| key.algorithm() == algorithm));
        // A number of a signature is short now and then, and is filled up.
        for _ in 0..8 {
            let token = issuer.issue(&lobby(), &()).await.unwrap();
            assert!(accepts(&public, token.as_str(), &clock), "{algorithm}");
        }
    }
}

#[tokio::test]
#[ignore = "needs Python and moto; .ci/run installs them"]
async fn an_unfit_kms_key_is_said_at_start() {
    let moto = Moto::start().await;
    let client = aws_sdk_kms::Client::new(&moto.config);
    let create = client
        .create_key()
        .key_spec(KeySpec::EccNistP521)
        .key_usage(KeyUsageType::SignVerify);
    let elliptic = create.send().await.unwrap().key_metadata.unwrap().key_id;
    for (id, expected) in [
        ("alias/missing", "NotFoundException; check its id"),
        (&elliptic, "elliptic-curve key on another curve"),
    ] {
        let error = Issuer::from_kms_with(&moto.config, id, LIFETIME)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// A service that refuses everything.
async fn aws_that_refuses(code: &str) -> SdkConfig {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let body = format!(r#"{{"__type":"{code}","Message":"User: arn:aws:iam::1:role/r may not, s3cret"}}"#);
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: {}",
        body.len()
    );
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 8192];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await;
        }
    });
    aws_at(address).await
}

// moto grants everything, and lets disabled keys sign.
#[tokio::test]
async fn what_is_refused_is_said_with_what_to_do_and_without_the_services_own_words() {
    for (code, expected) in [
        (
            "AccessDeniedException",
            "AccessDeniedException; allow secretsmanager:GetSecretValue",
        ),
        ("DecryptionFailure", "DecryptionFailure; allow kms:Decrypt"),
        ("InvalidRequestException", "marked for deletion"),
        ("SomethingNew", "SomethingNew"),
    ] {
        let config = aws_that_refuses(code).await;
        let error = Issuer::from_secrets_manager_with(&config, "chat-key", LIFETIME)
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains(expected) && !error.to_string().contains("s3cret"),
            "{error}"
        );
    }
    for (code, expected) in [
        (
            "AccessDeniedException",
            "AccessDeniedException; allow kms:GetPublicKey and kms:Sign",
        ),
        ("DisabledException", "DisabledException; enable it"),
        ("KMSInvalidStateException", "pending deletion"),
    ] {
        let config = aws_that_refuses(code).await;
        let error = Issuer::from_kms_with(&config, "alias/chat", LIFETIME)
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains(expected) && !error.to_string().contains("s3cret"),
            "{error}"
        );
    }
}
