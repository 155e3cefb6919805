// A demo and visitors in a real browser. `$DEMO` is the command to run: the demo's binary, or the
// development server, which keeps the same contract.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { load, root } from './deps.mjs';

const { chromium, axe } = load();
const [PROGRAM, ...ARGUMENTS] = (process.env.DEMO ?? `${root}target/debug/demo`).split(' ');

export const isDevServer = ARGUMENTS.some((argument) => argument.endsWith('dev-server.mjs'));
export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** Starts a demo on any free port and stops it after the file's tests. @returns {Promise<string>} its address */
export async function demo(...options) {
  const child = spawn(PROGRAM, [...ARGUMENTS, '--port', '0', '--gateway-port', '0', ...options], { cwd: root });
  const said = [];
  child.stderr.on('data', (data) => said.push(String(data)));
  const ended = once(child, 'exit');
  after(async () => {
    child.kill('SIGINT');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    const [code, signal] = await ended;
    clearTimeout(timer);
    assert.equal(signal, null, 'the demo stops when it is asked to');
    assert.equal(code, 0, said.join(''));
  });
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const [, address] = /^ready: (http:\/\/127\.0\.0\.1:\d+\/)$/.exec(line) ?? [];
    if (address) return address;
  }
  throw new Error(`the demo did not get ready:\n${said.join('')}`);
}

/**
 * Options for a test that needs the chat: skipped where only the `connect` function runs.
 *
 * @param {string} address
 */
export async function withChat(address) {
  const { chat } = await (await fetch(`${address}api/mode`)).json();
  return { skip: !chat && 'this demo runs the connect function only' };
}

/** A browser for the tests of one file. */
export async function browser() {
  // The rest of what Chromium would do on its own is of no use here and fails without a network.
  const flags = '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  const launched = await chromium.launch({ executablePath, args: flags.split(' ') });
  after(() => launched.close());
  return launched;
}

/**
 * A window of its own. What the browser complains of is collected in `page.problems`: console errors,
 * exceptions, violations of the content security policy.
 */
export async function visit(address, from, options = {}) {
  const context = from.newPage && from.pages ? from : await from.newContext({ viewport: DESKTOP, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.problems = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) page.problems.push(message.text());
  });
  page.on('pageerror', (error) => page.problems.push(String(error)));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
    window.shifts = [];
    new PerformanceObserver((list) => {
      for (const { hadRecentInput, sources } of list.getEntries()) {
        // Rows move down the departures board and off it (then they are null): that is what it is for.
        const moved = sources.filter(({ node }) => node && !document.querySelector('#departures').contains(node));
        if (!hadRecentInput) window.shifts.push(...moved.map(({ node }) => node.id || node.className || node.nodeName));
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(address);
  await page.waitForSelector('body:not([data-stage=start])');
  return page;
}

/** Logs a demo user in by the button with their name, and waits for the room. */
export async function enter(page, user) {
  await page.click(`[data-user=${user}]`);
  await connected(page);
}

export const connected = (page) => page.waitForSelector('#link[data-state=open]');

/** Waits until the element's text matches. */
export async function reads(page, selector, pattern) {
  try {
    await page.waitForFunction(
      ([where, source, flags]) => new RegExp(source, flags).test(document.querySelector(where)?.innerText ?? ''),
      [selector, pattern.source, pattern.flags],
    );
  } catch {
    assert.match(await page.innerText(selector), pattern);
  }
}

export async function say(page, words) {
  await page.fill('#text', words);
  await page.press('#text', 'Enter');
}

/** @returns every message in the log as `user: text` */
export const messages = (page) =>
  page.$$eval('.message', (items) => items.map((item) => `${item.querySelector('b').innerText}: ${item.querySelector('.text').innerText}`));

/** Joins a further room, and waits for its tab to be shown. */
export async function join(page, room) {
  await page.click(`#join :text-is("Join ${room}")`);
  await page.waitForSelector(`#tab-${room}[aria-selected=true]`);
}

export const members = (page) => page.$$eval('#members li', (items) => items.map((item) => item.querySelector('span:not(.face)').innerText));

/** No complaint of the browser, except those that the test provoked. */
export function calm(page, provoked) {
  assert.deepEqual(page.problems.filter((problem) => !provoked?.test(problem)), []);
}

/** Waits until what moves has arrived: a stamp that is still fading in has not the contrast that it will have. */
async function settled(page) {
  await page.evaluate(async () => {
    // What was changed just now starts to move with the next frame.
    await new Promise(requestAnimationFrame);
    const ends = ({ effect }) => effect.getTiming().duration < 1000 && effect.getTiming().iterations === 1;
    await Promise.allSettled(document.getAnimations().filter(ends).map(({ finished }) => finished));
  });
}

/** Every accessibility rule of axe-core up to WCAG 2.2 AA and its best practices. */
export async function accessible(page, where) {
  await settled(page);
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const { violations: found } = await window.axe.run(document, { preload: false });
    return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} (${node.failureSummary})`).join('; ')}`);
  });
  assert.deepEqual(violations, [], where);
}
