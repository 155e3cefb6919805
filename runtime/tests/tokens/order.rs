//! The order of the steps: a token with several faults is refused for the first of them.

use room_auth::VerifyErrorKind::{
    self, Algorithm, Claims, Expired, Header, Malformed, NotYetValid, Signature,
};
use room_auth_forge::{attacker_key, token, token_by};

use super::corpus::{Case, refused};

/// In this order, whatever else is wrong.
pub(crate) const STEPS: [VerifyErrorKind; 7] = [
    Malformed,
    Header,
    Algorithm,
    Signature,
    Claims,
    NotYetValid,
    Expired,
];

/// One row for every set of two or more faults.
pub(crate) fn cases() -> Vec<Case> {
    (0_u8..1 << STEPS.len())
        .filter(|faults| faults.count_ones() >= 2)
        .map(|faults| {
            let kinds: Vec<_> = STEPS
                .into_iter()
                .enumerate()
                .filter(|(step, _)| faults & 1 << step != 0)
                .map(|(_, kind)| kind)
                .collect();
            refused(format!("order: {kinds:?}"), with_faults(&kinds), kinds[0])
        })
        .collect()
}

fn with_faults(faults: &[VerifyErrorKind]) -> String {
    let has = |kind| faults.contains(&kind);
    let typ = if has(Header) { "JWS" } else { "JWT" };
    let alg = if has(Algorithm) { "RS512" } else { "RS256" };
    let sub = if has(Claims) { "no room" } else { "lobby" };
    let nbf = if has(NotYetValid) {
        1_800_000_061_u64
    } else {
        1_799_999_000
    };
    let exp = if has(Expired) {
        1_799_999_999_u64
    } else {
        1_800_000_300
    };
    let header = format!(r#"{{"typ":"{typ}","alg":"{alg}"}}"#);
    let payload = format!(r#"{{"sub":"{sub}","iat":1799999000,"nbf":{nbf},"exp":{exp}}}"#);
    let token = if has(Signature) {
        token_by(attacker_key(), &header, &payload)
    } else {
        token(&header, &payload)
    };
    if has(Malformed) { token + "=" } else { token }
}
