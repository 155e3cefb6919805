// The gateway and the chat function of the development server, in one process.
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { WebSocketServer } from '../deps.mjs';
import { verify } from './tokens.mjs';

const id = () => randomBytes(9).toString('base64url');
const jitter = (ms) => ms * (0.6 + Math.random());

export class Gateway {
  constructor({ key, mode, observe }) {
    Object.assign(this, { key, mode, observe });
    this.members = new Map();
    /** Users, with the second up to which their tokens are revoked; and tokens that are accepted once, when used. */
    this.revoked = new Map();
    this.used = new Set();
    this.sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'room-auth' });
  }

  async listen(port = 0) {
    this.server = createServer((_, response) => response.writeHead(403).end());
    this.server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    await new Promise((done) => this.server.listen(port, '127.0.0.1', done));
    this.port = this.server.address().port;
    this.url = `ws://127.0.0.1:${this.port}/dev`;
  }

  async restart() {
    for (const socket of this.sockets.clients) socket.terminate();
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
    await this.listen(this.port);
  }

  #upgrade(request, socket, head) {
    const [connection, call] = [`${id()}=`, id()];
    const step = (name, ms, more = {}) => this.observe({ step: name, request: call, connection, route: '$connect', ms, ...more });
    let claims;
    try {
      claims = this.#accept(tokenOf(request));
      if (claims.once && this.used.has(claims.jti)) throw new Error('token was used before');
      if (claims.once) this.used.add(claims.jti);
    } catch ({ message: reason }) {
      if (this.mode.authorizer) step('authorizer', jitter(1), { status: 401, reason });
      else step('function', jitter(0.9), { status: 401, reason });
      step('handshake', jitter(2), { status: 401, reason });
      socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: 26\r\nconnection: close\r\n\r\n{"message":"Unauthorized"}');
      this.refused = reason;
      return;
    }
    if (this.mode.authorizer) step('authorizer', jitter(1), { status: 200 });
    if (this.mode.chat) step('dynamodb', jitter(2.2));
    step('function', jitter(3.4), { status: 200 });
    step('handshake', jitter(5), { status: 101 });
    this.sockets.handleUpgrade(request, socket, head, (ws) => this.#joined(ws, connection, claims));
  }

  #accept(token) {
    const claims = verify(this.key, token);
    if (claims.iat <= this.revoked.get(claims.user)) throw new Error('token was revoked');
    return claims;
  }

  /** Puts a user out, as the backend does. */
  revoke(user) {
    const request = id();
    const step = (name, ms, more) => this.observe({ step: name, request, route: 'revoke', ms, ...more });
    this.revoked.set(user, Math.floor(Date.now() / 1000));
    step('dynamodb', jitter(2));
    for (const { ws, claims } of this.members.values()) {
      if (claims.user !== user) continue;
      step('management', jitter(1.2), { status: 200 });
      ws.send('{"message":"revoked"}');
      step('frame-out', jitter(0.2));
      ws.close(1000);
    }
    step('revocation', jitter(6), { status: 200 });
  }

  #joined(ws, connection, claims) {
    // Its rooms, that of $connect first, each with the claims of its token.
    const member = { ws, connection, claims, rooms: new Map([[claims.sub, claims]]) };
    const notice = (type, room) => ({ type, room, user: claims.user });
    ws.on('message', (data) => this.#message(member, String(data)));
    ws.on('close', () => {
      if (!this.members.delete(connection)) return;
      const call = id();
      const step = (name, ms) => this.observe({ step: name, request: call, connection, route: '$disconnect', ms });
      step('close', null);
      step('dynamodb', jitter(2));
      step('function', jitter(3));
      for (const room of member.rooms.keys()) this.#broadcast(notice('left', room), { call, route: '$disconnect' });
    });
    if (!this.mode.chat) return;
    this.#broadcast(notice('joined', claims.sub), { call: id(), route: '$connect' });
    this.members.set(connection, member);
  }

  #message(member, text) {
    const { ws, connection, claims, rooms } = member;
    if (!this.mode.chat) return ws.send(JSON.stringify({ message: 'Forbidden', connectionId: connection, requestId: id() }));
    let body = {};
    try {
      body = Object(JSON.parse(text));
    } catch {
      // Falls through to the unknown action.
    }
    const route = ['send', 'renew', 'members', 'join', 'leave', 'ping'].includes(body.action) ? body.action : '$default';
    const { room = claims.sub } = body;
    const call = id();
    const step = (name, ms, more = {}) => this.observe({ step: name, request: call, connection, route, ms, ...more });
    const answer = (message) => {
      step('management', jitter(1.2), { status: 200 });
      ws.send(JSON.stringify(message));
      step('frame-out', jitter(0.2));
    };
    step('dynamodb', jitter(1.4));
    if (Date.now() / 1000 >= claims.exp) {
      step('function', jitter(2), { status: 401, reason: 'token has expired' });
      ws.send('{"message":"token expired"}');
      return ws.close(1000);
    }
    const refuse = (reason, message) => {
      this.refused = reason;
      step('function', jitter(2), { status: 401, reason });
      answer({ type: 'error', message });
    };
    if (['send', 'members'].includes(route)) {
      const { can } = rooms.get(room) ?? {};
      if (!rooms.has(room)) return answer({ type: 'error', message: 'you are not in this room' });
      if (can && !can.includes(route)) return refuse('forbidden', 'your token does not allow this');
    }
    if (route === 'send' && typeof body.text === 'string' && Buffer.byteLength(body.text) <= 4096) {
      step('function', jitter(4), { status: 200 });
      return this.#broadcast(
        { type: 'message', room, user: claims.user, text: body.text, id: id(), at: Date.now() },
        { call, route },
      );
    }
    if (route === 'members') {
      const members = [...this.members.values()].filter((m) => m.rooms.has(room)).map((m) => m.claims.user);
      step('function', jitter(3), { status: 200 });
      return answer({ type: 'members', room, members: [...new Set(members)].sort() });
    }
    if (route === 'renew' || route === 'join') {
      try {
        const next = this.#accept(String(body.token));
        if (next.user !== claims.user) throw new Error('token of another user');
        if (route === 'renew' && (next.sub !== room || !rooms.has(room))) throw new Error('renewal for another room');
        const isNew = !rooms.has(next.sub);
        rooms.set(next.sub, next);
        if (next.sub === claims.sub) Object.assign(claims, next);
        step('dynamodb', jitter(3));
        step('function', jitter(5), { status: 200 });
        answer(route === 'join' ? { type: 'entered', room: next.sub } : { type: 'renewed', room, expires_at: next.exp });
        if (isNew) this.#broadcast({ type: 'joined', room: next.sub, user: claims.user }, { call, route }, member);
        return;
      } catch ({ message: reason }) {
        return refuse(reason, route === 'join' ? 'not joined' : 'not renewed');
      }
    }
    if (route === 'leave' && room !== claims.sub) {
      step('dynamodb', jitter(3));
      step('function', jitter(5), { status: 200 });
      answer({ type: 'exited', room });
      if (rooms.delete(room)) this.#broadcast({ type: 'left', room, user: claims.user }, { call, route });
      return;
    }
    step('function', jitter(2), { status: 200 });
    answer(route === 'ping' ? { type: 'pong' } : { type: 'error', message: 'unknown action, or a text over 4 KB' });
  }

  #broadcast(message, { call, route }, but) {
    for (const member of this.members.values()) {
      const claims = member.rooms.get(message.room);
      if (!claims || member === but || Date.now() / 1000 >= claims.exp) continue;
      const event = { request: call, connection: member.connection, route };
      this.observe({ step: 'management', ms: jitter(1.2), status: 200, ...event });
      member.ws.send(JSON.stringify(message));
      this.observe({ step: 'frame-out', ms: jitter(0.2), ...event });
    }
  }
}

function tokenOf(request) {
  const tokens = [];
  const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((p) => p.trim());
  if (protocols[0] === 'room-auth' && protocols.length === 2) tokens.push(protocols[1]);
  const bearer = /^bearer (.+)$/i.exec(request.headers.authorization ?? '');
  if (bearer) tokens.push(bearer[1]);
  tokens.push(...new URL(request.url, 'http://x').searchParams.getAll('token'));
  if (tokens.length === 0) throw new Error('no token');
  if (tokens.length > 1) throw new Error('more than one token');
  return tokens[0];
}
