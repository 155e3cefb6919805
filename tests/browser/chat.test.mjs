import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser, calm, connected, demo, enter, join, members, messages, reads, say, visit, withChat } from './demo.mjs';

const address = await demo();
const chromium = await browser();
const chat = await withChat(address);

/** alice and bob in the lobby, each in a window of their own. */
async function both() {
  const alice = await visit(address, chromium);
  const bob = await visit(address, chromium);
  await enter(alice, 'alice');
  await enter(bob, 'bob');
  await reads(alice, '#members', /alice \(you\)[\s\S]*bob/);
  await reads(bob, '#members', /alice[\s\S]*bob \(you\)/);
  return { alice, bob };
}

async function leave(...pages) {
  for (const page of pages) await page.context().close();
}

test('two windows talk both ways, in order, each message once', chat, async () => {
  const { alice, bob } = await both();
  await say(alice, 'Good morning');
  await reads(bob, '#log', /Good morning/);
  await say(bob, 'Morning');
  await say(bob, 'Is this thing on?');
  await reads(alice, '#log', /Is this thing on/);
  await reads(alice, '#log', /^((?!pending).)*$/s);
  const said = ['alice: Good morning', 'bob: Morning', 'bob: Is this thing on?'];
  for (const page of [alice, bob]) {
    assert.deepEqual(await messages(page), said);
    assert.equal(await page.locator('.pending').count(), 0);
    assert.match(await page.locator('.message time').first().innerText(), /^\d\d:\d\d:\d\d$/);
    calm(page);
  }
  await leave(alice, bob);
});

test('who comes and who goes is seen', chat, async () => {
  const { alice, bob } = await both();
  await reads(alice, '#log', /bob joined/);
  await leave(bob);
  await reads(alice, '#log', /bob left/);
  await alice.waitForFunction(() => document.querySelectorAll('#members li').length === 1);
  assert.deepEqual(await members(alice), ['alice (you)']);
  calm(alice);
  await leave(alice);
});

test('who is here in two windows stays when one is closed, and nobody is told otherwise', chat, async () => {
  const { alice, bob } = await both();
  const second = await visit(address, alice.context());
  await connected(second);
  await second.close();
  await say(alice, 'One window less');
  await reads(bob, '#log', /One window less/);
  // Had the first closing been taken for a leave, it would be told twice by now.
  await leave(alice);
  await reads(bob, '#log', /alice left/);
  const notices = await bob.$$eval('.notice', (items) => items.map((item) => item.innerText));
  assert.deepEqual(notices, ['alice left']);
  calm(bob);
  await leave(bob);
});

test('a list made before someone joined and arriving after does not hide them', chat, async () => {
  const alice = await visit(address, chromium);
  // The real gateway, and frames of ours in between: the one order of events that cannot be arranged.
  let say;
  await alice.routeWebSocket(/\/dev$/, (socket) => {
    socket.connectToServer();
    say = (frame) => socket.send(JSON.stringify({ room: 'lobby', ...frame }));
  });
  await enter(alice, 'alice');
  await reads(alice, '#members', /alice \(you\)/);
  say({ type: 'joined', user: 'carol' });
  say({ type: 'members', members: ['alice'] });
  await reads(alice, '#log', /carol joined/);
  say({ type: 'error', message: 'a mark' });
  await reads(alice, '#log', /a mark/);
  assert.deepEqual(await members(alice), ['alice (you)', 'carol']);
  await reads(alice, '#log', /carol left/);
  assert.deepEqual(await members(alice), ['alice (you)']);
  calm(alice);
  await leave(alice);
});

test('markup in a message is shown as what it is', chat, async () => {
  const { alice, bob } = await both();
  const markup = '<img src=x onerror="document.title=1"><b>bold</b>';
  await say(alice, markup);
  await reads(bob, '#log', /onerror/);
  assert.deepEqual(await messages(bob), [`alice: ${markup}`]);
  assert.equal(await bob.locator('#log img').count(), 0);
  calm(bob);
  await leave(alice, bob);
});

