//! One open WebSocket: messages in, messages out, and its end.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Semaphore, mpsc},
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        error::CapacityError,
        protocol::{
            CloseFrame, Role, WebSocketConfig,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

use crate::{
    answer,
    api::{Api, IntegrationError},
    connections::{Connection, Outgoing},
    event::{self, Moment},
    observe::ObservedEvent,
};

type Stream = WebSocketStream<TokioIo<Upgraded>>;

/// `disconnectReason` when the connection broke.
pub(crate) const ABNORMAL: &str = "Connection closed abnormally";

/// How long a client has to answer a close frame, and to read what was sent before it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How a connection ended.
struct End {
    code: u16,
    reason: String,
    by: By,
}

#[derive(PartialEq)]
enum By {
    /// We close: a close frame is sent.
    Gateway,
    /// The client has closed: its close frame is answered.
    Client,
    /// Nobody is there any more.
    Nobody,
}

impl End {
    fn by_gateway(code: u16, reason: &str) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
            by: By::Gateway,
        }
    }
}

pub(crate) async fn run(
    api: Arc<Api>,
    connection: Arc<Connection>,
    mut inbox: mpsc::UnboundedReceiver<Outgoing>,
    upgraded: Upgraded,
) {
    // The default buffers of 128 KB each would make 10,000 sockets cost gigabytes.
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_frame_size(Some(api.limits.frame_bytes))
        .max_message_size(Some(api.limits.message_bytes));
    let stream = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let (mut sink, mut stream) = stream.split();
    let end = tokio::select! {
        end = read(&api, &connection, &mut stream) => end,
        end = write(&api, &connection, &mut inbox, &mut sink) => end,
        () = sleep(api.limits.connection_duration) => End::by_gateway(1001, "Going away"),
        () = idle(&api, &connection) => End::by_gateway(1001, "Going away"),
        () = api.closing.cancelled() => End::by_gateway(1001, "Going away"),
    };
    // From here on posting is a 410, though the client has perhaps not seen the close frame yet.
    inbox.close();
    api.connections.remove(&connection);
    let stream = sink.reunite(stream).expect("both are halves of one stream");
    let closing = api
        .tasks
        .spawn(close(stream, end.by, end.code, end.reason.clone()));
    api.disconnected(&connection, end.code, &end.reason).await;
    // Its failure is the client's.
    let _ = closing.await;
}

async fn read(api: &Arc<Api>, connection: &Arc<Connection>, stream: &mut SplitStream<Stream>) -> End {
    let in_flight = Arc::new(Semaphore::new(api.limits.messages_in_flight));
    loop {
        let received = stream.next().await;
        connection.touch();
        match received {
            Some(Ok(Message::Text(text))) => {
                let permit = in_flight
                    .clone()
                    .acquire_owned()
                    .await
                    .expect("the semaphore is never closed");
                let (api, connection) = (api.clone(), connection.clone());
                api.tasks.clone().spawn(async move {
                    work(&api, &connection, text.as_str()).await;
                    drop(permit);
                });
            }
            Some(Ok(Message::Binary(_))) => return End::by_gateway(1003, "Binary frames are not supported"),
            Some(Ok(Message::Close(frame))) => return closed_by_client(frame),
            // Pings are answered by the protocol's implementation; that they came is all that counts.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. }))) => {
                return End::by_gateway(1009, "Message too big");
            }
            Some(Err(Error::Utf8(_))) => return End::by_gateway(1007, "Invalid text"),
            Some(Err(Error::Protocol(error))) if !is_reset(&error) => {
                return End::by_gateway(1002, "Protocol error");
            }
            Some(Err(_)) | None => {
                return End {
                    code: 1006,
                    reason: ABNORMAL.to_owned(),
                    by: By::Nobody,
                };
            }
        }
    }
}

fn is_reset(error: &tokio_tungstenite::tungstenite::error::ProtocolError) -> bool {
    matches!(
        error,
        tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake
    )
}

fn closed_by_client(frame: Option<CloseFrame>) -> End {
    let (code, reason) = match frame {
        Some(frame) => (frame.code.into(), frame.reason.as_str().to_owned()),
        None => (1005, "Client-side close frame status not set".to_owned()),
    };
    End {
        code,
        reason,
        by: By::Client,
    }
}

