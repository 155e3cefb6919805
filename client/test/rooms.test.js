import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeToken } from '../room-auth-client.js';
import { minutes, world } from './world.js';

const of = (socket, wanted) => socket.sent.filter(({ action }) => action === wanted);
const rooms = (frames) => frames.map(({ token }) => decodeToken(token).claims.sub);

/** An open connection that is in the staff room, too. */
async function inTwo(options) {
	const w = world(options);
	const socket = await w.open();
	await w.join('staff');
	return { w, socket };
}

test('it joins with a token for that room over the same socket, and resolves once it is in', async () => {
	const w = world();
	const socket = await w.open();
	let settled = false;
	const joined = w.room.join('staff').then(() => (settled = true));
	await w.clock.settle();
	assert.equal(w.asked[1].room, 'staff');
	assert.deepEqual(socket.sent, [{ action: 'join', room: 'staff', token: socket.sent[0].token }]);
	assert.deepEqual(rooms(socket.sent), ['staff']);
	assert.equal(settled, false, 'not before the server agrees');
	socket.say({ type: 'entered', room: 'other' });
	await w.clock.settle();
	assert.equal(settled, false, 'nor by what is said of another room');
	socket.say({ type: 'entered', room: 'staff' });
	await joined;
	assert.deepEqual(w.of('room'), [{ room: 'staff', joined: true, reason: 'requested' }]);
	assert.deepEqual(w.of('token').map(({ room, renewed }) => [room, renewed]), [['lobby', false], ['staff', false]]);
	assert.deepEqual(w.room.rooms, ['lobby', 'staff']);
	assert.equal(w.sockets.length, 1);
});

test('joining twice, or the room it is in from the start, asks for nothing more', async () => {
	const { w, socket } = await inTwo();
	await w.room.join('staff');
	await w.room.join('lobby');
	assert.equal(of(socket, 'join').length, 1);
	assert.equal(w.asked.length, 2);
});

test('asked for before there is a connection, the room is joined once there is one', async () => {
	const w = world();
	const joined = w.room.join('staff');
	const socket = await w.open();
	await w.clock.settle();
	socket.say({ type: 'entered', room: 'staff' });
	await joined;
});

test('it leaves, resolves once it is out, and renews that room no more', async () => {
	const { w, socket } = await inTwo();
	let settled = false;
	const left = w.room.leave('staff').then(() => (settled = true));
	await w.clock.settle();
	assert.deepEqual(of(socket, 'leave'), [{ action: 'leave', room: 'staff' }]);
	assert.equal(settled, false);
	socket.say({ type: 'exited', room: 'staff' });
	await left;
	assert.deepEqual(w.of('room').at(-1), { room: 'staff', joined: false, reason: 'requested' });
	assert.deepEqual(w.room.rooms, ['lobby']);
	await w.clock.advance(280_000);
	assert.deepEqual(rooms(of(socket, 'renew')), ['lobby']);
	socket.end();
	await w.clock.advance(1_000);
	w.socket.accept();
	await w.clock.settle();
	assert.deepEqual(w.socket.sent, [], 'nor joined again after a reconnect');
});

test('a leave that is not answered is reported, and one cut short by the end of the connection is done', async () => {
	const { w } = await inTwo();
	const left = assert.rejects(w.room.leave('staff'), /does not answer/);
	await w.clock.advance(10_000);
	await left;
	await w.join('staff');
	const over = w.room.leave('staff');
	w.socket.end();
	await over;
	assert.deepEqual(w.room.rooms, ['lobby']);
});

test('back in after a leave: the join waits until the leave is answered', async () => {
	const { w, socket } = await inTwo();
	w.room.leave('staff');
	w.room.join('staff');
	await w.clock.settle();
	assert.deepEqual(socket.sent.map(({ action }) => action), ['join', 'leave']);
	socket.say({ type: 'exited', room: 'staff' });
	await w.clock.settle();
	assert.deepEqual(socket.sent.map(({ action }) => action), ['join', 'leave', 'join']);
	socket.say({ type: 'entered', room: 'staff' });
	assert.deepEqual(w.room.rooms, ['lobby', 'staff']);
});

