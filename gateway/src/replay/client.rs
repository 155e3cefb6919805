//! A client that says exactly what it is told to, header names included.

use std::{io, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{
            CloseFrame, Role,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

use super::received::Received;

/// The most that the head of an answer has, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// An answer of the gateway, and the socket if there is one.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) protocol: Option<String>,
    pub(super) body: String,
    pub(super) socket: Option<Socket>,
}

/// An open WebSocket.
pub(super) struct Socket(WebSocketStream<TcpStream>);

/// Sends a request, and reads its answer.
///
/// # Errors
///
/// If the connection breaks, or the answer is not HTTP.
pub(super) async fn request(mut stream: TcpStream, request: String) -> io::Result<Answer> {
    stream.write_all(request.as_bytes()).await?;
    let mut read = Vec::new();
    let (head_length, status, protocol, body_length) = loop {
        if stream.read_buf(&mut read).await? == 0 || read.len() > MAX_HEAD {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(&read);
        let parsed = parsed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        if let httparse::Status::Complete(length) = parsed {
            let header = |name: &str| {
                let found = response
                    .headers
                    .iter()
                    .find(|header| header.name.eq_ignore_ascii_case(name));
                found.map(|header| String::from_utf8_lossy(header.value).into_owned())
            };
            let body_length = header("content-length").and_then(|length| length.parse().ok());
            let status = response.code.unwrap_or_default();
            break (
                length,
                status,
                header("sec-websocket-protocol"),
                body_length.unwrap_or(0_usize),
            );
        }
    };
    let mut rest = read.split_off(head_length);
    if status == 101 {
        let socket = WebSocketStream::from_partially_read(stream, rest, Role::Client, None).await;
        return Ok(Answer {
            status,
            protocol,
            body: String::new(),
            socket: Some(Socket(socket)),
        });
    }
    while rest.len() < body_length && stream.read_buf(&mut rest).await? > 0 {}
    Ok(Answer {
        status,
        protocol,
        body: String::from_utf8_lossy(&rest).into_owned(),
        socket: None,
    })
}

impl Socket {
    pub(super) async fn send(&mut self, text: String) -> bool {
        self.0.send(Message::text(text)).await.is_ok()
    }

    /// Sends a close frame, without a code for 1005, which stands for none.
    pub(super) async fn close(&mut self, code: u16, reason: &str) {
        let frame = (code != 1005).then(|| CloseFrame {
            code: CloseCode::from(code),
            reason: reason.into(),
        });
        // If it has ended already, that is noticed as it is read.
        let _ = self.0.close(frame).await;
    }

    /// Sends what the gateway closes with this code.
    pub(super) async fn provoke(&mut self, code: u16) {
        let message = match code {
            1003 => Message::binary(Vec::new()),
            1007 => Message::Frame(Frame::message(vec![0xff], OpCode::Data(Data::Text), true)),
            1009 => Message::text("x".repeat(1024 * 1024)),
            _ => return,
        };
        // The gateway may have closed before all was sent.
        let _ = self.0.send(message).await;
    }

    /// Returns what comes next, or `None` if nothing has come by the deadline.
    pub(super) async fn next(&mut self, deadline: Instant) -> Option<Received> {
        loop {
            return Some(match timeout_at(deadline, self.0.next()).await.ok()? {
                Some(Ok(Message::Text(text))) => Received::Message(text.as_str().to_owned()),
                Some(Ok(Message::Binary(bytes))) => {
                    Received::Message(String::from_utf8_lossy(&bytes).into_owned())
                }
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map_or(1005, |frame| frame.code.into());
                    // Reading on sends the answer.
                    let answering = timeout_at(
                        deadline.min(Instant::now() + Duration::from_secs(1)),
                        self.0.next(),
                    );
                    let _ = answering.await;
                    Received::Closed(code)
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(_)) | None => Received::Broken,
            });
        }
    }
}