/// A message: its route, the function, and what the client is told of it.
async fn work(api: &Arc<Api>, connection: &Arc<Connection>, text: &str) {
    let moment = Moment::now();
    let id = &connection.info.id;
    let tell = |message: &str| {
        // A client that reads nothing, or is gone, need not be told.
        let _ = connection.send(
            answer::body(message, id, &moment.request_id),
            api.limits.client_buffer_bytes,
        );
    };
    let route = api.route_of_message(text);
    api.observer.tell(id, || ObservedEvent::FrameIn {
        route: route.map(|route| route.key.clone()),
        bytes: text.len(),
    });
    if !api.allows_request() {
        return tell("Too Many Requests");
    }
    let Some(route) = route else {
        return tell("Forbidden");
    };
    let event = event::message(api, &connection.info, &moment, &route.key, text);
    match api.integrate(route, id, event).await {
        Ok(response) if route.response => {
            if let Some(body) = response.body {
                let _ = connection.send(body, api.limits.client_buffer_bytes);
            }
        }
        Ok(_) => {}
        Err(IntegrationError::Failed) => tell("Internal server error"),
        Err(IntegrationError::TimedOut) => tell("Endpoint request timed out"),
    }
}

async fn write(
    api: &Api,
    connection: &Connection,
    inbox: &mut mpsc::UnboundedReceiver<Outgoing>,
    sink: &mut SplitSink<Stream, Message>,
) -> End {
    let nobody = || End {
        code: 1006,
        reason: ABNORMAL.to_owned(),
        by: By::Nobody,
    };
    while let Some(outgoing) = inbox.recv().await {
        let message = match outgoing {
            Outgoing::Message(message) => message,
            Outgoing::Close => return End::by_gateway(1000, "Connection Closed Normally"),
        };
        api.faults.may_leave(&connection.info.id).await;
        let bytes = message.len();
        for frame in frames(message, api.limits.frame_bytes) {
            if sink.feed(Message::Frame(frame)).await.is_err() {
                return nobody();
            }
        }
        if sink.flush().await.is_err() {
            return nobody();
        }
        connection.sent(bytes);
        connection.touch();
        api.observer
            .tell(&connection.info.id, || ObservedEvent::FrameOut { bytes });
    }
    unreachable!("the connection holds the sender of its inbox")
}

/// One message as frames of at most `limit` bytes. What is no text is sent as binary: a text frame must be
/// UTF-8 (RFC 6455 §5.6).
fn frames(mut message: Bytes, limit: usize) -> Vec<Frame> {
    let kind = if std::str::from_utf8(&message).is_ok() {
        Data::Text
    } else {
        Data::Binary
    };
    let mut frames = Vec::with_capacity(1 + message.len() / limit);
    loop {
        let opcode = OpCode::Data(if frames.is_empty() { kind } else { Data::Continue });
        let payload = message.split_to(message.len().min(limit));
        let is_last = message.is_empty();
        frames.push(Frame::message(payload, opcode, is_last));
        if is_last {
            return frames;
        }
    }
}

async fn idle(api: &Api, connection: &Connection) {
    loop {
        let quiet = connection.last_active().elapsed().unwrap_or_default();
        match api.limits.idle_timeout.checked_sub(quiet) {
            Some(left) if !left.is_zero() => sleep(left).await,
            _ => return,
        }
    }
}

/// The closing handshake. What the client still sends is read and dropped: closing a socket with unread
/// bytes resets it, and the client would never see the close frame.
async fn close(mut stream: Stream, by: By, code: u16, reason: String) {
    if by == By::Nobody {
        return;
    }
    let _ = timeout(CLOSE_TIMEOUT, async {
        if by == By::Gateway {
            let frame = CloseFrame {
                code: CloseCode::from(code),
                reason: reason.into(),
            };
            if stream.close(Some(frame)).await.is_err() {
                return;
            }
        }
        while let Some(Ok(_)) = stream.next().await {}
        // The server is the first to close (RFC 6455 §7.1.1); the client waits for that.
        let _ = stream.get_mut().shutdown().await;
        let mut rest = [0; 4096];
        while stream.get_mut().read(&mut rest).await.is_ok_and(|read| read > 0) {}
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_into_frames_of_at_most_the_limit() {
        for (length, expected) in [
            (0, vec![0]),
            (3, vec![3]),
            (4, vec![4]),
            (5, vec![4, 1]),
            (12, vec![4, 4, 4]),
        ] {
            let frames = frames(Bytes::from("x".repeat(length)), 4);
            let lengths: Vec<usize> = frames.iter().map(|frame| frame.payload().len()).collect();
            assert_eq!(lengths, expected, "{length}");
            let finals: Vec<bool> = frames.iter().map(|frame| frame.header().is_final).collect();
            assert!(
                finals
                    .split_last()
                    .is_some_and(|(last, others)| *last && !others.contains(&true)),
                "{length}"
            );
        }
    }

    #[test]
    fn text_is_sent_as_text_and_other_bytes_as_binary() {
        let kind = |message: &'static [u8]| frames(Bytes::from_static(message), 100)[0].header().opcode;
        assert_eq!(kind("hé".as_bytes()), OpCode::Data(Data::Text));
        assert_eq!(kind(&[0xff]), OpCode::Data(Data::Binary));
    }
}
