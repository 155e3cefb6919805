// Real RS256 tokens for the development server: the rules of the layer in a few lines, enough to work on the page.
import { createHash, createHmac, createSign, createVerify, generateKeyPairSync } from 'node:crypto';

const b64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export function keyPair() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { e, n } = publicKey.export({ format: 'jwk' });
  // RFC 7638: the required members in lexical order.
  const kid = createHash('sha256').update(JSON.stringify({ e, kty: 'RSA', n })).digest('base64url');
  return { privateKey, publicKey, kid, pem: publicKey.export({ type: 'spki', format: 'pem' }) };
}

export function sign(key, claims, header = {}) {
  const input = `${b64({ typ: 'JWT', alg: 'RS256', kid: key.kid, ...header })}.${b64(claims)}`;
  return `${input}.${createSign('RSA-SHA256').update(input).sign(key.privateKey).toString('base64url')}`;
}

/** HS256 with the text of the public key as secret: what a verifier that lets the token choose would accept. */
export function signWithPublicKey(key, claims) {
  const input = `${b64({ typ: 'JWT', alg: 'HS256' })}.${b64(claims)}`;
  return `${input}.${createHmac('sha256', key.pem).update(input).digest('base64url')}`;
}

export const unsigned = (claims) => `${b64({ typ: 'JWT', alg: 'none' })}.${b64(claims)}.`;

/** The same signature over other claims. */
export function withClaims(token, change) {
  const [header, claims, signature] = token.split('.');
  return `${header}.${b64({ ...JSON.parse(Buffer.from(claims, 'base64url')), ...change })}.${signature}`;
}

/** @returns the claims, or throws an Error whose message is the reason */
export function verify(key, token, now = Date.now() / 1000) {
  const refuse = (reason) => {
    throw new Error(reason);
  };
  const parts = token.split('.');
  if (token.length > 4096 || parts.length !== 3 || parts.some((part) => !/^[\w-]+$/.test(part))) refuse('malformed token');
  const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  if (header.alg !== 'RS256') refuse(`algorithm is not RS256`);
  const input = `${parts[0]}.${parts[1]}`;
  if (!createVerify('RSA-SHA256').update(input).verify(key.publicKey, parts[2], 'base64url')) refuse('signature does not verify');
  if (Math.max(claims.iat, claims.nbf ?? 0) > now + 60) refuse('token is not yet valid');
  if (now >= claims.exp) refuse('token has expired');
  return claims;
}
