// From the entries that the gateway tells to the lines that a person reads: a call of a function and its answer are one
// line, and so is a handshake with all that belongs to it.

/** How many lines are kept, as many as the gateway keeps entries. */
const MAX_LINES = 2000;

/** How many lines of a log are kept with a call. */
const MAX_LOGS = 200;

/**
 * @typedef {object} Line
 * @property {number} number of its first entry
 * @property {'handshake' | 'call' | 'message_in' | 'message_out' | 'management_call' | 'closed' | 'log' | 'fault'} kind
 * @property {number} at
 * @property {string} connection empty if it belongs to none
 * @property {any[]} entries what it is made of
 * @property {Line[]} calls of a handshake: what the authorizer and $connect did
 * @property {any[]} logs of a call: what the function has printed meanwhile
 * @property {boolean} isGone whether it is not kept any more
 */

export class Model {
	constructor() {
		this.clear();
	}

	clear() {
		/** @type {Line[]} */
		this.lines = [];
		/** @type {Map<string, Line>} calls by their request ids */
		this.calls = new Map();
		/** @type {Map<string, Line>} handshakes by their connections */
		this.handshakes = new Map();
	}

	/**
	 * Takes in an entry.
	 *
	 * @returns {Line | undefined} the line that has changed, or is new
	 */
	add(entry) {
		// The call of its route says the same.
		if (entry.kind === 'message_in' && entry.route) return undefined;
		const existing = this.#lineOf(entry);
		if (existing) {
			(entry.kind === 'log' ? existing.logs : existing.entries).push(entry);
			existing.logs.splice(0, Math.max(0, existing.logs.length - MAX_LOGS));
			return existing;
		}
		// The gateway does not keep the event any more.
		if (entry.kind === 'answered') return undefined;
		const kind = { invoked: 'call', decided: 'handshake', handshake_answered: 'handshake' }[entry.kind] ?? entry.kind;
		const line = { number: entry.number, kind, at: entry.at, connection: entry.connection, entries: [entry], calls: [], logs: [], isGone: false };
		if (kind === 'call') {
			this.calls.set(entry.request_id, line);
			const handshake = this.handshakes.get(entry.connection);
			if (handshake && !entry.resent && (!entry.route || entry.route === '$connect')) handshake.calls.push(line);
		}
		if (kind === 'handshake') this.handshakes.set(entry.connection, line);
		this.lines.push(line);
		for (const gone of this.lines.splice(0, Math.max(0, this.lines.length - MAX_LINES))) this.#forget(gone);
		return line;
	}

	#forget(line) {
		line.isGone = true;
		if (line.kind === 'call') this.calls.delete(line.entries[0].request_id);
		if (line.kind === 'handshake') this.handshakes.delete(line.connection);
	}

	#lineOf(entry) {
		switch (entry.kind) {
			case 'answered': return this.calls.get(entry.request_id);
			case 'decided': case 'handshake_answered': return this.handshakes.get(entry.connection);
			case 'log': return this.#callOf(entry);
			default: return undefined;
		}
	}

	/** The call that printed a line: the one it names, or else the last one of the function, if no other one runs. */
	#callOf({ function: name, text }) {
		const calls = [...this.calls.values()].filter(({ entries }) => entries[0].function === name);
		const named = calls.findLast(({ entries: [{ request_id }] }) => text.text.includes(request_id));
		const running = calls.filter((call) => !part(call, 'answered'));
		return named ?? (running.length > 1 ? undefined : running[0] ?? calls.at(-1));
	}
}

/** The entry of this kind that a line has. @param {Line} line */
export const part = (line, kind) => line.entries.find((entry) => entry.kind === kind);

