//! The settings in `docs/identity-providers.md` accept the example token below them, and nothing that differs where it
//! matters.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use room_auth::testing::FixedClock;
use room_auth::{Algorithm, Jwks, RoomSource, SigningKey, Verifier, VerifyErrorKind};
use room_auth_tests::forge::{es256_jwk, keys_for, token_by};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const PAGE: &str = include_str!("../../docs/identity-providers.md");

/// The string literals among `tokens`, without their quotes.
fn texts(tokens: TokenStream) -> Vec<&'static str> {
    let text = |token| match token {
        TokenTree::Literal(literal) => Some(&*literal.to_string().leak()),
        _ => None,
    };
    let literals = tokens.into_iter().filter_map(text);
    literals.map(|literal| literal.trim_matches('"')).collect()
}

/// One provider of the page.
struct Section {
    name: &'static str,
    settings: Settings,
    header: Value,
    claims: Value,
}

/// The calls in the Rust of a section, by name, with their texts.
#[derive(Default)]
struct Settings(Vec<(String, Vec<&'static str>)>);

impl Settings {
    fn read(code: &str) -> Self {
        let mut settings = Self::default();
        settings.add_calls(code.parse().unwrap());
        settings
    }

    fn add_calls(&mut self, tokens: TokenStream) {
        let mut name = None;
        for token in tokens {
            if let TokenTree::Group(group) = &token {
                if let Some(name) = name
                    .take()
                    .filter(|_| group.delimiter() == Delimiter::Parenthesis)
                {
                    self.0.push((name, texts(group.stream())));
                }
                self.add_calls(group.stream());
            }
            name = match token {
                TokenTree::Ident(ident) => Some(ident.to_string()),
                _ => None,
            };
        }
    }

    fn get<const N: usize>(&self, name: &str) -> Option<[&'static str; N]> {
        let mut calls = self.0.iter().filter(|(called, _)| called == name);
        let (_, texts) = calls.next()?;
        assert!(calls.next().is_none(), "{name} twice");
        Some(texts.clone().try_into().unwrap())
    }

    fn room_source(&self) -> RoomSource {
        match (self.get("claim"), self.get("requested_from")) {
            (Some([name]), None) => RoomSource::claim(name),
            (None, Some([name])) => RoomSource::requested_from(name),
            other => panic!("{other:?}"),
        }
    }

    /// Does what the page's Rust does, with keys from `url`.
    async fn verifier(&self, url: &str) -> Verifier {
        let [_, issuer, audience] = self.get("new").unwrap();
        let mut keys = Jwks::new(url, issuer, audience).with_clock(FixedClock::at(1_790_000_030));
        if let Some([claim]) = self.get("with_audience_claim") {
            keys = keys.with_audience_claim(claim);
        }
        let mut verifier = keys.fetch().await.unwrap().with_room_source(self.room_source());
        if let Some([name, value]) = self.get("with_required_claim") {
            verifier = verifier.with_required_claim(name, value);
        }
        if let Some([media_type]) = self.get("with_type") {
            verifier = verifier.with_type(media_type);
        }
        for (name, _) in &self.0 {
            let is_known = [
                "verifier",
                "Ok",
                "new",
                "fetch",
                "with_audience_claim",
                "with_required_claim",
                "with_type",
                "with_room_source",
                "claim",
                "requested_from",
            ]
            .contains(&name.as_str());
            assert!(is_known, "this test does not know {name}");
        }
        verifier
    }
}

fn sections() -> Vec<Section> {
    let sections = PAGE.split("\n## ").skip(1).map(|text| {
        let (name, text) = text.split_once('\n').unwrap();
        let blocks = |language: &str| {
            let begin = format!("```{language}\n");
            let blocks = text.split(&begin).skip(1);
            blocks
                .map(|block| block.split("\n```").next().unwrap())
                .collect::<Vec<_>>()
        };
        let json = blocks("json");
        let [header, claims] = json.try_into().unwrap_or_else(|_| panic!("{name}"));
        Section {
            name,
            settings: Settings::read(blocks("rust")[0]),
            header: serde_json::from_str(header).unwrap(),
            claims: serde_json::from_str(claims).unwrap(),
        }
    });
    sections.collect()
}

/// Publishes the key on loopback; returns where.
async fn publish(key: &SigningKey) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let body = format!(r#"{{"keys":[{}]}}"#, es256_jwk(key));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
                 Connection: close\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

impl Section {
    /// Signs claims, with the header of the page but for the key.
    fn token(&self, claims: &Value) -> String {
        let [key, _] = keys_for(Algorithm::Es256);
        let mut header = self.header.clone();
        header["alg"] = json!("ES256");
        header["kid"] = json!(key.key_id());
        token_by(key, &header.to_string(), &claims.to_string())
    }

    fn changed(&self, claim: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        assert_ne!(claims[claim], value, "{}: {claim}", self.name);
        claims[claim] = value;
        self.token(&claims)
    }

    /// The member that a token for the lobby is refused for, or `None`.
    fn refused(&self, verifier: &Verifier, token: &str, room: &str) -> Option<&'static str> {
        let error = verifier.verify_for::<()>(token, &room.parse().unwrap()).err()?;
        assert!(
            [VerifyErrorKind::Claims, VerifyErrorKind::Header].contains(&error.kind()),
            "{}: {error}",
            self.name
        );
        Some(error.member().expect(self.name))
    }
}

#[tokio::test]
async fn each_provider_s_token_is_accepted_by_the_settings_of_its_section() {
    let url = publish(keys_for(Algorithm::Es256)[0]).await;
    let sections = sections();
    let names: Vec<_> = sections.iter().map(|section| section.name).collect();
    assert_eq!(
        names,
        [
            "Cognito, access tokens",
            "Cognito, ID tokens",
            "Auth0",
            "Keycloak",
            "Supabase",
            "Clerk"
        ]
    );
    for section in sections {
        let verifier = section.settings.verifier(&url).await;
        let token = section.token(&section.claims);
        let claims = verifier.verify_for::<()>(&token, &"lobby".parse().unwrap());
        let claims = claims.unwrap_or_else(|error| panic!("{}: {error}", section.name));
        assert_eq!(claims.subject(), section.claims["sub"], "{}", section.name);
        let life = claims.expires_at().duration_since(claims.issued_at()).unwrap();
        assert!(life <= Duration::from_hours(24), "{}", section.name);
        let [published, issuer, _] = section.settings.get("new").unwrap();
        assert!(published.starts_with(issuer), "{}: {published}", section.name);
    }
}

#[tokio::test]
async fn a_token_that_differs_in_one_required_claim_is_refused_for_it() {
    let url = publish(keys_for(Algorithm::Es256)[0]).await;
    for section in sections() {
        let name = section.name;
        let verifier = section.settings.verifier(&url).await;
        let [audience_claim] = section.settings.get("with_audience_claim").unwrap_or(["aud"]);
        let [required, _] = section
            .settings
            .get("with_required_claim")
            .unwrap_or([audience_claim, ""]);
        for claim in ["iss", audience_claim, required] {
            for value in [json!("https://attacker.example"), json!(null), json!(["other"])] {
                let token = section.changed(claim, value);
                assert_eq!(section.refused(&verifier, &token, "lobby"), Some(claim), "{name}");
            }
        }
        if audience_claim != "aud" {
            let token = section.changed("aud", json!("somebody else"));
            assert_eq!(section.refused(&verifier, &token, "lobby"), Some("aud"), "{name}");
        }
        // Another room than the token's, and a token without a room.
        let rooms = ["claim", "requested_from"].map(|source| section.settings.get(source));
        let [rooms] = rooms.into_iter().flatten().next().unwrap();
        let token = section.token(&section.claims);
        assert_eq!(section.refused(&verifier, &token, "vault"), Some(rooms), "{name}");
        let token = section.changed(rooms, json!(null));
        assert_eq!(section.refused(&verifier, &token, "lobby"), Some(rooms), "{name}");
    }
}

#[tokio::test]
async fn the_type_of_rfc_9068_is_taken_where_it_is_configured() {
    let url = publish(keys_for(Algorithm::Es256)[0]).await;
    for mut section in sections() {
        let verifier = section.settings.verifier(&url).await;
        section.header["typ"] = json!("at+jwt");
        let token = section.token(&section.claims);
        let expected = (section.name != "Auth0").then_some("typ");
        assert_eq!(
            section.refused(&verifier, &token, "lobby"),
            expected,
            "{}",
            section.name
        );
    }
}
