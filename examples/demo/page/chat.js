// The conversation: the rooms of one connection as tabs, the state of the connection, what is being written.
import { decodeToken } from '/client/room-auth-client.js';
import { $, button, el, on } from '/dom.js';
import { Moderation } from '/moderation.js';
import { Room, person } from '/room.js';

/** The longest message that the chat accepts, in bytes of UTF-8. */
const LONGEST = 4096;
const HINT = 'Enter sends, Shift+Enter breaks the line.';
const READ_ONLY = 'Your token does not allow you to send. The server refuses it, not this field: see the attacks.';
/** Why the server ended a connection on purpose. Only the visitor can enter again. */
const PUT_OUT = {
	expired: 'Closed by the server: token expired',
	revoked: 'Closed by the server: your tokens were revoked',
	removed: 'Closed by the server: you were removed from the room',
};
/** Why a room was left that the visitor did not leave. */
const LEFT = { expired: 'the token for it has expired', removed: 'the server took you out' };
const size = (words) => new TextEncoder().encode(words).length;
const log = $('log');
const text = $('text');
const tabs = $('rooms');

export class Chat {
	user = '';
	#choices = [];
	#talks = true;
	#connection = null;
	/** By name, also those that were left: what was said is kept. */
	#rooms = new Map();
	#shown = null;
	#moderation = new Moderation((words) => this.#shown.notice(words));
	#onShow;

