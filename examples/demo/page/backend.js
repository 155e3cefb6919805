// The backend's endpoints.

/** @throws {Error} with a message for the visitor, when the backend did not do as asked */
async function call(method, path, body) {
	const headers = { 'content-type': 'application/json' };
	const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) }).catch(() => {
		throw new Error('The demo does not answer. Is it still running?');
	});
	const answer = await response.json().catch(() => null);
	if (!response.ok) throw new Error(answer?.message ?? `The demo answered ${response.status}.`);
	return answer;
}

export const login = (user, password) => call('POST', '/api/login', { user, password });
export const logout = () => call('POST', '/api/logout');
export const logoutEverywhere = () => call('POST', '/api/logout-everywhere');
export const whoIsOut = () => call('GET', '/api/put-out');
export const putOut = (user) => call('POST', '/api/put-out', { user });
export const letIn = (user) => call('POST', '/api/let-in', { user });
export const session = () => call('GET', '/api/session');
export const key = () => call('GET', '/api/key');
export const mode = () => call('GET', '/api/mode');
export const attacks = () => call('GET', '/api/attacks');
export const attack = (id) => call('POST', `/api/attacks/${id}`);
export const events = () => new EventSource('/api/events');