for (const [row, spoil, pattern] of [
	['no right to the room', (w) => w.fail(403), /status 403/],
	['a backend that is away', (w) => w.fail(503), /status 503/],
	['a refusal by the server', (w) => w.clock.settle().then(() => w.socket.say({ type: 'error', message: 'not joined' })), /not joined/],
	['no answer', () => {}, /does not answer/],
	['a backend that hangs', (w) => (w.answer = () => new Promise(() => {})), /does not answer/],
	['the end of the connection', (w) => w.room.close(), /requested/],
	['a change of mind', (w) => w.room.leave('staff'), /requested/],
]) {
	test(`${row}: the join is rejected, and not tried again`, async () => {
		const w = world();
		await w.open();
		const joined = assert.rejects(w.room.join('staff'), pattern);
		await spoil(w);
		await w.clock.advance(10_000);
		await joined;
		assert.deepEqual(w.room.rooms, ['lobby']);
		assert.deepEqual(w.of('room'), [], 'it was never in');
		const asked = w.asked.length;
		await w.clock.advance(60_000);
		assert.equal(w.asked.length, asked);
	});
}

test('let in after it gave up, it leaves again', async () => {
	const w = world();
	const socket = await w.open();
	const joined = assert.rejects(w.room.join('staff'));
	await w.clock.advance(10_000);
	await joined;
	socket.say({ type: 'entered', room: 'staff' });
	assert.deepEqual(of(socket, 'leave'), [{ action: 'leave', room: 'staff' }]);
	assert.deepEqual(w.room.rooms, ['lobby']);
});

test('left while it is being joined again, it leaves as soon as it is in', async () => {
	const { w, socket } = await inTwo();
	socket.end();
	await w.clock.advance(1_000);
	w.socket.accept();
	await w.clock.settle();
	await w.room.leave('staff');
	assert.equal(of(w.socket, 'leave').length, 0, 'there is nothing to leave yet');
	w.socket.say({ type: 'entered', room: 'staff' });
	assert.equal(of(w.socket, 'leave').length, 1);
	assert.deepEqual(w.room.rooms, ['lobby']);
});

test('with two joins under way an error is not guessed to be about either', async () => {
	const w = world();
	const socket = await w.open();
	const both = [w.room.join('staff'), w.room.join('ops')];
	await w.clock.settle();
	socket.say({ type: 'error', message: 'a text has 4 KB at most' });
	for (const room of ['staff', 'ops']) socket.say({ type: 'entered', room });
	await Promise.all(both);
	assert.deepEqual(w.room.rooms, ['lobby', 'staff', 'ops']);
});

test('each room is renewed by its own timer, and an answer counts for its room only', async () => {
	const w = world();
	const socket = await w.open();
	await w.clock.advance(100_000);
	await w.join('staff');
	await w.clock.advance(167_000);
	assert.deepEqual(rooms(of(socket, 'renew')), ['lobby']);
	socket.say({ type: 'renewed', room: 'staff', expires_at: 0 });
	assert.equal(w.of('token').length, 2, 'staff has nothing to be answered');
	socket.say({ type: 'renewed', room: 'lobby', expires_at: 0 });
	await w.clock.advance(100_000);
	assert.deepEqual(rooms(of(socket, 'renew')), ['lobby', 'staff']);
	assert.equal(of(socket, 'renew')[1].room, 'staff', 'without a room, that of the connection is meant');
	socket.say({ type: 'renewed', room: 'lobby', expires_at: 0 });
	assert.equal(w.of('token').length, 3, 'lobby has nothing to be answered');
	socket.say({ type: 'renewed', room: 'staff', expires_at: 0 });
	assert.deepEqual(w.of('token').map(({ room, renewed }) => [room, renewed]), [['lobby', false], ['staff', false], ['lobby', true], ['staff', true]]);
	assert.equal(w.sockets.length, 1);
});

