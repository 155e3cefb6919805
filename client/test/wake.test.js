import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minutes, world } from './world.js';

const pings = (socket) => socket.sent.filter(({ action }) => action === 'ping').length;

/** Everything that tells of a device that woke, a page that is looked at again, or a network that is back. */
const WAKES = [['network', 'online'], ['network', 'pageshow'], ['document', 'visibilitychange'], ['document', 'resume']];

/** An open connection that died while the device slept, without a word. */
async function dead(target, type) {
	const w = world();
	const socket = await w.open();
	await w.clock.advance(minutes(2));
	w[target].fire(type);
	return { w, socket };
}

for (const [target, type] of WAKES) {
	test(`after ${type} a dead connection is found by a ping at once, and replaced`, async () => {
		const { w, socket } = await dead(target, type);
		assert.equal(pings(socket), 1, 'at once');
		await w.clock.advance(10_000);
		assert.equal(w.states.at(-1), 'waiting:lost');
		await w.clock.advance(500);
		assert.equal(w.sockets.length, 2);
		w.socket.accept();
		assert.equal(w.room.state, 'open');
		assert.equal(w.room.send({ n: 1 }), true);
	});

	test(`after ${type} a connection that lives is kept`, async () => {
		const { w, socket } = await dead(target, type);
		socket.say({ type: 'pong' });
		await w.clock.advance(60_000);
		assert.deepEqual([w.sockets.length, pings(socket), w.room.state], [1, 1, 'open']);
	});
}

test('nothing is said to be sent on a connection that may be dead, until it gives a sign of life', async () => {
	const { w, socket } = await dead('document', 'visibilitychange');
	assert.equal(w.room.send({ action: 'send', text: 'hello?' }), false);
	assert.deepEqual(socket.sent, [{ action: 'ping' }]);
	socket.say({ type: 'joined', user: 'bob' });
	assert.equal(w.room.send({ action: 'send', text: 'hello?' }), true);
});

test('several signs of one waking cost one ping', async () => {
	const { w, socket } = await dead('document', 'resume');
	for (const [target, type] of WAKES) w[target].fire(type);
	assert.equal(pings(socket), 1);
	await w.clock.advance(10_000);
	assert.equal(w.states.at(-1), 'waiting:lost', 'and do not put off the verdict');
});

test('a page that is hidden asks for nothing', async () => {
	const w = world();
	const socket = await w.open();
	w.document.visibilityState = 'hidden';
	w.document.fire('visibilitychange');
	assert.deepEqual(socket.sent, []);
	assert.equal(w.room.send({ n: 1 }), true);
});

test('without a heartbeat waking does not ping either', async () => {
	const w = world({ heartbeat: 0 });
	const socket = await w.open();
	w.network.fire('online');
	assert.deepEqual(socket.sent, []);
	assert.equal(w.room.send({ n: 1 }), true);
});

test('a token that ran out while the device slept is replaced by a new connection, not pinged with', async () => {
	const w = world();
	const old = await w.open();
	w.clock.now += minutes(60); // timers stand still meanwhile
	w.network.fire('online');
	w.document.fire('visibilitychange');
	await w.clock.settle();
	assert.deepEqual([w.sockets.length, old.sent.length, w.room.send({ n: 1 })], [2, 0, false]);
	// The server closes what has expired; that is no reason to stay out, with the next token at hand.
	old.say({ message: 'token expired' });
	assert.equal(w.room.state, 'open');
	w.socket.accept();
	old.end(1000);
	await w.clock.advance(2_000);
	assert.equal(w.room.state, 'open');
	assert.equal(w.room.send({ n: 1 }), true);
});

test('the connection that takes over from one in doubt is not in doubt', async () => {
	const w = world({ heartbeat: 0 });
	await w.open();
	w.clock.now += minutes(60);
	w.network.fire('online');
	await w.clock.settle();
	assert.equal(w.room.send({ n: 1 }), false);
	w.socket.accept();
	assert.equal(w.room.send({ n: 1 }), true);
});

test('without a network the sleeper does not pass for connected', async () => {
	const w = world();
	const { answer } = w;
	await w.open();
	w.clock.now += minutes(60);
	w.fail(0);
	w.document.fire('resume');
	await w.clock.settle();
	assert.equal(w.room.state, 'waiting');
	w.answer = answer;
	w.network.fire('online');
	await w.clock.settle();
	w.socket.accept();
	assert.equal(w.room.state, 'open');
});

test('a page that is looked at while it waits tries at once', async () => {
	const w = world();
	(await w.open()).end();
	w.document.fire('visibilitychange');
	await w.clock.settle();
	assert.equal(w.sockets.length, 2);
});

test('what is closed stays closed when the device wakes', async () => {
	const w = world();
	await w.open();
	w.room.close();
	for (const [target, type] of WAKES) w[target].fire(type);
	await w.clock.advance(60_000);
	assert.equal(w.sockets.length, 1);
});
