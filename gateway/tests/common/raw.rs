//! A WebSocket client of bytes: it sends what no library would, and sees each frame.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, ToSocketAddrs},
    time::timeout,
};

use super::PATIENCE;

pub(crate) const FINAL: u8 = 0x80;
pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;

/// A frame as a client sends it (RFC 6455 §5.2), with a mask of zeros: the payload stays as it is.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = match payload.len() {
        length @ 0..126 => vec![first, 0x80 | u8::try_from(length).unwrap()],
        length => {
            let length = u16::try_from(length).unwrap().to_be_bytes();
            vec![first, 0x80 | 0x7e, length[0], length[1]]
        }
    };
    bytes.extend([0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}

/// A close frame with a code and a reason.
pub(crate) fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FINAL | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// The request of a handshake.
pub(crate) fn handshake(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

#[derive(Debug, PartialEq)]
pub(crate) struct Frame {
    /// FIN, the reserved bits, and the opcode.
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The code and the reason of a close frame.
    pub(crate) fn closes_with(&self) -> (u16, String) {
        assert_eq!(self.first, FINAL | CLOSE, "{self:?} is no close frame");
        let (code, reason) = self.payload.split_at(2);
        let code = u16::from_be_bytes(code.try_into().unwrap());
        (code, String::from_utf8(reason.to_vec()).unwrap())
    }
}

pub(crate) struct RawClient(pub(crate) TcpStream);

impl RawClient {
    pub(crate) async fn connect(gateway: &room_auth_gateway::Gateway) -> Self {
        Self::connect_to(gateway.local_addr()).await
    }

    pub(crate) async fn connect_to(address: impl ToSocketAddrs) -> Self {
        let mut client = Self(TcpStream::connect(address).await.unwrap());
        client.write(handshake("/dev").as_bytes()).await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        client
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// The head of a response.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(
                timeout(PATIENCE, self.0.read_u8())
                    .await
                    .expect("a head in time")
                    .unwrap(),
            );
        }
        String::from_utf8(head).unwrap()
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Frame {
        self.frame_or_end()
            .await
            .expect("a frame, not the end of the stream")
    }

    /// The next frame, unless the connection has ended.
    pub(crate) async fn frame_or_end(&mut self) -> Option<Frame> {
        let reading = async {
            let mut head = [0; 2];
            self.0.read_exact(&mut head).await.ok()?;
            let length = match head[1] {
                length @ 0..126 => length.into(),
                126 => self.0.read_u16().await.ok()?.into(),
                _ => usize::try_from(self.0.read_u64().await.ok()?).ok()?,
            };
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).await.ok()?;
            Some(Frame {
                first: head[0],
                payload,
            })
        };
        timeout(PATIENCE, reading).await.expect("a frame in time")
    }

    /// Waits for the end of the connection. What comes before is not of interest.
    pub(crate) async fn end(&mut self) {
        while self.frame_or_end().await.is_some() {}
    }
}
