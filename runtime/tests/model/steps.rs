//! What happens to the rooms, one step after another, as it is generated and as a failure shows it.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// The rooms, users and APIs that there are.
pub(crate) const ROOMS: [&str; 3] = ["lobby", "staff", "garden"];
pub(crate) const USERS: [&str; 2] = ["alice", "bob"];
pub(crate) const APIS: [&str; 2] = ["a1/dev", "b2/prod"];

/// How many connection ids there are. Each is given to another connection some time after the last one is gone.
const SLOTS: usize = 5;

/// A whole sequence, and what is configured for it.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    /// Each token is accepted once.
    pub(crate) single_use: bool,
    pub(crate) page_size: usize,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Alone(Invocation),
    /// Several invocations at the same time. Each byte says whose call of the registry or the transport is answered
    /// next, or that time passes meanwhile; after the last one, whoever has waited longest is next.
    Together(Vec<Invocation>, Vec<u8>),
    /// This many seconds pass.
    Pass(u64),
    /// A client goes away. API Gateway's `$disconnect` comes later, or never.
    ClientLeaves {
        id: usize,
    },
    /// The time to live deletes items that are due: those whose bit is set, in the table's order.
    TimeToLive(u8),
}

/// One run of a function.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) act: Act,
    pub(crate) plan: Plan,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Connect {
        id: usize,
        api: usize,
        token: Pick,
        is_welcome: bool,
    },
    Message {
        id: usize,
        verb: Verb,
    },
    /// The `$disconnect` of the connection that is so many places from the newest of those with this id.
    Disconnect {
        id: usize,
        back: usize,
    },
    Broadcast {
        room: usize,
    },
    Send {
        id: usize,
    },
    SendToUser {
        user: usize,
    },
    Kick {
        id: usize,
    },
    KickUser {
        user: usize,
    },
    RevokeUser {
        user: usize,
    },
    RevokeToken {
        token: usize,
    },
}

/// What a message asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verb {
    Say { room: usize },
    Notify { room: usize },
    Reply,
    Join(Pick),
    Leave { room: usize },
    Renew { room: usize, token: Pick },
}

/// Which token is presented.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pick {
    /// A new one, issued so many seconds ago (ahead, if negative) for so many seconds: of the connection's own user,
    /// or of the other one.
    New {
        is_own: bool,
        room: usize,
        age: i64,
        life: u64,
    },
    /// One that was issued before.
    Again(usize),
}

/// What goes wrong in an invocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// It is killed before this call of the registry or the transport has an effect; its answer is lost if it makes
    /// exactly so many.
    pub(crate) killed_at: Option<u32>,
    pub(crate) glitches: Vec<Glitch>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Glitch {
    pub(crate) call: u32,
    pub(crate) fault: Fault,
    /// The same happens to all later calls.
    pub(crate) is_lasting: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Refused for want of capacity; nothing is done.
    Throttled,
    /// Done, but the answer is that it was not; trying again is worth it.
    AnswerLost,
    /// Done, but there is no answer in time.
    Timeout,
    /// Refused for good.
    Failed,
}

impl Plan {
    pub(crate) fn fault(&self, call: u32) -> Option<Fault> {
        let mut glitches = self.glitches.iter();
        let hits = |glitch: &&Glitch| glitch.call == call || glitch.is_lasting && glitch.call < call;
        glitches.find(hits).map(|glitch| glitch.fault)
    }

    /// Whether all goes well.
    pub(crate) fn is_clean(&self) -> bool {
        self.killed_at.is_none() && self.glitches.is_empty()
    }
}

pub(crate) fn sequences() -> impl Strategy<Value = Sequence> {
    let steps = (vec(arrival(), 2..5), vec(step(), 6..24)).prop_map(|(arrivals, steps)| {
        let arrivals = arrivals.into_iter().enumerate();
        let arrivals = arrivals.map(|(id, (api, token))| {
            let act = Act::Connect {
                id,
                api,
                token,
                is_welcome: true,
            };
            Step::Alone(Invocation {
                act,
                plan: Plan::default(),
            })
        });
        arrivals.chain(steps).collect()
    });
    (any::<bool>(), select(vec![1_usize, 2, 100]), steps).prop_map(|(single_use, page_size, steps)| {
        Sequence {
            single_use,
            page_size,
            steps,
        }
    })
}

