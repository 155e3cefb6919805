// Draws the way of a request as a railway line, and lists the last requests on a departures board.
import { $, button, el, still, time } from '/dom.js';

/** The steps in order, each with the station that shows its time. */
const STEPS = {
	revocation: 'backend', token: 'backend', handshake: 'gateway', authorizer: 'authorizer', function: 'function', dynamodb: 'dynamodb',
	management: 'management', 'frame-out': 'browser', close: 'browser',
};
const ORDER = Object.keys(STEPS);
/** Name and place; a fourth value moves the label out of the way of a line. */
const STATIONS = {
	backend: ['Backend', 64, 186], browser: ['Browser', 64, 104], gateway: ['Gateway', 270, 104, -1],
	authorizer: ['Authorizer', 385, 44], function: ['Function', 500, 104, 1], management: ['@connections', 385, 186],
	dynamodb: ['DynamoDB', 690, 104],
};
const LINES = {
	token: 'M64 104L64 186', handshake: 'M64 100L270 100', 'frame-out': 'M270 108L64 108',
	authorizer: 'M270 104L318 56Q330 44 347 44L385 44', via: 'M385 44L423 44Q440 44 452 56L500 104',
	function: 'M270 104L500 104', dynamodb: 'M500 104L690 104',
	management: 'M500 104L440 170Q428 182 411 182L359 182Q342 182 330 170L270 104',
	// What a backend does beside the functions, when it revokes a user.
	'revoke-management': 'M64 190L385 190', 'revoke-dynamodb': 'M64 190L596 190Q613 190 625 178L690 104',
};
/** The same line for a phone, from top to bottom. */
const turned = (x, y) => [y * 1.5 + 8, x * 0.62];

const svg = (name, attributes, ...children) => {
	const element = document.createElementNS('http://www.w3.org/2000/svg', name);
	for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
	element.append(...children);
	return element;
};
function lineOf(step, steps) {
	if (step === 'function' && steps.has('authorizer')) return 'via';
	if (step === 'close') return 'frame-out';
	const revoking = `revoke-${step}`;
	return steps.has('revocation') && revoking in LINES ? revoking : step;
}

const ms = (value) => (value ? `${value < 10 ? value.toFixed(1) : Math.round(value)} ms` : '');

export class Picture {
	#mode;
	#stations = {};
	#lines = {};
	#train;
	#narrow = matchMedia('(max-width: 719px)');
	/** Requests that may have further steps, by id. */
	#open = new Map();
	#waiting = [];
	#playing = false;

	constructor() {
		this.#narrow.onchange = () => this.draw(this.#mode);
		for (let row = 0; row < 5; row += 1) $('departures').append(el('tr', {}, el('td', { colspan: 5 })));
	}

