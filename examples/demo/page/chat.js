// The conversation in one room: messages, presence, the connection, what is not sent yet.
import { $, button, el, on, time } from '/dom.js';

/** The longest message that the chat accepts, in bytes of UTF-8. */
const LONGEST = 4096;
const HINT = 'Enter sends, Shift+Enter breaks the line.';
/** Why the server ended a connection on purpose. Only the visitor can enter again. */
const PUT_OUT = {
	expired: 'Closed by the server: token expired',
	revoked: 'Closed by the server: your tokens were revoked',
	removed: 'Closed by the server: you were removed from the room',
};
const size = (text) => new TextEncoder().encode(text).length;
const log = $('log');
const text = $('text');

function face(name) {
	const disc = el('span', { class: 'face', 'aria-hidden': true }, name.slice(0, 1));
	disc.style.setProperty('--hue', [...name].reduce((sum, letter) => sum * 31 + letter.codePointAt(0), 0) % 360);
	return disc;
}

export class Chat {
	#user = '';
	#room = '';
	#talks = true;
	#connection = null;
	/** Sent, and not received from the server yet, oldest first: `{ words, item }`. */
	#pending = [];
	#members = new Set();
	#asking = 0;
	#logs = new Map();
	#drafts = new Map();

	constructor() {
		$('composer').onsubmit = (event) => {
			event.preventDefault();
			this.#send();
		};
		text.onkeydown = (event) => {
			if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
			event.preventDefault();
			this.#send();
		};
		text.oninput = () => {
			this.#drafts.set(this.#room, text.value);
			this.#hint(HINT);
		};
		$('link-action').onclick = () => {
			if (this.#connection.state === 'open') this.#connection.close();
			else this.#connection.connect();
		};
	}

	/** @param {boolean} talks whether there is a chat, or only a $connect */
	start(user, talks) {
		this.#user = user;
		this.#talks = talks;
		this.#room = '';
		this.#logs.clear();
		this.#drafts.clear();
		this.#hint(HINT);
	}

	/** Shows another connection and its room. */
	attach(connection) {
		this.#unsent();
		if (this.#room) this.#logs.set(this.#room, [...log.children]);
		this.#connection = connection;
		this.#room = connection.room;
		log.replaceChildren(...(this.#logs.get(this.#room) ?? []));
		text.value = this.#drafts.get(this.#room) ?? '';
		text.placeholder = `Message to ${this.#room}`;
		on(connection, 'state', (detail) => this.#show(detail));
		// The room left behind may still send something.
		on(connection, 'message', (message) => connection === this.#connection && this.#receive(Object(message)));
		on(connection, 'fault', ({ message }) => this.#notice(message));
		on(connection, 'expired', () => {
			this.#notice('Your token has expired.');
			if (this.#talks) setTimeout(() => connection.ping(), 1000);
		});
	}

	#show({ state, reason, retryIn }) {
		const wait = Math.max(1, Math.round(retryIn / 1000));
		const [words, action] = {
			connecting: [`Connecting to ${this.#room}`, 'Connecting'],
			open: [`Connected to ${this.#room}`, 'Disconnect'],
			waiting: [`${reason === 'lost' ? 'Connection lost' : 'No connection'}, next try in ${wait} s`, 'Try now'],
			closed: [
				PUT_OUT[reason] ?? (reason === 'forbidden' ? 'No token for this room' : 'Not connected'),
				PUT_OUT[reason] ? 'Enter again' : 'Connect',
			],
		}[state];
		const press = $('link-action');
		$('link').dataset.state = state;
		$('link-text').textContent = words;
		press.textContent = action;
		press.disabled = state === 'connecting';
		if (state !== 'open') {
			this.#unsent();
			this.#present([]);
			return;
		}
		this.#hint(HINT);
		if (this.#talks) this.#ask();
		else this.#notice('The function let you in. It only answers $connect, so there is no one to talk to.');
	}

	#receive(message) {
		const { type, user } = message;
		if (type === 'message') this.#message(message);
		if (type === 'joined' && !this.#members.has(user)) {
			this.#notice(`${user} joined`);
			this.#present([...this.#members, user]);
		}
		if (type === 'joined' || type === 'left') {
			// The same user may be here in another window too, which the list tells a moment later.
			clearTimeout(this.#asking);
			this.#asking = setTimeout(() => this.#ask(), 1000);
		}
		if (type === 'members' && !this.#asking) {
			for (const name of this.#members) if (!message.members.includes(name)) this.#notice(`${name} left`);
			this.#present(message.members);
		}
		if (type === 'error' && this.#pending.length) this.#giveBack(this.#pending.shift());
		if (type === 'error' || !type) this.#notice(`Server: ${message.message}`);
	}

	#ask() {
		clearTimeout(this.#asking);
		// The connection may have died while the device slept: ask again later.
		const asked = this.#connection.send({ action: 'members' }) || this.#connection.state !== 'open';
		this.#asking = asked ? 0 : setTimeout(() => this.#ask(), 1000);
	}

	#send() {
		const words = text.value.trim();
		if (!words) return;
		if (size(words) > LONGEST) return this.#hint(`A message holds ${LONGEST} bytes at most. Yours is kept.`, true);
		if (!this.#post(words)) return this.#hint('Not connected. Your text is kept until you are.', true);
		text.value = '';
		text.oninput();
	}

	#post(words) {
		if (!this.#connection.send({ action: 'send', text: words })) return false;
		const item = this.#item({ user: this.#user, text: words, at: Date.now() });
		item.classList.add('pending');
		this.#pending.push({ words, item });
		this.#append(item, true);
		return true;
	}

	#message(message) {
		const mine = message.user === this.#user ? this.#pending.findIndex(({ words }) => words === message.text) : -1;
		if (mine < 0) this.#append(this.#item(message));
		else this.#pending.splice(mine, 1)[0].item.classList.remove('pending');
	}

	#unsent() {
		for (const pending of this.#pending.splice(0)) this.#giveBack(pending);
	}

	#giveBack({ words, item }) {
		item.classList.remove('pending');
		const again = button({ type: 'button' }, () => this.#post(words) && item.remove(), 'Send again');
		item.append(el('p', { class: 'wrong' }, 'Perhaps not delivered. ', again));
	}

	#item({ user, text: words, at }) {
		const when = new Date(at);
		const by = el('p', { class: 'by' }, el('b', {}, user), el('time', { datetime: when.toISOString() }, time(when)));
		const own = user === this.#user ? 'message own' : 'message';
		const item = el('li', { class: own }, face(user), by, el('p', { class: 'text' }, words));
		return Object.assign(item, { user, when });
	}

	#notice(words) {
		this.#append(el('li', { class: 'notice' }, words));
	}

	#append(item, scroll = false) {
		const view = log.parentElement;
		const atEnd = view.scrollHeight - view.scrollTop - view.clientHeight < 40;
		const { user, when } = log.lastElementChild ?? {};
		item.classList.toggle('follows', Boolean(user) && user === item.user && item.when - when < 120_000);
		log.append(item);
		if (log.children.length > 500) log.firstElementChild.remove();
		if (atEnd || scroll) view.scrollTop = view.scrollHeight;
	}

	#present(names) {
		this.#members = new Set(names);
		const members = [...this.#members].sort();
		const items = members.map((name) => el('li', {}, face(name), name === this.#user ? `${name} (you)` : name));
		$('members').replaceChildren(...items);
	}

	#hint(words, wrong = false) {
		const hint = $('composer-hint');
		hint.textContent = words;
		hint.classList.toggle('wrong', wrong);
	}
}
