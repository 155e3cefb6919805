//! A frame to everybody in a room.

use std::collections::VecDeque;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde::Serialize;
use tokio::time::sleep_until;

use super::error::SendError;
use super::frame;
use super::report::{DeliveryReport, UndeliveredReason};
use super::rooms::Rooms;
use super::send::{Effort, Outcome, Permit, Slots, ask};
use crate::endpoint::ApiEndpoint;
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::registry::{Connection, ConnectionPage, PageToken, RegistryError, RegistryErrorKind};
use crate::retry::Deadline;
use crate::transport::TransportError;

/// How many members are waited for at most for each frame that is under way: slow ones, and those that are tried
/// again later. Bounds memory when a whole room is slow.
const WAITING_PER_SLOT: usize = 16;

/// How many members are still to be served when the next page is asked for: at the default concurrency some 40 ms of
/// work, and a query takes 10 ms.
const PAGE_AHEAD: usize = 64;

/// A frame for a room: anything that serializes to JSON, at most 128 KB of it.
///
/// ```
/// use room_auth::rooms::Broadcast;
/// use room_auth::{ConnectionId, RoomId};
///
/// #[derive(serde::Serialize)]
/// struct Left<'a> {
///     user: &'a str,
/// }
///
/// fn farewell<'a>(room: &'a RoomId, from: &'a ConnectionId) -> Broadcast<'a> {
///     Broadcast::new(room, &Left { user: "alice" }).except(from).best_effort()
/// }
/// ```
#[derive(Debug)]
#[must_use = "a broadcast is sent by `Rooms::broadcast`"]
pub struct Broadcast<'a> {
    room: &'a RoomId,
    frame: Result<Vec<u8>, SendError>,
    except: Option<&'a ConnectionId>,
    effort: Effort,
    deadline: Option<Deadline>,
    home: Option<&'a ApiEndpoint>,
}

impl<'a> Broadcast<'a> {
    /// Creates a broadcast of `frame` to everybody in `room`.
    pub fn new<F: Serialize + ?Sized>(room: &'a RoomId, frame: &F) -> Self {
        Self {
            room,
            frame: frame::serialize(frame),
            except: None,
            effort: Effort::Persistent,
            deadline: None,
            home: None,
        }
    }

    /// Leaves out one connection, such as the sender's.
    pub fn except(mut self, connection: &'a ConnectionId) -> Self {
        self.except = Some(connection);
        self
    }

    /// Makes one attempt for each member, and waits for nobody: for notices. Whoever was not reached is in the report.
    pub fn best_effort(mut self) -> Self {
        self.effort = Effort::Once;
        self
    }

    /// Ends at `deadline`, whoever has not been reached by then (default: after
    /// [`Rooms::with_budget`]).
    pub fn until(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Names the API that the sender's own event came from.
    pub(super) fn at_home(mut self, home: &'a ApiEndpoint) -> Self {
        self.home = Some(home);
        self
    }

    fn is_for(&self, member: &Connection) -> bool {
        self.except.is_none_or(|except| member.id != *except)
    }
}

impl Rooms {
    /// Sends a frame to every live member of a room, while it is listed page by page.
    ///
    /// A member who is there when the call begins gets the frame at least once, or is in the [`DeliveryReport`].
    /// Members that are gone are forgotten; expired ones get nothing, and are forgotten and closed; throttled and
    /// silent ones are tried again until the deadline. None of them holds up the others.
    ///
    /// # Errors
    ///
    /// A frame that does not serialize or is larger than 128 KB ([`SendError::TooLarge`]), or a registry that did not
    /// list the first page; nothing was sent then. A listing that fails later on ends with
    /// [`is_truncated`](DeliveryReport::is_truncated).
    pub async fn broadcast(&self, mut broadcast: Broadcast<'_>) -> Result<DeliveryReport, SendError> {
        let frame = std::mem::replace(&mut broadcast.frame, Ok(Vec::new()))?;
        let deadline = self.deadline(broadcast.deadline);
        let first = ask(deadline, || self.registry.members(broadcast.room, None)).await;
        match first {
            Ok(first) => Ok(Run::new(self, &broadcast, &frame, deadline, first).finish().await),
            Err(error) if error.kind() == RegistryErrorKind::Timeout && deadline.has_passed() => {
                let mut report = DeliveryReport::default();
                report.truncate();
                Ok(report)
            }
            Err(error) => Err(error.into()),
        }
    }
}

type Listing<'a> = BoxFuture<'a, Result<ConnectionPage, RegistryError>>;

/// A broadcast under way.
struct Run<'a> {
    task: Task<'a>,
    report: DeliveryReport,
    /// Listed, and not begun.
    queue: VecDeque<Connection>,
    next: Option<PageToken>,
}

/// What is the same for all members.
#[derive(Clone, Copy)]
struct Task<'a> {
    rooms: &'a Rooms,
    broadcast: &'a Broadcast<'a>,
    frame: &'a [u8],
    deadline: Deadline,
}

impl<'a> Run<'a> {
    fn new(
        rooms: &'a Rooms,
        broadcast: &'a Broadcast<'a>,
        frame: &'a [u8],
        deadline: Deadline,
        first: ConnectionPage,
    ) -> Self {
        let mut run = Self {
            task: Task {
                rooms,
                broadcast,
                frame,
                deadline,
            },
            report: DeliveryReport::default(),
            queue: VecDeque::new(),
            next: None,
        };
        run.take_page(first);
        run
    }

