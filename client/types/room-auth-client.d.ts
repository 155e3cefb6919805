/**
 * A WebSocket that stays in its rooms. It fetches a token, connects with it, joins further rooms with a token each, renews
 * all of them in band, keeps the connection from being closed as idle, moves to a new one before the two-hour limit, and
 * reconnects after a loss. After the server ended a connection on purpose it stays closed. README.md shows how to use it.
 */
import type { Options, Renewal, State } from './types.js';
export { TokenError, decodeToken, tokenFrom } from './tokens.js';
/** A connection to a room, and to those joined through it. Its events, each a CustomEvent: `Events` in types.js. */
export declare class RoomConnection extends EventTarget {
    #private;
    /** @param {Options} options */
    constructor(options: Options);
    /** The room of the connection's first token. @returns {string} */
    get room(): string;
    /** That room, and those that were joined and not left: `connect()` and a reconnect enter them, too. @returns {string[]} */
    get rooms(): string[];
    get state(): State;
    get renewal(): Renewal;
    /** @param {Renewal} mode applies from now on */
    set renewal(mode: Renewal);
    /**
     * Connects, or tries at once instead of waiting for the next attempt. After the server ended the connection on
     * purpose, only this connects again.
     */
    connect(): void;
    /** Leaves all rooms and stays away. */
    close(): void;
    /**
     * Enters a further room over the same connection, with a token of its own. Without an open connection it waits for one.
     *
     * @param {string} room
     * @returns {Promise<void>} rejected, and the room not entered later, if there is no token or the server refuses it
     */
    join(room: string): Promise<void>;
    /**
     * Leaves a room that was joined. That of the connection is left by `close()`.
     *
     * @param {string} room
     * @returns {Promise<void>} rejected if the server does not answer; the room is left when its token expires
     */
    leave(room: string): Promise<void>;
    /**
     * @param {unknown} message sent as JSON
     * @returns {boolean} false if nothing was sent: there is no open connection, or it may have died while the device
     * slept and has not given a sign of life yet
     */
    send(message: unknown): boolean;
    /** Sends a ping. Unless something arrives within `answerWithin`, the connection is lost. */
    ping(): void;
    /** Renews now, whatever is left of the token's life. @param {string} [room] default: that of the connection */
    renew(room?: string): Promise<any>;
}
