//! Texts that are no set of usable public keys, each with what must be said of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::fixture::{self, key};

/// One text.
#[derive(Debug)]
pub struct Row {
    /// Names the row in failures.
    pub name: &'static str,
    /// The text.
    pub text: String,
    /// What was found.
    pub found: &'static str,
    /// What to do.
    pub advice: &'static str,
}

const PAIR: &str = "openssl pkey -in private.pem -pubout";
const COPY: &str = "copy the whole text";
const WHOLE: &str = "set it to the whole text from `-----BEGIN PUBLIC KEY-----`";
const KINDS: &str = "the blocks may be PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE";
const REQUEST: &str = "set it to the certificate, or to the output of `openssl req";

/// All rows.
pub fn rows() -> Vec<Row> {
    let mut rows = fixtures();
    rows.extend(mangled());
    rows.extend(several());
    rows
}

/// Whole files of another kind.
#[rustfmt::skip]
const FIXTURES: &[(&str, &str, &str)] = &[
    ("private_pkcs8", "a private key", PAIR),
    ("private_pkcs1", "a private key", PAIR),
    ("private_encrypted", "a private key", PAIR),
    ("private_encrypted_traditional", "a private key", PAIR),
    ("private_openssh", "a private key", PAIR),
    ("private_ec", "a private key", PAIR),
    ("ec_parameters_and_private", "a private key", PAIR),
    ("ec_parameters", "the parameters of a curve and no key", PAIR),
    ("ec_p521", "an elliptic-curve key on another curve", PAIR),
    ("ec_secp256k1", "an elliptic-curve key on another curve", PAIR),
    ("ec_explicit", "an elliptic-curve key on another curve", PAIR),
    ("ec_compressed", "an elliptic-curve key with a compressed point", "-conv_form uncompressed"),
    ("ec_off_curve", "a key that is no point of its curve", PAIR),
    ("ec_short_point", "an elliptic-curve key whose contents cannot be read", PAIR),
    ("ed448", "a key that is neither RSA nor on P-256, P-384 or Ed25519", PAIR),
    ("x25519", "a key that is neither RSA nor on P-256, P-384 or Ed25519", PAIR),
    ("dsa", "a key that is neither RSA nor on P-256, P-384 or Ed25519", PAIR),
    ("rsa_pss", "an RSA key that is bound to RSA-PSS", PAIR),
    ("certificate_request", "a certificate request", REQUEST),
    ("new_certificate_request", "a certificate request", REQUEST),
    ("certificate_truncated_der", "a certificate whose contents cannot be read", PAIR),
    ("rsa_1024", "an RSA key of 1024 bits", PAIR),
    ("rsa_1024_certificate", "an RSA key of 1024 bits", PAIR),
    ("rsa_2047", "an RSA key of 2047 bits", PAIR),
    ("rsa_8208", "an RSA key of 8208 bits", PAIR),
    ("rsa_even_modulus", "an RSA key with an even modulus", PAIR),
    ("rsa_exponent_1", "an RSA key whose public exponent is not 65537", PAIR),
    ("rsa_exponent_3", "an RSA key whose public exponent is not 65537", PAIR),
    ("rsa_exponent_even", "an RSA key whose public exponent is not 65537", PAIR),
    ("rsa_exponent_33_bits", "an RSA key whose public exponent is not 65537", PAIR),
    ("rsa_negative_modulus", "an RSA public key whose contents cannot be read", PAIR),
    ("rsa_truncated_der", "a public key whose contents cannot be read", PAIR),
    ("rsa_trailing_byte", "a public key whose contents cannot be read", PAIR),
    ("rsa_pkcs1_trailing_byte", "an RSA public key whose contents cannot be read", PAIR),
    ("rsa_pkcs1_third_number", "an RSA public key whose contents cannot be read", PAIR),
    ("rsa_spki_labelled_pkcs1", "an RSA public key whose contents cannot be read", PAIR),
    ("rsa_pkcs1_labelled_spki", "a public key whose contents cannot be read", PAIR),
    ("empty_block", "a public key whose contents cannot be read", PAIR),
];

fn fixtures() -> Vec<Row> {
    FIXTURES
        .iter()
        .map(|&(name, found, advice)| Row {
            name,
            text: key(name),
            found,
            advice,
        })
        .collect()
}