test('without a connection nothing that was written is lost', chat, async () => {
  const { alice, bob } = await both();
  await alice.click('#link-action');
  await reads(alice, '#link-text', /Not connected/);
  await say(alice, 'Can you hear me?');
  await reads(alice, '#composer-hint', /Your text is kept/);
  assert.equal(await alice.inputValue('#text'), 'Can you hear me?');
  await alice.click('#link-action');
  await connected(alice);
  await alice.press('#text', 'Enter');
  await reads(bob, '#log', /Can you hear me/);
  await leave(alice, bob);
});

test('a message over 4 KB stays with its writer', chat, async () => {
  const { alice, bob } = await both();
  await say(alice, 'é'.repeat(2100));
  await reads(alice, '#composer-hint', /4096 bytes at most/);
  assert.equal((await alice.inputValue('#text')).length, 2100);
  assert.deepEqual(await messages(alice), []);
  await say(alice, 'é'.repeat(2048));
  await reads(bob, '#log', /é{2048}/);
  await leave(alice, bob);
});

test('after the gateway was restarted both come back, with fresh tokens, and go on', chat, async () => {
  const { alice, bob } = await both();
  let tokens = 0;
  alice.on('request', (request) => (tokens += request.url().endsWith('/api/token')));
  await alice.evaluate(() => {
    window.states = [];
    const link = document.querySelector('#link');
    new MutationObserver(() => window.states.push(link.dataset.state)).observe(link, { attributeFilter: ['data-state'] });
  });
  const status = await alice.evaluate(async () => (await fetch('/api/gateway/restart', { method: 'POST' })).status);
  assert.ok(status >= 200 && status < 300, `restart answered ${status}`);
  await alice.waitForFunction(() => window.states.includes('waiting') && window.states.at(-1) === 'open');
  await connected(bob);
  assert.ok(tokens >= 1, 'a token for each attempt');
  await reads(alice, '#members', /bob/);
  await reads(bob, '#members', /alice/);
  await say(alice, 'There you are');
  await reads(bob, '#log', /There you are/);
  await say(bob, 'And you');
  await reads(alice, '#log', /And you/);
  // Chromium itself reports each attempt while the gateway is away.
  for (const page of [alice, bob]) calm(page, /^WebSocket connection to 'ws:\/\/127\.0\.0\.1:\d+\/dev' failed/);
  await leave(alice, bob);
});

for (const [how, pattern, end] of [
  ['kicked', /you were removed/, (socket) => socket.close({ code: 1000, reason: 'Connection Closed Normally' })],
  ['revoked', /tokens were revoked/, (socket) => socket.send('{"message":"revoked"}')],
]) {
  test(`who is ${how} stays out, is told why, and may enter again by hand`, chat, async () => {
    const page = await visit(address, chromium);
    // The real gateway; only the end is ours, which no visitor can bring about.
    let opened = 0;
    let socket;
    await page.routeWebSocket(/\/dev$/, (route) => {
      opened += 1;
      socket = route;
      route.connectToServer();
    });
    await enter(page, 'alice');
    end(socket);
    await page.waitForSelector('#link[data-state=closed]');
    await reads(page, '#link-text', pattern);
    await reads(page, '#link-action', /Enter again/);
    // Whatever else would lead it back does not.
    await page.evaluate(() => {
      dispatchEvent(new Event('online'));
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    });
    await say(page, 'Am I still here?');
    await reads(page, '#composer-hint', /Your text is kept/);
    assert.equal(await page.getAttribute('#link', 'data-state'), 'closed');
    assert.equal(opened, 1);
    await page.click('#link-action');
    await connected(page);
    await page.press('#text', 'Enter');
    await reads(page, '#log', /Am I still here/);
    calm(page);
    await leave(page);
  });
}

