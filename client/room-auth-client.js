/**
 * A WebSocket that stays in its room. It fetches a token, connects with it, renews it in band, keeps the connection
 * from being closed as idle, moves to a new one before the two-hour limit, and reconnects after a loss. After the server
 * ended a connection on purpose it stays closed. README.md shows how to use it.
 */

/** @import { Decoded, Options, Renewal, State } from './types.js' */

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

/** Why no token was given. */
export class TokenError extends Error {
	name = 'TokenError';

	/** @param {number} status of HTTP; 0 without an answer @param {string} message @param {number} [retryAfter] ms */
	constructor(status, message, retryAfter = 0) {
		super(message);
		this.status = status;
		this.retryAfter = retryAfter;
	}
}

/**
 * Fetches tokens by `POST endpoint {"room"}` with the page's own cookies.
 *
 * @param {string} endpoint
 * @param {{ fetch?: typeof globalThis.fetch, now?: () => number }} [env]
 * @returns {Options['fetchToken']}
 */
export function tokenFrom(endpoint, { fetch = globalThis.fetch, now = Date.now } = {}) {
	return async ({ room, signal }) => {
		const headers = { 'content-type': 'application/json' };
		const request = { method: 'POST', headers, body: JSON.stringify({ room }), signal };
		const response = await fetch(endpoint, request).catch(() => {
			throw new TokenError(0, 'The backend does not answer.');
		});
		const body = await response.json().catch(() => ({}));
		if (!response.ok) {
			const seconds = Number(response.headers.get('retry-after')) || 0;
			throw new TokenError(response.status, body.message ?? `The backend answered ${response.status}.`, seconds * 1000);
		}
		// The Date header counts whole seconds: a small difference says nothing.
		const skew = Date.parse(response.headers.get('date') ?? '') - now();
		return { ...body, skew: Math.abs(skew) > 5_000 ? skew : 0 };
	};
}

/**
 * Reads a token for display. Nothing is verified: only the server's answer says whether it is good.
 *
 * @param {string} token
 * @returns {Decoded | null} null for what is no token
 */
export function decodeToken(token) {
	try {
		const parts = token.split('.');
		const [header, claims] = parts.slice(0, 2).map((part) => {
			const bytes = Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
			return JSON.parse(new TextDecoder().decode(bytes));
		});
		return parts.length === 3 ? { header, claims, parts } : null;
	} catch {
		return null;
	}
}

