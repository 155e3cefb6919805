//! A frame to everybody in a room: what is asked for.

use serde::Serialize;

use super::delivery::{Audience, Run, Task};
use super::error::SendError;
use super::frame;
use super::report::DeliveryReport;
use super::rooms::Rooms;
use super::send::Effort;
use crate::endpoint::ApiEndpoint;
use crate::id::ConnectionId;
use crate::id::RoomId;
use crate::registry::RegistryErrorKind;
use crate::retry::Deadline;

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
    audience: Audience<'a>,
    frame: Result<Vec<u8>, SendError>,
    except: Option<&'a ConnectionId>,
    effort: Effort,
    deadline: Option<Deadline>,
    home: Option<&'a ApiEndpoint>,
}

impl<'a> Broadcast<'a> {
    /// Creates a broadcast of `frame` to everybody in `room`.
    pub fn new<F: Serialize + ?Sized>(room: &'a RoomId, frame: &F) -> Self {
        Self::to(Audience::Room(room), frame)
    }

    /// Creates a frame for all connections of a user.
    pub(super) fn to_user<F: Serialize + ?Sized>(user: &'a str, frame: &F) -> Self {
        Self::to(Audience::User(user), frame)
    }

    fn to<F: Serialize + ?Sized>(audience: Audience<'a>, frame: &F) -> Self {
        Self {
            audience,
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
    pub async fn broadcast(&self, broadcast: Broadcast<'_>) -> Result<DeliveryReport, SendError> {
        let frame = broadcast.frame?;
        let task = Task {
            rooms: self,
            audience: broadcast.audience,
            frame: &frame,
            except: broadcast.except,
            effort: broadcast.effort,
            home: broadcast.home,
            deadline: self.deadline(broadcast.deadline),
        };
        match task.list(None).await {
            Ok(first) => Ok(Run::new(task, first).finish().await),
            Err(error) if error.kind() == RegistryErrorKind::Timeout && task.deadline.has_passed() => {
                let mut report = DeliveryReport::default();
                report.truncate();
                Ok(report)
            }
            Err(error) => Err(error.into()),
        }
    }
}
