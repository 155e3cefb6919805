//! The reference model: what may be and what must be, from what was asked for and what was answered alone.
//!
//! It never looks into the registry. An operation that is under way, was killed or failed may have had its effect or
//! not, so the model keeps two bounds: a connection *may* be in a room if some order of what was answered allows it, and
//! *must* be if every order does.

use std::collections::{BTreeMap, BTreeSet};

/// Counts what happens, to tell what came before what.
pub(crate) type Tick = u64;

/// API Gateway ends a connection at this age, in milliseconds.
const MAX_AGE: u64 = 2 * 3600 * 1000;

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) user: usize,
    pub(crate) room: usize,
    pub(crate) iat: u64,
    pub(crate) exp: u64,
    /// Its `jti`.
    pub(crate) id: String,
    pub(crate) text: String,
    /// How often it was presented.
    pub(crate) presented: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Socket {
    Connecting,
    Open,
    Closed,
    /// Its `$connect` was killed or failed, so API Gateway let nobody in. What was recorded by then stands for no
    /// connection.
    NeverOpen,
}

/// One connection, from its `$connect` on.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: usize,
    pub(crate) api: usize,
    pub(crate) user: usize,
    /// The room of `$connect`.
    pub(crate) room: usize,
    /// In milliseconds.
    pub(crate) connected_at: u64,
    pub(crate) socket: Socket,
    born: Tick,
    /// The claims that it got or asked for; the first ones at `$connect`.
    grants: Vec<Grant>,
    leaves: Vec<Leave>,
}

/// How an operation ended, as far as its caller knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done.
    Done,
    /// Nothing was done.
    Nothing,
    /// Nobody knows.
    Unknown,
}

#[derive(Debug)]
struct Grant {
    act: usize,
    room: usize,
    token_id: String,
    iat: u64,
    /// In milliseconds: of the token, and not beyond the connection's age.
    expires_at: u64,
    from: Tick,
    /// `Unknown` until it has ended.
    outcome: Outcome,
    ended: Option<Tick>,
    /// When later claims for the room had taken its place for sure.
    replaced: Option<Tick>,
}

#[derive(Debug)]
struct Leave {
    act: usize,
    room: usize,
    from: Tick,
    outcome: Outcome,
    ended: Option<Tick>,
}

/// Whom an operation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    Id(usize),
    User(usize),
    Peer(usize),
}

#[derive(Debug)]
struct Ending {
    act: usize,
    whom: Whom,
    /// Of a revocation: tokens issued until this second are revoked.
    not_before: Option<u64>,
    from: Tick,
    outcome: Outcome,
    ended: Option<Tick>,
    /// The ids that the report names as not forgotten.
    missed: BTreeSet<usize>,
}

/// Whom the frames of an invocation are for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Audience {
    Nobody,
    Room(usize),
    User(usize),
    Id(usize),
    Peer(usize),
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    tick: Tick,
    pub(crate) tokens: Vec<Token>,
    pub(crate) peers: Vec<Peer>,
    endings: Vec<Ending>,
    /// The tokens that somebody began to revoke, and when it was done for sure.
    revoked_tokens: BTreeMap<String, Option<Tick>>,
    /// The tokens that were accepted, and for which connection and room.
    used_tokens: BTreeMap<String, (usize, usize)>,
    heard: BTreeSet<(usize, usize)>,
}

impl Model {
    pub(crate) fn tick(&mut self) -> Tick {
        self.tick += 1;
        self.tick
    }

    pub(crate) fn now(&self) -> Tick {
        self.tick
    }

    /// The newest connection of an id.
    pub(crate) fn newest(&self, id: usize) -> Option<usize> {
        self.peers.iter().rposition(|peer| peer.id == id)
    }

    pub(crate) fn is_open(&self, peer: usize, now: u64) -> bool {
        let peer = &self.peers[peer];
        peer.socket == Socket::Open && now < peer.connected_at + MAX_AGE
    }

    /// The open connection of an id.
    pub(crate) fn open(&self, id: usize, now: u64) -> Option<usize> {
        self.newest(id).filter(|peer| self.is_open(*peer, now))
    }

