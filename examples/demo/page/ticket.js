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
	#room = '';
	#ends = 0;
	#life = 1;
	#renewals = 0;
	#burn = null;

	/** @param {() => void} switched called when renewal is switched on or off */
	constructor(switched) {
		$('renewal').onchange = switched;
		$('renew').onclick = () => this.#connection.renew();
		setInterval(() => this.#tick(), 1000);
	}

	get renewing() {
		return $('renewal').checked;
	}

	attach(connection, room) {
		this.#room = room;
		this.#connection = connection;
		this.#ends = 0;
		pass.dataset.state = 'none';
		on(connection, 'token', (detail) => this.#show(detail));
		on(connection, 'state', ({ state, reason }) => {
			$('renew').disabled = state !== 'open';
			if (reason === 'revoked') this.#stamp('Revoked');
		});
		this.#tick();
	}

	#show({ token, expiresAt, renewed }) {
		const { header, claims, parts } = decodeToken(token);
		this.#renewals = renewed ? this.#renewals + 1 : 0;
		this.#ends = expiresAt;
		this.#life = (claims.exp - claims.iat) * 1000;
		$('pass-user').textContent = claims.user ?? 'the bearer';
		$('pass-room').textContent = this.#room;
		this.#list('pass-header', header);
		this.#list('pass-claims', claims);
		this.#list('pass-key', { key: header.kid === this.key.kid ? this.key.name : 'unknown' });
		$('raw').replaceChildren(...parts.flatMap((part, n) => [n ? '.' : '', el('span', { class: `part${n}` }, part)]));

		this.#burn?.cancel();
		const left = Math.max(expiresAt - Date.now(), 0);
		const from = `scaleX(${Math.min(left / this.#life, 1)})`;
		this.#burn = $('life').firstChild.animate({ transform: [from, 'scaleX(0)'] }, { duration: left, fill: 'forwards' });
		this.#tick();
		if (renewed) this.#stamp('Renewed');
		else stamp.hidden = true;
	}

	#tick() {
		if (!this.#ends) return;
		const left = Math.max(Math.ceil((this.#ends - Date.now()) / 1000), 0);
		const state = !left ? 'over' : left * 5000 < this.#life ? 'ending' : 'live';
		if (state === 'over' && pass.dataset.state !== 'over') this.#stamp('Expired');
		if (state !== 'over' && pass.dataset.state === 'over') stamp.hidden = true;
		pass.dataset.state = state;
		$('life').setAttribute('aria-valuenow', Math.round((left * 100_000) / this.#life));
		$('life').setAttribute('aria-valuetext', `${left} seconds`);
		$('life-left').textContent = left ? span(left) : 'Run out';
		const renewed = this.#renewals && `left, renewed ${this.#renewals === 1 ? 'once' : `${this.#renewals} times`}`;
		$('life-note').textContent = left ? renewed || 'left' : `at ${time(this.#ends)}`;
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
