import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeToken, tokenFrom, TokenError } from '../room-auth-client.js';
import { jwt, world } from './world.js';

test('it connects to the url it was given, with the token as second subprotocol', async () => {
	const w = world();
	const socket = await w.open();
	assert.equal(socket.url, 'ws://127.0.0.1:1/dev');
	assert.deepEqual(socket.protocols, ['room-auth', w.of('token')[0].token]);
	assert.deepEqual(w.states, ['connecting:requested', 'open:requested']);
	assert.equal(w.asked[0].room, 'lobby');
});

test('connecting twice makes one connection', async () => {
	const w = world();
	w.room.connect();
	w.room.connect();
	await w.clock.settle();
	w.socket.accept();
	w.room.connect();
	await w.clock.settle();
	assert.equal(w.sockets.length, 1);
});

test('messages arrive parsed, and as text when they are no JSON', async () => {
	const w = world();
	const socket = await w.open();
	socket.say({ type: 'joined', user: 'bob' });
	socket.say('not json');
	assert.deepEqual(w.of('message'), [{ type: 'joined', user: 'bob' }, 'not json']);
});

test('a message that arrives twice is handed on once', async () => {
	const w = world();
	const socket = await w.open();
	const message = { type: 'message', id: 'a', text: 'hi' };
	socket.say(message);
	socket.say(message);
	socket.say({ ...message, id: 'b' });
	assert.deepEqual(w.of('message').map((m) => m.id), ['a', 'b']);
});

test('what cannot be sent is said to be unsent', async () => {
	const w = world();
	assert.equal(w.room.send({ action: 'send', text: 'early' }), false);
	const socket = await w.open();
	assert.equal(w.room.send({ action: 'send', text: 'in time' }), true);
	socket.readyState = 2; // closing: the browser would drop it silently
	assert.equal(w.room.send({ action: 'send', text: 'late' }), false);
	assert.deepEqual(socket.sent, [{ action: 'send', text: 'in time' }]);
});

test('after close() nothing is left: no timer, no socket, no way back', async () => {
	const w = world();
	const socket = await w.open();
	w.room.close();
	await w.clock.settle();
	assert.equal(socket.closedWith, 1000);
	assert.equal(w.clock.pending, 0);
	assert.equal(w.network.listening + w.document.listening, 0);
	await w.clock.advance(10 * 60_000);
	assert.equal(w.sockets.length, 1);
	assert.deepEqual(w.states.at(-1), 'closed:requested');
});

test('close() while the token is fetched makes no connection', async () => {
	const w = world();
	w.room.connect();
	w.room.close();
	await w.clock.advance(60_000);
	assert.equal(w.sockets.length, 0);
	assert.equal(w.asked[0].signal.aborted, true);
});

test('it can connect again after close()', async () => {
	const w = world();
	await w.open();
	w.room.close();
	await w.open();
	assert.equal(w.room.state, 'open');
	assert.equal(w.sockets.length, 2);
});

test('tokenFrom posts the room and returns the answer', async () => {
	const calls = [];
	const fetch = async (...call) => {
		calls.push(call);
		return Response.json({ token: 't', url: 'u', expires_at: 1 });
	};
	const ticket = await tokenFrom('/api/token', { fetch, now: () => 0 })({ room: 'lobby', signal: undefined });
	assert.deepEqual(ticket, { token: 't', url: 'u', expires_at: 1, skew: 0 });
	assert.equal(calls[0][0], '/api/token');
	assert.equal(calls[0][1].method, 'POST');
	assert.equal(calls[0][1].body, '{"room":"lobby"}');
});

test('tokenFrom tells how far the server clock is off, and leaves small differences alone', async () => {
	const at = (date, now) =>
		tokenFrom('/t', { fetch: async () => Response.json({}, { headers: { date } }), now: () => now })({ room: 'r', signal: undefined });
	const date = 'Thu, 01 Jan 1970 01:00:00 GMT';
	assert.equal((await at(date, 0)).skew, 3_600_000);
	assert.equal((await at(date, 3_600_900)).skew, 0);
});

