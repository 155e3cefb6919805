/**
 * A WebSocket that stays in its rooms. It fetches a token, connects with it, joins further rooms with a token each, renews
 * all of them in band, keeps the connection from being closed as idle, moves to a new one before the two-hour limit, and
 * reconnects after a loss. After the server ended a connection on purpose it stays closed. README.md shows how to use it.
 */

/** @import { Options, Renewal, State } from './types.js' */

import { Memberships } from './memberships.js';
import { TokenError, endOf, finalReason } from './tokens.js';

export { TokenError, decodeToken, tokenFrom } from './tokens.js';

/** @type {Partial<Options>} */
const DEFAULTS = {
	renewal: 'in-band',
	renewBefore: 30_000,
	// API Gateway closes a connection after 10 minutes without traffic, and after 2 hours in any case
	// (its quotas for WebSocket APIs). Both keep a margin.
	heartbeat: 8 * 60_000,
	maxAge: 115 * 60_000,
	answerWithin: 10_000,
	drain: 2_000,
	backoff: { base: 500, cap: 30_000 },
	subprotocol: 'room-auth',
};
/** A connection that lasted this long counts as a success: the next loss starts from the shortest wait. */
const STABLE = 10_000;
/** Longest delay that a browser's setTimeout understands. */
const LONGEST = 2 ** 31 - 1;
/** Message ids that are remembered, to drop what arrives twice while one connection replaces another. */
const REMEMBERED = 512;
/** The events that follow when a device wakes, a page becomes visible, or the network is back. */
const WAKES = ['online', 'pageshow', 'visibilitychange', 'resume'];
/** The last frames of a connection, by their `message`, and the reason that each stands for. */
const LAST_FRAMES = { 'token expired': 'expired', revoked: 'revoked' };
/** The close code of a connection that was deleted by @connections. One that is idle or too old gets 1001. */
const DELETED = 1000;

/** A connection to a room, and to those joined through it. Its events, each a CustomEvent: `Events` in types.js. */
export class RoomConnection extends EventTarget {
	/** @type {State} */
	#state = 'idle';
	#attempt = 0;
	/** Counts up to make whatever is under way obsolete. */
	#turn = 0;
	/** The connection in use: `{ socket, ticket, ends, expired }`. */
	#link = null;
	/** Whether a connection that will replace the one in use is under way. */
	#replacing = false;
	/** Whether the connection in use may have died unnoticed, as after sleep. Whatever it delivers ends the doubt. */
	#doubted = false;
	/** A ticket sent for renewal and not yet answered. */
	#offered = null;
	/** Aborts the fetch of a token. */
	#fetching = null;
	/** The socket whose handshake is under way. */
	#dialled = null;
	/** Replaced sockets that are still listened to. */
	#draining = new Set();
	#timers = new Map();
	#seen = new Set();
	#options;
	#env;
	#memberships;

