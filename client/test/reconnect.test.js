import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minutes, world } from './world.js';

test('a lost connection comes back with a fresh token', async () => {
	const w = world();
	const socket = await w.open();
	socket.end();
	assert.equal(w.room.state, 'waiting');
	assert.equal(w.of('state').at(-1).retryIn, 250, 'half of the base, as random says');
	await w.clock.advance(250);
	w.socket.accept();
	assert.notEqual(w.of('token')[0].token, w.of('token')[1].token);
	assert.deepEqual(w.states.slice(2), ['waiting:lost', 'connecting:requested', 'open:requested']);
});

test('waits double up to the cap, and are spread over all of it', async () => {
	const w = world();
	w.random = 0.999;
	w.room.connect();
	const waits = [];
	for (let attempt = 0; attempt < 9; attempt += 1) {
		await w.clock.settle();
		w.socket.end(); // refused
		const { retryIn, reason } = w.of('state').at(-1);
		assert.equal(reason, 'refused');
		waits.push(Math.ceil(retryIn / 500));
		await w.clock.advance(retryIn);
	}
	assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
	w.random = 0;
	w.socket.end();
	assert.equal(w.of('state').at(-1).retryIn, 100, 'never at once');
});

test('only a connection that lasted starts the waits anew', async () => {
	const w = world();
	w.random = 0.999;
	await w.open();
	const lose = async (after) => {
		await w.clock.advance(after);
		w.socket.end();
		const wait = w.of('state').at(-1).retryIn;
		await w.clock.advance(wait);
		w.socket.accept();
		return Math.ceil(wait / 500);
	};
	assert.equal(await lose(0), 1);
	assert.equal(await lose(1_000), 2);
	assert.equal(await lose(1_000), 4);
	assert.equal(await lose(11_000), 1);
});

test('connect() and a network that is back end the wait', async () => {
	for (const nudge of [(w) => w.room.connect(), (w) => w.network.fire('online')]) {
		const w = world();
		(await w.open()).end();
		nudge(w);
		await w.clock.settle();
		assert.equal(w.sockets.length, 2);
		w.socket.accept();
		await w.clock.advance(60_000);
		assert.equal(w.sockets.length, 2, 'and the wait is not heard of again');
	}
});

test('a backend that is away or overloaded is asked again, not before it said', async () => {
	const w = world();
	const { answer } = w;
	w.fail(429, 20_000);
	w.room.connect();
	await w.clock.settle();
	assert.equal(w.of('state').at(-1).retryIn, 20_000);
	assert.equal(w.of('fault')[0].status, 429);
	w.answer = answer;
	await w.clock.advance(20_000);
	w.socket.accept();
	assert.equal(w.room.state, 'open');
});

test('no session and no right to the room are final', async () => {
	for (const [status, reason] of [[401, 'unauthenticated'], [403, 'forbidden']]) {
		const w = world();
		w.fail(status);
		w.room.connect();
		await w.clock.advance(minutes(5));
		assert.deepEqual(w.states, ['connecting:requested', `closed:${reason}`]);
		assert.equal(w.asked.length, 1);
		assert.equal(w.clock.pending, 0);
	}
});

test('a handshake that hangs is given up and tried again, once', async () => {
	const w = world();
	w.room.connect();
	await w.clock.advance(10_000);
	assert.equal(w.sockets[0].closedWith, 1000);
	assert.equal(w.states.filter((s) => s === 'waiting:unavailable').length, 1);
	assert.equal(w.of('state').at(-1).attempt, 1);
	await w.clock.advance(500);
	assert.equal(w.sockets.length, 2);
});

test('a token fetch that hangs is aborted and tried again', async () => {
	const w = world();
	w.answer = () => new Promise(() => {});
	w.room.connect();
	await w.clock.advance(10_500);
	assert.equal(w.asked[0].signal.aborted, true);
	assert.equal(w.asked.length, 2);
});

test('it pings after eight minutes of silence, and any traffic counts', async () => {
	const w = world({ renewal: 'off' });
	w.lifetime = 7200;
	const socket = await w.open();
	const pings = () => socket.sent.filter(({ action }) => action === 'ping').length;
	await w.clock.advance(minutes(8));
	assert.equal(pings(), 1);
	socket.say({ type: 'pong' });
	await w.clock.advance(minutes(7));
	socket.say({ type: 'joined', user: 'bob' });
	await w.clock.advance(minutes(7));
	w.room.send({ action: 'send', text: 'hi' });
	await w.clock.advance(minutes(7));
	assert.equal(pings(), 1);
	await w.clock.advance(minutes(1));
	assert.equal(pings(), 2);
	await w.clock.advance(10_000);
	assert.equal(w.room.state, 'waiting', 'the second was not answered');
});

