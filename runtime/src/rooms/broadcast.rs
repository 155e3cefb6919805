//! A frame to everybody in a room.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use lambda_runtime::Context;
use tokio::time::{Instant, sleep_until};

use super::attempt::{Outcome, Place, Places, Unanswered};
use super::delivery::{Delivery, UndeliveredReason};
use super::{Rooms, SendError, frame};
use crate::backoff::in_time;
use crate::id::RoomId;
use crate::registry::{BoxFuture, Member, MemberPage, PageToken};
use crate::transport::TransportError;

/// How many members are waited for at most for each frame that is under way: slow ones, and those that are tried
/// again later. Bounds memory when a whole room is slow.
const WAITING_PER_PLACE: usize = 16;

/// How many members are still to be served when the next page is asked for: at full speed some 40 ms of work, and
/// a query takes 10 ms.
const PAGE_AHEAD: usize = 256;

/// What is left of an invocation's time for the answer.
const TIME_TO_ANSWER: Duration = Duration::from_secs(1);

/// A frame for a room.
///
/// ```
/// use room_auth::RoomId;
/// use room_auth::rooms::Broadcast;
///
/// let room: RoomId = "lobby".parse()?;
/// let broadcast = Broadcast::new(&room, r#"{"type":"message"}"#);
/// # Ok::<_, room_auth::ParseRoomIdError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Broadcast<'a> {
    room: &'a RoomId,
    frame: &'a [u8],
    except: Option<&'a str>,
    deadline: Option<SystemTime>,
}

impl<'a> Broadcast<'a> {
    /// `frame` for everybody in `room`; at most 128 KB.
    pub fn new<F: AsRef<[u8]> + ?Sized>(room: &'a RoomId, frame: &'a F) -> Self {
        Self {
            room,
            frame: frame.as_ref(),
            except: None,
            deadline: None,
        }
    }

    /// Leaves out one connection, such as the sender's.
    #[must_use]
    pub fn except(mut self, connection_id: &'a str) -> Self {
        self.except = Some(connection_id);
        self
    }

    /// Ends at `deadline`, whoever has not been reached by then.
    #[must_use]
    pub fn until(mut self, deadline: SystemTime) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Ends a second before the invocation does, so that there is time for its answer.
    #[must_use]
    pub fn within(self, invocation: &Context) -> Self {
        self.until(invocation.deadline() - TIME_TO_ANSWER)
    }

    fn is_for(&self, member: &Member) -> bool {
        self.except
            .is_none_or(|except| member.connection_id.as_str() != except)
    }
}

impl Rooms {
    /// Sends a frame to every live member of a room, while it is listed page by page.
    ///
    /// A member who is there when the call begins gets the frame at least once, or is in the [`Delivery`]. Members
    /// that are gone are forgotten; expired ones get nothing, and are closed and forgotten; throttled and silent
    /// ones are tried again until the deadline. None of them delays the others.
    ///
    /// # Errors
    ///
    /// A frame of more than 128 KB ([`SendError::TooLarge`]), or a registry that did not list the first page;
    /// nothing was sent then. A listing that fails later on ends with
    /// [`is_cut_short`](Delivery::is_cut_short).
    pub async fn broadcast(&self, broadcast: Broadcast<'_>) -> Result<Delivery, SendError> {
        frame::check(broadcast.frame)?;
        let until = self.until(broadcast.deadline);
        let first = || self.registry.members(broadcast.room, None);
        match self.attempts.ask(until, first).await {
            Ok(first) => Ok(Run::new(self, broadcast, until, first).finish().await),
            Err(Unanswered::Failed(error)) => Err(error.into()),
            Err(Unanswered::OutOfTime) => {
                let mut delivery = Delivery::default();
                delivery.cut_short();
                Ok(delivery)
            }
        }
    }
}

type Listing<'a> = BoxFuture<'a, Result<MemberPage, Unanswered>>;

/// A broadcast under way.
struct Run<'a> {
    rooms: &'a Rooms,
    broadcast: Broadcast<'a>,
    until: Instant,
    delivery: Delivery,
    /// Listed, and not begun.
    queue: VecDeque<Member>,
    next: Option<PageToken>,
}

impl<'a> Run<'a> {
    fn new(rooms: &'a Rooms, broadcast: Broadcast<'a>, until: Instant, first: MemberPage) -> Self {
        let mut run = Self {
            rooms,
            broadcast,
            until,
            delivery: Delivery::default(),
            queue: VecDeque::new(),
            next: None,
        };
        run.take_page(first);
        run
    }