    pub(crate) fn connect(&mut self, act: usize, id: usize, api: usize, token: usize, now: u64) -> usize {
        let born = self.tick();
        let Token { user, room, .. } = self.tokens[token];
        self.peers.push(Peer {
            id,
            api,
            user,
            room,
            connected_at: now,
            socket: Socket::Connecting,
            born,
            grants: Vec::new(),
            leaves: Vec::new(),
        });
        let peer = self.peers.len() - 1;
        self.ask(act, peer, token);
        peer
    }

    /// A connection presents a token. Returns the number of what it may get by it.
    pub(crate) fn ask(&mut self, act: usize, peer: usize, token: usize) -> usize {
        let from = self.tick();
        let token = &mut self.tokens[token];
        token.presented += 1;
        let age_limit = (self.peers[peer].connected_at / 1000 + 2 * 3600) * 1000;
        let grants = &mut self.peers[peer].grants;
        grants.push(Grant {
            act,
            room: token.room,
            token_id: token.id.clone(),
            iat: token.iat,
            expires_at: (token.exp * 1000).min(age_limit),
            from,
            outcome: Outcome::Unknown,
            ended: None,
            replaced: None,
        });
        grants.len() - 1
    }

    /// The token was accepted. Says what should have stopped it.
    pub(crate) fn accepted(&mut self, peer: usize, grant: usize, single_use: bool) -> Result<(), String> {
        let tick = self.tick();
        let (was_connected, user) = (grant > 0, self.peers[peer].user);
        let one = &self.peers[peer].grants[grant];
        let (room, from, iat, token_id) = (one.room, one.from, one.iat, one.token_id.clone());
        let token = self.tokens.iter().find(|token| token.id == token_id).unwrap();
        if was_connected && token.user != user {
            return Err("a token of another user was accepted".into());
        }
        let revokes = |ending: &&Ending| {
            ending.whom == Whom::User(token.user)
                && ending.outcome == Outcome::Done
                && ending.ended.is_some_and(|ended| ended < from)
                && ending.not_before.is_some_and(|not_before| iat <= not_before)
        };
        if self.endings.iter().any(|ending| revokes(&ending)) {
            return Err("a token of a revoked user was accepted".into());
        }
        let since = self.revoked_tokens.get(&token_id).copied().flatten();
        if since.is_some_and(|since| since < from) {
            return Err("a revoked token was accepted".into());
        }
        if single_use && self.used_tokens.contains_key(&token_id) {
            // A repetition changes nothing.
            let is_current = self.peers[peer].grants.iter().enumerate().any(|(number, other)| {
                number != grant && other.token_id == token_id && self.lasts(peer, other, from)
            });
            if !is_current || self.used_tokens[&token_id] != (peer, room) {
                return Err("a token was accepted twice".into());
            }
        }
        self.used_tokens.insert(token_id, (peer, room));
        for (number, other) in self.peers[peer].grants.iter_mut().enumerate() {
            if other.room == room && number != grant && other.ended.is_some_and(|ended| ended < from) {
                other.replaced.get_or_insert(tick);
            }
        }
        self.end_grant(peer, grant, Outcome::Done);
        Ok(())
    }

    pub(crate) fn end_grant(&mut self, peer: usize, grant: usize, outcome: Outcome) {
        let tick = self.tick();
        let grant = &mut self.peers[peer].grants[grant];
        grant.outcome = outcome;
        grant.ended = Some(tick);
    }

    pub(crate) fn leave(&mut self, act: usize, peer: usize, room: usize) -> usize {
        let from = self.tick();
        let leaves = &mut self.peers[peer].leaves;
        leaves.push(Leave {
            act,
            room,
            from,
            outcome: Outcome::Unknown,
            ended: None,
        });
        leaves.len() - 1
    }

    pub(crate) fn end_leave(&mut self, peer: usize, leave: usize, outcome: Outcome) {
        let tick = self.tick();
        let leave = &mut self.peers[peer].leaves[leave];
        leave.outcome = outcome;
        leave.ended = Some(tick);
    }

