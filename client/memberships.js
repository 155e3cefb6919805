// The rooms that a connection is in beside that of its first token. Each has a token of its own, which is renewed, and
// expires, by itself.

import { endOf, finalReason } from './tokens.js';

/** A promise and the functions that settle it. Nobody has to wait for it. */
function deferred() {
	const made = /** @type {any} */ ({});
	made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
	made.promise.catch(() => {});
	return made;
}

export class Memberships {
	/**
	 * What the page asked for and has not left, by room. `ends` is the end of the token in force, 0 before the first;
	 * `here` says whether the connection in use is in the room; `offered` is a ticket that was sent and not yet answered.
	 */
	#all = new Map();
	/** What was left and not yet answered, by room. */
	#leaving = new Map();
	/** Rooms whose join was given up: whoever is let in after all leaves again. */
	#unwanted = new Set();
	#host;

	constructor(host) {
		this.#host = host;
	}

	get rooms() {
		return [...this.#all.keys()];
	}

	join(room) {
		let membership = this.#all.get(room);
		if (!membership) {
			membership = { room, ends: 0, here: false, offered: null, fetching: null, attempt: 0, asked: deferred() };
			this.#all.set(room, membership);
			this.#unwanted.delete(room);
			if (this.#host.isOpen()) this.#offer(membership, 'join');
		}
		return membership.asked.promise;
	}

	leave(room) {
		const membership = this.#all.get(room);
		if (!membership) return this.#leaving.get(room)?.promise;
		this.#forget(membership, 'requested');
		if (!membership.here || !this.#host.write({ action: 'leave', room })) return undefined;
		const leaving = deferred();
		this.#leaving.set(room, leaving);
		const silent = () => {
			this.#leaving.delete(room);
			leaving.reject(new Error('The server does not answer.'));
		};
		this.#host.after(`leave ${room}`, this.#host.options.answerWithin, silent);
		return leaving.promise;
	}

	renew(room) {
		const membership = this.#all.get(room);
		if (membership?.ends) this.#offer(membership, 'renew');
	}

	/** Enters all rooms over the connection that was just opened. */
	resume() {
		for (const membership of this.#all.values()) {
			membership.here = false;
			this.#offer(membership, 'join');
		}
	}

	/** The connection is gone, with its timers. */
	suspend() {
		for (const membership of this.#all.values()) {
			membership.here = false;
			this.#recall(membership);
		}
		for (const { resolve } of this.#leaving.values()) resolve();
		this.#leaving.clear();
		this.#unwanted.clear();
	}

	/** No connection will follow: nobody need wait any longer. */
	stop(reason) {
		for (const membership of [...this.#all.values()]) {
			if (!membership.ends) this.#forget(membership, reason);
		}
	}

	/** Sets the timers anew. */
	watch() {
		if (!this.#host.isOpen()) return;
		for (const membership of this.#all.values()) if (membership.ends) this.#watchLife(membership);
	}

	/** Takes an answer of the server. */
	receive(type, room, text) {
		const membership = this.#all.get(room);
		if (type === 'entered' && this.#unwanted.delete(room)) this.#host.write({ action: 'leave', room });
		if ((type === 'entered' || type === 'renewed') && membership?.offered) this.#inForce(membership, type);
		if (type === 'exited') {
			const leaving = this.#leaving.get(room);
			this.#leaving.delete(room);
			this.#host.cancel(`leave ${room}`);
			if (leaving) leaving.resolve();
			else if (membership?.ends) this.#forget(membership, 'removed');
		}
		if (type === 'error') {
			// An error does not say what it answers: with a single join under way it is taken for the answer to it.
			const asked = [...this.#all.values()].filter(({ ends, offered }) => !ends && offered);
			if (asked.length === 1) this.#failed(asked[0], new Error(text));
		}
	}

	/** Fetches a token and sends it. */
	async #offer(membership, action) {
		const { room } = membership;
		const { answerWithin } = this.#host.options;
		this.#recall(membership);
		const { signal } = (membership.fetching = new AbortController());
		const timeout = () => this.#host.after(`room ${room}`, answerWithin, () => this.#failed(membership));
		timeout();
		try {
			// Sent before the answer, a join might be overtaken by the leave.
			await this.#leaving.get(room)?.promise.catch(() => {});
			const ticket = await this.#host.ticket(room, signal);
			if (signal.aborted) return;
			membership.offered = ticket;
			// A token may be good for several rooms, such as an identity provider's.
			this.#host.write({ action, room, token: ticket.token });
			timeout();
		} catch (error) {
			if (!signal.aborted) this.#failed(membership, error ?? new Error('No token was given.'));
		}
	}

	#inForce(membership, type) {
		const { room, offered, ends, asked } = membership;
		Object.assign(membership, { ends: endOf(offered, this.#host.now()), here: true, offered: null, attempt: 0 });
		this.#watchLife(membership);
		asked.resolve();
		this.#host.emit('token', { room, token: offered.token, expiresAt: membership.ends, renewed: ends > 0 });
		if (type === 'entered') this.#host.emit('room', { room, joined: true, reason: 'requested' });
	}

	#watchLife(membership) {
		const { room, ends } = membership;
		const { options, now, renewIn } = this.#host;
		const over = () => {
			this.#host.emit('expired', { room, expiresAt: ends });
			this.#forget(membership, 'expired');
		};
		const renew = () => (options.renewal === 'reconnect' ? this.#host.replace() : this.#offer(membership, 'renew'));
		const left = ends - now();
		if (options.renewal === 'off') this.#host.after(`room ${room}`, left, over);
		else this.#host.after(`room ${room}`, renewIn(left), renew);
	}

	/** No token, or no good answer to it. A room that was entered before is tried again, unless the backend says no. */
	#failed(membership, error) {
		this.#recall(membership);
		const { room, ends, here } = membership;
		if (!ends) {
			this.#unwanted.add(room);
			return this.#forget(membership, 'refused', error ?? new Error('The server does not answer.'));
		}
		const final = finalReason(error);
		membership.attempt += 1;
		if (final) this.#host.after(`room ${room}`, here ? ends - this.#host.now() : 0, () => this.#forget(membership, final));
		// Whether a renewal was missed or refused, a join is right.
		else this.#host.after(`room ${room}`, this.#host.backoff(membership.attempt, error), () => this.#offer(membership, 'join'));
		if (error) this.#host.emit('fault', error);
	}

	#recall(membership) {
		membership.fetching?.abort();
		membership.offered = null;
	}

	#forget(membership, reason, error = new Error(`Not entered: ${reason}.`)) {
		const { room, ends, offered, asked } = membership;
		if (offered) this.#unwanted.add(room);
		this.#recall(membership);
		this.#host.cancel(`room ${room}`);
		this.#all.delete(room);
		if (ends) this.#host.emit('room', { room, joined: false, reason });
		else asked.reject(error);
	}
}
