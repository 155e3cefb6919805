// Tokens: where they come from, what they say, and when they end.

/** @import { Decoded, Options, Reason, Ticket } from './types.js' */

/** Why no token was given. */
export class TokenError extends Error {
	name = 'TokenError';

	/** @param {number} status of HTTP; 0 without an answer @param {string} message @param {number} [retryAfter] ms */
	constructor(status, message, retryAfter = 0) {
		super(message);
		this.status = status;
		this.retryAfter = retryAfter;
	}
}

/**
 * Fetches tokens by `POST endpoint {"room"}` with the page's own cookies.
 *
 * @param {string} endpoint
 * @param {{ fetch?: typeof globalThis.fetch, now?: () => number }} [env]
 * @returns {Options['fetchToken']}
 */
export function tokenFrom(endpoint, { fetch = globalThis.fetch, now = Date.now } = {}) {
	return async ({ room, signal }) => {
		const headers = { 'content-type': 'application/json' };
		const request = { method: 'POST', headers, body: JSON.stringify({ room }), signal };
		const response = await fetch(endpoint, request).catch(() => {
			throw new TokenError(0, 'The backend does not answer.');
		});
		const body = await response.json().catch(() => ({}));
		if (!response.ok) {
			const seconds = Number(response.headers.get('retry-after')) || 0;
			throw new TokenError(response.status, body.message ?? `The backend answered ${response.status}.`, seconds * 1000);
		}
		// The Date header counts whole seconds: a small difference says nothing.
		const skew = Date.parse(response.headers.get('date') ?? '') - now();
		return { ...body, skew: Math.abs(skew) > 5_000 ? skew : 0 };
	};
}

/**
 * Reads a token for display. Nothing is verified: only the server's answer says whether it is good.
 *
 * @param {string} token
 * @returns {Decoded | null} null for what is no token
 */
export function decodeToken(token) {
	try {
		const parts = token.split('.');
		const [header, claims] = parts.slice(0, 2).map((part) => {
			const bytes = Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
			return JSON.parse(new TextDecoder().decode(bytes));
		});
		return parts.length === 3 ? { header, claims, parts } : null;
	} catch {
		return null;
	}
}

/**
 * Returns the end of a token in ms of this clock. A token just handed out is live, and lives no longer than
 * from `iat` to `exp`: if this clock says otherwise, it is the clock that is wrong.
 *
 * @param {Ticket} ticket
 * @param {number} now
 */
export function endOf({ token, expires_at, skew = 0 }, now) {
	const { iat, exp } = decodeToken(token)?.claims ?? {};
	const life = exp > iat ? (exp - iat) * 1000 : Infinity;
	const ends = Math.min(expires_at * 1000 - skew || Infinity, now + life);
	return ends > now ? ends : now + life;
}

/**
 * Returns the reason of an error that no retry changes.
 *
 * @param {any} error
 * @returns {Reason | undefined}
 */
export const finalReason = (error) => (error?.status === 401 ? 'unauthenticated' : error?.status === 403 ? 'forbidden' : undefined);