test('tokenFrom turns refusals into TokenErrors with status, message and wait', async () => {
	const fetch = async () => Response.json({ message: 'slow down' }, { status: 429, headers: { 'retry-after': '7' } });
	await assert.rejects(tokenFrom('/t', { fetch })({ room: 'r', signal: undefined }), (error) => {
		assert.ok(error instanceof TokenError);
		assert.deepEqual([error.status, error.message, error.retryAfter], [429, 'slow down', 7000]);
		return true;
	});
	const down = async () => {
		throw new TypeError('failed');
	};
	await assert.rejects(tokenFrom('/t', { fetch: down })({ room: 'r', signal: undefined }), { status: 0 });
	const html = async () => new Response('<h1>Bad gateway</h1>', { status: 502 });
	await assert.rejects(tokenFrom('/t', { fetch: html })({ room: 'r', signal: undefined }), { status: 502 });
});

test('decodeToken shows header and claims, in any alphabet, and null for what is no token', () => {
	const decoded = decodeToken(jwt(1, 2, { user: 'Zoë ✓' }));
	assert.equal(decoded.header.alg, 'RS256');
	assert.deepEqual(decoded.claims, { sub: 'lobby', iat: 1, exp: 2, user: 'Zoë ✓' });
	assert.equal(decoded.parts.length, 3);
	for (const bad of ['', 'a.b', 'a.b.c', '....', jwt(1, 2) + '.x']) assert.equal(decodeToken(bad), null, bad);
});

test('a listener may close the connection, whatever it hears', async () => {
	for (const heard of ['connecting', 'token', 'open', 'waiting', 'message', 'fault']) {
		const w = world();
		const close = ({ type, detail }) => [type, detail?.state].includes(heard) && w.room.close();
		for (const type of ['state', 'token', 'message', 'fault']) w.room.addEventListener(type, close);
		if (heard === 'fault') w.fail(500);
		w.room.connect();
		await w.clock.settle();
		w.socket?.accept();
		w.socket?.say({ type: 'joined' });
		w.socket?.end();
		await w.clock.advance(3_600_000);
		assert.equal(w.states.at(-1), 'closed:requested', heard);
		assert.equal(w.clock.pending, 0, heard);
		assert.ok(w.sockets.length <= 1, heard);
	}
});

test('a handshake that completes after close() is not taken', async () => {
	const w = world();
	w.room.connect();
	await w.clock.settle();
	w.room.close();
	w.socket.accept();
	w.socket.say({ type: 'joined' });
	assert.deepEqual([w.room.state, w.of('token').length, w.of('message').length], ['closed', 0, 0]);
});

test('what an old connection still says after close() is not heard', async () => {
	const w = world();
	const socket = await w.open();
	w.room.close();
	socket.say({ type: 'joined' });
	assert.deepEqual(w.of('message'), []);
});

test('only messages are told apart by id', async () => {
	const w = world();
	const socket = await w.open();
	for (const twice of [{ type: 'message', text: 'no id' }, { type: 'joined', id: 'a' }, { type: 'joined', id: 'a' }]) {
		socket.say(twice);
		socket.say(twice);
	}
	assert.equal(w.of('message').length, 6);
});

test('ids are not remembered for ever', async () => {
	const w = world();
	const socket = await w.open();
	for (let id = 0; id <= 512; id += 1) socket.say({ type: 'message', id: String(id) });
	socket.say({ type: 'message', id: '1' });
	assert.equal(w.of('message').length, 513);
	socket.say({ type: 'message', id: '0' });
	assert.equal(w.of('message').length, 514);
});

test('a token of sixty days is waited for', async () => {
	const w = world({ renewal: 'off', maxAge: Infinity, heartbeat: 0 });
	w.lifetime = 60 * 86_400;
	await w.open();
	await w.clock.advance((60 * 86_400 - 1) * 1000);
	assert.equal(w.of('expired').length, 0);
	await w.clock.advance(1000);
	assert.equal(w.of('expired').length, 1);
});
