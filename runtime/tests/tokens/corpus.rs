//! What a row of the corpus is, and the verifiers that rows are decided by.

use std::cell::Cell;
use std::time::Duration;

use room_auth::testing::FixedClock;
use room_auth::{Algorithm, PublicKeys, Verifier, VerifyError, VerifyErrorKind};
use room_auth_forge::{NOW, keys_for, other_key, token, token_by};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The room of an accepted token, or why it was refused.
pub(crate) type Decided = Result<String, VerifyError>;
pub(crate) type Verify = fn(&str) -> Decided;

#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) token: String,
    pub(crate) verify: Verify,
    pub(crate) expected: Result<&'static str, VerifyErrorKind>,
}

pub(crate) fn refused(name: impl Into<String>, token: impl Into<String>, kind: VerifyErrorKind) -> Case {
    Case {
        name: name.into(),
        token: token.into(),
        verify: plain,
        expected: Err(kind),
    }
}

/// A valid token for the room `lobby`.
pub(crate) fn accepted(name: &str, token: impl Into<String>) -> Case {
    Case {
        name: name.to_owned(),
        token: token.into(),
        verify: plain,
        expected: Ok("lobby"),
    }
}

impl Case {
    pub(crate) fn by(self, verify: Verify) -> Self {
        Self { verify, ..self }
    }
}

thread_local! {
    static ALGORITHM: Cell<Algorithm> = const { Cell::new(Algorithm::Rs256) };
}

/// Lets the verifiers of this thread have keys of `algorithm` while `work` is done.
pub(crate) fn with_algorithm<R>(algorithm: Algorithm, work: impl FnOnce() -> R) -> R {
    let before = ALGORITHM.replace(algorithm);
    let result = work();
    ALGORITHM.set(before);
    result
}

/// The public halves of the trusted key and of the other one.
fn public_keys() -> [String; 2] {
    keys_for(ALGORITHM.get()).map(room_auth::SigningKey::public_key_pem)
}

fn verifier() -> Verifier {
    with_keys(&public_keys()[0])
}

fn with_keys(pem: &str) -> Verifier {
    Verifier::new(PublicKeys::from_pem(pem).unwrap()).with_clock(FixedClock::at(NOW))
}

fn decide<T: DeserializeOwned>(verifier: &Verifier, token: &str) -> Decided {
    verifier
        .verify::<T>(token)
        .map(|claims| claims.room_id().to_string())
}

/// One key, the defaults, no claims beside the standard ones.
pub(crate) fn plain(token: &str) -> Decided {
    decide::<()>(&verifier(), token)
}

/// Two keys: `key()` stands before `other_key()`.
pub(crate) fn two_keys(token: &str) -> Decided {
    let keys = public_keys().concat();
    decide::<()>(&with_keys(&keys), token)
}

/// As many keys as are taken; the one that signs stands last.
pub(crate) fn eight_keys(token: &str) -> Decided {
    let [trusted, other] = public_keys();
    let keys = other.repeat(7) + &trusted;
    decide::<()>(&with_keys(&keys), token)
}

pub(crate) fn no_skew(token: &str) -> Decided {
    decide::<()>(&verifier().with_clock_skew(Duration::ZERO), token)
}

pub(crate) fn leeway_60(token: &str) -> Decided {
    let verifier = verifier().with_leeway(Duration::from_mins(1)).unwrap();
    decide::<()>(&verifier, token)
}

/// No limit of a token's life.
pub(crate) fn any_lifetime(token: &str) -> Decided {
    decide::<()>(&verifier().with_max_lifetime(Duration::MAX), token)
}

pub(crate) fn any_lifetime_leeway_60(token: &str) -> Decided {
    let verifier = verifier().with_leeway(Duration::from_mins(1)).unwrap();
    decide::<()>(&verifier.with_max_lifetime(Duration::MAX), token)
}

pub(crate) fn max_lifetime_300(token: &str) -> Decided {
    let verifier = verifier().with_max_lifetime(Duration::from_mins(5));
    decide::<()>(&verifier, token)
}

pub(crate) const ISSUER: &str = "https://backend.example";
pub(crate) const AUDIENCE: &str = "rooms";

pub(crate) fn from_issuer(token: &str) -> Decided {
    decide::<()>(&verifier().with_issuer(ISSUER), token)
}

pub(crate) fn for_audience(token: &str) -> Decided {
    decide::<()>(&verifier().with_audience(AUDIENCE), token)
}

/// Claims that must name a user; others are not looked at.
#[derive(Deserialize)]
#[allow(dead_code)]
struct Member {
    user: String,
    role: Option<Role>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Staff,
    Guest,
}

/// Claims that must name a user and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct OnlyUser {
    user: String,
}

/// A map takes whatever is there beside the standard claims.
type Numbers = std::collections::HashMap<String, u8>;

pub(crate) fn member(token: &str) -> Decided {
    decide::<Member>(&verifier(), token)
}

pub(crate) fn only_user(token: &str) -> Decided {
    decide::<OnlyUser>(&verifier(), token)
}

pub(crate) fn maybe_only_user(token: &str) -> Decided {
    decide::<Option<OnlyUser>>(&verifier(), token)
}

pub(crate) fn numbers(token: &str) -> Decided {
    decide::<Numbers>(&verifier(), token)
}

pub(crate) fn any_json(token: &str) -> Decided {
    decide::<serde_json::Value>(&verifier(), token)
}

/// A properly signed token whose payload has these members beside `sub`, `iat` and `exp`.
pub(crate) fn with_members(members: &str) -> String {
    token(
        room_auth_forge::HEADER,
        &format!(r#"{{"sub":"lobby","iat":1800000000,"exp":1800000300,{members}}}"#),
    )
}

/// A properly signed token with this payload.
pub(crate) fn with_payload(payload: &str) -> String {
    token(room_auth_forge::HEADER, payload)
}

/// A token with this header and a good payload, signed by [`other_key`].
pub(crate) fn with_header_by_other(header: &str) -> String {
    token_by(other_key(), header, room_auth_forge::PAYLOAD)
}

/// A properly signed token with this header and a good payload.
pub(crate) fn with_header(header: &str) -> String {
    token(header, room_auth_forge::PAYLOAD)
}

/// A properly signed, valid token of exactly `length` bytes.
pub(crate) fn of_length(length: usize) -> String {
    for spaces in 0..4 {
        let header = format!(r#"{{"typ":"JWT","alg":"RS256"{}}}"#, " ".repeat(spaces));
        for pad in 2000..3000 {
            let payload = format!(
                r#"{{"sub":"lobby","iat":1800000000,"exp":1800000300,"pad":"{}"}}"#,
                "x".repeat(pad)
            );
            let encoded = |bytes: usize| (bytes * 4).div_ceil(3);
            // 256 bytes of signature are 342 characters; two dots.
            if encoded(header.len()) + encoded(payload.len()) + 342 + 2 == length {
                let token = token(&header, &payload);
                assert_eq!(token.len(), length);
                return token;
            }
        }
    }
    panic!("no token has {length} bytes")
}
