// The dialog that orders faults.
import { byId, element } from './dom.js';

const dialog = byId('faults');
const fields = ['function', 'connection', 'ms', 'times'];

/** @param {(path: string, order: object) => Promise<object>} post @param {() => { functions: string[], connections: string[], connection: string }} known */
export function setUpFaults(post, known) {
	byId('open-faults').addEventListener('click', () => {
		const { functions, connections, connection } = known();
		options(byId('fault-function'), functions);
		options(byId('fault-connection'), connections);
		if (connections.includes(connection)) byId('fault-connection').value = connection;
		byId('fault-error').textContent = '';
		show();
		dialog.showModal();
	});
	byId('fault').addEventListener('change', show);
	byId('close-faults').addEventListener('click', () => dialog.close());
	dialog.querySelector('form').addEventListener('submit', async (event) => {
		event.preventDefault();
		try {
			await post('/api/fault', order());
			dialog.close();
		} catch (error) {
			byId('fault-error').textContent = error.message;
		}
	});
}

const needed = () => byId('fault').selectedOptions[0].dataset.needs.split(' ');

/** Shows the fields that the chosen fault needs. */
function show() {
	for (const label of dialog.querySelectorAll('[data-field]')) {
		label.hidden = !needed().includes(label.dataset.field);
		// A hidden field that is required would hold the form.
		label.querySelector('input, select').disabled = label.hidden;
	}
}

function order() {
	const made = { fault: byId('fault').value };
	for (const field of fields.filter((name) => needed().includes(name))) {
		const { value, type } = byId(`fault-${field}`);
		made[field] = type === 'number' ? Number(value) : value;
	}
	return made;
}

function options(select, values) {
	const before = select.value;
	select.replaceChildren(...values.map((value) => element('option', {}, value)));
	if (values.includes(before)) select.value = before;
}
