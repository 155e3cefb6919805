/**
 * A WebSocket that stays in its room. It fetches a token, connects with it, renews it in band, keeps the connection
 * from being closed as idle, moves to a new one before the two-hour limit, and reconnects after a loss. After the server
 * ended a connection on purpose it stays closed. README.md shows how to use it.
 */
import type { Decoded, Options, Renewal, State } from './types.js';
/** Why no token was given. */
export declare class TokenError extends Error {
    status: number;
    retryAfter: number;
    name: string;
    /** @param {number} status of HTTP; 0 without an answer @param {string} message @param {number} [retryAfter] ms */
    constructor(status: number, message: string, retryAfter?: number);
}
/**
 * Fetches tokens by `POST endpoint {"room"}` with the page's own cookies.
 *
 * @param {string} endpoint
 * @param {{ fetch?: typeof globalThis.fetch, now?: () => number }} [env]
 * @returns {Options['fetchToken']}
 */
export declare function tokenFrom(endpoint: string, { fetch, now }?: {
    fetch?: typeof globalThis.fetch;
    now?: () => number;
}): Options['fetchToken'];
/**
 * Reads a token for display. Nothing is verified: only the server's answer says whether it is good.
 *
 * @param {string} token
 * @returns {Decoded | null} null for what is no token
 */
export declare function decodeToken(token: string): Decoded | null;
/** A connection to one room. Its events, each a CustomEvent: `Events` in types.js. */
export declare class RoomConnection extends EventTarget {
    #private;
    /** @param {Options} options */
    constructor(options: Options);
    /** @returns {string} */
    get room(): string;
    get state(): State;
    get renewal(): Renewal;
    /** @param {Renewal} mode applies from now on */
    set renewal(mode: Renewal);
    /**
     * Connects, or tries at once instead of waiting for the next attempt. After the server ended the connection on
     * purpose, only this connects again.
     */
    connect(): void;
    /** Leaves the room and stays away. */
    close(): void;
    /**
     * @param {unknown} message sent as JSON
     * @returns {boolean} false if nothing was sent: there is no open connection, or it may have died while the device
     * slept and has not given a sign of life yet
     */
    send(message: unknown): boolean;
    /** Sends a ping. Unless something arrives within `answerWithin`, the connection is lost. */
    ping(): void;
    /** Renews now, whatever is left of the token's life. */
    renew(): Promise<void>;
}