/** JSON, or undefined. */
export function parse(text) {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

/** A line of a log in JSON, as loggers write it for CloudWatch, for people; or undefined. */
export function structured({ text: { text } }) {
	const json = parse(text);
	if (!json?.level) return undefined;
	const { timestamp, level, target, fields, span, spans, connection_id: connection, message = fields?.message, ...others } = json;
	const told = Object.entries({ ...others, ...fields, message: undefined }).filter(([, value]) => value !== undefined);
	const values = told.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
	return [level, message, ...values].filter(Boolean).join(' ');
}

/**
 * What a line says: a word for what it is, who did it, what came of it, and a few words of its content.
 *
 * @param {Line} line
 * @returns {{ what: string, who?: string, result: string, tone: 'good' | 'bad' | 'wait' | 'plain', took?: number, words: string }}
 */
export function summary(line) {
	const [entry] = line.entries;
	switch (line.kind) {
		case 'handshake': {
			const { status } = part(line, 'handshake_answered') ?? {};
			const words = refusal(line) ?? part(line, 'handshake')?.uri ?? '';
			return { what: 'handshake', result: status ? String(status) : '…', tone: !status ? 'wait' : status === 101 ? 'good' : 'bad', words };
		}
		case 'call': return callSummary(line);
		case 'message_in':
			return { what: 'message', result: 'no route', tone: 'bad', words: entry.body.text };
		case 'message_out':
			return { what: '→ client', result: '', tone: 'plain', words: entry.body.text };
		case 'management_call': {
			const { operation, status, posted } = entry;
			return { what: operation.toUpperCase(), result: String(status), tone: status < 400 ? 'good' : 'bad', words: posted.text };
		}
		case 'closed':
			return { what: 'closed', result: String(entry.code), tone: 'plain', words: entry.reason };
		case 'log':
			return { what: 'log', who: entry.function, result: '', tone: 'plain', words: entry.text.text };
		default: {
			const { fault, times, ms, function: name } = entry.order;
			const words = [fault, ms && `${ms} ms`, times && `× ${times}`].filter(Boolean).join(' ');
			return { what: 'fault', who: name ?? undefined, result: 'ordered', tone: 'wait', words };
		}
	}
}

function callSummary(line) {
	const [{ route, resent, function: who, event }] = line.entries;
	const answered = part(line, 'answered');
	const what = `${route ?? 'authorizer'}${resent ? ' again' : ''}`;
	const said = line.logs.map(structured).filter(Boolean).at(-1) ?? '';
	const words = parse(event.text)?.body ?? said;
	if (!answered) return { what, who, result: 'running', tone: 'wait', words };
	const { error, status, took_ms: took } = answered;
	if (error) return { what, who, result: 'error', tone: 'bad', took, words: error };
	if (!route) {
		const effect = parse(answered.answer.text)?.policyDocument?.Statement?.[0]?.Effect;
		return { what, who, result: effect ?? 'invalid', tone: effect === 'Allow' ? 'good' : 'bad', took, words };
	}
	if (!status) return { what, who, result: 'invalid', tone: 'bad', took, words: answered.answer.text };
	return { what, who, result: String(status), tone: status < 400 ? 'good' : 'bad', took, words };
}

/** Why a handshake was refused, or undefined. @param {Line} line */
export function refusal(line) {
	const answered = part(line, 'handshake_answered');
	if (!answered || answered.status === 101) return undefined;
	const decided = part(line, 'decided');
	switch (decided?.decision) {
		case 'no_identity': return 'an identity source of the authorizer is missing in the request, so it was not called';
		case 'unauthorized': return `the authorizer ${decided.function} failed with Unauthorized`;
		case 'deny': return `the policy of the authorizer ${decided.function} does not allow it`;
		case 'failed': {
			const error = line.calls.map((call) => part(call, 'answered')?.error).find(Boolean);
			return decided.reason ?? error ?? `the authorizer ${decided.function} failed`;
		}
	}
	const connect = line.calls.find(({ entries: [{ route }] }) => route === '$connect');
	const answer = connect && part(connect, 'answered');
	if (!answer) return parse(answered.body.text)?.message ?? 'refused by the gateway';
	if (answer.error) return answer.error;
	if (!answer.status) return `the answer of ${answer.function} is not a response: it needs a statusCode`;
	const said = connect.logs.map(structured).filter(Boolean).at(-1) ?? parse(answer.answer.text)?.body ?? '';
	return `$connect of ${answer.function} answered ${answer.status}${said && `: ${said}`}`;
}