    pub(crate) fn end(&mut self, act: usize, whom: Whom, not_before: Option<u64>) -> usize {
        let (from, outcome, ended) = (self.tick(), Outcome::Unknown, None);
        let missed = BTreeSet::new();
        self.endings.push(Ending {
            act,
            whom,
            not_before,
            from,
            outcome,
            ended,
            missed,
        });
        self.endings.len() - 1
    }

    pub(crate) fn end_ending(&mut self, ending: usize, outcome: Outcome, missed: BTreeSet<usize>) {
        let tick = self.tick();
        let ending = &mut self.endings[ending];
        (ending.outcome, ending.ended, ending.missed) = (outcome, Some(tick), missed);
    }

    pub(crate) fn revoking_token(&mut self, token: usize) {
        self.revoked_tokens
            .entry(self.tokens[token].id.clone())
            .or_default();
    }

    pub(crate) fn token_revoked(&mut self, token: usize) {
        let tick = self.tick();
        let revoked = self.revoked_tokens.get_mut(&self.tokens[token].id).unwrap();
        revoked.get_or_insert(tick);
    }

    /// Whether somebody has begun to revoke a user or a token.
    pub(crate) fn may_be_revoked(&self, token: usize) -> bool {
        let token = &self.tokens[token];
        let mut endings = self.endings.iter();
        let may_be = |ending: &Ending| ending.not_before.is_some() && ending.whom == Whom::User(token.user);
        endings.any(may_be) || self.revoked_tokens.contains_key(&token.id)
    }

    /// An invocation was killed: nothing of it happens any more, and nobody knows what has.
    pub(crate) fn killed(&mut self, act: usize) {
        let tick = self.tick();
        for peer in &mut self.peers {
            let is_connecting = peer.grants.first().is_some_and(|grant| grant.act == act);
            if is_connecting && peer.socket == Socket::Connecting {
                peer.socket = Socket::NeverOpen;
            }
            let grants = peer.grants.iter_mut().filter(|grant| grant.act == act);
            let leaves = peer.leaves.iter_mut().filter(|leave| leave.act == act);
            let ended = grants
                .map(|grant| &mut grant.ended)
                .chain(leaves.map(|leave| &mut leave.ended));
            for ended in ended {
                ended.get_or_insert(tick);
            }
        }
        for ending in self.endings.iter_mut().filter(|ending| ending.act == act) {
            ending.ended.get_or_insert(tick);
        }
    }

    /// Whether a connection may have been in a room after `since`, by claims that hold at `now`.
    pub(crate) fn may(&self, peer: usize, room: usize, since: Tick, now: u64) -> bool {
        let own = self.peers[peer].room;
        self.ended(peer).is_none_or(|ended| ended > since)
            && self.holds(peer, own, since, now)
            && self.holds(peer, room, since, now)
    }

    fn holds(&self, peer: usize, room: usize, since: Tick, now: u64) -> bool {
        let mut grants = self.peers[peer].grants.iter();
        grants.any(|grant| grant.room == room && self.lasts(peer, grant, since) && now < grant.expires_at)
    }

    /// Whether a grant may have held after `since`, whatever time it is.
    fn lasts(&self, peer: usize, grant: &Grant, since: Tick) -> bool {
        let mut leaves = self.peers[peer].leaves.iter();
        let has_left = leaves.any(|leave| {
            leave.room == grant.room
                && leave.outcome == Outcome::Done
                && leave.ended.is_some_and(|ended| ended <= since)
                && grant.ended.is_some_and(|ended| ended < leave.from)
        });
        let is_replaced = grant.replaced.is_some_and(|replaced| replaced <= since);
        grant.outcome != Outcome::Nothing && !is_replaced && !has_left
    }

    /// When a connection had ended for sure.
    fn ended(&self, peer: usize) -> Option<Tick> {
        let number = peer;
        let peer = &self.peers[peer];
        let connect = &peer.grants[0];
        let endings = self.endings.iter().filter(|ending| {
            ending.outcome == Outcome::Done
                && concerns(ending.whom, number, peer)
                && !ending.missed.contains(&peer.id)
        });
        let ended = endings.filter_map(|ending| {
            let (ended, connected) = (ending.ended?, connect.ended?);
            let is_revoked = ending
                .not_before
                .is_some_and(|not_before| connect.iat <= not_before);
            if connected < ending.from {
                Some(ended)
            } else if is_revoked && peer.born < ended {
                // They came at the same time: it was refused, or ended.
                Some(ended.max(connected))
            } else {
                None
            }
        });
        ended.min()
    }

