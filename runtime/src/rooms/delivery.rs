//! A frame to everybody in a room, or to all connections of a user: the work.

use std::collections::VecDeque;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::sleep_until;

use super::report::{DeliveryReport, UndeliveredReason};
use super::rooms::Rooms;
use super::send::{Effort, Outcome, Permit, Slots, ask};
use crate::endpoint::ApiEndpoint;
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::registry::{Page, PageToken, RegistryError, RoomMember};
use crate::retry::Deadline;
use crate::transport::TransportError;

/// How many members are waited for at most for each frame that is under way: slow ones, and those that are tried
/// again later. Bounds memory when a whole room is slow.
const WAITING_PER_SLOT: usize = 16;

/// How many members are still to be served when the next page is asked for: at the default concurrency some 40 ms of
/// work, and a query takes 10 ms.
const PAGE_AHEAD: usize = 64;

type Listing<'a> = BoxFuture<'a, Result<Page<RoomMember>, RegistryError>>;

/// Whom a frame is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Audience<'a> {
    /// Everybody in a room.
    Room(&'a RoomId),
    /// All connections of a user.
    User(&'a str),
}

/// A frame on its way to its audience.
pub(super) struct Run<'a> {
    task: Task<'a>,
    report: DeliveryReport,
    /// Listed, and not begun.
    queue: VecDeque<RoomMember>,
    next: Option<PageToken>,
}

/// What is the same for all members.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) rooms: &'a Rooms,
    pub(super) audience: Audience<'a>,
    pub(super) frame: &'a [u8],
    pub(super) except: Option<&'a ConnectionId>,
    pub(super) effort: Effort,
    /// The API that the sender's own event came from.
    pub(super) home: Option<&'a ApiEndpoint>,
    pub(super) deadline: Deadline,
}

impl<'a> Run<'a> {
    pub(super) fn new(task: Task<'a>, first: Page<RoomMember>) -> Self {
        let mut run = Self {
            task,
            report: DeliveryReport::default(),
            queue: VecDeque::new(),
            next: None,
        };
        run.take_page(first);
        run
    }

    pub(super) async fn finish(mut self) -> DeliveryReport {
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
                listing = self
                    .next
                    .take()
                    .map(|from| -> Listing<'a> { Box::pin(task.list(Some(from))) });
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

    fn take_page(&mut self, page: Page<RoomMember>) {
        let except = self.task.except;
        let members = page.items.into_iter();
        self.queue
            .extend(members.filter(|member| except.is_none_or(|except| member.id != *except)));
        self.next = page.next;
    }

    fn take_listed(&mut self, page: Result<Page<RoomMember>, RegistryError>) {
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

async fn next_page(listing: &mut Option<Listing<'_>>) -> Option<Result<Page<RoomMember>, RegistryError>> {
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

impl Task<'_> {
    pub(super) async fn list(self, from: Option<PageToken>) -> Result<Page<RoomMember>, RegistryError> {
        let (rooms, from) = (self.rooms, from.as_ref());
        match self.audience {
            Audience::Room(room) => ask(self.deadline, || rooms.registry.members(room, from)).await,
            Audience::User(user) => rooms.page_of_user(user, from, self.deadline).await,
        }
    }

    async fn serve(self, member: RoomMember, permit: Permit) -> (ConnectionId, Served) {
        let id = member.id.clone();
        (id, self.send(member, permit).await)
    }

    async fn send(self, mut member: RoomMember, permit: Permit) -> Served {
        let Self { rooms, deadline, .. } = self;
        if !rooms.reaches(&member.endpoint, self.home) {
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
            let (now, effort) = (rooms.now(), self.effort);
            let until = deadline.min(expiry);
            let delivering =
                rooms
                    .sender
                    .deliver((&member).into(), self.frame, now, until, effort, Some(permit));
            return match delivering.await {
                Outcome::Delivered => Served::Delivered,
                Outcome::Gone => match rooms.forget_gone(&member, deadline).await {
                    Ok(()) => Served::Gone,
                    Err(_) => Served::Missed(UndeliveredReason::NotForgotten),
                },
                // Its token's time was over before the call's; it may have been renewed meanwhile.
                Outcome::Failed(error)
                    if effort == Effort::Persistent && error.is_transient() && expiry < deadline =>
                {
                    sleep_until(expiry.instant()).await;
                    continue;
                }
                Outcome::Failed(error) => Served::Missed(missed(&member.id, &error)),
            };
        }
    }
}

/// Says why a connection was not reached, and logs what the operator should see.
pub(super) fn missed(id: &ConnectionId, error: &TransportError) -> UndeliveredReason {
    match error {
        TransportError::Gone => UndeliveredReason::NotYetConnected,
        TransportError::Throttled => UndeliveredReason::Throttled,
        TransportError::Timeout => UndeliveredReason::Timeout,
        error => {
            let connection_id = id.as_str();
            tracing::warn!(target: "room_auth", %error, connection_id, "a connection was not reached");
            UndeliveredReason::Failed
        }
    }
}