/** A connection to one room. Its events, each a CustomEvent: `Events` in types.js. */
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
	}

	/** @returns {string} */
	get room() {
		return this.#options.room;
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

	/** Leaves the room and stays away. */
	close() {
		this.#stop('requested');
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

	/** Renews now, whatever is left of the token's life. */
	async renew() {
		if (this.#state !== 'open') return;
		if (this.#options.renewal === 'reconnect') return this.#dial(true);
		this.#cancel('renew');
		const turn = this.#turn;
		try {
			const ticket = await this.#ticket();
			if (turn !== this.#turn) return;
			this.#offered = ticket;
			this.#write({ action: 'renew', token: ticket.token });
			// Without an answer, or refused: replaced by a new connection with a new token.
			this.#after('renew', this.#options.answerWithin, () => this.#dial(true));
		} catch (error) {
			if (turn !== this.#turn) return;
			this.#attempt += 1;
			// Without a session it cannot be renewed: the connection is used until its token expires.
			if (!ended(error)) this.#after('renew', this.#backoff(error), () => this.renew());
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
			const end = ended(error);
			if (!end) this.#retry(reason, error);
			// The open connection is used until its token expires.
			else if (this.#link) this.#after('expiry', this.#link.ends - this.#env.now(), () => this.#stop(end));
			else this.#stop(end);
			if (error) this.#emit('fault', error);
		};
		this.#after('handshake', this.#options.answerWithin, () => failed('unavailable'));
		this.#ticket()
			.then((ticket) => turn === this.#turn && this.#handshake(ticket, turn, failed))
			// There is no ticket, or no socket can be made with it.
			.catch((error = new TokenError(0, 'No token was given.')) => failed('unavailable', error));
	}

	#handshake(ticket, turn, failed) {
		const socket = new this.#env.WebSocket(ticket.url, [this.#options.subprotocol, ticket.token]);
		const link = { socket, ticket, ends: this.#ends(ticket), expired: false };
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
			// What is on its way to the old connection still arrives, before it is closed.
			this.#draining.add(old.socket);
			this.#env.setTimeout(() => old.socket.close(1000), this.#options.drain);
		}
		this.#after('stable', STABLE, () => (this.#attempt = 0));
		// Spread over some minutes, or all clients of a restarted server would move at once, for ever.
		const age = this.#options.maxAge * (1 - this.#env.random() * 0.05);
		this.#after('age', age, () => this.#dial(true));
		this.#beat();
		this.#inForce(link, Boolean(old));
		// A listener may have closed it just now.
		if (this.#link === link && this.#state !== 'open') this.#enter('open', 'requested');
	}

	#inForce(link, renewed) {
		this.#watchLife(link);
		this.#emit('token', { token: link.ticket.token, expiresAt: link.ends, renewed });
	}

	#watchLife(link) {
		this.#cancel('renew');
		const left = link.ends - this.#env.now();
		if (this.#options.renewal === 'off') {
			this.#after('expiry', left, () => {
				link.expired = true;
				this.#emit('expired', { expiresAt: link.ends });
			});
			return;
		}
		const before = Math.min(left / 5, this.#options.renewBefore) * (1 + this.#env.random() * 0.25);
		// At most once a second, whatever a backend hands out.
		this.#after('renew', Math.max(left - before, 1_000), () => this.renew());
		// Renewal failed until the end, or the machine slept through it.
		this.#after('expiry', Math.max(left, 1_000), () => this.#dial(true));
	}

	#receive(link, data) {
		if (link !== this.#link && !this.#draining.has(link.socket)) return;
		let message = data;
		try {
			message = JSON.parse(String(data));
		} catch {
			// Not JSON: handed on as text.
		}
		const { type, id, message: text } = Object(message);
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
			if (type === 'renewed' && this.#offered) {
				Object.assign(link, { ticket: this.#offered, ends: this.#ends(this.#offered), expired: false });
				this.#offered = null;
				this.#attempt = 0;
				this.#inForce(link, true);
			}
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
		const wait = this.#backoff(error);
		// While the old connection works, a failed replacement is not reported.
		const serves = this.#link !== null && !this.#doubted;
		if (!serves) this.#drop();
		this.#after('retry', wait, () => this.#dial(serves));
		if (!serves) this.#enter('waiting', reason, wait);
	}

	#stop(reason) {
		this.#turn += 1;
		this.#drop();
		for (const socket of this.#draining) socket.close(1000);
		this.#listen('removeEventListener');
		if (this.#state !== 'closed') this.#enter('closed', reason);
	}

	#drop() {
		for (const name of [...this.#timers.keys()]) this.#cancel(name);
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

	async #ticket() {
		this.#fetching = new AbortController();
		const ticket = await this.#options.fetchToken({ room: this.room, signal: this.#fetching.signal });
		if (typeof ticket?.token !== 'string' || typeof ticket.url !== 'string') {
			throw new TokenError(0, 'The backend answered without a token and a url.');
		}
		return ticket;
	}

	/**
	 * The end of a token in ms of this clock. A token just handed out is live, and lives no longer than
	 * from `iat` to `exp`: if this clock says otherwise, it is the clock that is wrong.
	 */
	#ends({ token, expires_at, skew = 0 }) {
		const now = this.#env.now();
		const { iat, exp } = decodeToken(token)?.claims ?? {};
		const life = exp > iat ? (exp - iat) * 1000 : Infinity;
		const ends = Math.min(expires_at * 1000 - skew || Infinity, now + life);
		return ends > now ? ends : now + life;
	}

	/** Returns a wait: exponential with full jitter, and at least what the backend asked for. */
	#backoff(error) {
		const { base, cap } = this.#options.backoff;
		const most = Math.min(cap, base * 2 ** Math.min(this.#attempt - 1, 30));
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

/** The reason of an error that no retry changes. */
const ended = (error) => (error?.status === 401 ? 'unauthenticated' : error?.status === 403 ? 'forbidden' : undefined);
