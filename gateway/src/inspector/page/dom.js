// Making elements. Content is only ever set as text, so that nothing that passed through the gateway becomes markup.

/**
 * @param {string} name the element's name, with classes after dots: `span.status`
 * @param {Record<string, unknown>} attributes
 * @param {...(Node | string | null | undefined | false)} children
 */
export function element(name, attributes = {}, ...children) {
	const [tag, ...classes] = name.split('.');
	const made = document.createElement(tag);
	if (classes.length) made.className = classes.join(' ');
	for (const [key, value] of Object.entries(attributes)) {
		if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
		else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? '' : String(value));
	}
	made.append(...children.filter((child) => child || child === ''));
	return made;
}

/** @param {string} id */
export const byId = (id) => document.getElementById(id);

/** Local time with milliseconds. @param {number} at */
export function clock(at) {
	const time = new Date(at);
	const two = (number) => String(number).padStart(2, '0');
	return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** @param {number | undefined} ms */
export const duration = (ms) => (ms === undefined ? '' : ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`);

/** @param {number} bytes */
export const size = (bytes) => (bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KB`);
