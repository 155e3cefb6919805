//! Whose room a token speaks of: each source with good tokens and with hostile ones.

use std::sync::atomic::{AtomicUsize, Ordering};

use room_auth::VerifyErrorKind::{self, Claims, Expired, Signature};
use room_auth::testing::FixedClock;
use room_auth::{PublicKeys, RoomClaims, RoomId, RoomSource, Verifier, VerifyError};
use room_auth_forge::{HEADER, NOW, attacker_key, key, token_by};

use super::corpus::with_payload;

fn verifier(source: RoomSource) -> Verifier {
    Verifier::new(PublicKeys::from_pem(&key().public_key_pem()).unwrap())
        .with_clock(FixedClock::at(NOW))
        .with_room_source(source)
}

/// A token of `auth0|7` with these members.
fn user_token(members: &str) -> String {
    with_payload(&format!(
        r#"{{"sub":"auth0|7","iat":1800000000,"exp":1800000300,{members}}}"#
    ))
}

fn lobby() -> RoomId {
    "lobby".parse().unwrap()
}

/// Groups are rooms.
fn by_groups() -> RoomSource {
    RoomSource::requested_if(|claims, room| {
        let groups: Vec<String> = claims.get("groups").unwrap_or_default();
        groups.iter().any(|group| group == room.as_str())
    })
}

fn refused(found: Result<RoomClaims, VerifyError>, what: &str) -> (VerifyErrorKind, Option<&'static str>) {
    let error = found.err().unwrap_or_else(|| panic!("accepted: {what}"));
    (error.kind(), error.member())
}

