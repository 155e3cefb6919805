//! A client that checks every answer.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use crate::report::Error;

/// How long an answer may take. A message without one is an error of the run.
const PATIENCE: Duration = Duration::from_secs(20);

/// One WebSocket.
pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
    name: usize,
    sent: usize,
}

impl Client {
    /// Connects. `name` tells the messages of clients apart.
    pub(crate) async fn connect(url: &str, name: usize) -> Result<Self, Error> {
        let host = url.strip_prefix("ws://").and_then(|rest| rest.split('/').next());
        let stream = TcpStream::connect(host.ok_or("not a ws:// URL")?).await?;
        stream.set_nodelay(true)?;
        // Small buffers, as 18,000 clients are in one process.
        let config = WebSocketConfig::default()
            .read_buffer_size(1024)
            .write_buffer_size(0);
        let shaken = client_async_with_config(url, stream, Some(config));
        let (socket, _) = timeout(PATIENCE, shaken)
            .await
            .map_err(|_| "a handshake was not answered")??;
        Ok(Self {
            socket,
            name,
            sent: 0,
        })
    }

    /// Sends a message that nobody else sends, and waits for the same text.
    pub(crate) async fn trip(&mut self) -> Result<Duration, Error> {
        self.sent += 1;
        let text = format!(
            r#"{{"action":"echo","client":{},"number":{},"text":"The quick brown fox jumps over the lazy dog."}}"#,
            self.name, self.sent
        );
        let started = Instant::now();
        self.socket.send(Message::text(text.as_str())).await?;
        let answer = timeout(PATIENCE, self.socket.next()).await;
        let took = started.elapsed();
        match answer {
            Err(_) => Err(format!("message {} of client {} was not answered", self.sent, self.name).into()),
            Ok(None) => Err(format!("client {} was disconnected", self.name).into()),
            Ok(Some(answer)) => match answer? {
                Message::Text(answer) if answer.as_str() == text => Ok(took),
                other => Err(format!("{text} was answered by {other:?}").into()),
            },
        }
    }

    /// Closes the socket and waits until the other side has, too.
    pub(crate) async fn close(mut self) -> Result<(), Error> {
        self.socket.close(None).await?;
        let drained = async { while let Some(Ok(_)) = self.socket.next().await {} };
        timeout(PATIENCE, drained)
            .await
            .map_err(|_| "a close was not answered")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Makes a trip to a server that answers the first message with `answer`, or not at all.
    async fn trip(
        answer: impl FnOnce(Message) -> Option<Message> + Send + 'static,
    ) -> Result<Duration, Error> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("ws://{}/", listener.local_addr()?);
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            let mut socket = tokio_tungstenite::accept_async(stream)
                .await
                .expect("a handshake");
            let message = socket.next().await.expect("a message").expect("a whole one");
            if let Some(answer) = answer(message) {
                socket.send(answer).await.expect("a client");
            }
            // Held open until the client has gone.
            while let Some(Ok(_)) = socket.next().await {}
        });
        Client::connect(&url, 7).await?.trip().await
    }

    #[tokio::test]
    async fn the_same_text_is_an_answer() {
        assert!(trip(Some).await.is_ok());
    }

    #[tokio::test]
    async fn a_message_that_is_not_answered_is_an_error() {
        let swallow = |_| {
            // Nobody waits for real.
            tokio::time::pause();
            None
        };
        let error = trip(swallow).await.expect_err("no answer");
        assert_eq!(error.to_string(), "message 1 of client 7 was not answered");
    }

    #[tokio::test]
    async fn another_text_is_an_error() {
        let error = trip(|_| Some(Message::text("another")))
            .await
            .expect_err("a wrong answer");
        assert!(error.to_string().contains("was answered by Text"), "{error}");
    }
}