	/** @param {Options} options */
	constructor(options) {
		super();
		this.#options = { ...DEFAULTS, ...options };
		this.#env = {
			WebSocket: globalThis.WebSocket,
			setTimeout: (run, ms) => setTimeout(run, ms),
			clearTimeout: (timer) => clearTimeout(timer),
			now: Date.now,
			random: Math.random,
			network: 'addEventListener' in globalThis ? globalThis : null,
			document: globalThis.document ?? null,
			...options.env,
		};
		this.#memberships = new Memberships({
			options: this.#options,
			now: this.#env.now,
			isOpen: () => this.#state === 'open',
			ticket: (room, signal) => this.#ticket(room, signal),
			write: (message) => this.#write(message),
			after: (name, ms, run) => this.#after(name, ms, run),
			cancel: (name) => this.#cancel(name),
			renewIn: (left) => this.#renewIn(left),
			backoff: (attempt, error) => this.#backoff(attempt, error),
			replace: () => this.#replacing || this.#dial(true),
			emit: (type, detail) => this.#emit(type, detail),
		});
	}

	/** The room of the connection's first token. @returns {string} */
	get room() {
		return this.#options.room;
	}

	/** That room, and those that were joined and not left: `connect()` and a reconnect enter them, too. @returns {string[]} */
	get rooms() {
		return [this.room, ...this.#memberships.rooms];
	}

	get state() {
		return this.#state;
	}

	get renewal() {
		return this.#options.renewal;
	}

	/** @param {Renewal} mode applies from now on */
	set renewal(mode) {
		this.#options.renewal = mode;
		if (this.#link) this.#watchLife(this.#link);
		this.#memberships.watch();
	}

	/**
	 * Connects, or tries at once instead of waiting for the next attempt. After the server ended the connection on
	 * purpose, only this connects again.
	 */
	connect() {
		if (this.#state === 'open' || this.#state === 'connecting') return;
		if (this.#state !== 'waiting') {
			this.#attempt = 0;
			this.#listen('addEventListener');
		}
		this.#dial();
	}

	/** Leaves all rooms and stays away. */
	close() {
		this.#stop('requested');
	}

	/**
	 * Enters a further room over the same connection, with a token of its own. Without an open connection it waits for one.
	 *
	 * @param {string} room
	 * @returns {Promise<void>} rejected, and the room not entered later, if there is no token or the server refuses it
	 */
	async join(room) {
		if (room !== this.room) await this.#memberships.join(room);
	}

	/**
	 * Leaves a room that was joined. That of the connection is left by `close()`.
	 *
	 * @param {string} room
	 * @returns {Promise<void>} rejected if the server does not answer; the room is left when its token expires
	 */
	async leave(room) {
		await this.#memberships.leave(room);
	}

	/**
	 * @param {unknown} message sent as JSON
	 * @returns {boolean} false if nothing was sent: there is no open connection, or it may have died while the device
	 * slept and has not given a sign of life yet
	 */
	send(message) {
		return !this.#doubted && this.#write(message);
	}

	/** Sends a ping. Unless something arrives within `answerWithin`, the connection is lost. */
	ping() {
		if (!this.#write({ action: 'ping' })) return;
		if (!this.#timers.has('pong')) this.#after('pong', this.#options.answerWithin, () => this.#lost());
	}

	/** Renews now, whatever is left of the token's life. @param {string} [room] default: that of the connection */
	async renew(room = this.room) {
		if (this.#state !== 'open') return;
		if (this.#options.renewal === 'reconnect') return this.#dial(true);
		if (room !== this.room) return this.#memberships.renew(room);
		this.#cancel('renew');
		const turn = this.#turn;
		try {
			const ticket = await this.#firstTicket();
			if (turn !== this.#turn) return;
			this.#offered = ticket;
			this.#write({ action: 'renew', token: ticket.token });
			// Without an answer, or refused: replaced by a new connection with a new token.
			this.#after('renew', this.#options.answerWithin, () => this.#dial(true));
		} catch (error) {
			if (turn !== this.#turn) return;
			this.#attempt += 1;
			// Without a session it cannot be renewed: the connection is used until its token expires.
			if (!finalReason(error)) this.#after('renew', this.#backoff(this.#attempt, error), () => this.renew());
			this.#emit('fault', error);
		}
	}

	#dial(replacing = false) {
		const turn = ++this.#turn;
		this.#replacing = replacing;
		this.#cancel('retry');
		this.#cancel('renew');
		this.#cancel('expiry');
		this.#abandon();
		if (!replacing) this.#enter('connecting', 'requested');
		const failed = (reason, error) => {
			if (turn !== this.#turn) return;
			this.#turn += 1;
			this.#abandon();
			const end = finalReason(error);
			if (!end) this.#retry(reason, error);
			// The open connection is used until its token expires.
			else if (this.#link) this.#after('expiry', this.#link.ends - this.#env.now(), () => this.#stop(end));
			else this.#stop(end);
			if (error) this.#emit('fault', error);
		};
		this.#after('handshake', this.#options.answerWithin, () => failed('unavailable'));
		this.#firstTicket()
			.then((ticket) => turn === this.#turn && this.#handshake(ticket, turn, failed))
			// There is no ticket, or no socket can be made with it.
			.catch((error = new TokenError(0, 'No token was given.')) => failed('unavailable', error));
	}

	#handshake(ticket, turn, failed) {
		const socket = new this.#env.WebSocket(ticket.url, [this.#options.subprotocol, ticket.token]);
		const link = { socket, ticket, ends: endOf(ticket, this.#env.now()), expired: false };
		this.#dialled = socket;
		socket.onopen = () => {
			if (turn !== this.#turn) return socket.close(1000);
			this.#dialled = null;
			this.#cancel('handshake');
			this.#adopt(link);
		};
		socket.onmessage = ({ data }) => this.#receive(link, data);
		socket.onclose = (event) => {
			this.#draining.delete(socket);
			if (this.#link === link) this.#closed(link, event?.code);
			else failed('refused');
		};
	}

	#adopt(link) {
		const old = this.#link;
		this.#link = link;
		this.#replacing = false;
		this.#doubted = false;
		this.#offered = null;
		this.#cancel('pong');
		if (old) {
			// What is on its way to the old connection still arrives before it is closed, also for rooms not yet joined again.
			const { drain, answerWithin } = this.#options;
			this.#draining.add(old.socket);
			this.#env.setTimeout(() => old.socket.close(1000), drain + (this.rooms.length > 1 ? answerWithin : 0));
		}
		this.#after('stable', STABLE, () => (this.#attempt = 0));
		// Spread over some minutes, or all clients of a restarted server would move at once, for ever.
		const age = this.#options.maxAge * (1 - this.#env.random() * 0.05);
		this.#after('age', age, () => this.#dial(true));
		this.#beat();
		this.#inForce(link, Boolean(old));
		// A listener may have closed it just now.
		if (this.#link === link && this.#state !== 'open') this.#enter('open', 'requested');
		if (this.#link === link) this.#memberships.resume();
	}

	#inForce(link, renewed) {
		this.#watchLife(link);
		this.#emit('token', { room: this.room, token: link.ticket.token, expiresAt: link.ends, renewed });
	}

	#watchLife(link) {
		this.#cancel('renew');
		const left = link.ends - this.#env.now();
		if (this.#options.renewal === 'off') {
			this.#after('expiry', left, () => {
				link.expired = true;
				this.#emit('expired', { room: this.room, expiresAt: link.ends });
			});
			return;
		}
		this.#after('renew', this.#renewIn(left), () => this.renew());
		// Renewal failed until the end, or the machine slept through it.
		this.#after('expiry', Math.max(left, 1_000), () => this.#dial(true));
	}

	/** Returns the wait for the renewal of a token that has so much left. */
	#renewIn(left) {
		const before = Math.min(left / 5, this.#options.renewBefore) * (1 + this.#env.random() * 0.25);
		// At most once a second, whatever a backend hands out.
		return Math.max(left - before, 1_000);
	}

	#receive(link, data) {
		if (link !== this.#link && !this.#draining.has(link.socket)) return;
		let message = data;
		try {
			message = JSON.parse(String(data));
		} catch {
			// Not JSON: handed on as text.
		}
		const { type, id, room = this.room, message: text } = Object(message);
		if (type === 'message' && typeof id === 'string') {
			if (this.#seen.has(id)) return;
			this.#seen.add(id);
			if (this.#seen.size > REMEMBERED) this.#seen.delete(this.#seen.values().next().value);
		}
		const last = !type && Object.hasOwn(LAST_FRAMES, text) ? LAST_FRAMES[text] : undefined;
		if (link === this.#link) {
			this.#cancel('pong');
			this.#doubted = false;
			this.#beat();
			if (last === 'expired') link.expired = true;
			if (type === 'renewed' && room === this.room && this.#offered) {
				Object.assign(link, { ticket: this.#offered, ends: endOf(this.#offered, this.#env.now()), expired: false });
				this.#offered = null;
				this.#attempt = 0;
				this.#inForce(link, true);
			}
			this.#memberships.receive(type, room, text);
		}
		this.#emit('message', message);
		// An expired token does not matter while a connection with a new one is under way.
		if (last && link === this.#link && !(last === 'expired' && this.#replacing)) this.#stop(last);
	}

	/** The connection in use was closed by the server or the network. */
	#closed(link, code) {
		// A connection with a new token is under way.
		const goesOn = link.expired && this.#replacing;
		if (link.expired && !goesOn && this.#options.renewal === 'off') this.#stop('expired');
		else if (code === DELETED && !goesOn) this.#stop('removed');
		else this.#lost();
	}

	#lost() {
		this.#turn += 1;
		this.#drop();
		this.#retry('lost');
	}

	#retry(reason, error) {
		this.#attempt += 1;
		const wait = this.#backoff(this.#attempt, error);
		// While the old connection works, a failed replacement is not reported.
		const serves = this.#link !== null && !this.#doubted;
		if (!serves) this.#drop();
		this.#after('retry', wait, () => this.#dial(serves));
		if (!serves) this.#enter('waiting', reason, wait);
	}

	#stop(reason) {
		this.#turn += 1;
		this.#drop();
		this.#memberships.stop(reason);
		for (const socket of this.#draining) socket.close(1000);
		this.#listen('removeEventListener');
		if (this.#state !== 'closed') this.#enter('closed', reason);
	}

	#drop() {
		for (const name of [...this.#timers.keys()]) this.#cancel(name);
		this.#memberships.suspend();
		this.#abandon();
		const link = this.#link;
		this.#link = null;
		this.#replacing = false;
		this.#doubted = false;
		link?.socket.close(1000);
	}

	#abandon() {
		this.#fetching?.abort();
		this.#dialled?.close(1000);
	}

	/** @param {'addEventListener' | 'removeEventListener'} change */
	#listen(change) {
		for (const target of [this.#env.network, this.#env.document]) {
			for (const type of WAKES) target?.[change](type, this.#wake);
		}
	}

	#wake = (/** @type {Partial<Event>} */ { type } = {}) => {
		if (type === 'visibilitychange' && this.#env.document?.visibilityState === 'hidden') return;
		if (this.#state === 'waiting') this.#dial();
		if (this.#state !== 'open') return;
		const { renewal, heartbeat } = this.#options;
		if (renewal !== 'off' && this.#link.ends <= this.#env.now()) {
			// The device slept through the renewal. A ping would be answered by "token expired".
			this.#doubted = true;
			if (!this.#replacing) this.#dial(true);
		} else if (heartbeat > 0) {
			this.#doubted = true;
			if (!this.#timers.has('pong')) this.ping();
		}
	};

	#write(message) {
		if (this.#state !== 'open' || this.#link?.socket.readyState !== 1) return false;
		this.#link.socket.send(JSON.stringify(message));
		this.#beat();
		return true;
	}

	#beat() {
		if (this.#options.heartbeat > 0) this.#after('heartbeat', this.#options.heartbeat, () => this.ping());
	}

	#firstTicket() {
		this.#fetching = new AbortController();
		return this.#ticket(this.room, this.#fetching.signal);
	}

	async #ticket(room, signal) {
		const ticket = await this.#options.fetchToken({ room, signal });
		if (typeof ticket?.token !== 'string' || typeof ticket.url !== 'string') {
			throw new TokenError(0, 'The backend answered without a token and a url.');
		}
		return ticket;
	}

	/** Returns a wait: exponential with full jitter, and at least what the backend asked for. */
	#backoff(attempt, error) {
		const { base, cap } = this.#options.backoff;
		const most = Math.min(cap, base * 2 ** Math.min(attempt - 1, 30));
		return Math.max(base / 5, most * this.#env.random(), error?.retryAfter ?? 0);
	}

	#after(name, ms, run) {
		this.#cancel(name);
		const due = ms > LONGEST ? () => this.#after(name, ms - LONGEST, run) : run;
		this.#timers.set(name, this.#env.setTimeout(due, Math.min(Math.max(ms, 0), LONGEST)));
	}

	#cancel(name) {
		this.#env.clearTimeout(this.#timers.get(name));
		this.#timers.delete(name);
	}

	#enter(state, reason, retryIn = 0) {
		this.#state = state;
		this.#emit('state', { state, reason, retryIn, attempt: this.#attempt });
	}

	#emit(type, detail) {
		this.dispatchEvent(new CustomEvent(type, { detail }));
	}
}
