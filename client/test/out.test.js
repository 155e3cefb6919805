import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minutes, world } from './world.js';

/** Asserts that nothing is tried any more, whatever happens, until the page asks. */
async function staysOut(w, reason) {
	assert.equal(w.states.at(-1), `closed:${reason}`);
	assert.equal(w.clock.pending, 0);
	const [sockets, asked] = [w.sockets.length, w.asked.length];
	w.network.fire('online');
	w.document.fire('visibilitychange');
	await w.clock.advance(minutes(60));
	assert.deepEqual([w.sockets.length, w.asked.length], [sockets, asked]);
	await w.open();
	assert.equal(w.states.at(-1), 'open:requested', 'until the page asks');
}

for (const renewal of ['in-band', 'reconnect', 'off']) {
	for (const [message, reason] of [['token expired', 'expired'], ['revoked', 'revoked']]) {
		test(`after the last word "${message}" it stays out, with renewal ${renewal}`, async () => {
			const w = world({ renewal });
			const socket = await w.open();
			socket.say({ message });
			assert.deepEqual(w.of('message'), [{ message }], 'the page hears it, too');
			assert.equal(socket.closedWith, 1000, 'and does not wait for the server to close');
			await w.clock.settle();
			await staysOut(w, reason);
		});
	}

	test(`a connection that was deleted stays out, with renewal ${renewal}`, async () => {
		const w = world({ renewal });
		(await w.open()).end(1000);
		await staysOut(w, 'removed');
	});
}

test('closed as idle, as too old or with the gateway, it comes back', async () => {
	for (const code of [1001, 1005, 1006, 1011]) {
		const w = world();
		(await w.open()).end(code);
		await w.clock.advance(1_000);
		assert.equal(w.sockets.length, 2, String(code));
	}
});

test('a revocation or a deletion also ends the connection that is to take over', async () => {
	for (const [reason, end] of [
		['revoked', (socket) => socket.say({ message: 'revoked' })],
		['removed', (socket) => socket.end(1000)],
	]) {
		const w = world({ renewal: 'reconnect' });
		const old = await w.open();
		await w.clock.advance(267_000);
		assert.equal(w.sockets.length, 2, 'the next handshake is under way');
		end(old);
		w.socket.accept();
		await w.clock.settle();
		await staysOut(w, reason);
	}
});

test('an old connection has no last word once another took over', async () => {
	const w = world({ renewal: 'reconnect' });
	const old = await w.open();
	await w.clock.advance(267_000);
	w.socket.accept();
	old.say({ message: 'token expired' });
	old.end(1000);
	await w.clock.advance(30_000);
	assert.equal(w.room.state, 'open');
});

test('after a move the last word of the new connection counts', async () => {
	const w = world({ renewal: 'reconnect' });
	await w.open();
	await w.clock.advance(267_000);
	w.socket.accept();
	w.socket.say({ message: 'token expired' });
	await w.clock.advance(2_000);
	await staysOut(w, 'expired');
});

test('a page that renews in time never hears that its token expired', async () => {
	const w = world();
	const socket = await w.open();
	// A server that closes whatever speaks with an expired token.
	let ends = w.clock.now + 300_000;
	const send = socket.send.bind(socket);
	socket.send = (text) => {
		send(text);
		if (w.clock.now >= ends) return socket.say({ message: 'token expired' });
		if (socket.sent.at(-1).action === 'renew') {
			ends = w.clock.now + 300_000;
			socket.say({ type: 'renewed', expires_at: 0 });
		}
	};
	for (let minute = 0; minute < 100; minute += 1) {
		await w.clock.advance(minutes(1));
		assert.equal(w.room.send({ action: 'send', text: String(minute) }), true);
	}
	assert.deepEqual(w.states, ['connecting:requested', 'open:requested']);
});
