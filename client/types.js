// The shapes that the client takes and gives: types only, nothing to load.

/**
 * What a backend hands out for one room.
 * @typedef {object} Ticket
 * @property {string} token a signed JWT
 * @property {string} url where to connect, without the token
 * @property {number} expires_at epoch seconds
 * @property {number} [skew] milliseconds by which the server's clock is ahead of this one
 */

/**
 * @typedef {object} Decoded
 * @property {Record<string, any>} header
 * @property {Record<string, any>} claims
 * @property {string[]} parts the three parts as they are in the token
 */

/** @typedef {'idle' | 'connecting' | 'open' | 'waiting' | 'closed'} State */

/**
 * `in-band` sends the new token over the open connection, `reconnect` opens a new connection with it
 * (for functions that know no renewal), `off` lets the token run out.
 * @typedef {'in-band' | 'reconnect' | 'off'} Renewal
 */

/**
 * Why a state was entered. The server puts a connection out for good with `expired` (its token ran out), `revoked` (the
 * user's tokens were revoked) and `removed` (the connection was deleted); only `connect()` leads back.
 * @typedef {'requested' | 'lost' | 'refused' | 'unavailable' | 'expired' | 'revoked' | 'removed' | 'unauthenticated' | 'forbidden'} Reason
 */

/**
 * @typedef {object} StateDetail
 * @property {State} state
 * @property {Reason} reason
 * @property {number} retryIn milliseconds until the next attempt; 0 unless waiting
 * @property {number} attempt failed attempts in a row
 */

/**
 * A room beside that of the connection was entered (again after each reconnect, so that the page asks for its members
 * again), or is left: because the page asked (`requested`), its token ran out (`expired`), the backend gives no other
 * (`unauthenticated`, `forbidden`), or the server took the connection out of it (`removed`).
 * @typedef {object} RoomDetail
 * @property {string} room
 * @property {boolean} joined
 * @property {Reason} reason
 */

/**
 * @typedef {object} TokenDetail
 * @property {string} room
 * @property {string} token
 * @property {number} expiresAt in ms of this clock
 * @property {boolean} renewed whether it took another one's place without a gap
 */

/**
 * The `detail` of each event.
 * @typedef {object} Events
 * @property {StateDetail} state the connection came, went or is tried again
 * @property {TokenDetail} token another token is in force
 * @property {unknown} message what the server sent, parsed if it is JSON
 * @property {RoomDetail} room a further room was entered or left
 * @property {{ room: string, expiresAt: number }} expired the token in force has run out; only with renewal `off`
 * @property {unknown} fault the error that kept a token from being fetched, or a socket from being made with it
 */

/**
 * @typedef {object} Env
 * @property {any} WebSocket the class to make sockets with
 * @property {(run: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {() => number} now milliseconds since the epoch
 * @property {() => number} random in [0, 1)
 * @property {EventTarget | null} network fires `online` when the network is back, and `pageshow`; the window
 * @property {(EventTarget & { visibilityState?: string }) | null} document fires `visibilitychange` and `resume`
 */

/**
 * @typedef {object} Options
 * @property {string} room that of the first token, by which the connection lives
 * @property {(request: { room: string, signal: AbortSignal }) => Promise<Ticket>} fetchToken
 * @property {Renewal} [renewal] default `in-band`
 * @property {number} [renewBefore] ms before the end; default 30 s, and never more than a fifth of the life
 * @property {number} [heartbeat] ms without traffic before a ping; default 8 min, 0 = never, not even when the device wakes
 * @property {number} [maxAge] ms until a connection is replaced; default 1 h 55 min
 * @property {number} [answerWithin] ms for a handshake, a pong, a renewal, a join or a leave to be answered; default 10 s
 * @property {number} [drain] ms that a replaced connection is still listened to; default 2 s. With further rooms to join, `answerWithin` more
 * @property {{ base: number, cap: number }} [backoff] ms; default 500 and 30,000
 * @property {string} [subprotocol] default `room-auth`
 * @property {Partial<Env>} [env]
 */

export {};
