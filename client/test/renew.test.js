import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jwt, minutes, world } from './world.js';

const renewals = (socket) => socket.sent.filter((m) => m.action === 'renew');

test('it renews in band before the end, and goes on doing so', async () => {
	const w = world();
	const socket = await w.open();
	await w.clock.advance(259_000);
	assert.equal(renewals(socket).length, 0);
	await w.clock.advance(8_000);
	assert.equal(renewals(socket).length, 1, 'between 30 and 40 s before the end');
	socket.say({ type: 'renewed', expires_at: 0 });
	assert.deepEqual(w.of('token').map((t) => t.renewed), [false, true]);
	assert.equal(w.of('token')[1].token, renewals(socket)[0].token);
	await w.clock.advance(267_000);
	assert.equal(renewals(socket).length, 2);
	assert.equal(w.sockets.length, 1, 'never a new connection');
	assert.deepEqual(w.states, ['connecting:requested', 'open:requested']);
});

test('a short life is renewed in its last fifth', async () => {
	const w = world();
	w.lifetime = 10;
	const socket = await w.open();
	await w.clock.advance(7_400);
	assert.equal(renewals(socket).length, 0);
	await w.clock.advance(900);
	assert.equal(renewals(socket).length, 1);
});

test('renewals of many clients are spread', async () => {
	const times = [];
	for (const random of [0, 0.99]) {
		const w = world();
		w.random = random;
		const socket = await w.open();
		const start = w.clock.now;
		while (renewals(socket).length === 0) await w.clock.advance(500);
		times.push(w.clock.now - start);
	}
	assert.ok(times[0] - times[1] > 5_000, String(times));
});

test('a renewal that fails is tried again, with waits, until it works', async () => {
	const w = world();
	const socket = await w.open();
	const { answer } = w;
	w.fail(503);
	await w.clock.advance(285_000);
	const failures = w.of('fault').length;
	assert.ok(failures >= 3 && failures < 9, `${failures} attempts`);
	w.answer = answer;
	await w.clock.advance(13_000);
	assert.equal(renewals(socket).length, 1);
	assert.equal(w.room.state, 'open');
	socket.say({ type: 'renewed', expires_at: 0 });
	socket.end();
	assert.equal(w.of('state').at(-1).retryIn, 250, 'and the failures are forgotten');
});

test('a renewal that is not answered becomes a new connection, and the old one is left afterwards', async () => {
	const w = world();
	const old = await w.open();
	await w.clock.advance(267_000);
	assert.equal(renewals(old).length, 1);
	await w.clock.advance(10_000);
	assert.equal(w.sockets.length, 2);
	assert.equal(w.room.state, 'open', 'the old connection serves until the new one is there');
	w.socket.accept();
	old.say({ type: 'message', id: 'late', text: 'still on its way' });
	await w.clock.advance(2_000);
	assert.equal(old.closedWith, 1000);
	assert.deepEqual(w.of('message').map((m) => m.id), ['late']);
	w.socket.say({ type: 'renewed', expires_at: 0 });
	assert.equal(w.of('token').length, 2, 'nothing was asked of the new one');
	assert.deepEqual(w.states, ['connecting:requested', 'open:requested']);
});

test('without a session it does not ask again, and ends as unauthenticated when the token does', async () => {
	const w = world();
	const socket = await w.open();
	w.fail(401);
	await w.clock.advance(290_000);
	assert.equal(w.asked.length, 2);
	assert.equal(w.room.state, 'open');
	assert.equal(renewals(socket).length, 0);
	await w.clock.advance(10_000);
	assert.equal(w.states.at(-1), 'closed:unauthenticated');
});

test('renewal off: the token runs out, the server closes, and it stays closed', async () => {
	const w = world({ renewal: 'off' });
	const socket = await w.open();
	await w.clock.advance(299_000);
	assert.equal(w.of('expired').length, 0);
	await w.clock.advance(1_000);
	assert.equal(w.of('expired').length, 1);
	assert.equal(w.room.state, 'open', 'the server is the one who closes');
	socket.end();
	await w.clock.advance(minutes(10));
	assert.equal(w.states.at(-1), 'closed:expired');
	assert.equal(w.sockets.length, 1);
	assert.equal(w.asked.length, 1);
});

test('renewal off does not mean that a connection lost in mid-life stays lost', async () => {
	const w = world({ renewal: 'off' });
	(await w.open()).end();
	await w.clock.advance(1_000);
	assert.equal(w.sockets.length, 2);
});

test('renewal can be switched while connected', async () => {
	const w = world();
	const socket = await w.open();
	w.room.renewal = 'off';
	await w.clock.advance(290_000);
	assert.equal(renewals(socket).length, 0);
	w.room.renewal = 'in-band';
	assert.equal(w.room.renewal, 'in-band');
	await w.clock.advance(9_000);
	assert.equal(renewals(socket).length, 1);
});

test('switched on again after the end, it takes a new connection', async () => {
	const w = world({ renewal: 'off' });
	await w.open();
	await w.clock.advance(301_000);
	w.room.renewal = 'in-band';
	await w.clock.advance(3_000);
	assert.equal(w.sockets.length, 2);
	assert.equal(w.room.state, 'open', 'nobody has closed the old one yet');
});

