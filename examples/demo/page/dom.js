export const $ = (id) => document.getElementById(id);

/** Makes an element: `el('p', { class: 'x' }, 'text', child)`. Text never becomes markup. */
export function el(name, attributes = {}, ...children) {
	const element = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
	element.append(...children);
	return element;
}

/** A button that does something. */
export function button(attributes, run, ...children) {
	const element = el('button', attributes, ...children);
	element.onclick = run;
	return element;
}

export const on = (connection, type, run) => connection.addEventListener(type, ({ detail }) => run(detail));

export const time = (ms) => new Date(ms).toLocaleTimeString('en-GB');

export const still = () => document.hidden || matchMedia('(prefers-reduced-motion)').matches;
