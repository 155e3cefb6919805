import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser, calm, connected, demo, enter, messages, reads, say, visit, withChat } from './demo.mjs';

const LIFETIME = 6;
const address = await demo();
const brief = await demo('--token-lifetime', String(LIFETIME));
const chromium = await browser();
const chat = await withChat(address);

const terms = (page, id) =>
  page.$eval(`#${id}`, (list) =>
    Object.fromEntries([...list.querySelectorAll('dt')].map((dt) => [dt.innerText, dt.nextElementSibling.firstChild.textContent])),
  );

test('the ticket shows what the token says, and whose key signed it', async () => {
  const page = await visit(address, chromium);
  await enter(page, 'alice');
  const key = await page.evaluate(async () => (await fetch('/api/key')).json());
  const header = await terms(page, 'pass-header');
  const claims = await terms(page, 'pass-claims');
  assert.equal(header.alg, 'RS256');
  assert.equal(header.kid, key.kid);
  assert.equal(claims.sub, 'lobby');
  assert.equal(claims.user, 'alice');
  assert.equal(claims.exp - claims.iat, 300);
  assert.match(await page.innerText('#pass-key'), new RegExp(`backend.s, RSA ${key.bits}`));
  await page.click('summary');
  const raw = (await page.innerText('#raw')).split('.');
  assert.equal(raw.length, 3);
  assert.deepEqual(JSON.parse(Buffer.from(raw[0], 'base64url')), header);
  calm(page);
  await page.context().close();
});

test('the bar of its life runs down', async () => {
  const page = await visit(brief, chromium);
  await enter(page, 'alice');
  const width = () => page.$eval('#life i', (bar) => bar.getBoundingClientRect().width);
  const first = await width();
  await page.waitForFunction((before) => document.querySelector('#life i').getBoundingClientRect().width < before * 0.8, first);
  const now = Number(await page.getAttribute('#life', 'aria-valuenow'));
  assert.ok(now > 0 && now <= 100, String(now));
  await page.context().close();
});

test('renewed in band it outlives its token, on one and the same connection', chat, async () => {
  const alice = await visit(brief, chromium);
  const bob = await visit(brief, chromium);
  await enter(alice, 'alice');
  await alice.evaluate(() => {
    window.states = [];
    const link = document.querySelector('#link');
    new MutationObserver(() => window.states.push(link.dataset.state)).observe(link, { attributes: true });
  });
  await enter(bob, 'bob');
  const { exp } = await terms(alice, 'pass-claims');
  await reads(alice, '#life-note', /renewed 2 times/);
  await alice.waitForFunction((end) => Date.now() > end * 1000, Number(exp));
  await say(alice, 'Still here');
  await reads(bob, '#log', /Still here/);
  assert.deepEqual(await alice.evaluate(() => window.states), []);
  calm(alice);
  await alice.context().close();
  await bob.context().close();
});

test('with renewal off it runs out: the server closes, and nothing more arrives', chat, async () => {
  const alice = await visit(brief, chromium);
  const bob = await visit(brief, chromium);
  await enter(alice, 'alice');
  await enter(bob, 'bob');
  await alice.uncheck('#renewal');
  await say(bob, 'In time');
  await reads(alice, '#log', /In time/);
  await alice.waitForSelector('#link[data-state=closed]');
  await reads(alice, '#link-text', /token expired/);
  await reads(alice, '#pass-stamp', /Expired/);
  await reads(alice, '#life-left', /Run out/);
  await say(bob, 'Too late');
  await reads(bob, '#log', /Too late/);
  assert.deepEqual(await messages(alice), ['bob: In time']);

  await alice.check('#renewal');
  await alice.click('#link-action');
  await connected(alice);
  assert.equal(await alice.isVisible('#pass-stamp'), false);
  await say(bob, 'Welcome back');
  await reads(alice, '#log', /Welcome back/);
  calm(alice);
  await alice.context().close();
  await bob.context().close();
});

test('renewal by hand gives a new token at once', chat, async () => {
  const page = await visit(address, chromium);
  await enter(page, 'alice');
  const before = await page.textContent('#raw');
  // A token made within the same second would be the same token.
  const { iat } = await terms(page, 'pass-claims');
  await page.waitForFunction((made) => Date.now() > (made + 1) * 1000, Number(iat));
  await page.click('#renew');
  await reads(page, '#life-note', /renewed once/);
  assert.notEqual(await page.textContent('#raw'), before);
  calm(page);
  await page.context().close();
});