test('eight rooms stay alive for hours over one connection at a time', async () => {
	const w = world({ maxAge: Infinity });
	const socket = await w.open();
	const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
	const ends = new Map([['lobby', w.clock.now + 300_000]]);
	const send = socket.send.bind(socket);
	socket.send = (text) => {
		send(text);
		const { action, token, room = 'lobby' } = socket.sent.at(-1);
		if (action === 'ping') return socket.say({ type: 'pong' });
		const { sub, exp } = decodeToken(token).claims;
		if (action === 'renew') {
			assert.equal(sub, room);
			assert.ok(ends.get(room) > w.clock.now, `${room} was renewed too late`);
		}
		ends.set(sub, exp * 1000);
		queueMicrotask(() => socket.say({ type: action === 'join' ? 'entered' : 'renewed', room: sub }));
	};
	for (const name of names) await w.room.join(name);
	await w.clock.advance(minutes(180));
	assert.equal(w.sockets.length, 1);
	assert.deepEqual(w.room.rooms, ['lobby', ...names]);
	for (const [room, end] of ends) assert.ok(end > w.clock.now, room);
	assert.equal(w.of('room').length, names.length, 'entered once each');
});

test('a renewal that is not answered is followed by a join, and the lobby is not disturbed', async () => {
	const { w, socket } = await inTwo();
	await w.clock.advance(268_000);
	socket.say({ type: 'renewed', room: 'lobby', expires_at: 0 });
	socket.say({ type: 'error', message: 'not renewed' });
	await w.clock.advance(11_000);
	assert.equal(of(socket, 'join').length, 2);
	assert.equal(w.of('fault').length, 0);
	socket.say({ type: 'entered', room: 'staff' });
	assert.equal(w.sockets.length, 1);
	assert.deepEqual(w.states, ['connecting:requested', 'open:requested']);
});

test('a backend that is away at renewal is asked again, with waits', async () => {
	const { w, socket } = await inTwo();
	await w.room.renew();
	socket.say({ type: 'renewed', room: 'lobby', expires_at: 0 });
	const { answer } = w;
	w.answer = (request) => {
		if (request.room === 'lobby') return answer(request);
		throw Object.assign(new Error('away'), { status: 503 });
	};
	await w.clock.advance(285_000);
	const asked = w.asked.filter(({ room }) => room === 'staff').length;
	assert.ok(asked >= 4 && asked < 12, `${asked} attempts`);
	assert.ok(w.of('fault').length >= 3);
	w.answer = answer;
	await w.clock.advance(14_000);
	assert.deepEqual(rooms(of(socket, 'join')), ['staff', 'staff']);
	socket.say({ type: 'entered', room: 'staff' });
	w.fail(503);
	w.room.renew('staff');
	await w.clock.settle();
	const before = w.asked.length;
	await w.clock.advance(250);
	assert.equal(w.asked.length, before + 1, 'and the failures are forgotten');
});

for (const [status, reason] of [[401, 'unauthenticated'], [403, 'forbidden']]) {
	test(`refused a token with ${status}, the room lasts until the old one ends, and is left then`, async () => {
		const { w } = await inTwo();
		const { answer } = w;
		w.answer = (request) => {
			if (request.room === 'lobby') return answer(request);
			throw Object.assign(new Error('no'), { status });
		};
		await w.clock.advance(267_000);
		w.socket.say({ type: 'renewed', room: 'lobby', expires_at: 0 });
		await w.clock.advance(32_000);
		assert.deepEqual(w.room.rooms, ['lobby', 'staff']);
		await w.clock.advance(1_000);
		assert.deepEqual(w.of('room').at(-1), { room: 'staff', joined: false, reason });
		assert.equal(w.asked.filter(({ room }) => room === 'staff').length, 2);
		assert.equal(w.room.state, 'open');
	});
}

test('with renewal off a room runs out by itself', async () => {
	const w = world({ renewal: 'off' });
	await w.open();
	await w.clock.advance(100_000);
	w.lifetime = 60;
	await w.join('staff');
	await w.clock.advance(60_000);
	assert.deepEqual(w.of('expired').map(({ room }) => room), ['staff']);
	assert.deepEqual(w.of('room').at(-1), { room: 'staff', joined: false, reason: 'expired' });
	assert.equal(w.room.state, 'open');
});

test('renewal can be switched on while a room runs out', async () => {
	const { w, socket } = await inTwo({ renewal: 'off' });
	await w.clock.advance(100_000);
	w.room.renewal = 'in-band';
	await w.clock.advance(168_000);
	assert.deepEqual(rooms(of(socket, 'renew')).toSorted(), ['lobby', 'staff']);
});

