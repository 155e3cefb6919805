import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser, calm, connected, demo, enter, join, members, messages, reads, say, visit, withChat } from './demo.mjs';

const address = await demo();
const chromium = await browser();
const chat = await withChat(address);

/** A window of a user's own, which counts its sockets. */
async function window(user) {
  const page = await visit(address, chromium);
  page.sockets = 0;
  page.on('websocket', () => (page.sockets += 1));
  await enter(page, user);
  await reads(page, '#members', new RegExp(`${user} \\(you\\)`));
  return page;
}

/** The windows end as quietly as they began. */
async function leave(...pages) {
  for (const page of pages) {
    calm(page);
    await page.context().close();
  }
}

const tabs = (page) => page.$$eval('#rooms [role=tab]', (items) => items.map((item) => item.innerText.replace(/\s+/g, ' ')));

test('a second room is joined and left over the same socket', chat, async () => {
  const [alice, other] = [await window('alice'), await window('alice')];
  await join(other, 'staff');
  await reads(other, '#members', /alice \(you\)/);
  await join(alice, 'staff');
  await reads(alice, '#link-text', /^Connected to lobby and staff$/);
  assert.deepEqual(await tabs(alice), ['lobby', 'staff']);
  assert.equal(await alice.locator('#join button').count(), 0, 'there is no other room');
  await say(alice, 'In both');
  await reads(other, '#log', /In both/);
  await alice.click('#leave');
  await alice.waitForSelector('#tab-staff', { state: 'detached' });
  await reads(alice, '#link-text', /^Connected to lobby$/);
  assert.equal(await alice.isVisible('#leave'), false, 'the room of the connection is left by closing it');
  await say(other, 'Gone?');
  await other.waitForFunction(() => !document.querySelector('.pending'));
  await say(alice, 'Still in the lobby');
  await alice.waitForFunction(() => document.querySelectorAll('.message:not(.pending)').length === 1);
  await join(alice, 'staff');
  assert.deepEqual(await messages(alice), ['alice: In both'], 'what was said before is kept, what was said without her is not there');
  assert.deepEqual([alice.sockets, other.sockets], [1, 1]);
  await leave(alice, other);
});

test('a message is in its own tab only, and marked there until it is looked at', chat, async () => {
  const [alice, bob] = [await window('alice'), await window('bob')];
  assert.equal(await bob.locator('#join button').count(), 0, 'bob may not enter staff');
  await say(alice, 'Back in a minute');
  await reads(bob, '#log', /Back in a minute/);
  await alice.fill('#text', 'half a thou');
  await join(alice, 'staff');
  assert.equal(await alice.inputValue('#text'), '', 'what was being written stays in its room');
  await reads(alice, '#pass-room', /^staff$/);
  await say(alice, 'Among ourselves');
  await alice.waitForFunction(() => document.querySelectorAll('.message:not(.pending)').length === 1);
  await say(bob, 'Anyone?');
  await say(bob, 'Hello?');
  await reads(alice, '#tab-lobby', /2/);
  assert.equal(await alice.locator('#tab-lobby').textContent(), 'lobby 2 unread');
  assert.deepEqual(await messages(alice), ['alice: Among ourselves']);
  await alice.click('#tab-lobby');
  await reads(alice, '#pass-room', /^lobby$/);
  assert.equal(await alice.locator('#tab-lobby').textContent(), 'lobby');
  assert.deepEqual(await messages(alice), ['alice: Back in a minute', 'bob: Anyone?', 'bob: Hello?']);
  assert.equal(await alice.inputValue('#text'), 'half a thou');
  assert.doesNotMatch(await bob.innerText('#log'), /Among ourselves|alice left/);
  await leave(alice, bob);
});

test('each ticket is of its room, and is renewed by itself', chat, async () => {
  const alice = await window('alice');
  const id = () => alice.$eval('#pass-claims', (list) => [...list.querySelectorAll('dt')].find((dt) => dt.innerText === 'jti').nextElementSibling.innerText);
  const lobby = await id();
  await join(alice, 'staff');
  const staff = await id();
  assert.notEqual(staff, lobby);
  await alice.click('#renew');
  await reads(alice, '#life-note', /renewed once/);
  assert.notEqual(await id(), staff);
  await alice.click('#tab-lobby');
  assert.equal(await id(), lobby);
  assert.equal(await alice.innerText('#life-note'), 'left');
  assert.equal(alice.sockets, 1);
  await leave(alice);
});

