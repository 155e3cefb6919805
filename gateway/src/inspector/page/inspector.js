// The page: listens to what happens, keeps the lines and the connections up to date, and does what is asked of it.
import { details } from './details.js';
import { byId, clock, duration, element } from './dom.js';
import { setUpFaults } from './faults.js';
import { Model, part, summary } from './model.js';

/** How many ended connections are listed. */
const MAX_ENDED = 50;

const model = new Model();
const timeline = byId('timeline');
/** @type {Map<object, HTMLLIElement>} */
const rows = new Map();
let state = { url: '', open: 0, connections: [], functions: [] };
let run = '';
/** The connection whose lines are shown, or '' for all. */
let connection = '';
/** The line whose details are shown. */
let chosen;
/** What is shown instead of details. */
const hint = byId('details').firstElementChild;
/** The request id of an event that was sent again, until its line is there. */
let awaited;

// Lines

function render(line) {
	const { what, who, result, tone, took, words } = summary(line);
	const cells = [
		element('time', {}, clock(line.at)),
		element('code.connection', { title: line.connection }, line.connection && `${line.connection.slice(0, 6)}…`),
		element('span.what', {}, what),
		element('span.who', {}, who ?? ''),
		element(`span.result.${tone}`, {}, result),
		element('span.took', {}, duration(took), part(line, 'answered')?.cold ? element('i', { title: 'the first event of its process' }, ' cold') : ''),
		element('span.words', {}, words.slice(0, 300)),
	];
	let row = rows.get(line);
	if (!row) {
		row = element('li', {}, element('button.line', { type: 'button', tabindex: '-1', onclick: () => choose(line) }));
		rows.set(line, row);
		timeline.append(row);
	}
	row.className = tone;
	row.firstChild.replaceChildren(...cells);
	row.hidden = !isWanted(line);
	if (line === chosen) showDetails();
}

function isWanted(line) {
	if (connection && line.connection !== connection) return false;
	if (byId('failures').checked && summary(line).tone !== 'bad') return false;
	const filter = byId('filter').value.trim().toLowerCase();
	return !filter || JSON.stringify([line.entries, line.logs]).toLowerCase().includes(filter);
}

function refilter() {
	for (const [line, row] of rows) row.hidden = !isWanted(line);
	tidy();
	timeline.scrollTop = timeline.scrollHeight;
}

/** Drops the rows of forgotten lines, and sees that the list can be reached by Tab. */
function tidy() {
	for (const [line, row] of rows) {
		// The oldest are the first.
		if (!line.isGone) break;
		row.remove();
		rows.delete(line);
	}
	const shown = visible();
	byId('empty').hidden = shown.length > 0;
	byId('empty').textContent = rows.size > 0 ? 'No line is like this.' : 'Nothing yet. Connect a client to the URL above.';
	if (shown.length && !shown.some((button) => button.tabIndex === 0)) shown.at(-1).tabIndex = 0;
}

const visible = () => [...timeline.querySelectorAll('li:not([hidden]) > button')];

function choose(line) {
	chosen = line;
	for (const button of timeline.querySelectorAll('[aria-current]')) button.removeAttribute('aria-current');
	const row = rows.get(line);
	row?.firstChild.setAttribute('aria-current', 'true');
	if (row) reachable(row.firstChild);
	showDetails();
	byId('details').scrollTop = 0;
}