/// Where somebody is from the beginning.
fn arrival() -> impl Strategy<Value = (usize, Pick)> {
    let life = select(vec![15_u64, 45, 130, 600, 9000]);
    let token = (0..ROOMS.len(), life).prop_map(|(room, life)| Pick::New {
        is_own: true,
        room,
        age: 0,
        life,
    });
    (0..APIS.len(), token)
}

fn step() -> impl Strategy<Value = Step> {
    let together = (0..SLOTS).prop_flat_map(|id| {
        // At the same id more often than chance would have it.
        let near = prop_oneof![3 => invocation(Just(id).boxed()), 1 => invocation((0..SLOTS).boxed())];
        (vec(near, 2..4), vec(any::<u8>(), 0..24))
    });
    prop_oneof![
        12 => invocation((0..SLOTS).boxed()).prop_map(Step::Alone),
        6 => together.prop_map(|(invocations, schedule)| Step::Together(invocations, schedule)),
        4 => select(vec![1_u64, 1, 4, 4, 10, 10, 20, 20, 35, 62, 62, 300, 7900]).prop_map(Step::Pass),
        1 => (0..SLOTS).prop_map(|id| Step::ClientLeaves { id }),
        1 => any::<u8>().prop_map(Step::TimeToLive),
    ]
}

fn invocation(ids: BoxedStrategy<usize>) -> impl Strategy<Value = Invocation> {
    (act(ids), plan()).prop_map(|(act, plan)| Invocation { act, plan })
}

fn act(ids: BoxedStrategy<usize>) -> impl Strategy<Value = Act> {
    let (rooms, users) = (0..ROOMS.len(), 0..USERS.len());
    let connect = (
        ids.clone(),
        0..APIS.len(),
        token(0..ROOMS.len()),
        prop::bool::weighted(0.9),
    );
    prop_oneof![
        6 => connect.prop_map(|(id, api, token, is_welcome)| Act::Connect { id, api, token, is_welcome }),
        16 => (ids.clone(), verb()).prop_map(|(id, verb)| Act::Message { id, verb }),
        2 => (ids.clone(), 0..2_usize).prop_map(|(id, back)| Act::Disconnect { id, back }),
        4 => rooms.prop_map(|room| Act::Broadcast { room }),
        1 => ids.clone().prop_map(|id| Act::Send { id }),
        1 => users.clone().prop_map(|user| Act::SendToUser { user }),
        1 => ids.prop_map(|id| Act::Kick { id }),
        1 => users.clone().prop_map(|user| Act::KickUser { user }),
        2 => users.prop_map(|user| Act::RevokeUser { user }),
        1 => (0..8_usize).prop_map(|token| Act::RevokeToken { token }),
    ]
}

fn verb() -> impl Strategy<Value = Verb> {
    let rooms = || 0..ROOMS.len();
    let renewal = rooms().prop_flat_map(|room| {
        let token = prop_oneof![9 => token(room..room + 1), 1 => token(0..ROOMS.len())];
        token.prop_map(move |token| Verb::Renew { room, token })
    });
    prop_oneof![
        3 => rooms().prop_map(|room| Verb::Say { room }),
        1 => rooms().prop_map(|room| Verb::Notify { room }),
        1 => Just(Verb::Reply),
        6 => token(rooms()).prop_map(Verb::Join),
        3 => rooms().prop_map(|room| Verb::Leave { room }),
        4 => renewal,
    ]
}

fn token(rooms: std::ops::Range<usize>) -> impl Strategy<Value = Pick> {
    let age = select(vec![0_i64, 0, 0, 3, 12, -20]);
    let life = select(vec![15_u64, 15, 45, 130, 600, 9000]);
    let new = (prop::bool::weighted(0.9), rooms, age, life);
    prop_oneof![
        6 => new.prop_map(|(is_own, room, age, life)| Pick::New { is_own, room, age, life }),
        1 => (0..8_usize).prop_map(Pick::Again),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let fault = select(vec![
        Fault::Throttled,
        Fault::AnswerLost,
        Fault::Timeout,
        Fault::Failed,
    ]);
    let glitch = (0..8_u32, fault, prop::bool::weighted(0.2)).prop_map(|(call, fault, is_lasting)| Glitch {
        call,
        fault,
        is_lasting,
    });
    prop_oneof![
        7 => Just(Plan::default()),
        1 => (0..8_u32).prop_map(|call| Plan { killed_at: Some(call), glitches: Vec::new() }),
        2 => vec(glitch, 1..3).prop_map(|glitches| Plan { killed_at: None, glitches }),
    ]
}
