//! What verifying a token costs, next to the RSA verification in it and to other libraries, in one run:
//! `cargo bench -p room-auth --bench verify`, and `-- ratios` for the table alone.
//!
//! All verify the same token with the same key of 2,048 bits, read before the clock starts as far as the library
//! can keep it. Each candidate is first shown to accept the good token and to refuse a forged one; each measured
//! call checks that it accepted. `jwt-simple` runs on its pure-Rust crypto: its default, `BoringSSL`,
//! needs `CMake` and libclang to build.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod fixture;

use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, VerificationAlgorithm,
};
use criterion::Criterion;
use fixture::ratio::{self, Candidate};
use fixture::{Keys, Signed};
use futures_util::FutureExt as _;
use jsonwebtoken::{DecodingKey, Validation};
use jwt_simple::algorithms::{RS256PublicKey, RSAPublicKeyLike as _};
use room_auth::{Algorithm, Issuer, PublicKeys, RoomClaims, SigningKey, Verifier, VerifyErrorKind, testing};
use serde::de::DeserializeOwned;

/// The claims beside the standard three that the tokens carry.
#[derive(serde::Deserialize)]
struct Member {
    user: String,
    role: String,
}

/// The standard claims as users of other libraries write them.
#[derive(serde::Deserialize)]
struct Claims {
    sub: String,
    iat: u64,
    exp: u64,
    #[serde(flatten)]
    member: Member,
}

/// A way to verify: whether it accepts this token.
type Accepts<'a> = Box<dyn Fn(&str) -> bool + 'a>;

fn main() {
    let keys = Keys::new();
    let (good, forged) = (keys.token(), keys.forged_token());
    let (malformed, expired) = (keys.malformed_token(), keys.expired_token());
    let verifier = Verifier::new(PublicKeys::from_pem(testing::public_key_pem()).unwrap());

    let candidates: Vec<(&str, Accepts<'_>, Option<f64>)> = vec![
        ("room-auth, RoomClaims<()>", ours::<()>(&verifier), Some(1.10)),
        (
            "room-auth, RoomClaims<Member>",
            ours::<Member>(&verifier),
            Some(1.10),
        ),
        ("jsonwebtoken::decode, aws_lc_rs", jsonwebtoken(&keys), None),
        ("jwt-simple, pure-rust", jwt_simple(&keys), None),
    ];
    for (name, accepts, _) in &candidates {
        assert!(accepts(&good), "{name} refused the good token");
        assert!(!accepts(&forged), "{name} accepted the forged token");
    }
    let raw = keys.prepared();
    let [signed, forgery] = [&good, &forged].map(|token| Signed::of(token));
    assert!(raw.verify_sig(&forgery.message, &forgery.signature).is_err());
    let verify_raw = || {
        let (message, signature) = black_box((&signed.message, &signed.signature));
        assert!(raw.verify_sig(message, signature).is_ok());
    };
    let refuse = |token, kind| {
        let error = verifier.verify::<()>(black_box(token)).unwrap_err();
        assert_eq!(error.kind(), kind);
    };
    let refuse_malformed = || refuse(&malformed, VerifyErrorKind::Malformed);
    let refuse_expired = || refuse(&expired, VerifyErrorKind::Expired);

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("verify");
    group.bench_function("raw aws-lc-rs, prepared key", |b| b.iter(verify_raw));
    for (name, accepts, _) in &candidates {
        group.bench_function(*name, |b| b.iter(|| assert!(accepts(black_box(&good)))));
    }
    group.bench_function("room-auth, malformed token refused", |b| {
        b.iter(refuse_malformed);
    });
    group.bench_function("room-auth, expired token refused", |b| b.iter(refuse_expired));
    group.finish();
    criterion.final_summary();

    if ratio::wanted() {
        let good = good.as_str();
        let mut table = vec![Candidate::new("raw aws-lc-rs, prepared key", verify_raw)];
        table.extend(candidates.iter().map(|(name, accepts, target)| {
            Candidate::new(*name, move || assert!(accepts(black_box(good)))).with_target(*target)
        }));
        table.push(Candidate::new("room-auth, malformed token refused", refuse_malformed).with_target(0.05));
        table.push(Candidate::new("room-auth, expired token refused", refuse_expired));
        ratio::print_table("verification of one token, RSA 2048", table);
        let [rs256, es256, es384, eddsa] = [
            Algorithm::Rs256,
            Algorithm::Es256,
            Algorithm::Es384,
            Algorithm::EdDsa,
        ]
        .map(Sample::new);
        print_curve(&es256, &ECDSA_P256_SHA256_FIXED);
        print_curve(&es384, &ECDSA_P384_SHA384_FIXED);
        print_curve(&eddsa, &ED25519);
        print_comparison(&[rs256, es256, es384, eddsa]);
    }
}

