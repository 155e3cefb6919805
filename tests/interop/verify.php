<?php
// Verifies a room token read from standard input and prints its room.
// usage: php verify.php PUBLIC_KEY_PEM < token
declare(strict_types=1);

function base64url_decode(string $text): string
{
    $bytes = base64_decode(strtr($text, '-_', '+/'), true);
    if ($bytes === false || rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=') !== $text) {
        throw new RuntimeException('malformed');
    }
    return $bytes;
}

/** A token has both numbers of an ECDSA signature, 32 bytes each; OpenSSL reads DER. */
function der(string $fixed): string
{
    if (strlen($fixed) !== 64) {
        throw new RuntimeException('wrong signature');
    }
    $numbers = array_map(function (string $number): string {
        $number = ltrim($number, "\0");
        $number = $number === '' || ord($number[0]) > 127 ? "\0$number" : $number;
        return "\x02" . chr(strlen($number)) . $number;
    }, str_split($fixed, 32));
    $body = implode('', $numbers);
    return "\x30" . chr(strlen($body)) . $body;
}

function json_object(string $part): array
{
    try {
        $object = json_decode(base64url_decode($part), true, 8, JSON_THROW_ON_ERROR);
    } catch (JsonException) {
        throw new RuntimeException('malformed');
    }
    return is_array($object) ? $object : throw new RuntimeException('malformed');
}

function room_of(OpenSSLAsymmetricKey $key, string $token, int $now): string
{
    $parts = explode('.', $token);
    if (count($parts) !== 3) {
        throw new RuntimeException('malformed');
    }
    // The algorithm is ours to choose; the token may only agree.
    $curve = openssl_pkey_get_details($key)['type'] === OPENSSL_KEYTYPE_EC;
    if ((json_object($parts[0])['alg'] ?? null) !== ($curve ? 'ES256' : 'RS256')) {
        throw new RuntimeException('wrong algorithm');
    }
    $signature = base64url_decode($parts[2]);
    $signature = $curve ? der($signature) : $signature;
    if (openssl_verify("{$parts[0]}.{$parts[1]}", $signature, $key, OPENSSL_ALGO_SHA256) !== 1) {
        throw new RuntimeException('wrong signature');
    }
    ['sub' => $sub, 'iat' => $iat, 'exp' => $exp]
        = json_object($parts[1]) + ['sub' => null, 'iat' => null, 'exp' => null];
    if (!is_string($sub) || !is_int($iat) || !is_int($exp) || $iat >= $exp) {
        throw new RuntimeException('wrong claims');
    }
    return $now < $exp ? $sub : throw new RuntimeException('expired');
}

if ($argc !== 2) {
    fwrite(STDERR, "usage: verify.php PUBLIC_KEY_PEM < token\n");
    exit(2);
}
$pem = @file_get_contents($argv[1]);
$key = $pem === false ? false : openssl_pkey_get_public($pem);
$details = $key === false ? ['type' => null] : openssl_pkey_get_details($key);
if ($details['type'] !== OPENSSL_KEYTYPE_RSA && ($details['ec']['curve_name'] ?? null) !== 'prime256v1') {
    fwrite(STDERR, "no RSA or P-256 public key in {$argv[1]}\n");
    exit(1);
}
try {
    echo room_of($key, trim(stream_get_contents(STDIN)), time()), "\n";
} catch (RuntimeException $e) {
    fwrite(STDERR, $e->getMessage() . "\n");
    exit(1);
}
