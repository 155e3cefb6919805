//! A broadcast to 10,000 members, next to a plain loop over the SDK and to what the transport can do at all.
//!
//! Everything goes over HTTP to a server on loopback that answers at once, in a thread of its own. Prints what each
//! took and the ratios; no statistics of criterion's, since a run takes a second.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    missing_docs
)]

#[path = "fixture/post.rs"]
mod post;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::config::Credentials;
use aws_sdk_apigatewaymanagement::primitives::Blob;
use futures_util::{StreamExt, stream};
use room_auth::registry::{
    Page, PageToken, Revocation, Revocations, RoomMember, SingleUse, Trace, UserConnection, Written,
};
use room_auth::rooms::{Broadcast, Rooms};
use room_auth::transport::ManagementApi;
use room_auth::{
    ApiEndpoint, Connection, ConnectionId, Registry, RegistryError, RoomId, Transport, TransportError,
};
use serde::Serialize;

const MEMBERS: usize = 10_000;
/// The default of the registry over DynamoDB.
const PAGE: usize = 500;
const ROUNDS: usize = 15;
const FRAME: Message = Message {
    r#type: "message",
    room: "lobby",
    user: "alice",
    text: "hello",
    id: "1",
};
const CLAIMS: &str = r#"{"sub":"lobby","iat":1700000000,"exp":1700003600,"user":"alice"}"#;
/// On a busy machine too, each broadcast ends by itself.
const BUDGET: Duration = Duration::from_mins(10);
/// What a query of a page takes.
const QUERY: Duration = Duration::from_millis(5);

#[derive(Serialize)]
struct Message {
    r#type: &'static str,
    room: &'static str,
    user: &'static str,
    text: &'static str,
    id: &'static str,
}

fn id(number: usize) -> ConnectionId {
    format!("L0SM9cOF{number:06}=").parse().unwrap()
}

fn endpoint() -> ApiEndpoint {
    "a1b2c3d4e5/dev".parse().unwrap()
}

/// A room whose pages take as long as DynamoDB's.
#[derive(Debug)]
struct Room;

impl Registry for Room {
    async fn record(&self, _: &Connection, _: Option<&SingleUse>) -> Result<Written, RegistryError> {
        unreachable!("a broadcast records nobody")
    }

    async fn find(&self, _: &ConnectionId) -> Result<Option<Connection>, RegistryError> {
        unreachable!("nobody has expired")
    }

    async fn update(
        &self,
        _: &Connection,
        _: &Connection,
        _: Option<&SingleUse>,
    ) -> Result<Written, RegistryError> {
        unreachable!("no membership has lapsed")
    }

    async fn forget(&self, _: &Connection) -> Result<bool, RegistryError> {
        unreachable!("nobody is gone")
    }

    async fn members(
        &self,
        room: &RoomId,
        from: Option<&PageToken>,
    ) -> Result<Page<RoomMember>, RegistryError> {
        tokio::time::sleep(QUERY).await;
        let from = from.map_or(0, |from| from.as_str().parse().unwrap());
        let end = MEMBERS.min(from + PAGE);
        let (now, endpoint) = (SystemTime::now(), endpoint());
        let expires_at = now + Duration::from_hours(1);
        let members = (from..end)
            .filter_map(|number| {
                Connection::new(
                    id(number),
                    endpoint.clone(),
                    room.clone(),
                    CLAIMS,
                    now,
                    expires_at,
                )
                .member_of(room)
            })
            .collect();
        let next = (end < MEMBERS).then(|| PageToken::new(end.to_string()));
        Ok(Page::new(members, next))
    }

    async fn connections_of(
        &self,
        _: &str,
        _: Option<&PageToken>,
    ) -> Result<Page<UserConnection>, RegistryError> {
        unreachable!("a broadcast to a room asks for no user")
    }

    async fn sweep(&self, _: Trace<'_>) -> Result<(), RegistryError> {
        unreachable!("there is no trace")
    }

    async fn revoke(&self, _: &Revocation) -> Result<(), RegistryError> {
        unreachable!("a broadcast revokes nobody")
    }

    async fn revocations(&self, _: Option<&str>, _: Option<&str>) -> Result<Revocations, RegistryError> {
        unreachable!("a broadcast takes no token")
    }
}

/// The transport, with one connection that takes two seconds for a frame, or none.
#[derive(Debug)]
struct Watched {
    transport: ManagementApi,
    began: Instant,
    is_slow: AtomicBool,
    /// When the last of the others was served, in microseconds after the beginning.
    others: Arc<AtomicUsize>,
}

impl Transport for Watched {
    async fn post(&self, at: &ApiEndpoint, to: &ConnectionId, frame: &[u8]) -> Result<(), TransportError> {
        if self.is_slow.swap(false, Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_secs(2)).await;
            return Ok(());
        }
        let posted = self.transport.post(at, to, frame).await;
        let elapsed = usize::try_from(self.began.elapsed().as_micros()).unwrap();
        self.others.fetch_max(elapsed, Ordering::Relaxed);
        posted
    }

    async fn close(&self, at: &ApiEndpoint, connection: &ConnectionId) -> Result<(), TransportError> {
        self.transport.close(at, connection).await
    }
}

async fn config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "bench"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .load()
        .await
}

/// What a round took: by the clock, and of this thread's processor. The runtime has no other thread.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    cpu: Duration,
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

