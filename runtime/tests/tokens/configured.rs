//! What a verifier can be told beside issuer and audience: types and required claims.

use room_auth::testing::FixedClock;
use room_auth::{PublicKeys, Verifier, VerifyError, VerifyErrorKind};
use room_auth_forge::{NOW, PAYLOAD, key, token};

use super::corpus::{with_header, with_members};

fn verifier() -> Verifier {
    Verifier::new(PublicKeys::from_pem(&key().public_key_pem()).unwrap()).with_clock(FixedClock::at(NOW))
}

fn decide(verifier: &Verifier, token: &str) -> Result<(), VerifyError> {
    verifier.verify::<()>(token).map(|_| ())
}

#[test]
fn a_type_is_accepted_where_it_was_configured_and_jwt_everywhere() {
    let configured = verifier().with_type("at+jwt").with_type("room+jwt");
    for good in [
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/at+jwt",
        "room+jwt",
        "JWT",
        "jwt",
    ] {
        let token = with_header(&format!(r#"{{"typ":"{good}","alg":"RS256"}}"#));
        decide(&configured, &token).unwrap_or_else(|error| panic!("{good}: {error}"));
    }
    decide(&configured, &with_header(r#"{"alg":"RS256"}"#)).unwrap();
    for bad in [
        "dpop+jwt",
        "at+jwt ",
        "text/at+jwt",
        "application/",
        "application/jwt",
        "",
        "at",
    ] {
        let token = with_header(&format!(r#"{{"typ":"{bad}","alg":"RS256"}}"#));
        let error = decide(&configured, &token).expect_err(bad);
        assert_eq!(
            (error.kind(), error.member()),
            (VerifyErrorKind::Header, Some("typ")),
            "{bad}"
        );
    }
}

#[test]
fn a_required_claim_must_be_there_with_the_very_text() {
    let requiring = verifier()
        .with_required_claim("token_use", "access")
        .with_required_claim("client_id", "web");
    decide(
        &requiring,
        &with_members(r#""token_use":"access","client_id":"web""#),
    )
    .unwrap();
    decide(
        &requiring,
        &with_members(r#""client_id":"\u0077eb","token_use":"access""#),
    )
    .unwrap();
    for (members, member) in [
        (r#""client_id":"web""#, "token_use"),
        (r#""token_use":"access""#, "client_id"),
        (r#""token_use":"id","client_id":"web""#, "token_use"),
        (r#""token_use":"Access","client_id":"web""#, "token_use"),
        (r#""token_use":null,"client_id":"web""#, "token_use"),
        (r#""token_use":["access"],"client_id":"web""#, "token_use"),
        (r#""token_use":"access","client_id":"web2""#, "client_id"),
        (r#""token_use":"access","client_id":7"#, "client_id"),
    ] {
        let error = decide(&requiring, &with_members(members)).expect_err(members);
        assert_eq!(
            (error.kind(), error.member()),
            (VerifyErrorKind::Claims, Some(member)),
            "{members}"
        );
    }
    let error = decide(&requiring, &token(room_auth_forge::HEADER, PAYLOAD)).unwrap_err();
    assert_eq!(error.member(), Some("token_use"));
}

#[test]
fn the_user_is_read_from_the_claim_that_is_named() {
    let long = "x".repeat(255);
    for (name, members, user) in [
        ("user", r#""user":"alice""#, "alice"),
        ("user", r#""user":"zo\u00eb 1""#, "zoë 1"),
        ("user", &format!(r#""user":"{long}""#), &long),
        ("sub", r#""user":"alice""#, "lobby"),
    ] {
        let claims = verifier()
            .with_user_claim(name)
            .verify::<()>(&with_members(members))
            .unwrap();
        assert_eq!(claims.user(), Some(user), "{members}");
    }
    let claims = verifier().verify::<()>(&with_members(r#""user":7"#)).unwrap();
    assert_eq!(claims.user(), None, "none is configured");
    for members in [
        r#""users":"alice""#,
        r#""user":null"#,
        r#""user":7"#,
        r#""user":["alice"]"#,
        r#""user":"""#,
        r#""user":"a\nb""#,
        r#""user":"a\u009fb""#,
        &format!(r#""user":"{long}x""#),
    ] {
        let error = verifier()
            .with_user_claim("user")
            .verify::<()>(&with_members(members));
        let error = error.expect_err(members);
        assert_eq!(
            (error.kind(), error.member()),
            (VerifyErrorKind::Claims, Some("user")),
            "{members}"
        );
    }
}

#[test]
fn token_id_and_capabilities_are_read_and_what_is_malformed_is_named() {
    let claims = verifier()
        .verify::<()>(&with_members(r#""jti":"a-1","can":["send","x:y"]"#))
        .unwrap();
    assert_eq!(claims.token_id(), Some("a-1"));
    assert!(claims.can("send") && claims.can("x:y") && !claims.can("x"));
    let claims = verifier()
        .verify::<()>(&token(room_auth_forge::HEADER, PAYLOAD))
        .unwrap();
    assert_eq!(claims.token_id(), None);
    assert!(claims.can("send"), "without the claim, everything");
    let names = |count: u32| {
        (0..count)
            .map(|name| format!("\"{name}\""))
            .collect::<Vec<_>>()
            .join(",")
    };
    let full = with_members(&format!(r#""can":[{}]"#, names(32)));
    assert!(verifier().verify::<()>(&full).unwrap().can("31"));
    for (members, member) in [
        (r#""jti":7"#.to_owned(), "jti"),
        (format!(r#""jti":"{}""#, "x".repeat(256)), "jti"),
        (r#""can":"send""#.to_owned(), "can"),
        (format!(r#""can":[{}]"#, names(33)), "can"),
        (format!(r#""can":["{}"]"#, "x".repeat(65)), "can"),
    ] {
        let error = decide(&verifier(), &with_members(&members)).expect_err(&members);
        assert_eq!(
            (error.kind(), error.member()),
            (VerifyErrorKind::Claims, Some(member)),
            "{members}"
        );
    }
}
