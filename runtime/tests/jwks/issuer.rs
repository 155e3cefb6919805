//! An issuer on this machine that answers whatever a test wants, over TCP or TLS.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use room_auth::SigningKey;
use room_auth_forge::b64;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// What the issuer answers.
#[derive(Clone)]
pub(crate) enum Answer {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These bytes, as soon as the test says so.
    Held(Arc<Notify>, Vec<u8>),
    /// These bytes, one every 50 ms.
    Slowly(Vec<u8>),
    /// These bytes, and spaces without end.
    Endless(Vec<u8>),
    /// Nothing, and the connection stays open.
    Nothing,
    /// The end of the connection.
    Closed,
}

impl Answer {
    /// A response with these fields (each ended by `\r\n`) and this body.
    pub(crate) fn new(status: &str, fields: &str, body: &str) -> Self {
        let length = body.len();
        Self::Bytes(format!("HTTP/1.1 {status}\r\n{fields}content-length: {length}\r\n\r\n{body}").into())
    }

    pub(crate) fn json(body: &str) -> Self {
        Self::new("200 OK", "content-type: application/json\r\n", body)
    }

    /// The set of these keys, each with its `kid`.
    pub(crate) fn set(keys: &[(&str, &SigningKey)]) -> Self {
        Self::json(&set(keys))
    }

    pub(crate) fn set_with(fields: &str, keys: &[(&str, &SigningKey)]) -> Self {
        let fields = format!("content-type: application/jwk-set+json; charset=utf-8\r\n{fields}");
        Self::new("200 OK", &fields, &set(keys))
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) | Self::Held(_, bytes) | Self::Slowly(bytes) | Self::Endless(bytes) => bytes,
            Self::Nothing | Self::Closed => Vec::new(),
        }
    }
}

/// The JWK set of these Ed25519 keys, each with its `kid`.
pub(crate) fn set(keys: &[(&str, &SigningKey)]) -> String {
    let keys: Vec<String> = keys.iter().map(|(id, key)| jwk(id, key)).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

pub(crate) fn jwk(id: &str, key: &SigningKey) -> String {
    let der = room_auth_forge::pem_contents(&key.public_key_pem());
    // SPKI of Ed25519 ends with the 32 bytes of the key.
    let x = b64(&der[der.len() - 32..]);
    format!(r#"{{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"{id}","x":"{x}"}}"#)
}

pub(crate) struct LocalIssuer {
    address: SocketAddr,
    scheme: &'static str,
    state: Arc<State>,
    serving: AbortHandle,
}

struct State {
    tls: Mutex<Option<TlsAcceptor>>,
    answer: Mutex<Answer>,
    asked: AtomicUsize,
    arrived: Notify,
}

impl LocalIssuer {
    pub(crate) async fn start(answer: Answer) -> Self {
        Self::listen(answer, None).await
    }

    pub(crate) async fn start_tls(answer: Answer, config: ServerConfig) -> Self {
        Self::listen(answer, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn listen(answer: Answer, tls: Option<TlsAcceptor>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let state = Arc::new(State {
            tls: Mutex::new(tls),
            answer: Mutex::new(answer),
            asked: AtomicUsize::new(0),
            arrived: Notify::new(),
        });
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn({
            let state = state.clone();
            async move {
                loop {
                    let (socket, _) = listener.accept().await.unwrap();
                    let state = state.clone();
                    tokio::spawn(async move {
                        let tls = state.tls.lock().unwrap().clone();
                        match tls {
                            None => state.serve(socket).await,
                            Some(tls) => match tls.accept(socket).await {
                                Ok(stream) => state.serve(stream).await,
                                Err(_) => None,
                            },
                        }
                    });
                }
            }
        });
        Self {
            address,
            scheme,
            state,
            serving: serving.abort_handle(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}/jwks.json", self.scheme, self.address)
    }

    pub(crate) fn answers(&self, answer: Answer) {
        *self.state.answer.lock().unwrap() = answer;
    }

    /// Uses this certificate from now on.
    pub(crate) fn serves_with(&self, config: ServerConfig) {
        *self.state.tls.lock().unwrap() = Some(TlsAcceptor::from(Arc::new(config)));
    }

    /// How many requests have come.
    pub(crate) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// Waits for the next request, which must come.
    pub(crate) async fn arrival(&self) {
        let arrived = tokio::time::timeout(Duration::from_secs(5), self.state.arrived.notified());
        arrived.await.expect("the issuer is asked");
    }
}

impl Drop for LocalIssuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl State {
    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.ok()?);
            if request[0] != b'G' {
                // The hello of TLS.
                return stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok();
            }
        }
        assert!(
            request.starts_with(b"GET /jwks.json HTTP/1.1\r\n"),
            "what is asked"
        );
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.arrived.notify_one();
        let answer = self.answer.lock().unwrap().clone();
        match answer {
            Answer::Bytes(bytes) => stream.write_all(&bytes).await.ok()?,
            Answer::Held(until, bytes) => {
                until.notified().await;
                stream.write_all(&bytes).await.ok()?;
            }
            Answer::Slowly(bytes) => {
                for byte in bytes {
                    stream.write_all(&[byte]).await.ok()?;
                    stream.flush().await.ok()?;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            Answer::Endless(bytes) => {
                stream.write_all(&bytes).await.ok()?;
                loop {
                    stream.write_all(&[b' '; 4096]).await.ok()?;
                }
            }
            Answer::Nothing => std::future::pending().await,
            Answer::Closed => {}
        }
        stream.shutdown().await.ok()
    }
}