test('no sign of life after a ping: the connection is lost', async () => {
	const w = world();
	await w.open();
	w.room.ping();
	await w.clock.advance(9_999);
	assert.equal(w.room.state, 'open');
	await w.clock.advance(1);
	assert.equal(w.states.at(-1), 'waiting:lost');
});

test('pinging on does not put off the verdict', async () => {
	const w = world();
	await w.open();
	for (let second = 0; second < 10; second += 1) {
		w.room.ping();
		await w.clock.advance(1_000);
	}
	assert.equal(w.room.state, 'waiting');
});

test('heartbeat 0 never pings', async () => {
	const w = world({ heartbeat: 0, renewal: 'off' });
	w.lifetime = 7200;
	const socket = await w.open();
	await w.clock.advance(minutes(60));
	assert.deepEqual(socket.sent, []);
});

/** A connection about to reach its age: the next handshake is under way. */
async function moving() {
	const w = world({ heartbeat: 0 });
	w.random = 0; // no spread: at 115 minutes sharp
	w.lifetime = 86_400;
	const old = await w.open();
	await w.clock.advance(minutes(115));
	return { w, old };
}

test('between 109 and 115 minutes it moves to a new connection without a gap', async () => {
	for (const [random, at] of [[0, 115], [0.999, 109.26]]) {
		const w = world({ heartbeat: 0 });
		w.random = random;
		w.lifetime = 86_400;
		const old = await w.open();
		await w.clock.advance(minutes(at) - 1_000);
		assert.equal(w.sockets.length, 1);
		await w.clock.advance(1_000);
		assert.equal(w.sockets.length, 2);
		assert.equal(old.readyState, 1, 'still open');
		w.socket.accept();
		assert.equal(w.room.send({ action: 'send', text: 'x' }), true);
		assert.deepEqual(w.socket.sent.length, 1, 'sent on the new one');
		await w.clock.advance(2_000);
		assert.equal(old.closedWith, 1000);
		assert.deepEqual(w.states, ['connecting:requested', 'open:requested']);
	}
});

test('a move that is refused leaves the old connection in use and is tried again', async () => {
	const { w, old } = await moving();
	w.socket.end();
	assert.equal(w.room.state, 'open');
	assert.equal(w.room.send({ n: 1 }), true);
	assert.equal(old.sent.length, 1);
	await w.clock.advance(1_000);
	assert.equal(w.sockets.length, 3);
	w.socket.accept();
	await w.clock.advance(2_000);
	assert.equal(old.readyState, 3);
});

test('the old connection lost in the middle of a move: one new connection remains', async () => {
	const { w, old } = await moving();
	old.end();
	await w.clock.advance(1_000);
	w.socket.accept();
	await w.clock.advance(30_000);
	assert.equal(w.room.state, 'open');
	assert.equal(w.sockets.filter((s) => s.readyState === 1).length, 1);
});

test('close() in the middle of a move closes both', async () => {
	const { w } = await moving();
	w.socket.accept();
	w.room.close();
	await w.clock.settle();
	assert.deepEqual(w.sockets.map((s) => s.readyState), [3, 3]);
});

test('a pong that the old connection owes is not asked of the new one', async () => {
	const { w } = await moving();
	w.room.ping();
	w.socket.accept();
	await w.clock.advance(30_000);
	assert.deepEqual(w.states, ['connecting:requested', 'open:requested']);
});

test('a move without a session leaves the open connection alone while its token lives', async () => {
	const w = world({ heartbeat: 0 });
	w.random = 0;
	w.lifetime = 116 * 60;
	w.room.renewal = 'off';
	await w.open();
	w.fail(401);
	await w.clock.advance(minutes(116) - 1);
	assert.equal(w.asked.length, 2);
	assert.equal(w.room.state, 'open');
	await w.clock.advance(1);
	assert.equal(w.states.at(-1), 'closed:unauthenticated');
});

test('connecting anew does not inherit the waits of before', async () => {
	const w = world();
	w.random = 0.999;
	w.room.connect();
	for (let attempt = 0; attempt < 5; attempt += 1) {
		await w.clock.settle();
		w.socket.end();
		await w.clock.advance(w.of('state').at(-1).retryIn);
	}
	w.room.close();
	w.room.connect();
	await w.clock.settle();
	w.socket.end();
	assert.equal(Math.ceil(w.of('state').at(-1).retryIn / 500), 1);
});

test('during a move nothing is renewed on the old connection, and its end does not start another', async () => {
	const w = world({ heartbeat: 0, maxAge: 295_000, renewBefore: 2_000 });
	w.random = 0;
	const old = await w.open();
	await w.clock.advance(302_000);
	assert.equal(w.sockets.length, 2);
	assert.deepEqual(old.sent, []);
	w.socket.accept();
	assert.equal(w.room.state, 'open');
});
