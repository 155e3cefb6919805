// Shows the current token as a ticket: its claims, its signer and the time that is left.
import { decodeToken } from '/client/room-auth-client.js';
import { $, el, on, still, time } from '/dom.js';

/** 75 becomes `1:15 min`, 12 becomes `12 s`. */
const span = (s) => (s < 60 ? `${s} s` : `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')} min`);
const pass = $('pass');
const stamp = $('pass-stamp');

export class Ticket {
	/** The key that signs tokens: `{ kid, name }`. */
	key = {};
	#connection = null;
	/** The current token of each room: `{ token, ends, life, renewals }`. */
	#tokens = new Map();
	#room = '';
	#revoked = false;
	#burn = null;

	/** @param {() => void} switched called when renewal is switched on or off */
	constructor(switched) {
		$('renewal').onchange = switched;
		$('renew').onclick = () => this.#connection.renew(this.#room);
		setInterval(() => this.#tick(), 1000);
	}

	get renewing() {
		return $('renewal').checked;
	}

	attach(connection) {
		this.#connection = connection;
		this.#tokens.clear();
		on(connection, 'token', ({ room, token, expiresAt: ends, renewed }) => {
			const { iat, exp } = decodeToken(token).claims;
			const renewals = renewed ? this.#tokens.get(room).renewals + 1 : 0;
			this.#tokens.set(room, { token, ends, life: (exp - iat) * 1000, renewals });
			if (room !== this.#room) return;
			this.show(room);
			if (renewed) this.#stamp('Renewed');
		});
		on(connection, 'state', ({ state, reason }) => {
			$('renew').disabled = state !== 'open';
			this.#revoked = reason === 'revoked';
			if (this.#revoked) this.#stamp('Revoked');
		});
	}

	/** Shows the token for a room. */
	show(room) {
		this.#room = room;
		stamp.hidden = true;
		pass.dataset.state = 'none';
		if (!this.#tokens.has(room)) return;
		const { token, ends, life } = this.#tokens.get(room);
		const { header, claims, parts } = decodeToken(token);
		$('pass-user').textContent = claims.user ?? 'the bearer';
		$('pass-room').textContent = room;
		$('pass-can').textContent = claims.can ? `May only: ${claims.can.join(', ')}` : 'May do everything in it';
		this.#list('pass-header', header);
		this.#list('pass-claims', claims);
		this.#list('pass-key', { key: header.kid === this.key.kid ? this.key.name : 'unknown' });
		$('raw').replaceChildren(...parts.flatMap((part, n) => [n ? '.' : '', el('span', { class: `part${n}` }, part)]));

		this.#burn?.cancel();
		const left = Math.max(ends - Date.now(), 0);
		const from = `scaleX(${Math.min(left / life, 1)})`;
		this.#burn = $('life').firstChild.animate({ transform: [from, 'scaleX(0)'] }, { duration: left, fill: 'forwards' });
		this.#tick();
		if (this.#revoked) this.#stamp('Revoked');
	}

	#tick() {
		if (!this.#tokens.has(this.#room)) return;
		const { ends, life, renewals } = this.#tokens.get(this.#room);
		const left = Math.max(Math.ceil((ends - Date.now()) / 1000), 0);
		const state = !left ? 'over' : left * 5000 < life ? 'ending' : 'live';
		if (state === 'over' && pass.dataset.state !== 'over') this.#stamp('Expired');
		if (state !== 'over' && pass.dataset.state === 'over') stamp.hidden = true;
		pass.dataset.state = state;
		$('life').setAttribute('aria-valuenow', Math.round((left * 100_000) / life));
		$('life').setAttribute('aria-valuetext', `${left} seconds`);
		$('life-left').textContent = left ? span(left) : 'Run out';
		const renewed = renewals && `left, renewed ${renewals === 1 ? 'once' : `${renewals} times`}`;
		$('life-note').textContent = left ? renewed || 'left' : `at ${time(ends)}`;
	}

	/** Stamps the ticket. `Renewed` fades, the others stay. */
	#stamp(words) {
		stamp.textContent = words;
		stamp.hidden = false;
		if (!still()) stamp.animate({ opacity: [0, 1], scale: [1.6, 1] }, 160);
		if (words === 'Renewed') {
			stamp.animate({ opacity: [1, 0] }, { duration: 300, delay: 1800 }).onfinish = () => {
				stamp.hidden = stamp.textContent === 'Renewed';
			};
		}
	}

	#list(id, members) {
		const items = Object.entries(members).flatMap(([name, value]) => {
			const clock = ['iat', 'exp', 'nbf'].includes(name) ? el('span', {}, time(value * 1000)) : '';
			return [el('dt', {}, name), el('dd', {}, String(value), clock)];
		});
		$(id).replaceChildren(...items);
	}
}