test('a room can be renewed by hand', async () => {
	const { w, socket } = await inTwo();
	w.room.renew('staff');
	w.room.renew('elsewhere');
	await w.clock.settle();
	assert.deepEqual(of(socket, 'renew').map(({ room }) => room), ['staff']);
});

test('after a reconnect all rooms are joined again, each with a fresh token', async () => {
	const { w, socket } = await inTwo();
	await w.join('ops');
	const first = new Set(w.of('token').map(({ token }) => token));
	socket.end();
	await w.clock.advance(1_000);
	w.socket.accept();
	await w.clock.settle();
	assert.deepEqual(rooms(of(w.socket, 'join')), ['staff', 'ops']);
	for (const { token } of of(w.socket, 'join')) assert.equal(first.has(token), false);
	for (const room of ['staff', 'ops']) w.socket.say({ type: 'entered', room });
	assert.deepEqual(w.of('room').slice(2).map(({ room, joined }) => [room, joined]), [['staff', true], ['ops', true]]);
});

test('a right that was lost while away: the room is left, with the reason', async () => {
	const { w, socket } = await inTwo();
	socket.end();
	const { answer } = w;
	w.answer = (request) => {
		if (request.room === 'lobby') return answer(request);
		throw Object.assign(new Error('no'), { status: 403 });
	};
	await w.clock.advance(1_000);
	w.socket.accept();
	await w.clock.settle();
	await w.clock.advance(0);
	assert.deepEqual(w.of('room').at(-1), { room: 'staff', joined: false, reason: 'forbidden' });
	await w.clock.advance(minutes(5));
	assert.equal(w.asked.filter(({ room }) => room === 'staff').length, 2);
});

test('a move joins all rooms before the old connection is closed, and what both deliver comes once', async () => {
	const { w, socket: old } = await inTwo({ renewal: 'reconnect' });
	await w.clock.advance(268_000);
	assert.equal(w.sockets.length, 2, 'one move for both rooms');
	w.socket.accept();
	await w.clock.settle();
	assert.deepEqual(rooms(of(w.socket, 'join')), ['staff']);
	await w.clock.advance(5_000);
	assert.equal(old.readyState, 1);
	const message = { type: 'message', room: 'staff', id: 'a', text: 'hi' };
	old.say(message);
	w.socket.say({ type: 'entered', room: 'staff' });
	w.socket.say(message);
	assert.equal(w.of('message').filter(({ type }) => type === 'message').length, 1);
	await w.clock.advance(7_000);
	assert.equal(old.readyState, 3);
	assert.deepEqual([of(old, 'renew').length, of(old, 'leave').length], [0, 0]);
});

test('put out of a room by the server, it stays out of it, also after a reconnect', async () => {
	const { w, socket } = await inTwo();
	socket.say({ type: 'exited', room: 'staff' });
	assert.deepEqual(w.of('room').at(-1), { room: 'staff', joined: false, reason: 'removed' });
	socket.end();
	await w.clock.advance(minutes(1));
	w.socket.accept();
	await w.clock.settle();
	assert.deepEqual(w.socket.sent, []);
});

for (const [message, reason] of [['token expired', 'expired'], ['revoked', 'revoked']]) {
	test(`after the last word "${message}" it stays out of all rooms, until the page asks`, async () => {
		const { w, socket } = await inTwo();
		const late = assert.rejects(w.room.join('ops'), new RegExp(reason));
		socket.say({ message });
		await late;
		assert.equal(w.states.at(-1), `closed:${reason}`);
		assert.equal(w.clock.pending, 0, 'no timer of any room is left');
		const asked = w.asked.length;
		w.network.fire('online');
		await w.clock.advance(minutes(60));
		assert.deepEqual([w.sockets.length, w.asked.length], [1, asked]);
		await w.open();
		await w.clock.settle();
		assert.deepEqual(rooms(of(w.socket, 'join')), ['staff'], 'then it enters what was not left');
	});
}

test('what the server says of rooms over an old connection is not taken for the new one', async () => {
	const { w, socket: old } = await inTwo({ renewal: 'reconnect' });
	await w.clock.advance(268_000);
	w.socket.accept();
	await w.clock.settle();
	old.say({ type: 'exited', room: 'staff' });
	assert.deepEqual(w.room.rooms, ['lobby', 'staff']);
});
