//! TLS on the same port as plain HTTP, with a certificate that is made at the start.

use std::{
    collections::BTreeSet,
    fmt, fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer},
    },
    server::TlsStream,
};

/// The type of a TLS record that begins a handshake. No HTTP method begins with it.
const HANDSHAKE: u8 = 0x16;

/// How long certificates are valid. They do not outlive the process by much, and some clients refuse long lives.
const VALIDITY: Duration = Duration::days(90);

/// The variables by which clients are told which certificates to trust, in place of the system's.
const BUNDLE_VARIABLES: [&str; 3] = ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"];

/// A server certificate, and the files by which clients trust it.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    files: Arc<Files>,
}

/// In a directory that only this user can read, which is deleted at the end.
struct Files {
    /// The certificate of the authority.
    authority: PathBuf,
    /// The same, and the certificates that the system trusts.
    bundle: PathBuf,
    _dir: TempDir,
}

impl Tls {
    /// Makes a certificate for a listener at `ip` that is called by these names, too, signed by an authority of its own,
    /// whose key is not kept.
    ///
    /// # Errors
    ///
    /// If a name cannot be one of a certificate, or a file cannot be written.
    pub(crate) fn new(ip: IpAddr, names: impl Iterator<Item = String>) -> io::Result<Self> {
        let local = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let names: BTreeSet<String> = local.into_iter().chain([ip.to_string()]).chain(names).collect();
        let certificates = certificates(names.into_iter().collect());
        let (authority, certificate, key) = certificates.map_err(io::Error::other)?;
        let mut dir = tempfile::Builder::new();
        #[cfg(unix)]
        dir.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let dir = dir.prefix("room-auth-gateway-").tempdir()?;
        let files = Files {
            authority: dir.path().join("ca.pem"),
            bundle: dir.path().join("ca-bundle.pem"),
            _dir: dir,
        };
        fs::write(&files.authority, &authority)?;
        fs::write(&files.bundle, authority + &system_certificates())?;
        Ok(Self {
            acceptor: acceptor(certificate, key).map_err(io::Error::other)?,
            files: Arc::new(files),
        })
    }

    /// Returns the file with the certificate that clients have to trust.
    pub(crate) fn ca_file(&self) -> &Path {
        &self.files.authority
    }

    /// Returns the variables by which the AWS SDKs, and most other clients, trust the certificate.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let bundle = self.files.bundle.to_string_lossy();
        let mut variables: Vec<_> = BUNDLE_VARIABLES.map(|name| (name, bundle.to_string())).into();
        // Node adds these to its own.
        variables.push((
            "NODE_EXTRA_CA_CERTS",
            self.files.authority.to_string_lossy().into(),
        ));
        variables
    }

    /// Returns whether a client begins with TLS. Waits for its first byte.
    pub(super) async fn is_wanted(stream: &TcpStream) -> bool {
        let mut first = [0];
        matches!(stream.peek(&mut first).await, Ok(1)) && first == [HANDSHAKE]
    }

    /// Does the handshake.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("ca_file", &self.files.authority)
            .finish_non_exhaustive()
    }
}

/// Returns the authority as PEM, and a certificate for the names, with its key.
fn certificates(
    names: Vec<String>,
) -> Result<(String, CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let now = OffsetDateTime::now_utc();
    let (not_before, not_after) = (now - Duration::DAY, now + VALIDITY);

    let mut authority = CertificateParams::default();
    authority
        .distinguished_name
        .push(DnType::CommonName, "room-auth-gateway, this run only");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (authority.not_before, authority.not_after) = (not_before, not_after);
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;

    let mut server = CertificateParams::new(names)?;
    server
        .distinguished_name
        .push(DnType::CommonName, "room-auth-gateway");
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Python's strict verification wants it.
    server.use_authority_key_identifier_extension = true;
    (server.not_before, server.not_after) = (not_before, not_after);
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &Issuer::from_params(&authority, authority_key))?;
    let certificate = certificate.der().clone();
    Ok((authority_certificate.pem(), certificate, PrivateKeyDer::from(key)))
}

fn acceptor(
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, tokio_rustls::rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Returns the certificates that the system trusts, as PEM: the functions may also call what is not local.
fn system_certificates() -> String {
    let certificates = rustls_native_certs::load_native_certs().certs;
    let certificates = certificates.into_iter();
    let pem = |der: CertificateDer<'_>| pem::encode(&pem::Pem::new("CERTIFICATE", der.as_ref()));
    certificates.map(pem).collect()
}