/// A key of one algorithm, and a token with the same claims as all others.
struct Sample {
    key: SigningKey,
    issuer: Issuer,
    verifier: Verifier,
    token: String,
}

impl Sample {
    fn new(algorithm: Algorithm) -> Self {
        let key = SigningKey::generate_for(algorithm).unwrap();
        let issuer = Issuer::new(key.clone(), Duration::from_hours(1)).unwrap();
        Self {
            token: sign(&issuer),
            verifier: Verifier::new(PublicKeys::from_pem(&key.public_key_pem()).unwrap()),
            issuer,
            key,
        }
    }

    fn name(&self) -> &'static str {
        self.key.algorithm().as_str()
    }
}

fn sign(issuer: &Issuer) -> String {
    let room = "lobby".parse().unwrap();
    let member = serde_json::json!({"user": "alice@example.com", "role": "moderator"});
    let token = issuer
        .issue(&room, &member)
        .now_or_never()
        .expect("the key is here");
    token.unwrap().as_str().to_owned()
}

/// Verification with a key on a curve, against the same verification with a prepared key.
fn print_curve(sample: &Sample, raw: &'static dyn VerificationAlgorithm) {
    let public = sample.key.public_key_pem();
    let prepared = ParsedPublicKey::new(raw, pem::parse(&public).unwrap().contents()).unwrap();
    let signed = Signed::of(&sample.token);
    let accepts = ours::<Member>(&sample.verifier);
    let verify_raw = || {
        let (message, signature) = black_box((&signed.message, &signed.signature));
        assert!(prepared.verify_sig(message, signature).is_ok());
    };
    let table = vec![
        Candidate::new("raw aws-lc-rs, prepared key", verify_raw),
        Candidate::new("room-auth, RoomClaims<Member>", || {
            assert!(accepts(black_box(&sample.token)));
        })
        .with_target(1.15),
    ];
    let name = sample.name();
    ratio::print_table(&format!("verification of one token, {name}"), table);
}

/// What a token costs by its algorithm: sent, verified and signed. The README's table.
fn print_comparison(samples: &[Sample]) {
    println!("\nsize of a token with the same claims\n");
    for sample in samples {
        println!("{:<52} {:>6} bytes", sample.name(), sample.token.len());
    }
    let candidates = |work: fn(&Sample)| -> Vec<Candidate<'_>> {
        let samples = samples.iter();
        samples
            .map(|sample| Candidate::new(sample.name(), move || work(black_box(sample))))
            .collect()
    };
    let verify = |sample: &Sample| assert!(ours::<Member>(&sample.verifier)(&sample.token));
    let issue = |sample: &Sample| assert!(!sign(&sample.issuer).is_empty());
    ratio::print_table("verification of a token by its algorithm", candidates(verify));
    ratio::print_table("signing of a token by its algorithm", candidates(issue));
}

fn ours<T: DeserializeOwned>(verifier: &Verifier) -> Accepts<'_> {
    Box::new(|token| {
        let claims: Result<RoomClaims<T>, _> = verifier.verify(token);
        claims.is_ok_and(|claims| claims.room_id().as_str() == "lobby")
    })
}

fn jsonwebtoken(keys: &Keys) -> Accepts<'static> {
    let key = DecodingKey::from_rsa_der(keys.public_der());
    let validation = Validation::new(jsonwebtoken::Algorithm::RS256);
    Box::new(move |token| {
        jsonwebtoken::decode::<Claims>(token, &key, &validation)
            .is_ok_and(|data| data.claims.is_of_the_lobby())
    })
}

fn jwt_simple(keys: &Keys) -> Accepts<'static> {
    let key = RS256PublicKey::from_der(keys.public_der()).unwrap();
    Box::new(move |token| {
        key.verify_token::<Member>(token, None)
            .is_ok_and(|claims| claims.subject.as_deref() == Some("lobby") && !claims.custom.user.is_empty())
    })
}

impl Claims {
    fn is_of_the_lobby(&self) -> bool {
        self.sub == "lobby"
            && self.iat < self.exp
            && !self.member.user.is_empty()
            && !self.member.role.is_empty()
    }
}