test('after a lost connection, and after a reload, all rooms are there again', chat, async () => {
  const alice = await window('alice');
  await join(alice, 'staff');
  await alice.click('#link-action');
  await reads(alice, '#link-text', /Not connected/);
  await alice.click('#link-action');
  await reads(alice, '#members', /alice \(you\)/);
  await say(alice, 'Back in staff');
  await alice.waitForFunction(() => document.querySelectorAll('.message:not(.pending)').length === 1);
  assert.equal(alice.sockets, 2);
  await alice.reload();
  await reads(alice, '#link-text', /^Connected to lobby and staff$/);
  await alice.click('#tab-staff');
  await say(alice, 'And again');
  await alice.waitForFunction(() => document.querySelectorAll('.message:not(.pending)').length === 1);
  await leave(alice);
});

test('eve may only read: the page says why, and it is the server that refuses', chat, async () => {
  const [eve, bob] = [await window('eve'), await window('bob')];
  assert.equal(await eve.isDisabled('#text'), true);
  assert.equal(await eve.isDisabled('#send'), true);
  await reads(eve, '#composer-hint', /does not allow you to send/);
  await reads(eve, '#pass-can', /^May only: members$/);
  await reads(eve, '#pass-claims', /can\s+members/);
  await say(bob, 'Can you hear me, eve?');
  await reads(eve, '#log', /Can you hear me/);
  // Whoever opens the field by hand gets no further.
  await eve.evaluate(() => (document.querySelector('#text').disabled = false));
  await eve.fill('#text', 'Loud and clear');
  await eve.evaluate(() => (document.querySelector('#text').disabled = false));
  await eve.press('#text', 'Enter');
  await reads(eve, '#log', /your token does not allow this/);
  await reads(eve, '#log', /Perhaps not delivered/);
  await say(bob, 'Silence');
  await reads(eve, '#log', /Silence/);
  assert.deepEqual(await messages(bob), ['bob: Can you hear me, eve?', 'bob: Silence']);
  await leave(eve, bob);
});

test('logged out everywhere: every window of the user is out, and of nobody else', chat, async () => {
  const [first, second, bob] = [await window('alice'), await window('alice'), await window('bob')];
  await join(second, 'staff');
  await first.click('#logout-all');
  await reads(first, '#login-message', /logged out everywhere/);
  await second.waitForSelector('#link[data-state=closed]');
  await reads(second, '#link-text', /tokens were revoked/);
  await reads(second, '#pass-stamp', /Revoked/i);
  await second.evaluate(() => {
    dispatchEvent(new Event('online'));
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  });
  await reads(bob, '#log', /alice left/);
  assert.deepEqual(await members(bob), ['bob (you)']);
  assert.equal(second.sockets, 1, 'it stays out');
  await second.click('#link-action');
  await reads(second, '#login-message', /session has ended/);
  await second.click('[data-user=alice]');
  await connected(second);
  await reads(bob, '#members', /alice/);
  assert.equal(await bob.getAttribute('#link', 'data-state'), 'open');
  calm(second, /status of 401/);
  await second.context().close();
  await leave(first, bob);
});

test('a moderator puts a user out, who gets no token until let in', chat, async () => {
  const [alice, bob] = [await window('alice'), await window('bob')];
  assert.equal(await bob.locator('.here button:visible').count(), 0, 'bob is no moderator');
  await reads(alice, '#members', /bob/);
  await alice.click('[aria-label="Put out bob"]');
  await reads(alice, '#put-out', /bob is out/);
  await reads(bob, '#link-text', /tokens were revoked/);
  await reads(alice, '#log', /bob left/);
  assert.deepEqual(await members(alice), ['alice (you)']);
  await bob.click('#link-action');
  await reads(bob, '#login-message', /session has ended/);
  await bob.click('[data-user=bob]');
  await reads(bob, '#log', /bob has been put out/);
  await reads(bob, '#link-text', /No token for this room/);
  await alice.click('[aria-label="Let in bob"]');
  await alice.waitForFunction(() => !document.querySelector('#put-out li'));
  await bob.click('#link-action');
  await connected(bob);
  await reads(alice, '#members', /bob/);
  calm(bob, /status of 40[13]/);
  await bob.context().close();
  await leave(alice);
});