async fn cost<F: Future<Output = ()>>(work: F) -> Cost {
    let (wall, cpu) = (Instant::now(), cpu_time());
    work.await;
    Cost {
        wall: wall.elapsed(),
        cpu: cpu_time().saturating_sub(cpu),
    }
}

/// The best of the rounds: what else the machine does only ever adds.
fn best(costs: &[Cost]) -> Cost {
    Cost {
        wall: costs.iter().map(|cost| cost.wall).min().unwrap(),
        cpu: costs.iter().map(|cost| cost.cpu).min().unwrap(),
    }
}

#[derive(Default)]
struct Times {
    http: Vec<Cost>,
    transport: Vec<Cost>,
    sdk_loop: Vec<Cost>,
    broadcast: Vec<Cost>,
    others: Vec<Duration>,
    others_beside_slow: Vec<Duration>,
}

/// How long a broadcast takes until the last of those who are not slow is served.
async fn others_time(transport: &ManagementApi, room: &RoomId, is_slow: bool) -> Duration {
    let others = Arc::new(AtomicUsize::new(0));
    let watched = Watched {
        transport: transport.clone(),
        began: Instant::now(),
        is_slow: AtomicBool::new(is_slow),
        others: others.clone(),
    };
    let rooms = Rooms::new(Room, watched).with_budget(BUDGET);
    let delivery = rooms.broadcast(Broadcast::new(room, &FRAME)).await.unwrap();
    assert!(delivery.is_complete(), "{delivery:?}");
    Duration::from_micros(others.load(Ordering::Relaxed) as u64)
}

async fn measure(server: SocketAddr) -> Times {
    let concurrency = Rooms::DEFAULT_CONCURRENCY;
    let url = format!("http://{server}/dev");
    let frame = serde_json::to_string(&FRAME).unwrap();
    let config = config().await;
    let sdk_config = aws_sdk_apigatewaymanagement::config::Builder::from(&config)
        .endpoint_url(&url)
        .build();
    let client = Client::from_conf(sdk_config);
    let transport = ManagementApi::new(&config)
        .unwrap()
        .with_endpoint_url(&url)
        .unwrap();
    let rooms = Rooms::new(Room, transport.clone()).with_budget(BUDGET);
    let (room, endpoint): (RoomId, _) = ("lobby".parse().unwrap(), endpoint());
    let ids: Vec<_> = (0..MEMBERS).map(id).collect();

    let mut times = Times::default();
    for _ in 0..ROUNDS {
        times
            .http
            .push(cost(post::all(server, MEMBERS, concurrency, &frame)).await);
        let posts = stream::iter(&ids).for_each_concurrent(concurrency, |id| async {
            transport.post(&endpoint, id, frame.as_bytes()).await.unwrap();
        });
        times.transport.push(cost(posts).await);
        // As one would write it first: page by page, the page's posts at once, then the next page.
        let sdk_loop = async {
            let mut next = None;
            loop {
                let page = Room.members(&room, next.as_ref()).await.unwrap();
                stream::iter(page.items)
                    .for_each_concurrent(concurrency, |member| {
                        let request = client
                            .post_to_connection()
                            .connection_id(member.id.as_str())
                            .data(Blob::new(frame.as_bytes()));
                        async { drop(request.send().await.unwrap()) }
                    })
                    .await;
                next = page.next;
                if next.is_none() {
                    break;
                }
            }
        };
        times.sdk_loop.push(cost(sdk_loop).await);
        let broadcast = async {
            let delivery = rooms.broadcast(Broadcast::new(&room, &FRAME)).await.unwrap();
            assert_eq!(delivery.delivered(), MEMBERS as u64);
        };
        times.broadcast.push(cost(broadcast).await);

        times.others.push(others_time(&transport, &room, false).await);
        times
            .others_beside_slow
            .push(others_time(&transport, &room, true).await);
    }
    times
}

fn main() {
    let server = post::serve();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let times = runtime.block_on(measure(server));
    let [http, transport, sdk_loop, broadcast] =
        [&times.http, &times.transport, &times.sdk_loop, &times.broadcast].map(|costs| best(costs));
    let places = Rooms::DEFAULT_CONCURRENCY;
    println!("{MEMBERS} members, {places} frames under way, best of {ROUNDS} rounds");
    for (name, cost) in [
        ("HTTP alone, no SDK", http),
        ("the transport, members known", transport),
        ("a plain loop over the SDK", sdk_loop),
        ("broadcast", broadcast),
    ] {
        let rate = MEMBERS as f64 / cost.wall.as_secs_f64();
        let cpu = cost.cpu.as_secs_f64() * 1e6 / MEMBERS as f64;
        println!("{name:<32} {rate:>7.0} frames/s {cpu:>8.1} us of CPU a frame");
    }
    let ratio = |this: Duration, that: Duration| that.as_secs_f64() / this.as_secs_f64();
    for (name, other) in [("the transport's limit", transport), ("a plain loop", sdk_loop)] {
        let (wall, cpu) = (ratio(broadcast.wall, other.wall), ratio(broadcast.cpu, other.cpu));
        println!("broadcast / {name:<22} {wall:.3} by the clock, {cpu:.3} by CPU");
    }
    let [others, beside_slow] =
        [times.others, times.others_beside_slow].map(|times| times.into_iter().min().unwrap());
    let slow = ratio(others, beside_slow);
    println!("the others' time beside a slow one / without it {slow:.3}");
}
