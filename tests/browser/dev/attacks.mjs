// What an attacker would try, against the development gateway, over real sockets.
import { once } from 'node:events';
import { WebSocket } from '../deps.mjs';
import { keyPair, sign, signWithPublicKey, unsigned, withClaims } from './tokens.mjs';

const short = (token) => (token.length > 60 ? `${token.slice(0, 28)}…${token.slice(-12)}` : token);
const now = () => Math.floor(Date.now() / 1000);
const claims = (more = {}) => ({ sub: 'lobby', iat: now(), exp: now() + 60, user: 'mallory', jti: String(Math.random()), ...more });

const inProtocol = (token) => ({ protocols: ['room-auth', token], sent: [`Sec-WebSocket-Protocol: room-auth, ${short(token)}`] });

const handshakes = {
  'no-token': ['No token', 'Connects without any credentials.', () => ({ protocols: [], sent: ['GET /dev', '(no token anywhere)'] })],
  expired: ['Expired token', 'A genuine token, one minute past its end.', (key) => inProtocol(sign(key, claims({ iat: now() - 120, exp: now() - 60 })))],
  'not-yet-valid': ['Not yet valid', 'A genuine token from ten minutes in the future.', (key) => inProtocol(sign(key, claims({ iat: now() + 600, exp: now() + 900 })))],
  'other-key': ['Another key', 'The right claims, signed by a key of the attacker’s own.', () => inProtocol(sign(keyPair(), claims()))],
  'alg-none': ['alg: none', 'Claims without a signature, and a header that says none is needed.', () => inProtocol(`${unsigned(claims())}AA`)],
  'hs256-public-key': ['HS256 with the public key', 'The public key used as an HMAC secret: fools verifiers that let the token choose.', (key) => inProtocol(signWithPublicKey(key, claims()))],
  'changed-room': ['Changed room', 'A token for the lobby, its claims edited to say staff.', (key) => inProtocol(withClaims(sign(key, claims()), { sub: 'staff' }))],
  'two-tokens': ['Two tokens at once', 'A good token in the header and another in the query.', (key) => ({ ...inProtocol(sign(key, claims())), query: `?token=${sign(key, claims())}`, sent: ['Sec-WebSocket-Protocol: room-auth, eyJ…', 'GET /dev?token=eyJ…'] })],
  'wrong-place': ['Token in the wrong place', 'A good token in a cookie, where nobody asked for one.', (key) => ({ protocols: [], headers: { cookie: `token=${sign(key, claims())}` }, sent: ['Cookie: token=eyJ…'] })],
  'kid-elsewhere': ['kid that points elsewhere', 'A key id that is a path to a key of the attacker’s.', () => inProtocol(sign(keyPair(), claims(), { kid: '../../../dev/null' }))],
};

const sessions = {
  'after-expiry': ['Message after expiry', 'Connects in time, waits for the token to run out, then speaks.'],
  'renew-other-room': ['Renewal to another room', 'Connected to the lobby, renews with a token for staff.'],
  'without-capability': ['Message without the capability', 'Connected with a token that allows to read only, speaks.'],
  'other-users-token': ['Another user’s token', 'Connected as one user, joins a room with a genuine token of another.'],
};

const again = {
  'replayed-ticket': ['Replay of a single-use ticket', 'A genuine token used twice, at a chat that accepts each one once.'],
  'after-logout': ['Token after “log out everywhere”', 'A stolen token whose user logs out everywhere: its connection is ended, then it is used again.'],
};

export const attacks = Object.entries({ ...handshakes, ...sessions, ...again }).map(([id, [title, what]]) => ({
  id,
  title,
  what,
  sent: id in sessions || id in again ? 'a connection, then a frame' : 'a handshake',
  room: 'lobby',
}));

export async function attack(id, { key, gateway }) {
  gateway.refused = null;
  const inSteps = id in sessions ? inSession : id in again ? twice : undefined;
  const result = await (inSteps ? inSteps(id, key, gateway) : handshake(handshakes[id][2](key), gateway));
  return { id, expected: 'refused', reason: gateway.refused, ...result };
}

async function handshake({ protocols, headers, query = '', sent }, gateway) {
  const socket = new WebSocket(gateway.url + query, protocols, { headers });
  const status = await new Promise((done) => {
    socket.on('unexpected-response', (_, response) => done(response.statusCode));
    socket.on('open', () => done(101));
    socket.on('error', () => {});
  });
  socket.terminate();
  return { sent, status, refused: status === 401 };
}

async function twice(id, key, gateway) {
  const user = `mallory-${Math.random()}`;
  const token = sign(key, claims({ iat: now() - 5, user, once: id === 'replayed-ticket' }));
  const socket = new WebSocket(gateway.url, ['room-auth', token]);
  await once(socket, 'open');
  if (id === 'after-logout') gateway.revoke(user);
  const result = await handshake(inProtocol(token), gateway);
  socket.terminate();
  return result;
}

async function inSession(id, key, gateway) {
  const more = { 'after-expiry': { iat: now() - 10, exp: now() + 1 }, 'without-capability': { can: ['members'] } }[id];
  const first = sign(key, claims({ sub: 'attic', ...more }));
  const socket = new WebSocket(gateway.url, ['room-auth', first]);
  await once(socket, 'open');
  let frame = { action: 'send', text: 'still here?' };
  if (id === 'after-expiry') await new Promise((done) => setTimeout(done, 1100));
  if (id === 'other-users-token') frame = { action: 'join', token: sign(key, claims({ sub: 'staff', user: 'trent' })) };
  if (id === 'renew-other-room') frame = { action: 'renew', token: sign(key, claims({ sub: 'staff' })) };
  socket.send(JSON.stringify(frame));
  const [data] = await once(socket, 'message');
  socket.terminate();
  const answer = JSON.parse(String(data));
  if (id === 'after-expiry') gateway.refused = 'token has expired';
  return {
    sent: [`Sec-WebSocket-Protocol: room-auth, ${short(first)}`, JSON.stringify({ ...frame, ...(frame.token && { token: short(frame.token) }) })],
    status: null,
    refused: answer.message === 'token expired' || answer.type === 'error',
  };
}
