// A clock that only moves when told, sockets whose other end is the test, and a backend of one function.
import { RoomConnection, TokenError } from '../room-auth-client.js';

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** @returns an unsigned token of the right shape: the client never verifies */
export function jwt(iat, exp, more = {}) {
	return `${encode({ typ: 'JWT', alg: 'RS256', kid: 'k1' })}.${encode({ sub: 'lobby', iat, exp, ...more })}.c2ln`;
}

class Clock {
	#timers = new Map();
	#next = 1;

	constructor(now) {
		this.now = now;
	}

	setTimeout = (run, ms) => {
		if (!(ms >= 0 && ms < 2 ** 31)) throw new RangeError(`a browser would take ${ms} ms for 0`);
		this.#timers.set(this.#next, { at: this.now + ms, run });
		return this.#next++;
	};

	clearTimeout = (id) => this.#timers.delete(id);

	get pending() {
		return this.#timers.size;
	}

	/** Lets every promise that can settle do so. */
	async settle() {
		for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
	}

	async advance(ms) {
		const end = this.now + ms;
		for (;;) {
			await this.settle();
			const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
			if (!due) break;
			this.#timers.delete(due[0]);
			this.now = Math.max(this.now, due[1].at);
			due[1].run();
		}
		this.now = end;
		await this.settle();
	}
}

/** The window, or the document. */
class Target {
	listeners = new Map();
	visibilityState = 'visible';

	addEventListener(type, listener) {
		this.listeners.set(type, (this.listeners.get(type) ?? new Set()).add(listener));
	}

	removeEventListener(type, listener) {
		this.listeners.get(type)?.delete(listener);
	}

	get listening() {
		return [...this.listeners.values()].reduce((sum, { size }) => sum + size, 0);
	}

	fire(type) {
		for (const listener of this.listeners.get(type) ?? []) listener({ type });
	}
}

/** One client in a world that the test directs. */
export function world(options = {}) {
	const clock = new Clock(1_700_000_000_000);
	const sockets = [];
	const events = [];
	const asked = [];
	const network = new Target();
	const document = new Target();

	class Socket {
		readyState = 0;
		sent = [];

		constructor(url, protocols) {
			// As browsers do: a subprotocol is a token of RFC 9110, and a page of https opens no socket of ws.
			if (protocols.some((protocol) => !/^[\w.~!#$%&'*+^`|-]+$/.test(protocol))) throw new SyntaxError('invalid subprotocol');
			if (!/^wss?:\/\//.test(url)) throw new SyntaxError(`${url} is no URL of a WebSocket`);
			if (self.isSecure && url.startsWith('ws:')) throw new DOMException('insecure', 'SecurityError');
			Object.assign(this, { url, protocols });
			sockets.push(this);
		}

		send(text) {
			this.sent.push(JSON.parse(text));
		}

		close(code) {
			if (this.readyState >= 2) return;
			this.closedWith = code;
			this.readyState = 2;
			setImmediate(() => this.end());
		}

		// What the server does:
		accept() {
			this.readyState = 1;
			this.onopen?.({});
		}

		say(message) {
			this.onmessage?.({ data: typeof message === 'string' ? message : JSON.stringify(message) });
		}

		/** The connection is gone, was refused, or is closed with a code. */
		end(code = 1006) {
			if (this.readyState === 3) return;
			this.readyState = 3;
			this.onclose?.({ code });
		}
	}

	const self = {
		clock,
		sockets,
		events,
		asked,
		network,
		document,
		isSecure: false,
		random: 0.5,
		lifetime: 300,
		/** Replace to let the backend fail. */
		answer({ room } = { room: 'lobby' }) {
			const iat = Math.floor(clock.now / 1000);
			const exp = iat + self.lifetime;
			return { token: jwt(iat, exp, { n: asked.length, sub: room }), url: 'ws://127.0.0.1:1/dev', expires_at: exp };
		},
		fail(status, retryAfter) {
			self.answer = () => {
				throw new TokenError(status, `status ${status}`, retryAfter);
			};
		},
		get socket() {
			return sockets.at(-1);
		},
		get states() {
			return events.filter(([type]) => type === 'state').map(([, { state, reason }]) => `${state}:${reason}`);
		},
		of(wanted) {
			return events.filter(([type]) => type === wanted).map(([, detail]) => detail);
		},
		async open() {
			self.room.connect();
			await clock.settle();
			self.socket.accept();
			return self.socket;
		},
		/** Joins a room and lets the server agree. */
		async join(room) {
			const joined = self.room.join(room);
			await clock.settle();
			self.socket.say({ type: 'entered', room });
			await joined;
		},
	};

	self.room = new RoomConnection({
		room: 'lobby',
		fetchToken: async (request) => {
			asked.push(request);
			return self.answer(request);
		},
		...options,
		env: {
			WebSocket: Socket,
			setTimeout: clock.setTimeout,
			clearTimeout: clock.clearTimeout,
			now: () => clock.now,
			random: () => self.random,
			network,
			document,
		},
	});
	for (const type of ['state', 'token', 'message', 'expired', 'fault', 'room']) {
		self.room.addEventListener(type, ({ detail }) => events.push([type, detail]));
	}
	return self;
}

export const minutes = (n) => n * 60_000;