	draw(mode) {
		this.#mode = mode;
		const down = this.#narrow.matches;
		const absent = [...(mode.authorizer ? [] : ['authorizer', 'via']), ...(mode.chat ? [] : ['dynamodb', 'management', 'revoke-dynamodb', 'revoke-management'])];
		const shown = ([name]) => !absent.includes(name);
		const lines = Object.entries(LINES).filter(shown).map(([name, d]) => {
			const path = down ? d.replace(/(\d+) (\d+)/g, (_, x, y) => turned(x, y).join(' ')) : d;
			return (this.#lines[name] = svg('path', { d: path, class: name }));
		});
		const stations = Object.entries(STATIONS).filter(shown).map(([name, [words, left, top, off = 0]]) => {
			const [x, y] = down ? turned(left, top) : [left, top];
			const aside = down ? (name === 'backend' ? 'start' : 'end') : name === 'backend' ? 'start' : 'middle';
			const dx = { start: 18, end: -18, middle: 24 * off }[aside];
			const dy = aside === 'middle' ? -36 : down ? 16 * off - 2 : -32;
			const label = { x: x + dx, y: y + dy, 'text-anchor': aside };
			const took = svg('text', { ...label, y: y + dy + 16, class: 'took' });
			const group = svg('g', {}, svg('circle', { cx: x, cy: y, r: 10 }), svg('text', label, words), took);
			this.#stations[name] = { group, took };
			return group;
		});
		this.#train = svg('circle', { r: 6, class: 'train' });
		const viewBox = down ? '-22 10 397 444' : mode.authorizer ? '10 -8 734 218' : '10 50 734 156';
		$('map').replaceChildren(
			svg('svg', { viewBox, 'aria-hidden': true }, ...lines, ...stations, this.#train),
			el('p', { id: 'note' }, 'The way of a request. Slowed down, or you would not see it.'),
		);
	}

	/** Shows where a $connect goes, before there is one. */
	tour() {
		const steps = ['token', 'handshake', 'function', 'dynamodb'].map((step) => [step, { count: 1 }]);
		this.#play({ route: 'Each connection', status: 0, steps: new Map(steps) });
	}

	/** Takes one observed step. Its request is shown once no further step comes for a moment. */
	observe({ at, request: id, route, step, ms: took, status, reason }) {
		const key = id ?? `${step} ${at}`;
		const request = this.#open.get(key) ?? { at, route, steps: new Map() };
		this.#open.set(key, request);
		const known = request.steps.get(step);
		request.steps.set(step, {
			count: (known?.count ?? 0) + 1,
			took: Math.max(known?.took ?? 0, took ?? 0),
			status: Math.max(known?.status ?? 0, status ?? 0),
			reason: known?.reason ?? reason,
		});
		clearTimeout(request.timer);
		request.timer = setTimeout(() => {
			this.#open.delete(key);
			// Sorted, in whatever order the steps were observed.
			request.steps = new Map([...request.steps].sort(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b)));
			const all = [...request.steps.values()];
			request.status = Math.max(...all.map((each) => each.status));
			request.reason = all.find((each) => each.reason)?.reason ?? '';
			request.route ??= step;
			this.#depart(request);
			this.#play(request);
		}, 150);
	}

	async #play(request) {
		this.#waiting.push(request);
		// In a busy room the latest request is shown, not a backlog.
		if (this.#waiting.length > 3) this.#waiting.shift();
		if (this.#playing) return;
		this.#playing = true;
		while (this.#waiting.length) await this.#show(this.#waiting.shift());
		this.#playing = false;
	}

	async #show({ route, steps, status, reason }) {
		const refused = status >= 400;
		for (const { group, took } of Object.values(this.#stations)) {
			group.setAttribute('class', '');
			took.textContent = '';
		}
		const words = [...steps].map(([step, { took }]) => `${step} ${ms(took)}`.trim()).join(', ');
		$('note').textContent = refused ? `${route}: ${status} ${reason}` : `${route}: ${words}`;
		$('note').classList.toggle('bad', refused);

		if (!['revocation', 'token', 'handshake', 'close'].some((step) => steps.has(step))) await this.#ride('handshake', 'gateway');
		for (const [step, { count, took, status: own }] of steps) {
			const station = STEPS[step];
			await this.#ride(lineOf(step, steps), station, own >= 400);
			const words = step === 'close' ? 'closed' : ms(took) + (count > 1 ? ` ×${count}` : '');
			if (this.#stations[station]) this.#stations[station].took.textContent = words;
		}
		if (steps.has('handshake') && !steps.has('frame-out')) {
			await this.#ride('frame-out', 'browser', refused);
			this.#stations.browser.took.textContent = status || '';
		}
	}

	/** Lets the train take a line and lights the station at its end. */
	async #ride(name, station, bad) {
		const line = this.#lines[name];
		const train = this.#train;
		if (line && !still()) {
			train.setAttribute('class', bad ? 'train bad' : 'train');
			train.style.offsetPath = `path('${line.getAttribute('d')}')`;
			const duration = this.#waiting.length ? 130 : 280;
			const way = { offsetDistance: ['0%', '100%'], visibility: ['visible', 'visible'] };
			await train.animate(way, { duration, easing: 'ease-in-out' }).finished;
		}
		this.#stations[station]?.group.setAttribute('class', bad ? 'bad' : 'lit');
	}

	/** Puts a request on the board. */
	#depart(request) {
		const { at, route, steps, status, reason } = request;
		const took = (step) => steps.get(step)?.took ?? 0;
		const own = (step) => {
			// The time of a function does not include the calls that it waited for, nor the gateway.
			if (step === 'function') return Math.max(took(step) - took('dynamodb') - took('management'), 0);
			return ['handshake', 'revocation'].includes(step) ? 0 : took(step);
		};
		const parts = [...steps.keys()].map((step) => [step, own(step)]).filter(([, value]) => value);
		const bars = parts.map(([step, value]) => {
			const bar = el('i', { class: step });
			bar.style.flexGrow = value * 100;
			return bar;
		});
		const total = took('handshake') || took('function') || took('revocation') || parts.reduce((sum, [, value]) => sum + value, 0);
		const cells = [
			time(at),
			button({}, () => this.#play(request), route),
			el('div', { role: 'img', title: parts.map(([step, value]) => `${step} ${ms(value)}`).join(', ') }, ...bars),
			ms(total),
			steps.has('close') ? 'closed' : status || 'sent',
		];
		const row = el('tr', { class: status >= 400 ? 'bad' : '', title: reason }, ...cells.map((cell) => el('td', {}, cell)));
		$('departures').prepend(row);
		$('departures').lastElementChild.remove();
	}
}
