// What a moderator may do: put users out, and let them in again.
import * as backend from '/backend.js';
import { $, button } from '/dom.js';
import { person } from '/room.js';

export class Moderation {
	#moderates = false;
	#report;

	/** @param {(words: string) => void} report called with what went wrong */
	constructor(report) {
		this.#report = report;
	}

	start(moderates) {
		this.#moderates = moderates;
		$('put-out').replaceChildren();
		if (moderates) this.#do(() => {});
	}

	/** @returns the button to put a user out, if that is allowed */
	putOut(name) {
		if (!this.#moderates) return [];
		return [button({ 'aria-label': `Put out ${name}` }, () => this.#do(() => backend.putOut(name)), 'Put out')];
	}

	/** Does it, and shows who is out then. */
	async #do(change) {
		try {
			await change();
			const { out } = await backend.whoIsOut();
			const letIn = (name) => button({ 'aria-label': `Let in ${name}` }, () => this.#do(() => backend.letIn(name)), 'Let in');
			$('put-out').replaceChildren(...out.map((name) => person(name, `${name} is out`, letIn(name))));
		} catch ({ message }) {
			this.#report(message);
		}
	}
}
