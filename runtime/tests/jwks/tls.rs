//! Whom a fetch over HTTPS believes.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, version};

use super::issuer::{Answer, LocalIssuer};
use super::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server with a certificate of `authority` for `name`.
fn server(authority: &Authority, name: &str, change: impl FnOnce(&mut CertificateParams)) -> ServerConfig {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    change(&mut params);
    let pair = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&pair, authority).unwrap();
    let key = PrivateKeyDer::try_from(pair.serialize_der()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap()
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_accepted() {
    let (authority, other, key) = (authority(), authority(), key());
    let server = server(&authority, "127.0.0.1", |_| {});
    let issuer = LocalIssuer::start_tls(Answer::set(&[("one", &key)]), server).await;
    let roots = format!("{}{}", other.pem(), authority.pem());
    let jwks = jwks(issuer.url(), &Hands::new())
        .with_root_certificates(&roots)
        .unwrap();
    let function = Function::new(jwks.fetch().await.unwrap());
    function.accepts(&token("one", &key)).await;
}

#[tokio::test]
async fn a_certificate_that_is_not_good_for_the_host_now_fails_the_start_by_name() {
    let authority = authority();
    let expired = server(&authority, "127.0.0.1", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let early = server(&authority, "127.0.0.1", |params| {
        params.not_before = date_time_ymd(4000, 1, 1);
    });
    let untrusted = server(&self::authority(), "127.0.0.1", |_| {});
    let other_host = server(&authority, "issuer.example", |_| {});
    for (server, problem) in [
        (expired, "its TLS certificate has expired; renew it"),
        (early, "its TLS certificate is not valid yet; check it"),
        (
            untrusted,
            "its TLS certificate is signed by nobody whom this machine trusts; install",
        ),
        (
            other_host,
            "its TLS certificate is for another host; give the URL",
        ),
    ] {
        let issuer = LocalIssuer::start_tls(Answer::set(&[("one", &key())]), server).await;
        let jwks = jwks(issuer.url(), &Hands::new())
            .with_root_certificates(&authority.pem())
            .unwrap();
        let error = jwks.fetch().await.unwrap_err().to_string();
        assert!(error.contains(problem), "{problem}: {error}");
        assert_eq!(issuer.asked(), 0, "{problem}");
    }
}

#[tokio::test]
async fn the_root_certificates_of_the_machine_do_not_trust_a_stranger() {
    let server = server(&authority(), "127.0.0.1", |_| {});
    let issuer = LocalIssuer::start_tls(Answer::set(&[("one", &key())]), server).await;
    let error = jwks(issuer.url(), &Hands::new())
        .fetch()
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("is signed by nobody whom this machine trusts"),
        "{error}"
    );
    assert_eq!(issuer.asked(), 0);
}

#[tokio::test]
async fn a_server_without_tls_is_not_believed() {
    let issuer = LocalIssuer::start(Answer::set(&[("one", &key())])).await;
    let url = issuer.url().replace("http://", "https://");
    let jwks = jwks(url, &Hands::new())
        .with_root_certificates(&authority().pem())
        .unwrap();
    let error = jwks.fetch().await.unwrap_err().to_string();
    assert!(error.contains("TLS failed ("), "{error}");
    assert_eq!(issuer.asked(), 0);
}

#[tokio::test]
async fn a_certificate_that_has_expired_since_the_start_keeps_the_last_good_set() {
    let (hands, authority, one, two) = (Hands::new(), authority(), key(), key());
    let answer = Answer::set(&[("one", &one)]);
    let good = LocalIssuer::start_tls(answer, server(&authority, "127.0.0.1", |_| {})).await;
    let jwks = jwks(good.url(), &hands)
        .with_root_certificates(&authority.pem())
        .unwrap();
    let function = Function::new(jwks.fetch().await.unwrap());
    let expired = server(&authority, "127.0.0.1", |params| {
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    good.serves_with(expired);
    good.answers(Answer::set(&[("two", &two)]));
    hands.advance(Duration::from_hours(2));
    function.refuses(&token("two", &two)).await;
    function.accepts(&token("one", &one)).await;
    assert_eq!(good.asked(), 1);
}

#[test]
fn root_certificates_that_cannot_be_read_are_refused() {
    let good = authority().pem();
    let key = KeyPair::generate().unwrap().serialize_pem();
    for text in [
        "",
        "text",
        &good[..good.len() / 2],
        &key,
        &format!("{good}{key}"),
        &good.replace("MII", "AAA"),
    ] {
        let jwks = Jwks::new("https://issuer.example/", ISSUER, AUDIENCE);
        let error = jwks.with_root_certificates(text).unwrap_err().to_string();
        assert!(
            error.contains("the root certificates cannot be read; give their PEM text"),
            "{error}"
        );
    }
}
