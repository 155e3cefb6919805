// What an attacker would try. A browser cannot see the status of a refused handshake, so the backend makes each
// attempt over a real socket, and returns what the function logged.
import * as backend from '/backend.js';
import { $, button, el } from '/dom.js';

export class Attacks {
	/** `{ id, row, stamp, detail, toggle, run, refused }` */
	#all = [];

	constructor() {
		$('attack-all').onclick = async () => {
			$('attack-all').disabled = true;
			for (const attack of this.#all) {
				this.#open(attack, false);
				await this.#run(attack);
			}
			$('attack-all').disabled = false;
		};
	}

	async load() {
		if (this.#all.length) return;
		const list = await backend.attacks().catch(({ message }) => {
			$('attacks-sum').textContent = message;
			return [];
		});
		this.#all = list.map((attack) => this.#row(attack));
		$('attack-list').replaceChildren(...this.#all.map(({ row }) => row));
	}

	#row({ id, title, what, sent }) {
		const attack = { id, stamp: el('span', { class: 'stamp' }) };
		attack.detail = el('div', { class: 'detail', id: `attack-${id}` }, el('p', {}, `Sends ${sent}.`));
		attack.toggle = button(
			{ class: 'toggle', 'aria-controls': attack.detail.id },
			() => this.#open(attack, attack.detail.hidden),
			el('b', {}, title),
			el('span', {}, what),
		);
		const run = () => {
			this.#open(attack, true);
			this.#run(attack);
		};
		attack.run = button({ class: 'run', 'aria-label': `Run: ${title}` }, run, 'Run');
		attack.row = el('li', { 'data-attack': id }, attack.toggle, attack.stamp, attack.run, attack.detail);
		this.#open(attack, false);
		return attack;
	}

	#open({ detail, toggle }, open) {
		detail.hidden = !open;
		toggle.setAttribute('aria-expanded', open);
	}

	async #run(attack) {
		const { id, row, stamp, run, detail } = attack;
		row.dataset.state = 'running';
		stamp.textContent = '';
		run.disabled = true;
		try {
			const { sent, status, refused, reason } = await backend.attack(id);
			attack.refused = refused;
			row.dataset.state = refused ? 'refused' : 'accepted';
			stamp.textContent = `${status ?? ''} ${row.dataset.state}`;
			const saw = status ? `HTTP ${status}, with the same words for every reason.` : 'A refusal over the open connection.';
			detail.replaceChildren(
				el('h3', {}, 'Sent'),
				el('pre', { tabindex: 0, role: 'group', 'aria-label': 'What was sent' }, sent.join('\n')),
				el('h3', {}, 'The client saw'),
				el('p', {}, refused ? saw : 'An open door. This should not happen.'),
				el('h3', {}, 'The server’s log says'),
				el('p', {}, reason ?? 'Nothing: it went no further than the gateway.'),
			);
		} catch (error) {
			attack.refused = undefined;
			row.dataset.state = 'failed';
			stamp.textContent = 'not run';
			detail.replaceChildren(el('p', {}, error.message));
		}
		run.disabled = false;
		const count = (result) => this.#all.filter(({ refused }) => refused === result).length;
		const open = count(false);
		$('attacks-sum').textContent = open ? `${open} got in` : `${count(true)} of ${this.#all.length} refused`;
		$('attacks-sum').classList.toggle('wrong', open > 0);
	}
}