#[test]
fn a_claim_is_the_room_where_it_was_configured() {
    let verifier = verifier(RoomSource::claim("room"));
    for room in ["lobby", r"lobb\u0079"] {
        let claims: RoomClaims = verifier
            .verify(&user_token(&format!(r#""room":"{room}""#)))
            .unwrap();
        assert_eq!(
            (claims.room_id().as_str(), claims.subject()),
            ("lobby", "auth0|7")
        );
    }
    let too_long = format!(r#""room":"{}""#, "x".repeat(129));
    for members in [
        r#""x":1"#,
        r#""room":null"#,
        r#""room":7"#,
        r#""room":true"#,
        r#""room":["lobby"]"#,
        r#""room":{"id":"lobby"}"#,
        r#""room":"""#,
        r#""room":"no room""#,
        r#""room":"lobby\n""#,
        r#""room":"a/b""#,
        r#""room":"*""#,
        r#""Room":"lobby""#,
        r#""claims":{"room":"lobby"}"#,
        too_long.as_str(),
    ] {
        let token = user_token(members);
        assert_eq!(
            refused(verifier.verify(&token), members),
            (Claims, Some("room")),
            "{members}"
        );
        // Asking for a room does not replace the claim.
        assert_eq!(
            refused(verifier.verify_for(&token, &lobby()), members),
            (Claims, Some("room")),
            "{members}"
        );
    }
    let twice = user_token(r#""room":"staff","room":"lobby""#);
    assert_eq!(refused(verifier.verify(&twice), "twice"), (Claims, None));
}

#[test]
fn a_requested_room_must_be_one_of_the_strings_of_the_claim() {
    let verifier = verifier(RoomSource::requested_from("rooms"));
    for rooms in [
        r#"["lobby"]"#,
        r#"["staff","lobby"]"#,
        r#"["not a room id","lobby"]"#,
        r#"["l\u006fbby"]"#,
    ] {
        let token = user_token(&format!(r#""rooms":{rooms}"#));
        let claims: RoomClaims = verifier.verify_for(&token, &lobby()).unwrap();
        assert_eq!(
            (claims.room_id().as_str(), claims.subject()),
            ("lobby", "auth0|7")
        );
        let without_request = refused(verifier.verify(&token), rooms);
        assert_eq!(without_request, (Claims, Some("room")), "{rooms}");
    }
    for members in [
        r#""x":1"#,
        r#""rooms":null"#,
        r#""rooms":[]"#,
        r#""rooms":["staff"]"#,
        r#""rooms":["LOBBY"]"#,
        r#""rooms":["lobby2"]"#,
        r#""rooms":["lobby "]"#,
        r#""rooms":["*"]"#,
        r#""rooms":[""]"#,
        r#""rooms":"lobby""#,
        r#""rooms":"staff lobby""#,
        r#""rooms":"staff,lobby""#,
        r#""rooms":["staff lobby"]"#,
        r#""rooms":{"lobby":true}"#,
        r#""rooms":[["lobby"]]"#,
        r#""rooms":["lobby",7]"#,
        r#""rooms":["lobby",null]"#,
        r#""rooms":true"#,
        r#""room":"lobby""#,
    ] {
        let found = verifier.verify_for(&user_token(members), &lobby());
        assert_eq!(refused(found, members), (Claims, Some("rooms")), "{members}");
    }
    let twice = user_token(r#""rooms":["staff"],"rooms":["lobby"]"#);
    let found = verifier.verify_for(&twice, &lobby());
    assert_eq!(refused(found, "twice"), (Claims, None));
}

#[test]
fn a_condition_decides_by_the_subject_and_any_claim() {
    let verifier = verifier(by_groups());
    let token = user_token(r#""groups":["lobby"],"x":{"y":1}"#);
    let claims: RoomClaims = verifier.verify_for(&token, &lobby()).unwrap();
    assert_eq!(
        (claims.room_id().as_str(), claims.subject()),
        ("lobby", "auth0|7")
    );
    assert_eq!(refused(verifier.verify(&token), "none"), (Claims, Some("room")));
    for members in [r#""x":1"#, r#""groups":["staff"]"#, r#""groups":"lobby""#] {
        let found = verifier.verify_for(&user_token(members), &lobby());
        assert_eq!(refused(found, members), (Claims, Some("room")), "{members}");
    }

    let verifier = verifier.with_room_source(RoomSource::requested_if(|claims, room| {
        assert_eq!(claims.get::<u8>("level"), Some(7));
        assert_eq!(claims.get::<u8>("name"), None, "of another type");
        assert_eq!(claims.get::<u8>("none"), None);
        assert_eq!(
            format!("{claims:?}"),
            "TokenClaims { .. }",
            "claims may be personal"
        );
        claims.subject() == "auth0|7" && room.as_str() == "lobby"
    }));
    let token = user_token(r#""level":7,"name":"alice""#);
    verifier.verify_for::<()>(&token, &lobby()).unwrap();
    let staff = "staff".parse().unwrap();
    assert_eq!(
        refused(verifier.verify_for(&token, &staff), "staff"),
        (Claims, Some("room"))
    );
}

#[test]
fn a_condition_is_asked_about_tokens_that_are_genuine_and_for_us() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let verifier = verifier(RoomSource::requested_if(|_, _| {
        ASKED.fetch_add(1, Ordering::Relaxed);
        true
    }))
    .with_issuer("https://idp.example");
    let payload = r#"{"sub":"u","iat":1800000000,"exp":1800000300,"iss":"https://idp.example"}"#;
    let forged = token_by(attacker_key(), HEADER, payload);
    let of_another = with_payload(&payload.replace("idp", "other"));
    for (token, kind) in [(forged, Signature), (of_another, Claims)] {
        let error = verifier.verify_for::<()>(&token, &lobby()).unwrap_err();
        assert_eq!(error.kind(), kind);
    }
    assert_eq!(ASKED.load(Ordering::Relaxed), 0);
    verifier
        .verify_for::<()>(&with_payload(payload), &lobby())
        .unwrap();
    assert_eq!(ASKED.load(Ordering::Relaxed), 1);
    let expired = with_payload(r#"{"sub":"u","iat":1,"exp":2,"iss":"https://idp.example"}"#);
    let error = verifier.verify_for::<()>(&expired, &lobby()).unwrap_err();
    assert_eq!(error.kind(), Expired, "whatever the condition says");
}

#[test]
fn a_subject_that_is_not_the_room_is_any_short_text() {
    let verifier = verifier(RoomSource::claim("room"));
    let decide = |sub: &str| {
        let payload = format!(r#"{{"sub":{sub},"iat":1800000000,"exp":1800000300,"room":"lobby"}}"#);
        verifier.verify::<()>(&with_payload(&payload))
    };
    let longest = "x".repeat(255);
    let umlauts = "ä".repeat(127);
    for sub in [
        "auth0|5f7c8ec7c33c6c004bbafe82",
        "Ünï cødé <>&'; --",
        "lobby",
        "7",
        " ",
        longest.as_str(),
        umlauts.as_str(),
    ] {
        let claims = decide(&format!("\"{sub}\"")).unwrap_or_else(|error| panic!("{sub}: {error}"));
        assert_eq!((claims.subject(), claims.room_id().as_str()), (sub, "lobby"));
    }
    for sub in [
        "null",
        "7",
        "true",
        "[\"u\"]",
        "{}",
        r#""a\u0000""#,
        r#""a\nb""#,
        r#""a\u007f""#,
        r#""a\u0085""#,
        &format!("\"{}\"", "x".repeat(256)),
        &format!("\"{}\"", "ä".repeat(128)),
    ] {
        assert_eq!(refused(decide(sub), sub), (Claims, Some("sub")), "{sub}");
    }
    let absent = with_payload(r#"{"iat":1800000000,"exp":1800000300,"room":"lobby"}"#);
    assert_eq!(refused(verifier.verify(&absent), "absent"), (Claims, Some("sub")));
}

#[test]
fn a_token_for_another_room_than_the_one_asked_about_is_refused_whatever_the_source() {
    let staff: RoomId = "staff".parse().unwrap();
    let by_subject = with_payload(r#"{"sub":"lobby","iat":1800000000,"exp":1800000300}"#);
    for (source, token, member) in [
        (RoomSource::default(), by_subject, "sub"),
        (RoomSource::claim("room"), user_token(r#""room":"lobby""#), "room"),
        (
            RoomSource::requested_from("rooms"),
            user_token(r#""rooms":["lobby"]"#),
            "rooms",
        ),
        (by_groups(), user_token(r#""groups":["lobby"]"#), "room"),
    ] {
        let verifier = verifier(source);
        verifier.verify_for::<()>(&token, &lobby()).unwrap();
        let found = verifier.verify_for(&token, &staff);
        assert_eq!(refused(found, member), (Claims, Some(member)));
    }
}

#[test]
fn by_default_the_subject_is_the_room_and_nothing_else_is() {
    let verifier = verifier(RoomSource::default());
    let token = user_token(r#""room":"lobby","rooms":["lobby"]"#);
    assert_eq!(refused(verifier.verify(&token), "default"), (Claims, Some("sub")));
    assert_eq!(
        refused(verifier.verify_for(&token, &lobby()), "default"),
        (Claims, Some("sub"))
    );
}
