import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser, calm, demo, enter, messages, reads, visit, withChat } from './demo.mjs';

const address = await demo();
const chromium = await browser();
const page = await visit(address, chromium);
await enter(page, 'alice');
await page.waitForSelector('#attack-list li');

const ATTACKS = [
  'no-token', 'expired', 'not-yet-valid', 'other-key', 'alg-none', 'hs256-public-key',
  'changed-room', 'two-tokens', 'wrong-place', 'after-expiry', 'renew-other-room', 'kid-elsewhere',
  'replayed-ticket', 'without-capability', 'after-logout', 'other-users-token',
];
/** These have a connection already: what they get is a frame, not a status. */
const OVER_THE_LINE = ['after-expiry', 'renew-other-room', 'without-capability', 'other-users-token'];
const NEED_THE_CHAT = [...OVER_THE_LINE, 'replayed-ticket', 'after-logout'];
const { skip } = await withChat(address);
const offered = ATTACKS.filter((id) => !skip || !NEED_THE_CHAT.includes(id));

test('the panel offers every attack', async () => {
  const rows = await page.$$eval('#attack-list li', (items) => items.map((item) => item.dataset.attack));
  assert.deepEqual(rows.toSorted(), offered.toSorted());
});

for (const id of offered) {
  test(`${id} is refused, and the panel shows what was sent and why`, async () => {
    const row = page.locator(`[data-attack=${id}]`);
    await row.locator('.run').click();
    await page.waitForSelector(`[data-attack=${id}][data-state=refused]`, { timeout: 60_000 });
    const stamp = await row.locator('.stamp').innerText();
    assert.match(stamp, OVER_THE_LINE.includes(id) ? /refused/ : /^401 refused$/);
    const detail = row.locator('.detail');
    const sent = await detail.locator('pre').innerText();
    assert.ok(sent.length > 0);
    for (const line of sent.split('\n')) assert.ok(line.length < 200, `not shortened: ${line}`);
    const reason = await detail.locator('p').last().innerText();
    assert.ok(reason.length > 0);
    assert.doesNotMatch(reason, /eyJ/, 'a log quotes no token');
  });
}

test('all of them at once: each is refused, and nobody in the room heard a thing', async () => {
  const before = await messages(page);
  await page.click('#attack-all');
  await page.waitForSelector('#attack-all:disabled');
  await page.waitForSelector('#attack-all:enabled', { timeout: 120_000 });
  await reads(page, '#attacks-sum', new RegExp(`^${offered.length} of ${offered.length} refused$`));
  assert.equal(await page.locator('#attack-list [data-state=refused]').count(), offered.length);
  assert.deepEqual(await messages(page), before);
  calm(page);
});