/// What becomes of a good key on its way into an environment variable.
fn mangled() -> Vec<Row> {
    let good = key("rsa_2048_spki");
    let body: String = good.lines().filter(|line| !line.starts_with("-----")).collect();
    let (front, back) = good.split_at(200);
    let private = key("private_pkcs8");
    let private_body: String = private
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    #[rustfmt::skip]
    let rows = [
        ("empty", String::new(), "is empty", "set it to the PEM or the JWK set of a public key"),
        ("white space", " \r\n\t ".into(), "is empty", "set it to the PEM or the JWK set of a public key"),
        ("literal line ends alone", "\\n\\r\\n".into(), "is empty", "set it to the PEM or the JWK set of a public key"),
        ("any text", "not a key".into(), "no PEM block", WHOLE),
        ("a path", "/var/task/public.pem".into(), "no PEM block", WHOLE),
        ("the body without its lines", body.clone(), "the inside of a PEM block without its BEGIN and END lines", COPY),
        ("the body of a private key without its lines", private_body, "the inside of a PEM block without", COPY),
        ("the letter n for each line end", good.trim_end().replace('\n', "n"), "the line ends have become the letter n", "single quotes"),
        ("the letters rn for each line end", good.trim_end().replace('\n', "rn"), "the line ends have become the letter n", "single quotes"),
        ("base64 of a private key", STANDARD.encode(&private), "a private key", PAIR),
        ("base64 of any text", STANDARD.encode("this is not a key, whatever else it may be"), "no PEM block", WHOLE),
        ("base64 of half a key", STANDARD.encode(front), "cut off or damaged", COPY),
        ("an escape that nobody writes", good.replace('\n', "\\x0a"), "cut off or damaged", COPY),
        ("an SSH key", fixture::text("keys/ssh_rsa.pub"), "no PEM block", WHOLE),
        ("a JWK of no size", r#"{"kty":"RSA","e":"AQAB","n":"AAAA"}"#.into(), "an RSA key of 0 bits", PAIR),
        ("an ARN", "arn:aws:kms:eu-central-1:111122223333:key/1234".into(), "no PEM block", WHOLE),
        ("cut off behind the first line", good.lines().next().unwrap().into(), "cut off or damaged", COPY),
        ("cut off in the middle", front.into(), "cut off or damaged", COPY),
        ("cut off before the last line", good.replace("-----END PUBLIC KEY-----", ""), "cut off or damaged", COPY),
        ("cut off in the last line", good.trim_end().trim_end_matches('-').into(), "cut off or damaged", COPY),
        ("cut off at the front", back.into(), "no PEM block", WHOLE),
        ("a hole in the middle", format!("{front}…{back}"), "cut off or damaged", COPY),
        ("another label at the end", good.replace("END PUBLIC", "END RSA PUBLIC"), "cut off or damaged", COPY),
        ("a private key, cut off", private[..200].into(), "a private key", PAIR),
        ("a private key with literal line ends", private.replace('\n', "\\n"), "a private key", PAIR),
        ("a private key behind text", format!("Private-Key: (2048 bit)\n{private}"), "a private key", PAIR),
        ("a block of another kind", good.replace("PUBLIC KEY", "PKCS7"), "a PEM block of another kind", KINDS),
        ("a block with an empty label", good.replace("PUBLIC KEY", ""), "cut off or damaged", COPY),
    ];
    rows.map(|(name, text, found, advice)| Row {
        name,
        text,
        found,
        advice,
    })
    .into()
}

fn several() -> Vec<Row> {
    let good = key("rsa_2048_spki");
    #[rustfmt::skip]
    let rows = [
        ("a good key and a bad one", good.clone() + &key("rsa_1024"), "(PEM block 2) holds an RSA key of 1024 bits", PAIR),
        ("a bad key and a good one", key("x25519") + &good, "(PEM block 1) holds a key that is neither", PAIR),
        ("a good key and its private key", good.clone() + &key("private_pkcs8"), "a private key", PAIR),
        ("a good key and one that is cut off", good.clone() + &good[..200], "cut off or damaged", COPY),
        ("one that is cut off and a good key", good[..200].to_owned() + "\n" + &good, "cut off or damaged", COPY),
        ("nine keys", good.repeat(9), "9 keys, at most 8", "remove the keys that no longer sign"),
        ("a good key and a request", good + &key("certificate_request"), "(PEM block 2) holds a certificate request", REQUEST),
    ];
    rows.map(|(name, text, found, advice)| Row {
        name,
        text,
        found,
        advice,
    })
    .into()
}
