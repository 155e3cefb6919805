// One room of the chat: what was said in it, who is there, what is written and not sent yet.
import { button, el, time } from '/dom.js';

function face(name) {
	const disc = el('span', { class: 'face', 'aria-hidden': true }, name.slice(0, 1));
	disc.style.setProperty('--hue', [...name].reduce((sum, letter) => sum * 31 + letter.codePointAt(0), 0) % 360);
	return disc;
}

/** A user, for a list. */
export const person = (name, ...more) => el('li', {}, face(name), ...more);

export class Room {
	list = el('ol');
	draft = '';
	/** Whether the connection is in it. */
	entered = false;
	members = new Set();
	/** What its token allows: without a list, everything. */
	can = undefined;
	#unread = 0;
	#chat;
	/** Sent, and not received from the server yet, oldest first: `{ words, item }`. */
	#pending = [];
	#asking = 0;

	/** @param chat knows the `user`, sends `send(message)`, shows `show(room)` and `present(room)` */
	constructor(name, chat) {
		this.name = name;
		this.#chat = chat;
		this.tab = button({ role: 'tab', id: `tab-${name}`, 'aria-controls': 'talk' }, () => chat.show(this));
		this.unread = 0;
	}

	get unread() {
		return this.#unread;
	}

	/** Marks the tab with the number of messages that were not looked at. */
	set unread(count) {
		this.#unread = count;
		this.tab.replaceChildren(this.name, ...(count ? [' ', el('b', {}, count, el('span', { class: 'out' }, ' unread'))] : []));
	}

	receive(message) {
		const { type, user, members } = message;
		if (type === 'message') this.#message(message);
		if (type === 'joined' && !this.members.has(user)) {
			this.notice(`${user} joined`);
			this.#present([...this.members, user]);
		}
		if (type === 'joined' || type === 'left') {
			// The same user may be here in another window too, which the list tells a moment later.
			clearTimeout(this.#asking);
			this.#asking = setTimeout(() => this.ask(), 1000);
		}
		if (type === 'members' && !this.#asking) {
			for (const name of this.members) if (!members.includes(name)) this.notice(`${name} left`);
			this.#present(members);
		}
		if (type === 'error' && this.#pending.length) this.#giveBack(this.#pending.shift());
		if (type === 'error' || !type) this.notice(`Server: ${message.message}`);
	}

	/** Asks who is there. */
	ask() {
		clearTimeout(this.#asking);
		// The connection may have died while the device slept: ask again later.
		const asked = !this.entered || this.#send({ action: 'members' });
		this.#asking = asked ? 0 : setTimeout(() => this.ask(), 1000);
	}

	/** @returns whether the text was sent */
	post(text) {
		if (!this.#send({ action: 'send', text })) return false;
		const item = this.#item({ user: this.#chat.user, text, at: Date.now() });
		item.classList.add('pending');
		this.#pending.push({ text, item });
		this.#append(item, true);
		return true;
	}

	/** The connection is out of it: what was sent may be lost. */
	exit() {
		this.entered = false;
		for (const pending of this.#pending.splice(0)) this.#giveBack(pending);
		this.#present([]);
	}

	notice(words) {
		this.#append(el('li', { class: 'notice' }, words));
	}

	#send(message) {
		return this.entered && this.#chat.send({ ...message, room: this.name });
	}

	#message(message) {
		const mine = message.user === this.#chat.user ? this.#pending.findIndex(({ text }) => text === message.text) : -1;
		if (mine < 0) this.#append(this.#item(message));
		else this.#pending.splice(mine, 1)[0].item.classList.remove('pending');
		if (!this.list.isConnected) this.unread += 1;
	}

	#giveBack({ text, item }) {
		item.classList.remove('pending');
		const again = button({ type: 'button' }, () => this.post(text) && item.remove(), 'Send again');
		item.append(el('p', { class: 'wrong' }, 'Perhaps not delivered. ', again));
	}

	#item({ user, text, at }) {
		const when = new Date(at);
		const by = el('p', { class: 'by' }, el('b', {}, user), el('time', { datetime: when.toISOString() }, time(when)));
		const item = person(user, by, el('p', { class: 'text' }, text));
		item.className = user === this.#chat.user ? 'message own' : 'message';
		return Object.assign(item, { user, when });
	}

	#append(item, scroll = false) {
		const { list } = this;
		const view = list.parentElement ?? {};
		const atEnd = view.scrollHeight - view.scrollTop - view.clientHeight < 40;
		const { user, when } = list.lastElementChild ?? {};
		item.classList.toggle('follows', Boolean(user) && user === item.user && item.when - when < 120_000);
		list.append(item);
		if (list.children.length > 500) list.firstElementChild.remove();
		if (atEnd || scroll) view.scrollTop = view.scrollHeight;
	}

	#present(names) {
		this.members = new Set(names);
		this.#chat.present(this);
	}
}
