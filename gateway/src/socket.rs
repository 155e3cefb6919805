//! One open WebSocket: its messages in both directions, and its end.

use std::{sync::Arc, time::Duration};

use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Semaphore, mpsc},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        error::{CapacityError, ProtocolError},
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{
    api::Api,
    connections::{Connection, Outgoing},
    frames::frames,
    journal::{ClosedBy, Content},
    message,
    observe::ObservedEvent,
};

type Stream = WebSocketStream<TokioIo<Upgraded>>;

/// The `disconnectReason` of a connection that broke.
pub(crate) const ABNORMAL: &str = "Connection closed abnormally";

/// How long a client has to answer a close frame, and to read what was sent before it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How a connection ended.
struct Closure {
    code: u16,
    reason: String,
    by: ClosedBy,
}

impl Closure {
    fn by_gateway(code: u16, reason: &str) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
            by: ClosedBy::Gateway,
        }
    }

    fn broken() -> Self {
        Self {
            code: 1006,
            reason: ABNORMAL.to_owned(),
            by: ClosedBy::Nobody,
        }
    }
}

/// Serves an open WebSocket until it ends, and then invokes `$disconnect`.
pub(crate) async fn run(
    api: Arc<Api>,
    connection: Arc<Connection>,
    mut inbox: mpsc::UnboundedReceiver<Outgoing>,
    upgraded: Upgraded,
) {
    // The default buffers of 128 KB each would make 10,000 sockets cost gigabytes. A message that is larger than this one
    // gets a buffer of its size.
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_frame_size(Some(api.limits.frame_bytes))
        .max_message_size(Some(api.limits.message_bytes));
    let stream = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let (mut sink, mut stream) = stream.split();
    let closure = tokio::select! {
        closure = read(&api, &connection, &mut stream) => closure,
        closure = write(&api, &connection, &mut inbox, &mut sink) => closure,
        () = api.clock.passes(connection.info.connected_at, api.limits.connection_duration) => Closure::by_gateway(1001, "Going away"),
        () = idle(&api, &connection) => Closure::by_gateway(1001, "Going away"),
        () = api.closing.cancelled() => Closure::by_gateway(1001, "Going away"),
    };
    // From here on a post gets 410, even if the client has not seen the close frame yet.
    inbox.close();
    api.connections.remove(&connection);
    let stream = sink.reunite(stream).expect("both are halves of one stream");
    let closing = api
        .tasks
        .spawn(close(stream, closure.by, closure.code, closure.reason.clone()));
    api.disconnected(&connection, closure.by, closure.code, &closure.reason)
        .await;
    // Only the client would notice a failure.
    let _ = closing.await;
}

async fn read(api: &Arc<Api>, connection: &Arc<Connection>, stream: &mut SplitStream<Stream>) -> Closure {
    let in_flight = Arc::new(Semaphore::new(api.limits.messages_in_flight));
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => {
                connection.touch(api.clock.now());
                let permit = in_flight
                    .clone()
                    .acquire_owned()
                    .await
                    .expect("the semaphore is never closed");
                let route = message::arrived(api, connection, text.as_str());
                let (api, connection) = (api.clone(), connection.clone());
                api.tasks.clone().spawn(async move {
                    message::handle(&api, &connection, text.as_str(), route).await;
                    drop(permit);
                });
            }
            Some(Ok(Message::Binary(_))) => {
                return Closure::by_gateway(1003, "Binary frames are not supported");
            }
            Some(Ok(Message::Close(frame))) => return closed_by_client(frame),
            // tungstenite answers pings.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                if api.limits.pings_keep_alive {
                    connection.touch(api.clock.now());
                }
            }
            Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. }))) => {
                return Closure::by_gateway(1009, "Message too big");
            }
            Some(Err(Error::Utf8(_))) => return Closure::by_gateway(1007, "Invalid text"),
            Some(Err(Error::Protocol(error))) if error != ProtocolError::ResetWithoutClosingHandshake => {
                return Closure::by_gateway(1002, "Protocol error");
            }
            Some(Err(_)) | None => return Closure::broken(),
        }
    }
}

fn closed_by_client(frame: Option<CloseFrame>) -> Closure {
    let (code, reason) = match frame {
        Some(frame) => (frame.code.into(), frame.reason.as_str().to_owned()),
        None => (1005, "Client-side close frame status not set".to_owned()),
    };
    Closure {
        code,
        reason,
        by: ClosedBy::Client,
    }
}

async fn write(
    api: &Api,
    connection: &Connection,
    inbox: &mut mpsc::UnboundedReceiver<Outgoing>,
    sink: &mut SplitSink<Stream, Message>,
) -> Closure {
    while let Some(outgoing) = inbox.recv().await {
        let message = match outgoing {
            Outgoing::Message(message) => message,
            Outgoing::Close => return Closure::by_gateway(1000, "Connection Closed Normally"),
        };
        api.faults.may_leave(&connection.info.id).await;
        let bytes = message.len();
        for frame in frames(message.clone(), api.limits.frame_bytes) {
            if sink.feed(Message::Frame(frame)).await.is_err() {
                return Closure::broken();
            }
        }
        if sink.flush().await.is_err() {
            return Closure::broken();
        }
        connection.sent(bytes);
        api.usage.message(bytes);
        connection.touch(api.clock.now());
        api.observer
            .notify(&connection.info.id, || ObservedEvent::FrameOut { bytes });
        api.journal
            .note(&connection.info.id, || Content::MessageOut { message });
    }
    unreachable!("the connection holds the sender of its inbox")
}

/// Waits until nothing has happened on the connection for the idle timeout.
async fn idle(api: &Api, connection: &Connection) {
    loop {
        let last_active = connection.last_active();
        api.clock.passes(last_active, api.limits.idle_timeout).await;
        if connection.last_active() == last_active {
            return;
        }
    }
}

/// Does the closing handshake. What the client still sends is read and dropped: closing a socket with unread bytes
/// resets it, and the client would never see the close frame.
async fn close(mut stream: Stream, by: ClosedBy, code: u16, reason: String) {
    if by == ClosedBy::Nobody {
        return;
    }
    let _ = timeout(CLOSE_TIMEOUT, async {
        if by == ClosedBy::Gateway {
            let frame = CloseFrame {
                code: CloseCode::from(code),
                reason: reason.into(),
            };
            if stream.close(Some(frame)).await.is_err() {
                return;
            }
        }
        while let Some(Ok(_)) = stream.next().await {}
        // The server closes first (RFC 6455 §7.1.1), and the client waits for that.
        let _ = stream.get_mut().shutdown().await;
        let mut rest = [0; 4096];
        while stream.get_mut().read(&mut rest).await.is_ok_and(|read| read > 0) {}
    })
    .await;
}