test('a device that wakes with a dead socket finds out, and what is written meanwhile is kept', chat, async () => {
  const page = await visit(address, chromium);
  const sockets = [];
  await page.routeWebSocket(/\/dev$/, (route) => {
    const server = route.connectToServer();
    const socket = { dead: false, pings: 0 };
    sockets.push(socket);
    route.onMessage((message) => {
      socket.pings += message.includes('"ping"');
      if (!socket.dead) server.send(message);
    });
    server.onMessage((message) => socket.dead || route.send(message));
  });
  await enter(page, 'alice');
  await reads(page, '#members', /alice \(you\)/);
  sockets[0].dead = true;
  const before = sockets[0].pings;
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true })));
  for (let turn = 0; sockets[0].pings === before && turn < 100; turn += 1) await page.evaluate(() => 0);
  assert.equal(sockets[0].pings, before + 1, 'one ping, at once');
  await say(page, 'Anybody there?');
  await reads(page, '#composer-hint', /Your text is kept/);
  assert.equal(await page.inputValue('#text'), 'Anybody there?');
  // The new socket may be open already, on a busy machine.
  for (let turn = 0; sockets.length < 2 && turn < 1000; turn += 1) {
    await page.evaluate(() => new Promise((resolve) => { setTimeout(resolve, 20); }));
  }
  assert.equal(sockets.length, 2);
  await connected(page);
  await page.press('#text', 'Enter');
  await reads(page, '#log', /Anybody there/);
  calm(page);
  await leave(page);
});

test('a wrong password is refused with a reason, and the right one is taken afterwards', async () => {
  const page = await visit(address, chromium);
  await page.fill('[name=user]', 'alice');
  await page.fill('[name=password]', 'wrong');
  await page.press('[name=password]', 'Enter');
  await reads(page, '#login-message', /\w+/);
  assert.equal(await page.getAttribute('body', 'data-stage'), 'out');
  await page.fill('[name=password]', 'alice');
  await page.press('[name=password]', 'Enter');
  await connected(page);
  calm(page, /status of 401/);
  await leave(page);
});

test('a reload keeps the session, logging out ends it', async () => {
  const page = await visit(address, chromium);
  await enter(page, 'alice');
  await page.reload();
  await connected(page);
  await page.click('#logout');
  await page.waitForSelector('#login-form');
  await page.reload();
  await page.waitForSelector('body[data-stage=out]');
  assert.equal(await page.evaluate(async () => (await fetch('/api/session')).status), 401);
  calm(page, /status of 401/);
  await leave(page);
});

test('a session that ended elsewhere leads back to the login', async () => {
  const page = await visit(address, chromium);
  await enter(page, 'alice');
  await page.context().clearCookies();
  await page.click('#link-action');
  await page.click('#link-action');
  await reads(page, '#login-message', /session has ended/);
  calm(page, /status of 401/);
  await leave(page);
});

test('a second user in the same browser takes the session over, and the first window says so', chat, async () => {
  const alice = await visit(address, chromium);
  await enter(alice, 'alice');
  const bob = await visit(address, alice.context());
  await bob.click('#logout');
  await bob.click('[data-user=bob]');
  await connected(bob);
  await alice.click('#renew');
  await reads(alice, '#login-message', /logged in as bob/);
  assert.equal(await bob.getAttribute('#link', 'data-state'), 'open', 'bob is not disturbed');
  calm(alice);
  await leave(alice);
});

test('the second window keeps a second user in the same browser', chat, async () => {
  const alice = await visit(address, chromium);
  await enter(alice, 'alice');
  const bob = await visit(await alice.getAttribute('#second', 'href'), alice.context());
  await enter(bob, 'bob');
  await say(bob, 'From next door');
  await reads(alice, '#log', /From next door/);
  await alice.click('#renew');
  await reads(alice, '#life-note', /renewed once/);
  calm(alice);
  calm(bob);
  await leave(alice);
});
