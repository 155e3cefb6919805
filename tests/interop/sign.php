<?php
// Signs a room token with nothing but PHP's openssl extension.
// usage: php sign.php PRIVATE_KEY_PEM ROOM LIFETIME_SECONDS [KID]
declare(strict_types=1);

function base64url(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

/** OpenSSL writes an ECDSA signature as DER; a token has both numbers, 32 bytes each. */
function fixed(string $der): string
{
    $r = substr($der, 4, ord($der[3]));
    $s = substr($der, 6 + strlen($r));
    return implode('', array_map(fn ($n) => str_pad(ltrim($n, "\0"), 32, "\0", STR_PAD_LEFT), [$r, $s]));
}

/** Call it only for a user who may enter $room: the token is the permission. */
function room_token(OpenSSLAsymmetricKey $key, string $room, int $lifetime, ?string $kid = null): string
{
    // D: without it, `$` also matches before a final newline.
    if (!preg_match('/^[A-Za-z0-9._:-]{1,128}$/D', $room)) {
        throw new InvalidArgumentException('not a room id');
    }
    if ($lifetime < 1) {
        throw new InvalidArgumentException('the lifetime must be positive');
    }
    // RSA, or else a key on the curve P-256.
    $curve = openssl_pkey_get_details($key)['type'] === OPENSSL_KEYTYPE_EC;
    $header = ['typ' => 'JWT', 'alg' => $curve ? 'ES256' : 'RS256'];
    if ($kid !== null && $kid !== '') {
        $header['kid'] = $kid;
    }
    $now = time();
    $claims = ['sub' => $room, 'iat' => $now, 'exp' => $now + $lifetime];

    $signed = base64url(json_encode($header, JSON_THROW_ON_ERROR))
        . '.' . base64url(json_encode($claims, JSON_THROW_ON_ERROR));
    if (!openssl_sign($signed, $signature, $key, OPENSSL_ALGO_SHA256)) {
        throw new RuntimeException('the key cannot sign');
    }
    return $signed . '.' . base64url($curve ? fixed($signature) : $signature);
}

if ($argc < 4 || $argc > 5 || filter_var($argv[3], FILTER_VALIDATE_INT) === false) {
    fwrite(STDERR, "usage: sign.php PRIVATE_KEY_PEM ROOM LIFETIME_SECONDS [KID]\n");
    exit(2);
}
$pem = @file_get_contents($argv[1]);
$key = $pem === false ? false : openssl_pkey_get_private($pem);
$details = $key === false ? ['type' => null] : openssl_pkey_get_details($key);
if ($details['type'] !== OPENSSL_KEYTYPE_RSA && ($details['ec']['curve_name'] ?? null) !== 'prime256v1') {
    fwrite(STDERR, "no RSA or P-256 private key in {$argv[1]}\n");
    exit(1);
}
try {
    echo room_token($key, $argv[2], (int) $argv[3], $argv[4] ?? null), "\n";
} catch (Exception $e) {
    fwrite(STDERR, $e->getMessage() . "\n");
    exit(1);
}
