//! An HTTP server that stands in for API Gateway's @connections: it answers as told and keeps the requests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// One request, as it came over the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path, with its percent-encoding.
    pub(crate) path: String,
    pub(crate) authorization: String,
    pub(crate) body: Vec<u8>,
    /// The connection that it came over.
    pub(crate) peer: Option<SocketAddr>,
}

/// What is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// A status, and the error type in the header that the SDK looks at.
    Status(u16, &'static str),
    /// None, ever.
    Silence,
    /// The connection is cut.
    Cut,
}

type Answers = dyn Fn(&Request) -> Answer + Send + Sync;

/// The server, until it is dropped.
pub(crate) struct Stub {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    server: tokio::task::JoinHandle<()>,
}

impl Stub {
    pub(crate) async fn start(answers: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let (answers, heard): (Arc<Answers>, _) = (Arc::new(answers), requests.clone());
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, peer) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, peer, answers.clone(), heard.clone()));
            }
        });
        Self {
            address,
            requests,
            server,
        }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, answers: Arc<Answers>, heard: Arc<Mutex<Vec<Request>>>) {
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream, peer).await {
        heard.lock().unwrap().push(request.clone());
        match answers(&request) {
            Answer::Status(status, error_type) => {
                let answer = format!(
                    "HTTP/1.1 {status} Told\r\nx-amzn-errortype: {error_type}\r\ncontent-length: 2\r\n\r\n{{}}"
                );
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            Answer::Silence => tokio::time::sleep(Duration::from_hours(1)).await,
            Answer::Cut => return,
        }
    }
}

/// Reads the next request; `None` when the client has closed.
async fn read(stream: &mut BufReader<TcpStream>, peer: SocketAddr) -> Option<Request> {
    let mut request = Request {
        peer: Some(peer),
        ..Request::default()
    };
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if request.method.is_empty() {
            let mut words = line.split(' ');
            request.method = words.next()?.to_owned();
            request.path = words.next()?.to_owned();
        } else if let Some((name, value)) = line.split_once(':') {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap(),
                "authorization" => request.authorization = value.trim().to_owned(),
                _ => {}
            }
        }
    }
    request.body = vec![0; length];
    stream.read_exact(&mut request.body).await.ok()?;
    Some(request)
}