test('by reconnecting: a new connection before the end, no renewal frame', async () => {
	const w = world({ renewal: 'reconnect' });
	const old = await w.open();
	await w.clock.advance(267_000);
	assert.equal(w.sockets.length, 2);
	w.socket.accept();
	await w.clock.advance(2_000);
	assert.deepEqual([renewals(old).length, old.closedWith], [0, 1000]);
	assert.deepEqual(w.states, ['connecting:requested', 'open:requested']);
});

test('renew() renews at once, also with renewal off', async () => {
	for (const renewal of ['in-band', 'off']) {
		const w = world({ renewal });
		const socket = await w.open();
		await w.room.renew();
		socket.say({ type: 'renewed', expires_at: 0 });
		assert.equal(renewals(socket).length, 1, renewal);
		assert.equal(w.of('token').length, 2, renewal);
	}
});

test('a clock that is an hour off, either way, changes nothing', async () => {
	for (const off of [-3600, 3600]) {
		const w = world();
		w.answer = () => {
			const iat = Math.floor(w.clock.now / 1000) + off;
			return { token: jwt(iat, iat + 300), url: 'ws://x/', expires_at: iat + 300 };
		};
		const socket = await w.open();
		await w.clock.advance(255_000);
		assert.equal(renewals(socket).length, 0, `${off}: too early`);
		await w.clock.advance(15_000);
		assert.equal(renewals(socket).length, 1, `${off}: in time`);
	}
});

test('the difference of clocks that the ticket tells is used', async () => {
	const w = world();
	w.answer = () => {
		const exp = Math.floor(w.clock.now / 1000) + 300 + 40;
		return { token: jwt(exp - 1000, exp), url: 'ws://x/', expires_at: exp, skew: 40_000 };
	};
	await w.open();
	assert.ok(Math.abs(w.of('token')[0].expiresAt - w.clock.now - 300_000) < 1_000);
});

test('a backend that hands out the same dying token is not stormed', async () => {
	const w = world();
	const exp = Math.floor(w.clock.now / 1000) + 20;
	w.answer = () => ({ token: jwt(exp - 20, exp), url: 'ws://x/', expires_at: exp });
	const socket = await w.open();
	const { sent } = socket;
	for (let second = 0; second < 19; second += 1) {
		await w.clock.advance(1_000);
		if (sent.at(-1)?.action === 'renew') socket.say({ type: 'renewed', expires_at: exp });
	}
	assert.ok(w.asked.length < 10, `${w.asked.length} tokens asked for`);
});

test('a token that says nothing of its end is used until the server closes', async () => {
	for (const expires_at of [undefined, 1]) {
		const w = world({ heartbeat: 0 });
		w.answer = () => ({ token: 'opaque', url: 'ws://x/', expires_at });
		await w.open();
		await w.clock.advance(minutes(60));
		assert.equal(w.room.state, 'open');
		assert.equal(w.asked.length, 1);
	}
});

test('the server’s word that the token has expired counts before this clock says so', async () => {
	const w = world({ renewal: 'off' });
	const socket = await w.open();
	socket.say({ message: 'Forbidden' });
	socket.say({ type: 'message', message: 'token expired' });
	socket.say({ message: 'token expired' });
	socket.end();
	assert.equal(w.states.at(-1), 'closed:expired');
});

test('only that word counts', async () => {
	const w = world({ renewal: 'off' });
	const socket = await w.open();
	socket.say({ message: 'Forbidden' });
	socket.say({ type: 'message', message: 'token expired' });
	socket.end();
	assert.equal(w.states.at(-1), 'waiting:lost');
});

test('a token renewed after its end has not expired', async () => {
	const w = world({ renewal: 'off' });
	const socket = await w.open();
	await w.clock.advance(300_000);
	await w.room.renew();
	socket.say({ type: 'renewed', expires_at: 0 });
	socket.say({ type: 'renewed', expires_at: 0 });
	assert.equal(w.of('token').length, 2, 'one renewal, one token');
	socket.end();
	assert.equal(w.states.at(-1), 'waiting:lost');
});

test('renew() without a connection does nothing', async () => {
	const w = world();
	await w.room.renew();
	(await w.open()).end();
	await w.room.renew();
	assert.equal(w.asked.length, 1);
});

test('renew() takes the place of the renewal that was due', async () => {
	const w = world();
	await w.open();
	await w.clock.advance(265_000);
	w.answer = () => new Promise(() => {});
	w.room.renew();
	await w.clock.advance(34_000);
	assert.equal(w.asked.length, 2);
	await w.clock.advance(1_000);
	assert.equal(w.asked[1].signal.aborted, true, 'at the end it is given up for a new connection');
	assert.equal(w.asked.length, 3);
});

test('close() during a renewal leaves nothing behind, whatever the backend answers', async () => {
	for (const answer of ['ticket', 'error']) {
		const w = world();
		const socket = await w.open();
		const ticket = w.answer();
		let settle;
		w.answer = () => new Promise((resolve, reject) => (settle = answer === 'ticket' ? () => resolve(ticket) : reject));
		w.room.renew();
		w.room.close();
		settle(new Error('down'));
		await w.clock.settle();
		assert.deepEqual([renewals(socket).length, w.of('fault').length, w.clock.pending], [0, 0, 0], answer);
	}
});
