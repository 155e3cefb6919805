// Signs a room token with jose.
// usage: node sign.mjs PRIVATE_KEY_PEM ROOM LIFETIME_SECONDS [KID]
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SignJWT } from 'jose';

/** The one algorithm of a key. */
function algorithm(key) {
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec') return namedCurve === 'prime256v1' ? 'ES256' : undefined;
  return { rsa: 'RS256', ed25519: 'EdDSA' }[key.asymmetricKeyType];
}

/** Call it only for a user who may enter `room`: the token is the permission. */
async function roomToken(key, room, lifetime, kid) {
  if (!/^[A-Za-z0-9._:-]{1,128}$/.test(room)) throw new Error('not a room id');
  if (!Number.isSafeInteger(lifetime) || lifetime < 1) throw new Error('the lifetime must be positive');
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT()
    .setProtectedHeader({ typ: 'JWT', alg: algorithm(key), ...(kid && { kid }) })
    .setSubject(room)
    .setIssuedAt(now)
    .setExpirationTime(now + lifetime)
    .sign(key);
}

/** Both PKCS#1 and PKCS#8; jose's own importPKCS8 reads only the latter. */
function privateKey(path) {
  try {
    const key = createPrivateKey(readFileSync(path));
    if (algorithm(key)) return key;
  } catch {
    // OpenSSL's message helps nobody; what to look at is the file.
  }
  throw new Error(`no RSA, P-256 or Ed25519 private key in ${path}`);
}

const [path, room, lifetime, kid, ...rest] = process.argv.slice(2);
if (!lifetime || rest.length > 0) {
  console.error('usage: sign.mjs PRIVATE_KEY_PEM ROOM LIFETIME_SECONDS [KID]');
  process.exit(2);
}
try {
  console.log(await roomToken(privateKey(path), room, Number(lifetime), kid));
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
