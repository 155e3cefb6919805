// The details of a line: what came in, what went out, why, and what can be done about it.
import { clock, duration, element, size } from './dom.js';
import { parse, part, refusal, structured, summary } from './model.js';

/**
 * @param {import('./model.js').Line} line
 * @param {{ show: (connection: string) => void, choose: (line: object) => void, resend: (entry: number) => void }} actions
 * @returns {Node[]}
 */
export function details(line, actions) {
	const { what, who, result, tone, took } = summary(line);
	const cold = part(line, 'answered')?.cold;
	const title = element('h2', {}, `${what} `, who && element('span.who', {}, who), ' ', element(`span.result.${tone}`, {}, result));
	const facts = element('p.facts', {}, [clock(line.at), took !== undefined && duration(took), cold && 'cold start'].filter(Boolean).join(' · '));
	if (line.connection) {
		const only = element('button', { type: 'button', onclick: () => actions.show(line.connection) }, 'Only this connection');
		facts.append(' · ', element('code', {}, line.connection), ' ', only);
	}
	return [title, facts, ...(SECTIONS[line.kind] ?? (() => []))(line, actions)];
}

const SECTIONS = {
	handshake(line, { choose }) {
		const [asked, decided, answered] = ['handshake', 'decided', 'handshake_answered'].map((kind) => part(line, kind));
		const reason = refusal(line);
		const calls = line.calls.map((call) => {
			const { what, who, result, tone, took } = summary(call);
			const words = [`${what} `, element('span.who', {}, who), ' ', element(`span.result.${tone}`, {}, result), ` ${duration(took)}`];
			return element('li', {}, element('button', { type: 'button', onclick: () => choose(call) }, ...words));
		});
		return [
			reason && element('p.reason', {}, element('b', {}, 'Refused: '), reason),
			calls.length > 0 && element('h3', {}, 'Functions'),
			calls.length > 0 && element('ul.calls', {}, ...calls),
			...(reason ? log(line.calls.flatMap(({ logs }) => logs)) : []),
			asked && element('h3', {}, 'Request'),
			asked && element('pre', {}, `GET ${asked.uri}`),
			asked && element('p.facts', {}, `from ${asked.peer}`),
			asked && table(asked.headers),
			decided && element('h3', {}, `Authorizer: ${decided.decision.replace('_', ' ')}`),
			answered && element('h3', {}, `Response ${answered.status}`),
			answered && table(answered.headers),
			answered?.body.text && body(answered.body),
		].filter(Boolean);
	},
	call(line, { resend }) {
		const [invoked] = line.entries;
		const answered = part(line, 'answered');
		const event = parse(invoked.event.text);
		const message = event?.body;
		return [
			element('button.strong', { type: 'button', onclick: () => resend(invoked.number) }, 'Send this event again'),
			element('p.facts', {}, 'Exactly as it was, to the version that runs now. The client gets nothing of it.'),
			...(answered?.error ? [element('p.reason', {}, answered.error)] : []),
			...(message ? [element('h3', {}, 'Message'), element('pre', {}, pretty(message))] : []),
			...(answered?.answer ? [element('h3', {}, 'Answer'), body(answered.answer)] : []),
			...log(line.logs),
			element('h3', {}, 'Event'),
			body(invoked.event),
			element('p.facts', {}, `request id ${invoked.request_id}`),
		];
	},
	message_in: ({ entries: [entry] }) => [element('p.reason', {}, 'No route matches, so the client got the frame Forbidden.'), body(entry.body)],
	message_out: ({ entries: [entry] }) => [body(entry.body)],
	management_call({ entries: [{ posted, answer }] }) {
		const section = (name, of) => (of.bytes ? [element('h3', {}, name), body(of)] : []);
		return [...section('Posted', posted), ...section('Answer', answer)];
	},
	closed: ({ entries: [{ reason }] }) => [element('p', {}, reason || 'without a reason')],
	log: ({ entries: [entry] }) => [body(entry.text)],
	fault: ({ entries: [{ order }] }) => [element('pre', {}, pretty(JSON.stringify(order)))],
};

/** Indented if it is JSON. */
function pretty(text) {
	const json = parse(text);
	return json !== null && typeof json === 'object' ? JSON.stringify(json, null, 2) : text;
}

function body({ text, bytes, is_cut: isCut }) {
	const shown = element('pre', { tabindex: '0' }, pretty(text) || ' ');
	return isCut ? element('div', {}, shown, element('p.facts', {}, `the beginning of ${size(bytes)}`)) : shown;
}

function log(logs) {
	if (!logs.length) return [];
	return [element('h3', {}, 'Log'), element('pre.log', { tabindex: '0' }, logs.map((entry) => structured(entry) ?? entry.text.text).join('\n'))];
}

function table(headers) {
	const rows = headers.map(([name, value]) => element('tr', {}, element('th', { scope: 'row' }, name), element('td', {}, value)));
	return element('table', {}, element('tbody', {}, ...rows));
}
