// Verifies a room token read from standard input and prints its room.
// usage: node verify.mjs PUBLIC_KEY_PEM < token
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { jwtVerify } from 'jose';

/** The one algorithm of a key. */
function algorithm(key) {
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec') return namedCurve === 'prime256v1' ? 'ES256' : undefined;
  return { rsa: 'RS256', ed25519: 'EdDSA' }[key.asymmetricKeyType];
}

async function roomOf(key, token) {
  const { payload } = await jwtVerify(token, key, {
    // The algorithm is ours to choose; the token may only agree.
    algorithms: [algorithm(key)],
    requiredClaims: ['sub', 'iat', 'exp'],
  });
  if (!(payload.iat < payload.exp)) throw new Error('wrong claims');
  return payload.sub;
}

function publicKey(path) {
  try {
    const pem = readFileSync(path, 'utf8');
    const key = createPublicKey(pem);
    // Node derives the public key of a private one, which has no business here.
    if (algorithm(key) && !pem.includes('PRIVATE KEY')) return key;
  } catch {
    // OpenSSL's message helps nobody; what to look at is the file.
  }
  throw new Error(`no RSA, P-256 or Ed25519 public key in ${path}`);
}

if (process.argv.length !== 3) {
  console.error('usage: verify.mjs PUBLIC_KEY_PEM < token');
  process.exit(2);
}
try {
  console.log(await roomOf(publicKey(process.argv[2]), readFileSync(0, 'utf8').trim()));
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