    async fn finish(mut self) -> DeliveryReport {
        let task = self.task;
        let slots = Slots::new(task.rooms.concurrency);
        let most = task.rooms.concurrency * WAITING_PER_SLOT;
        let mut working = FuturesUnordered::new();
        let mut listing: Option<Listing<'a>> = None;
        let at_deadline = sleep_until(task.deadline.instant());
        tokio::pin!(at_deadline);
        loop {
            // The next page comes while this one is being sent: a page's worth is held, not a room's.
            if listing.is_none() && self.queue.len() <= PAGE_AHEAD {
                listing = self.next.take().map(|from| task.list(from));
            }
            while working.len() < most
                && !self.queue.is_empty()
                && !task.deadline.has_passed()
                && let Some(permit) = slots.try_acquire()
                && let Some(member) = self.queue.pop_front()
            {
                working.push(task.serve(member, permit));
            }
            let may_begin = working.len() < most && !self.queue.is_empty();
            let is_listing = listing.is_some();
            if self.queue.is_empty() && working.is_empty() && !is_listing {
                break;
            }
            tokio::select! {
                biased;
                () = &mut at_deadline => break,
                Some((member, served)) = working.next() => self.count(member, served),
                Some(page) = next_page(&mut listing), if is_listing => {
                    listing = None;
                    self.take_listed(page);
                }
                // A slow attempt has left its slot: the next round takes it.
                Ok(_) = slots.fast.acquire(), if may_begin => {}
            }
        }
        if listing.is_some() || self.next.is_some() {
            self.report.truncate();
        }
        for member in std::mem::take(&mut self.queue) {
            self.report.miss(member.id, UndeliveredReason::OutOfTime);
        }
        // Whoever is being served knows the deadline.
        while let Some((member, served)) = working.next().await {
            self.count(member, served);
        }
        self.report
    }

    fn take_page(&mut self, page: ConnectionPage) {
        let broadcast = self.task.broadcast;
        let members = page.connections.into_iter();
        self.queue
            .extend(members.filter(|member| broadcast.is_for(member)));
        self.next = page.next;
    }

    fn take_listed(&mut self, page: Result<ConnectionPage, RegistryError>) {
        match page {
            Ok(page) => self.take_page(page),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(target: "room_auth", error, "a room was not listed to its end");
                self.report.truncate();
            }
        }
    }

    fn count(&mut self, member: ConnectionId, served: Served) {
        match served {
            Served::Delivered => self.report.count_delivered(),
            Served::Gone => self.report.count_gone(),
            Served::Expired => self.report.count_expired(),
            Served::Missed(reason) => self.report.miss(member, reason),
        }
    }
}

async fn next_page(listing: &mut Option<Listing<'_>>) -> Option<Result<ConnectionPage, RegistryError>> {
    match listing {
        Some(listing) => Some(listing.await),
        None => None,
    }
}

/// What became of one member.
#[derive(Clone, Copy)]
enum Served {
    Delivered,
    /// Gone, and forgotten.
    Gone,
    /// Expired; forgotten and closed.
    Expired,
    Missed(UndeliveredReason),
}

impl<'a> Task<'a> {
    fn list(self, from: PageToken) -> Listing<'a> {
        Box::pin(async move {
            let page = || self.rooms.registry.members(self.broadcast.room, Some(&from));
            ask(self.deadline, page).await
        })
    }

    async fn serve(self, member: Connection, permit: Permit) -> (ConnectionId, Served) {
        let id = member.id.clone();
        (id, self.send(member, permit).await)
    }

    async fn send(self, mut member: Connection, permit: Permit) -> Served {
        let Self { rooms, deadline, .. } = self;
        if !rooms.reaches(&member, self.broadcast.home) {
            return Served::Missed(UndeliveredReason::OtherEndpoint);
        }
        let (slots, mut first) = (permit.slots.clone(), Some(permit));
        loop {
            member = match rooms.refresh_or_end(member, deadline).await {
                Ok(Some(member)) => member,
                Ok(None) => return Served::Expired,
                Err(_) => return Served::Missed(UndeliveredReason::NotForgotten),
            };
            let permit = match first.take() {
                Some(permit) => permit,
                None => match slots.acquire(deadline).await {
                    Some(permit) => permit,
                    None => return Served::Missed(UndeliveredReason::OutOfTime),
                },
            };
            // Not a frame after the token has expired, however long it is tried.
            let expiry = rooms.expiry(&member);
            let (now, effort) = (rooms.now(), self.broadcast.effort);
            let until = deadline.min(expiry);
            let delivering = rooms
                .sender
                .deliver(&member, self.frame, now, until, effort, Some(permit));
            return match delivering.await {
                Outcome::Delivered => Served::Delivered,
                Outcome::Gone => match ask(deadline, || rooms.registry.forget(&member)).await {
                    Ok(_) => Served::Gone,
                    Err(_) => Served::Missed(UndeliveredReason::NotForgotten),
                },
                // Its token's time was over before the call's; it may have been renewed meanwhile.
                Outcome::Failed(error)
                    if effort == Effort::Persistent && error.is_transient() && expiry < deadline =>
                {
                    sleep_until(expiry.instant()).await;
                    continue;
                }
                Outcome::Failed(error) => Served::Missed(missed(&member, &error)),
            };
        }
    }
}

fn missed(member: &Connection, error: &TransportError) -> UndeliveredReason {
    match error {
        TransportError::Gone => UndeliveredReason::NotYetConnected,
        TransportError::Throttled => UndeliveredReason::Throttled,
        TransportError::Timeout => UndeliveredReason::Timeout,
        error => {
            let connection_id = member.id.as_str();
            tracing::warn!(target: "room_auth", %error, connection_id, "a frame was not delivered");
            UndeliveredReason::Failed
        }
    }
}