/** Makes this button the one that Tab leads to. */
function reachable(button) {
	for (const other of timeline.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
	button.tabIndex = 0;
}

function showDetails() {
	byId('details').replaceChildren(...details(chosen, { show: showOnly, choose: chooseAndShow, resend }));
}

function chooseAndShow(line) {
	choose(line);
	rows.get(line)?.scrollIntoView({ block: 'nearest' });
}

// Connections

function showOnly(id) {
	connection = id;
	showConnections();
	refilter();
}

function showConnections() {
	byId('open').textContent = `${state.open} open`;
	byId('url').textContent = state.url;
	const open = new Set(state.connections.map(({ id }) => id));
	const ended = [...model.handshakes.values()].filter((line) => part(line, 'handshake_answered') && !open.has(line.connection));
	const entry = (id, kind, ...about) => {
		const attributes = { type: 'button', 'data-id': id, 'aria-pressed': String(connection === id), onclick: () => showOnly(id) };
		return element(`li.${kind}`, {}, element('button', attributes, ...about));
	};
	const inside = byId('connections').contains(document.activeElement) && document.activeElement.dataset.id;
	byId('connections').replaceChildren(
		entry('', 'all', 'All'),
		...state.connections.map(({ id, connected_at: since, user_agent: agent }) =>
			entry(id, 'open', element('code', {}, id), element('small', {}, `since ${clock(since).slice(0, 8)}${agent ? `, ${agent}` : ''}`))),
		...ended.reverse().slice(0, MAX_ENDED).map((line) => {
			const { status } = part(line, 'handshake_answered');
			const how = status === 101 ? 'closed' : `refused, ${status}`;
			return entry(line.connection, 'ended', element('code', {}, line.connection), element('small', {}, how));
		}),
	);
	if (inside !== false) byId('connections').querySelector(`[data-id="${CSS.escape(inside)}"]`)?.focus();
}

let refresh;
/** Asks once for many changes. */
function refreshState() {
	refresh ??= setTimeout(async () => {
		refresh = undefined;
		try {
			state = await (await fetch('/api/state')).json();
			showConnections();
		} catch {
			// The gateway has ended: the event stream says so.
		}
	}, 50);
}

// The gateway

function listen() {
	const events = new EventSource('/api/events');
	const link = byId('link');
	events.onopen = () => {
		link.textContent = 'live';
		link.className = 'good';
		refreshState();
	};
	events.onerror = () => {
		link.textContent = 'the gateway is gone; waiting for it';
		link.className = 'bad';
	};
	events.onmessage = ({ data, lastEventId }) => {
		arrived.push([lastEventId.split('-')[0], JSON.parse(data)]);
		// A page that comes late gets much at once: it is laid out once, too.
		soon ??= setTimeout(takeIn, 20);
	};
}

let arrived = [];
let soon;

function takeIn() {
	soon = undefined;
	const isAtEnd = timeline.scrollHeight - timeline.scrollTop - timeline.clientHeight < 40;
	const changed = new Set();
	for (const [itsRun, entry] of arrived.splice(0)) {
		if (itsRun !== run) {
			clear();
			changed.clear();
		}
		run = itsRun;
		const line = model.add(entry);
		if (['handshake_answered', 'closed'].includes(entry.kind)) refreshState();
		if (!line) continue;
		changed.add(line);
		// What a call has answered and printed also says why its handshake was refused.
		const handshake = model.handshakes.get(line.connection);
		if (handshake?.calls.includes(line)) changed.add(handshake);
	}
	for (const line of changed) if (!line.isGone) render(line);
	tidy();
	if (awaited) chooseAwaited();
	if (isAtEnd) timeline.scrollTop = timeline.scrollHeight;
}

async function post(path, order) {
	const response = await fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(order) });
	const answer = await response.json();
	if (!response.ok) throw new Error(answer.message);
	return answer;
}

async function resend(entry) {
	try {
		awaited = (await post('/api/resend', { entry })).request_id;
		chooseAwaited();
	} catch (error) {
		byId('details').prepend(element('p.reason', { role: 'alert' }, error.message));
	}
}

function chooseAwaited() {
	const line = model.calls.get(awaited);
	if (!line) return;
	awaited = undefined;
	chooseAndShow(line);
	byId('details').focus({ preventScroll: true });
}

function clear() {
	model.clear();
	rows.clear();
	timeline.replaceChildren();
	chosen = undefined;
	connection = '';
	byId('details').replaceChildren(hint);
	showConnections();
	tidy();
}

// The person

const MOVES = {
	ArrowDown: (at) => at + 1,
	ArrowUp: (at) => at - 1,
	PageDown: (at) => at + 10,
	PageUp: (at) => at - 10,
	Home: () => 0,
	End: () => Infinity,
};

timeline.addEventListener('keydown', (event) => {
	const move = MOVES[event.key];
	if (!move) return;
	event.preventDefault();
	const buttons = visible();
	const to = Math.max(0, Math.min(buttons.length - 1, move(buttons.indexOf(document.activeElement))));
	reachable(buttons[to]);
	buttons[to].focus();
});

addEventListener('keydown', (event) => {
	if (event.key !== '/' || event.target.matches('input, select')) return;
	event.preventDefault();
	byId('filter').focus();
});

byId('filter').addEventListener('input', refilter);
byId('failures').addEventListener('change', refilter);
byId('clear').addEventListener('click', clear);
setUpFaults(post, () => ({ functions: state.functions, connections: state.connections.map(({ id }) => id), connection }));
showConnections();
listen();
