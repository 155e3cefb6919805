//! The room chat: one function for all routes of the API.
//!
//! Set `PUBLIC_KEY` to the key that tokens are verified with, and `DYNAMO_TABLE_NAME_CHAT_CONNECTIONS` to the name of
//! the table that keeps who is connected.

mod log;
mod messages;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use futures_util::{StreamExt as _, TryStreamExt as _};
use lambda_runtime::Context;
use room_auth::registry::{DynamoRegistry, Registry as _};
use room_auth::rooms::{Broadcast, FrameId, Rooms, SendError};
use room_auth::transport::ManagementApi;
use room_auth::{
    ApiEndpoint, Authenticated, ConnectionId, Error, LambdaEvent, RenewError, RoomAuthLayer, RoomClaims,
    response,
};
use serde::Deserialize;
use tower::ServiceBuilder;

use messages::{Action, Frame};

/// What tokens say beside the room and the times.
#[derive(Deserialize)]
struct Member {
    user: String,
}

/// The longest text, in bytes.
const MAX_TEXT: usize = 4 * 1024;
/// How long the others are tried to be told who comes and goes: a silent one must not keep a newcomer at the door.
const NOTICE_TIME: Duration = Duration::from_secs(1);
/// As many members as are listed by name.
const MAX_LISTED: usize = 100;

#[derive(Clone)]
struct Chat {
    layer: RoomAuthLayer,
    registry: DynamoRegistry,
    rooms: Rooms,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::json();
    let registry = DynamoRegistry::from_env().await?;
    let transport = ManagementApi::from_env().await?;
    let layer = RoomAuthLayer::from_env()?
        .with_registry(registry.clone()) // records at $connect, knows the claims later, forgets at $disconnect
        .with_transport(transport.clone()); // closes connections whose token has expired
    let chat = Chat {
        layer: layer.clone(),
        registry: registry.clone(),
        rooms: Rooms::new(registry, transport),
    };
    let service = ServiceBuilder::new()
        .layer(layer)
        .service_fn(move |request| chat.clone().serve(request));
    lambda_runtime::run(service).await
}

impl Chat {
    /// One event. Whoever caused it has been authenticated by the layer, on every route.
    async fn serve(
        self,
        request: LambdaEvent<Authenticated<ApiGatewayWebsocketProxyRequest, Member>>,
    ) -> Result<ApiGatewayProxyResponse, Error> {
        let (claims, event) = request.payload.into_parts();
        let about = event.request_context;
        let endpoint = ApiEndpoint::new(
            &about.domain_name.unwrap_or_default(),
            &about.stage.unwrap_or_default(),
        );
        let visit = Visit {
            connection: about.connection_id.unwrap_or_default().parse()?,
            rooms: self.rooms.at(&endpoint),
            chat: self,
            claims,
            at: about.request_time_epoch,
            context: request.context,
        };
        let (room, user) = (visit.claims.room_id(), &*visit.claims.custom().user);
        match about.route_key.as_deref() {
            Some("$connect") => visit.tell_others(&Frame::Joined { room, user }).await,
            Some("$disconnect") => {
                // The layer forgets afterwards; but whoever hears of it may ask at once who is there.
                let connected_at = u64::try_from(about.connected_at)?;
                let registry = &visit.chat.registry;
                registry.forget(&visit.connection, room, connected_at).await?;
                visit.tell_others(&Frame::Left { room, user }).await;
            }
            _ => visit.act(&event.body.unwrap_or_default()).await?,
        }
        Ok(response::ok())
    }
}

/// One event of one connection.
struct Visit {
    chat: Chat,
    rooms: Rooms,
    connection: ConnectionId,
    claims: RoomClaims<Member>,
    /// Milliseconds since 1970.
    at: i64,
    context: Context,
}

impl Visit {
    async fn act(&self, message: &str) -> Result<(), Error> {
        let answer = match serde_json::from_str(message) {
            Ok(Action::Send { text }) if text.len() <= MAX_TEXT => return self.say(&text).await,
            Ok(Action::Send { .. }) => error("a text has 4 KB at most"),
            Ok(Action::Renew { token }) => self.renew(&token).await?,
            Ok(Action::Members) => self.members().await?,
            Ok(Action::Ping) => Frame::Pong,
            Err(_) => error("not understood; the actions are send, renew, members and ping"),
        };
        let answer = serde_json::to_string(&answer)?;
        match self.rooms.send(&self.connection, answer).await {
            // Whoever asked is gone.
            Ok(()) | Err(SendError::UnknownConnection | SendError::Expired) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// To everybody in the room, the speaker too: so they know that it was said.
    async fn say(&self, text: &str) -> Result<(), Error> {
        let (room, user, at) = (self.claims.room_id(), &*self.claims.custom().user, self.at);
        let id = FrameId::of_invocation(&self.context);
        #[rustfmt::skip]
        let frame = serde_json::to_string(&Frame::Message { room, user, text, id, at })?;
        self.broadcast(Broadcast::new(room, &frame).within(&self.context))
            .await
    }

    /// What others miss by this is only a notice: nobody is refused for it.
    async fn tell_others(&self, frame: &Frame<'_>) {
        let frame = serde_json::to_string(frame).expect("names and ids serialize");
        let to_others = Broadcast::new(self.claims.room_id(), &frame).except(self.connection.as_str());
        if let Err(error) = self
            .broadcast(to_others.until(SystemTime::now() + NOTICE_TIME))
            .await
        {
            tracing::error!(%error, "nobody was told");
        }
    }

    async fn broadcast(&self, broadcast: Broadcast<'_>) -> Result<(), Error> {
        let delivery = self.rooms.broadcast(broadcast).await?;
        if !delivery.is_complete() {
            let undelivered = delivery.undelivered_count();
            tracing::warn!(undelivered, "not everybody was reached");
        }
        Ok(())
    }

    /// A new token for the same room and the same user takes the place of the old one.
    async fn renew(&self, token: &str) -> Result<Frame<'static>, Error> {
        let (connection, layer) = (self.connection.as_str(), &self.chat.layer);
        let same_user = |renewed: &RoomClaims<Member>| renewed.custom().user == self.claims.custom().user;
        match layer.renew_if(connection, &self.claims, token, same_user).await {
            Ok(renewed) => {
                let expires_at = renewed.expires_at().duration_since(UNIX_EPOCH)?.as_secs();
                Ok(Frame::Renewed { expires_at })
            }
            Err(RenewError::Registry(error)) => Err(error.into()),
            Err(reason) => {
                tracing::warn!(%reason, connection_id = connection, route = "renew", "refused");
                Ok(error("not renewed"))
            }
        }
    }

    /// Who is in the room. A name is in the claims of its connection: one read each.
    async fn members(&self) -> Result<Frame<'static>, Error> {
        let registry = &self.chat.registry;
        let listed = self.rooms.members(self.claims.room_id()).take(MAX_LISTED);
        let found = listed.map_ok(|member| async move { registry.find(&member.connection_id).await });
        let connections: Vec<_> = found.try_buffer_unordered(16).try_collect().await?;
        let mut members = BTreeSet::new();
        for connection in connections.into_iter().flatten() {
            // The error would quote the claims.
            let member: Member =
                serde_json::from_str(&connection.claims).map_err(|_| "recorded claims without a user")?;
            members.insert(member.user);
        }
        Ok(Frame::Members { members })
    }
}

fn error(message: &'static str) -> Frame<'static> {
    Frame::Error { message }
}