    /// Whether a connection was in a room since before `since`, and at `now` still is, whatever happened meanwhile.
    pub(crate) fn must(&self, peer: usize, room: usize, since: Tick, now: u64) -> bool {
        let number = peer;
        let peer = &self.peers[peer];
        let mut endings = self.endings.iter();
        let may_have_ended = endings.any(|ending| {
            ending.outcome != Outcome::Nothing
                && concerns(ending.whom, number, peer)
                && ending.ended.is_none_or(|ended| ended > peer.born)
        });
        self.is_open(number, now)
            && !may_have_ended
            && self.surely_holds(number, peer.room, since, now)
            && self.surely_holds(number, room, since, now)
    }

    fn surely_holds(&self, peer: usize, room: usize, since: Tick, now: u64) -> bool {
        let in_room = || self.peers[peer].grants.iter().filter(|grant| grant.room == room);
        let is_sure = |grant: &Grant| {
            let mut leaves = self.peers[peer].leaves.iter();
            let may_have_left = leaves.any(|leave| {
                leave.room == room
                    && leave.outcome != Outcome::Nothing
                    && leave.ended.is_none_or(|ended| ended > grant.from)
            });
            let is_before = grant.ended.is_some_and(|ended| ended < since);
            grant.outcome == Outcome::Done && is_before && grant.replaced.is_none() && !may_have_left
        };
        let mut lasting = in_room().filter(|grant| self.lasts(peer, grant, self.tick));
        in_room().any(is_sure) && lasting.all(|grant| now < grant.expires_at)
    }

    /// Whether a frame of an audience that was asked for after `since` may reach a connection.
    pub(crate) fn may_hear(&self, peer: usize, audience: Audience, since: Tick, now: u64) -> bool {
        let is_of = |number: usize| {
            let one = &self.peers[number];
            match audience {
                Audience::Nobody => false,
                Audience::Room(room) => self.may(number, room, since, now),
                Audience::User(user) => one.user == user && self.may(number, one.room, since, now),
                Audience::Id(id) => one.id == id && self.may(number, one.room, since, now),
                Audience::Peer(peer) => number == peer && self.may(number, one.room, since, now),
            }
        };
        // An id that was given to another connection meanwhile: API Gateway knows nothing else of it.
        let one = &self.peers[peer];
        let before = (0..peer).filter(|number| {
            let other = &self.peers[*number];
            one.born > since && (other.id, other.api) == (one.id, one.api)
        });
        std::iter::once(peer).chain(before).any(is_of)
    }

    pub(crate) fn hears(&mut self, act: usize, peer: usize) {
        self.heard.insert((act, peer));
    }

    pub(crate) fn has_heard(&self, act: usize, peer: usize) -> bool {
        self.heard.contains(&(act, peer))
    }

    /// How many frames of invocations reached somebody.
    pub(crate) fn heard(&self) -> usize {
        self.heard.len()
    }

    /// How often tokens were accepted at `$connect`, and in live connections.
    pub(crate) fn accepted_count(&self) -> (usize, usize) {
        let done = |grants: &[Grant]| grants.iter().filter(|one| one.outcome == Outcome::Done).count();
        let first = self.peers.iter().map(|peer| done(&peer.grants[..1])).sum();
        let later = self.peers.iter().map(|peer| done(&peer.grants[1..])).sum();
        (first, later)
    }

    /// How many revocations of users and kicks were done.
    pub(crate) fn ended_count(&self) -> usize {
        self.endings
            .iter()
            .filter(|ending| ending.outcome == Outcome::Done)
            .count()
    }
}

fn concerns(whom: Whom, number: usize, peer: &Peer) -> bool {
    match whom {
        Whom::Id(id) => peer.id == id,
        Whom::User(user) => peer.user == user,
        Whom::Peer(peer) => number == peer,
    }
}
