import type { Decoded, Options, Reason, Ticket } from './types.js';
/** @import { Decoded, Options, Reason, Ticket } from './types.js' */
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
/**
 * Returns the end of a token in ms of this clock. A token just handed out is live, and lives no longer than
 * from `iat` to `exp`: if this clock says otherwise, it is the clock that is wrong.
 *
 * @param {Ticket} ticket
 * @param {number} now
 */
export declare function endOf({ token, expires_at, skew }: Ticket, now: number): number;
/**
 * Returns the reason of an error that no retry changes.
 *
 * @param {any} error
 * @returns {Reason | undefined}
 */
export declare const finalReason: (error: any) => Reason | undefined;
