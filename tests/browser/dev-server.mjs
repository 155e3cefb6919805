// The demo's contract on Node alone, to work on the page without building anything:
//   node tests/browser/dev-server.mjs [--port 8080] [--token-lifetime 300] [--authorizer] [--connect-only]
// Files are read anew for each request. Never a model for a backend: that is examples/demo.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { root } from './deps.mjs';
import { attack, attacks } from './dev/attacks.mjs';
import { Gateway } from './dev/gateway.mjs';
import { keyPair, sign } from './dev/tokens.mjs';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    'gateway-port': { type: 'string', default: '0' },
    'token-lifetime': { type: 'string', default: '300' },
    authorizer: { type: 'boolean', default: false },
    'connect-only': { type: 'boolean', default: false },
  },
});

const TYPES = { html: 'text/html; charset=utf-8', css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8' };
const USERS = {
  alice: { rooms: ['lobby', 'staff'], moderator: true },
  bob: { rooms: ['lobby'], moderator: false },
  eve: { rooms: ['lobby'], moderator: false, can: ['members'] },
};

const key = keyPair();
const lifetime = Number(options['token-lifetime']);
const mode = { authorizer: options.authorizer, chat: !options['connect-only'], token_lifetime: lifetime };
const sessions = new Map();
const out = new Set();
const watchers = new Set();
let failures = 0;

function observe(event) {
  const full = { at: Date.now(), connection: null, ms: null, status: null, reason: null, ...event };
  for (const response of watchers) response.write(`data: ${JSON.stringify(full)}\n\n`);
}

const gateway = new Gateway({ key, mode, observe });
await gateway.listen(Number(options['gateway-port']));

const CSP = `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws://127.0.0.1:${gateway.port}; \
img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;

function revoke(user) {
  for (const [session, of] of sessions) if (of === user) sessions.delete(session);
  gateway.revoke(user);
}

const say = (status, body, headers = {}) => ({ status, body, headers });
const refuse = (status, message) => say(status, { message });

const api = {
  'POST /api/login': async ({ body: { user, password } }) => {
    if (failures >= 10) return say(429, { message: 'Too many attempts. Wait a minute.' }, { 'retry-after': '60' });
    if (!USERS[user] || password !== user) {
      failures += 1;
      return refuse(401, 'Wrong name or password.');
    }
    failures = 0;
    const session = randomBytes(16).toString('base64url');
    sessions.set(session, user);
    return say(204, null, { 'set-cookie': `session=${session}; HttpOnly; SameSite=Strict; Path=/` });
  },
  'POST /api/logout': async ({ session }) => {
    sessions.delete(session);
    return say(204, null, { 'set-cookie': 'session=; Max-Age=0; HttpOnly; SameSite=Strict; Path=/' });
  },
  'GET /api/key': async () => say(200, { kid: key.kid, alg: 'RS256', bits: 2048, name: 'the backend’s, RSA 2048' }),
  'GET /api/mode': async () => say(200, mode),
  'GET /api/attacks': async () => say(200, attacks),
};

const guarded = {
  'GET /api/session': async ({ user }) => say(200, { user, rooms: USERS[user].rooms, moderator: USERS[user].moderator }),
  'POST /api/token': async ({ user, body: { room } }) => {
    // A token of the second of the revocation would be as good as one from before.
    const since = Date.now() / 1000 - (gateway.revoked.get(user) ?? 0);
    if (since < 1) await new Promise((done) => setTimeout(done, 1000 - since * 1000));
    if (out.has(user)) return refuse(403, `${user} has been put out.`);
    if (!USERS[user].rooms.includes(room)) return refuse(403, `${user} may not enter this room.`);
    const iat = Math.floor(Date.now() / 1000);
    const exp = iat + lifetime;
    return say(200, { token: sign(key, { sub: room, iat, exp, user, jti: randomBytes(16).toString('base64url'), can: USERS[user].can }), url: gateway.url, expires_at: exp });
  },
  'POST /api/logout-everywhere': async ({ user }) => {
    revoke(user);
    return say(200, {});
  },
  'POST /api/gateway/restart': async () => {
    await gateway.restart();
    return say(204, null);
  },
};

const moderators = {
  'GET /api/put-out': async () => say(200, { out: [...out], in: [] }),
  'POST /api/put-out': async ({ body: { user } }) => {
    if (USERS[user].moderator) return refuse(403, 'A moderator cannot be put out.');
    out.add(user);
    revoke(user);
    return say(200, {});
  },
  'POST /api/let-in': async ({ body: { user } }) => {
    out.delete(user);
    return say(204, null);
  },
};

async function handle(request) {
  const path = new URL(request.url, 'http://x').pathname;
  const session = /(?:^|; )session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
  const user = sessions.get(session);
  if (request.method === 'POST' && request.headers.origin !== `http://${request.headers.host}`) return refuse(403, 'Wrong origin.');
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = chunks.length ? JSON.parse(Buffer.concat(chunks)) : {};

  const route = `${request.method} ${path}`;
  if (api[route]) return api[route]({ body, session });
  const [, id] = /^POST \/api\/attacks\/([\w-]+)$/.exec(route) ?? [];
  if (moderators[route] && user && !USERS[user].moderator) return refuse(403, 'Only a moderator may do this.');
  const known = guarded[route] ?? moderators[route] ?? (id && attacks.some((a) => a.id === id) && (async () => say(200, await attack(id, { key, gateway }))));
  if (known) return user ? known({ user, body }) : refuse(401, 'Log in first.');
  if (path.startsWith('/api/')) return refuse(404, 'No such endpoint.');

  const name = path.startsWith('/client/') ? path.slice(1) : `examples/demo/page${path === '/' ? '/index.html' : path}`;
  const type = TYPES[name.split('.').pop()];
  if (!type || !/^(examples\/demo\/page|client)\/[\w-]+\.\w+$/.test(name)) return refuse(404, 'No such page.');
  try {
    const text = await readFile(`${root}${name}`, 'utf8');
    // Comments are for readers of the repository.
    const raw = name.endsWith('.js') ? text.replace(/^[\t ]*(\/\/.*|\/\*[^]*?\*\/)\n/gm, '') : text;
    return { status: 200, raw, headers: { 'content-type': type } };
  } catch {
    return refuse(404, 'No such page.');
  }
}

const server = createServer(async (request, response) => {
  if (request.url === '/api/events' && sessions.has(/session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1])) {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).write(':\n\n');
    watchers.add(response);
    return request.on('close', () => watchers.delete(response));
  }
  const { status, body, raw, headers } = await handle(request).catch((error) => {
    console.error(error);
    return refuse(500, 'Internal server error');
  });
  const data = raw ?? (body === null ? '' : JSON.stringify(body));
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-security-policy': CSP,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      ...headers,
    })
    .end(data);
});
server.listen(Number(options.port), '127.0.0.1', () => console.log(`ready: http://127.0.0.1:${server.address().port}/`));
process.on('SIGTERM', () => process.exit(0));
process.on('SIGINT', () => process.exit(0));