    async fn finish(mut self) -> Delivery {
        let (rooms, broadcast, until) = (self.rooms, self.broadcast, self.until);
        let places = Places::new(rooms.concurrency);
        let mut working = FuturesUnordered::new();
        let mut listing: Option<Listing<'a>> = None;
        let deadline = sleep_until(until);
        tokio::pin!(deadline);
        loop {
            // The next page comes while this one is being sent: a page's worth is held, not a room's.
            if listing.is_none() && self.queue.len() <= PAGE_AHEAD {
                listing = self
                    .next
                    .take()
                    .map(|from| list(rooms, broadcast.room, from, until));
            }
            let most = rooms.concurrency * WAITING_PER_PLACE;
            while working.len() < most
                && !self.queue.is_empty()
                && Instant::now() < until
                && let Ok(taken) = places.quick.clone().try_acquire_owned()
                && let Some(member) = self.queue.pop_front()
            {
                let place = Place {
                    places: places.clone(),
                    taken,
                };
                working.push(serve(rooms, broadcast, member, until, place));
            }
            let may_begin = working.len() < most && !self.queue.is_empty();
            let is_listing = listing.is_some();
            if self.queue.is_empty() && working.is_empty() && !is_listing {
                break;
            }
            tokio::select! {
                biased;
                () = &mut deadline => break,
                Some((member, served)) = working.next() => self.count(member, served),
                Some(page) = next_page(&mut listing), if is_listing => {
                    listing = None;
                    self.take_listed(page);
                }
                // A slow attempt has left its place: the next round takes it.
                Ok(_) = places.quick.acquire(), if may_begin => {}
            }
        }
        if listing.is_some() || self.next.is_some() {
            self.delivery.cut_short();
        }
        for member in std::mem::take(&mut self.queue) {
            self.delivery
                .miss(member.connection_id, UndeliveredReason::OutOfTime);
        }
        // Whoever is being served knows the deadline.
        while let Some((member, served)) = working.next().await {
            self.count(member, served);
        }
        self.delivery
    }

    fn take_page(&mut self, page: MemberPage) {
        let broadcast = self.broadcast;
        self.queue
            .extend(page.members.into_iter().filter(|member| broadcast.is_for(member)));
        self.next = page.next;
    }

    fn take_listed(&mut self, page: Result<MemberPage, Unanswered>) {
        match page {
            Ok(page) => self.take_page(page),
            Err(Unanswered::OutOfTime) => self.delivery.cut_short(),
            Err(Unanswered::Failed(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(target: "room_auth", error, "a room was not listed to its end");
                self.delivery.cut_short();
            }
        }
    }

    fn count(&mut self, member: Member, served: Served) {
        match served {
            Served::Delivered => self.delivery.count_delivered(),
            Served::Gone => self.delivery.count_gone(),
            Served::Expired => self.delivery.count_expired(),
            Served::Missed(reason) => self.delivery.miss(member.connection_id, reason),
        }
    }
}

fn list<'a>(rooms: &'a Rooms, room: &'a RoomId, from: PageToken, until: Instant) -> Listing<'a> {
    Box::pin(async move {
        let page = || rooms.registry.members(room, Some(&from));
        rooms.attempts.ask(until, page).await
    })
}

async fn next_page(listing: &mut Option<Listing<'_>>) -> Option<Result<MemberPage, Unanswered>> {
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
    /// Expired; closed and forgotten.
    Expired,
    Missed(UndeliveredReason),
}

async fn serve(
    rooms: &Rooms,
    broadcast: Broadcast<'_>,
    mut member: Member,
    until: Instant,
    place: Place,
) -> (Member, Served) {
    let room = broadcast.room;
    let (places, mut first) = (place.places.clone(), Some(place));
    loop {
        if rooms.has_expired(member.expires_at) {
            match rooms.renewed(room, &member, until).await {
                Ok(Some(expires_at)) => member.expires_at = expires_at,
                Ok(None) => {
                    let served = end(rooms, room, &member, until).await;
                    return (member, served);
                }
                Err(_) => return (member, Served::Missed(UndeliveredReason::NotForgotten)),
            }
        }
        let place = match first.take() {
            Some(place) => place,
            None => match places.take(until).await {
                Some(place) => place,
                None => return (member, Served::Missed(UndeliveredReason::OutOfTime)),
            },
        };
        // Not a frame after the token has expired, however long it is tried.
        let now = rooms.clock.now();
        let until_expiry = until.min(in_time(rooms.left(member.expires_at, now)));
        let attempts = &rooms.attempts;
        let (transport, frame) = (&*rooms.transport, broadcast.frame);
        let delivering = attempts.deliver(transport, &member, frame, now, until_expiry, Some(place));
        let served = match delivering.await {
            Outcome::Delivered => Served::Delivered,
            Outcome::Gone => match rooms.forget(room, &member, until).await {
                Ok(()) => Served::Gone,
                Err(_) => Served::Missed(UndeliveredReason::NotForgotten),
            },
            // Its token's time was over before the call's; it may have been renewed meanwhile.
            Outcome::Failed(error) if error.is_transient() && until_expiry < until => {
                sleep_until(until_expiry).await;
                continue;
            }
            Outcome::Failed(error) => Served::Missed(missed(&member, &error)),
        };
        return (member, served);
    }
}

async fn end(rooms: &Rooms, room: &RoomId, member: &Member, until: Instant) -> Served {
    match rooms.end(room, member, until).await {
        Ok(()) => Served::Expired,
        Err(_) => Served::Missed(UndeliveredReason::NotForgotten),
    }
}

fn missed(member: &Member, error: &TransportError) -> UndeliveredReason {
    match error {
        TransportError::Gone => UndeliveredReason::NotYetConnected,
        TransportError::Throttled => UndeliveredReason::Throttled,
        TransportError::Timeout => UndeliveredReason::Timeout,
        error => {
            let connection_id = member.connection_id.as_str();
            tracing::warn!(target: "room_auth", %error, connection_id, "a frame was not delivered");
            UndeliveredReason::Failed
        }
    }
}