	/** @param {(room: string) => void} onShow called when another room is shown */
	constructor(onShow) {
		this.#onShow = onShow;
		$('composer').onsubmit = (event) => {
			event.preventDefault();
			this.#submit();
		};
		text.onkeydown = (event) => {
			if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
			event.preventDefault();
			this.#submit();
		};
		text.oninput = () => {
			this.#shown.draft = text.value;
			this.#hint();
		};
		$('link-action').onclick = () => {
			if (this.#connection.state === 'open') this.#connection.close();
			else this.#connection.connect();
		};
		$('leave').onclick = () => {
			this.#connection.leave(this.#shown.name).catch(({ message }) => this.#shown.notice(message));
			this.#shown.tab.focus();
		};
		tabs.onkeydown = ({ key }) => {
			const all = [...tabs.children];
			const at = all.indexOf(this.#shown.tab);
			const next = { ArrowLeft: at - 1, ArrowRight: (at + 1) % all.length, Home: 0, End: -1 }[key];
			if (next === undefined) return;
			all.at(next).focus();
			all.at(next).click();
		};
	}

	/** @param {boolean} talks whether there is a chat, or only a $connect */
	start({ user, rooms, moderator }, talks) {
		this.user = user;
		this.#choices = rooms;
		this.#talks = talks;
		this.#rooms.clear();
		this.#moderation.start(talks && moderator);
	}

	/** Shows another connection and its rooms. */
	attach(connection) {
		this.#connection = connection;
		tabs.replaceChildren();
		this.#add(connection.room);
		this.show(this.#room(connection.room));
		on(connection, 'state', (detail) => this.#state(detail));
		on(connection, 'message', (message) => this.#receive(Object(message)));
		on(connection, 'fault', ({ message }) => this.#shown.notice(message));
		on(connection, 'token', ({ room, token }) => {
			this.#room(room).can = decodeToken(token).claims.can;
			this.#hint();
		});
		on(connection, 'expired', ({ room }) => {
			if (room !== connection.room) return;
			this.#room(room).notice('Your token has expired.');
			if (this.#talks) setTimeout(() => connection.ping(), 1000);
		});
		on(connection, 'room', ({ room, joined, reason }) => {
			if (joined) return this.#enter(room);
			this.#remove(room);
			if (reason !== 'requested') this.#shown.notice(`No longer in ${room}: ${LEFT[reason] ?? 'there is no other token for it'}.`);
		});
	}

	/** Shows a room. */
	show(room) {
		this.#shown = room;
		room.unread = 0;
		for (const tab of tabs.children) {
			tab.setAttribute('aria-selected', tab === room.tab);
			tab.tabIndex = tab === room.tab ? 0 : -1;
		}
		$('talk').setAttribute('aria-labelledby', room.tab.id);
		$('leave').hidden = room.name === this.#connection.room;
		$('leave').textContent = `Leave ${room.name}`;
		log.replaceChildren(room.list);
		log.scrollTop = log.scrollHeight;
		text.value = room.draft;
		text.placeholder = `Message to ${room.name}`;
		this.present(room);
		this.#hint();
		this.#onShow(room.name);
	}

	/** Shows who is in a room. */
	present(room) {
		if (room !== this.#shown) return;
		const members = [...room.members].sort().map((name) => {
			const own = name === this.user;
			return person(name, el('span', {}, own ? `${name} (you)` : name), ...(own ? [] : this.#moderation.putOut(name)));
		});
		$('members').replaceChildren(...members);
	}

	/** @returns whether it was sent */
	send(message) {
		return this.#connection.send(message);
	}

	#room(name) {
		if (!this.#rooms.has(name)) this.#rooms.set(name, new Room(name, this));
		return this.#rooms.get(name);
	}

	#enter(name) {
		this.#add(name);
		const room = this.#room(name);
		room.entered = true;
		room.ask();
		this.#link();
	}

	#add(name) {
		tabs.append(this.#room(name).tab);
		this.#offer();
	}

	#remove(name) {
		const room = this.#room(name);
		room.exit();
		room.tab.remove();
		if (room === this.#shown) this.show(this.#room(this.#connection.room));
		this.#offer();
		this.#link();
	}

	/** Offers the rooms that the connection is not in. */
	#offer() {
		const others = this.#choices.filter((name) => !this.#room(name).tab.isConnected);
		$('join').replaceChildren(...others.map((name) => button({}, () => this.#join(name), `Join ${name}`)));
	}

	async #join(name) {
		try {
			await this.#connection.join(name);
			this.show(this.#room(name));
			this.#shown.tab.focus();
		} catch ({ message }) {
			this.#shown.notice(message);
		}
	}

	#link(words = `Connected to ${this.#connection.rooms.join(' and ')}`) {
		$('link-text').textContent = words;
	}

	#state({ state, reason, retryIn }) {
		const wait = Math.max(1, Math.round(retryIn / 1000));
		const [words, action] = {
			connecting: [`Connecting to ${this.#connection.room}`, 'Connecting'],
			open: [undefined, 'Disconnect'],
			waiting: [`${reason === 'lost' ? 'Connection lost' : 'No connection'}, next try in ${wait} s`, 'Try now'],
			closed: [
				PUT_OUT[reason] ?? (reason === 'forbidden' ? 'No token for this room' : 'Not connected'),
				PUT_OUT[reason] ? 'Enter again' : 'Connect',
			],
		}[state];
		const press = $('link-action');
		$('link').dataset.state = state;
		this.#link(words);
		press.textContent = action;
		press.disabled = state === 'connecting';
		if (state !== 'open') for (const room of this.#rooms.values()) room.exit();
		else if (this.#talks) this.#enter(this.#connection.room);
		else this.#shown.notice('The function let you in. It only answers $connect, so there is no one to talk to.');
		this.#hint();
	}

	#receive(message) {
		// An error does not say which room it is about. A room that was just left may still send something.
		const room = message.room ? this.#rooms.get(message.room) : this.#shown;
		if (room?.tab.isConnected) room.receive(message);
	}

	#submit() {
		const words = text.value.trim();
		if (!words) return;
		if (size(words) > LONGEST) return this.#hint(`A message holds ${LONGEST} bytes at most. Yours is kept.`);
		if (!this.#shown.post(words)) return this.#hint('Not connected. Your text is kept until you are.');
		text.value = '';
		text.oninput();
	}

	#hint(wrong) {
		const { can } = this.#shown;
		const readsOnly = Boolean(can && !can.includes('send'));
		text.disabled = $('send').disabled = readsOnly;
		$('composer-hint').textContent = wrong ?? (readsOnly ? READ_ONLY : HINT);
		$('composer-hint').classList.toggle('wrong', Boolean(wrong));
	}
}
