// The inspector of the gateway in a real browser, over a function that does what its event tells it to.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { accessible, browser, DESKTOP, PHONE, reads } from './demo.mjs';
import { root, WebSocket } from './deps.mjs';

const PROGRAM = process.env.GATEWAY ?? `${root}target/debug/room-auth-gateway`;
const FUNCTION = process.env.SCRIPTED ?? `${root}target/debug/examples/scripted`;
const SHOTS = `${root}target/screenshots`;
const TOKEN = `eyJhbGciOiJFUzI1NiJ9.${Buffer.from('{"sub":"lobby","user":"alice"}').toString('base64url')}.${'s'.repeat(86)}`;
const MARKUP = '<img src=x onerror="document.title=1"><script>document.title=2</script>';

const { url, inspector } = await gateway();
const chromium = await browser();

/** Starts a gateway and stops it after the tests. */
async function gateway() {
  const routes = ['$connect', '$disconnect', '$default'].flatMap((key) => ['--route', `${key}=scripted`]);
  const options = ['--port', '0', '--inspect=0', '--json', '--function', `scripted=${FUNCTION}`, '--route-with-response', 'echo=scripted'];
  const child = spawn(PROGRAM, [...options, ...routes], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  after(async () => {
    child.kill('SIGINT');
    assert.deepEqual(await ended, [0, null]);
  });
  const said = {};
  const lines = createInterface({ input: child.stdout });
  return new Promise((done, failed) => {
    lines.on('line', (line) => {
      const { event, url: where } = JSON.parse(line);
      said[event] ??= where;
      if (said.ready && said.inspector) done({ url: said.ready, inspector: said.inspector });
    });
    ended.then(() => failed(new Error('the gateway has ended')));
  });
}

/** A client that is connected. */
async function client(query = '', headers = {}) {
  const socket = new WebSocket(url + query, { headers });
  after(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

/** A page of its own. What the browser complains of is in `page.problems`. */
async function visit(options = {}) {
  const context = await chromium.newContext({ viewport: DESKTOP, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.problems = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && page.problems.push(message.text()));
  page.on('pageerror', (error) => page.problems.push(String(error)));
  await page.goto(inspector);
  await reads(page, '#link', /^live$/);
  return page;
}

/** The line with all of these words. */
const line = (page, ...words) => words.reduce((found, hasText) => found.filter({ hasText }), page.locator('#timeline li:not([hidden]) > .line'));

const post = async (id, body) => (await fetch(`${url.replace('ws:', 'http:')}/@connections/${encodeURIComponent(id)}`, { method: 'POST', body })).status;

/** The id of the connection that was opened last. */
const newest = (page) => page.locator('#connections .open code').first().innerText();

test('a connection, its events and its answers appear, without a token', async () => {
  const page = await visit();
  const alice = await client(`?token=${TOKEN}`, { Authorization: `Bearer ${TOKEN}`, Cookie: 'session=TOPSECRET' });
  await reads(page, '#open', /^1 open$/);
  await line(page, 'handshake', '101', 'token={token-1}').click();
  await reads(page, '#details', /Authorization\s+Bearer \{token-1\}/);
  await reads(page, '#details', /Cookie\s+session=\{token-2\}/);
  await line(page, '$connect', '200').click();
  await reads(page, '#details', /"token": "\{token-1\}"/);

  alice.send(JSON.stringify({ action: 'echo', do: 'echo', text: 'hello', token: TOKEN }));
  await once(alice, 'message');
  await line(page, 'echo', 'scripted', '200', ' ms', 'hello').click();
  await reads(page, '#details', /"text": "hello",\s+"token": "\{token-1\}"/);
  await reads(page, '#details', /Answer\s+\{[^]*"statusCode": 200/);
  await line(page, '→ client', 'hello').waitFor();

  const everything = await page.content();
  assert.ok(!everything.includes(TOKEN.split('.')[1]) && !everything.includes('TOPSECRET'));
  alice.close(1000, 'bye');
  await reads(page, '#open', /^0 open$/);
  await line(page, 'closed', '1000', 'bye').waitFor();
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('an event that is sent again runs the function again, and its answer is shown', async () => {
  const page = await visit();
  const socket = await client();
  const heard = [];
  socket.on('message', (message) => heard.push(String(message)));
  socket.send(JSON.stringify({ action: 'echo', do: 'echo', text: 'once more' }));
  await line(page, 'echo', '200', 'once more').click();
  await page.click('text="Send this event again"');
  await line(page, 'echo again', '200', 'once more').waitFor();
  await reads(page, '#details h2', /^echo again scripted 200$/);
  await reads(page, '#details', /Answer\s+\{[^]*once more/);
  await reads(page, '#details', /Log\s+EVENT \{/);
  assert.equal(heard.length, 1, 'the client gets nothing of it');
  socket.terminate();
  await page.context().close();
});

test('a fault that is ordered makes the next post fail', async () => {
  const page = await visit();
  const socket = await client();
  await reads(page, '#open', /^1 open$/);
  const id = await newest(page);
  await page.click('#open-faults');
  await page.selectOption('#fault', 'throttle_posts_to');
  await page.selectOption('#fault-connection', id);
  await page.click('#order');
  await line(page, 'fault', 'throttle_posts_to × 1').waitFor();
  assert.deepEqual([await post(id, 'a'), await post(id, 'b')], [429, 200]);
  await line(page, 'POST', '429', 'a').waitFor();

  await page.click('#open-faults');
  await page.selectOption('#fault', 'gone');
  socket.terminate();
  await reads(page, '#open', /^0 open$/);
  await page.click('#order');
  await reads(page, '#fault-error', /no such open connection/);
  await page.click('#close-faults');
  await page.context().close();
});

test('the reason of a refusal is shown', async () => {
  const page = await visit();
  await assert.rejects(client('?do=refuse&status=403&body=Members%20only'), /403/);
  await line(page, 'handshake', '403').click();
  await reads(page, '#details', /Refused: \$connect of scripted answered 403: Members only/);
  await page.click('#details .calls button');
  await reads(page, '#details h2', /^\$connect scripted 403$/);
  await page.context().close();
});

test('what anybody has sent is text, and never markup', async () => {
  const page = await visit();
  const title = await page.title();
  const query = `?x=${encodeURIComponent(MARKUP)}&protocol=`;
  const socket = await client(query, { 'X-Markup': MARKUP, 'User-Agent': MARKUP });
  socket.send(JSON.stringify({ action: 'echo', do: 'echo', text: MARKUP }));
  await once(socket, 'message');
  socket.send(JSON.stringify({ do: 'fail', message: MARKUP }));
  await once(socket, 'message');
  await reads(page, '#connections', /<img src=x/);
  assert.equal(await post(await newest(page), MARKUP), 200);
  socket.close(1000, MARKUP);
  await line(page, 'closed', '1000').waitFor();
  const lines = page.locator('#timeline .line');
  for (let at = await lines.count() - 1; at >= 0; at--) {
    await lines.nth(at).click();
    assert.equal(await page.locator('img, body script, [onerror]').count(), 0);
  }
  assert.ok((await page.innerText('#timeline')).includes(MARKUP), 'it is shown as it is');
  assert.equal(await page.title(), title);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('it works by keyboard', async () => {
  const page = await visit();
  await page.keyboard.press('/');
  await page.keyboard.type('$disconnect');
  await page.waitForFunction(() => [...document.querySelectorAll('#timeline li:not([hidden])')].every((row) => row.textContent.includes('$disconnect')));
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  const focused = () => page.evaluate(() => [...document.querySelectorAll('#timeline li:not([hidden]) > .line')].indexOf(document.activeElement));
  const last = await focused();
  assert.ok(last > 1, `line ${last} of the list has the focus`);
  await page.keyboard.press('ArrowUp');
  assert.equal(await focused(), last - 1);
  await page.keyboard.press('Home');
  assert.equal(await focused(), 0);
  await page.keyboard.press('Enter');
  await reads(page, '#details h2', /^\$disconnect scripted 200$/);
  await page.focus('#open-faults');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#faults[open]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#faults:not([open])', { state: 'attached' });
  await page.context().close();
});

for (const [device, viewport] of Object.entries({ desktop: DESKTOP, laptop: { width: 1280, height: 720 }, phone: PHONE })) {
  for (const colorScheme of ['light', 'dark']) {
    test(`${device}, ${colorScheme}: nothing inaccessible, and nothing too wide`, async () => {
      mkdirSync(SHOTS, { recursive: true });
      const page = await visit({ viewport, colorScheme });
      for (const [name, words] of [['call', ['echo', 'hello']], ['refused', ['handshake', '403']]]) {
        await line(page, ...words).first().click();
        assert.equal(await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth), 0, name);
        await accessible(page, name);
        await page.screenshot({ path: `${SHOTS}/inspector-${device}-${colorScheme}-${name}.png` });
      }
      await page.click('#open-faults');
      await accessible(page, 'faults');
      await page.context().close();
    });
  }
}
