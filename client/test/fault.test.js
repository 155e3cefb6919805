import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { world } from './world.js';

const unhandled = [];
process.on('unhandledRejection', (error) => unhandled.push(error));
after(() => assert.deepEqual(unhandled, [], 'rejections that nobody handled'));

/** What a backend may hand out by mistake. */
const BAD = {
	'a token with a newline': (ticket) => ({ ...ticket, token: `${ticket.token}\n` }),
	'a token of two words': (ticket) => ({ ...ticket, token: 'Bearer abc' }),
	'an empty token': (ticket) => ({ ...ticket, token: '' }),
	'no token': ({ url }) => ({ url }),
	'no url': ({ token }) => ({ token }),
	'a url of https': (ticket) => ({ ...ticket, url: 'https://127.0.0.1:1/dev' }),
	'a url that is none': (ticket) => ({ ...ticket, url: 'dev' }),
	'ws on a page of https': (ticket, w) => ((w.isSecure = true), ticket),
	nothing: () => undefined,
	text: () => 'Internal server error',
};

for (const [row, spoil] of Object.entries(BAD)) {
	test(`${row} is a fault, tried again with waits, and the next good ticket connects`, async () => {
		const w = world();
		const { answer } = w;
		w.answer = () => spoil(answer(), w);
		w.room.connect();
		await w.clock.settle();
		assert.equal(w.of('fault').length, 1);
		assert.ok(w.of('fault')[0] instanceof Error || w.of('fault')[0] instanceof DOMException);
		assert.equal(w.states.at(-1), 'waiting:unavailable');
		await w.clock.advance(60_000);
		assert.ok(w.asked.length > 3 && w.asked.length < 15, `${w.asked.length} attempts`);
		w.answer = answer;
		w.isSecure = false;
		await w.clock.advance(30_000);
		w.socket.accept();
		assert.equal(w.room.state, 'open');
	});

	test(`${row} instead of a renewal leaves the connection open while its token lives`, async () => {
		for (const renewal of ['in-band', 'reconnect']) {
			const w = world({ renewal });
			const socket = await w.open();
			const { answer } = w;
			w.answer = () => spoil(answer(), w);
			await w.clock.advance(290_000);
			assert.equal(w.room.state, 'open', renewal);
			assert.equal(w.room.send({ n: 1 }), true, renewal);
			assert.equal(w.socket, socket, renewal);
		}
	});
}

test('whatever a fetchToken throws, and however, it is a fault', async () => {
	for (const fetchToken of [
		() => {
			throw new Error('at once');
		},
		() => Promise.reject(new Error('later')),
		() => Promise.reject(),
		() => null,
	]) {
		const w = world({ fetchToken });
		w.room.connect();
		await w.clock.settle();
		assert.equal(w.of('fault').length, 1, String(fetchToken));
		assert.equal(w.room.state, 'waiting');
		w.room.renew();
		w.room.close();
		await w.clock.settle();
	}
});

test('where there is no WebSocket, that is a fault', async () => {
	const w = world();
	const { RoomConnection } = await import('../room-auth-client.js');
	const faults = [];
	const ticket = w.answer();
	const timers = new Set();
	const env = { WebSocket: undefined, network: null, document: null, setTimeout: (run) => timers.add(run), clearTimeout: () => {} };
	const room = new RoomConnection({ room: 'lobby', fetchToken: async () => ticket, env });
	room.addEventListener('fault', ({ detail }) => faults.push(detail));
	room.connect();
	await w.clock.settle();
	assert.equal(faults.length, 1);
	room.close();
});
