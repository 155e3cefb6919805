//! Public keys as JSON: a JWK or a JWK set (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::value::RawValue;

use super::key_error::{KeyError, Problem};
use super::material::{Curve, Material};
use super::public_key::PublicKey;
use crate::json::{self, Object};

/// Reads a JWK, or the keys of a JWK set that can verify tokens.
///
/// Issuers publish keys of other kinds and uses in the same set, so these are skipped. A private or a symmetric key is
/// never meant to be there, and ends the reading.
pub(super) fn read_keys(text: &str) -> Result<Vec<PublicKey>, KeyError> {
    let object = Object::parse(text.as_bytes()).ok_or(KeyError::new(Problem::BrokenJson))?;
    let Some(members) = object.get("keys") else {
        return Ok(vec![read_key(&object).map_err(KeyError::new)?]);
    };
    let members: Vec<&RawValue> =
        serde_json::from_str(members.get()).map_err(|_| KeyError::new(Problem::BrokenJson))?;
    let mut keys = Vec::new();
    let mut first_skipped = None;
    for (index, member) in members.iter().enumerate() {
        let read = Object::parse(member.get().as_bytes())
            .ok_or(Problem::BrokenJson)
            .and_then(|object| read_key(&object));
        match read {
            Ok(key) => keys.push(key),
            Err(problem @ (Problem::PrivateKey | Problem::SymmetricKey)) => {
                return Err(KeyError::new(problem).in_set(index + 1));
            }
            Err(problem) => {
                first_skipped.get_or_insert_with(|| KeyError::new(problem).in_set(index + 1));
            }
        }
    }
    if keys.is_empty() {
        return Err(first_skipped.unwrap_or(KeyError::new(Problem::EmptySet)));
    }
    Ok(keys)
}

fn read_key(jwk: &Object<'_>) -> Result<PublicKey, Problem> {
    let text = |name| jwk.get(name).and_then(json::string);
    let kind = text("kty");
    if kind.as_deref() == Some("oct") || jwk.contains("k") {
        return Err(Problem::SymmetricKey);
    }
    // `d` is the private member of all kinds (RFC 7518 §6.2.2, §6.3.2; RFC 8037 §2), the others are RSA's.
    if ["d", "p", "q", "dp", "dq", "qi", "oth"]
        .iter()
        .any(|name| jwk.contains(name))
    {
        return Err(Problem::PrivateKey);
    }
    let curve = text("crv");
    let material = match (kind.as_deref(), curve.as_deref()) {
        (Some("RSA"), _) => {
            let number = |name| bytes(jwk, name).map(|bytes| without_zeros(&bytes).to_vec());
            Material::rsa(&number("n")?, &number("e")?)?
        }
        (Some("EC"), Some("P-256")) => point(jwk, Curve::P256)?,
        (Some("EC"), Some("P-384")) => point(jwk, Curve::P384)?,
        (Some("EC"), _) => return Err(Problem::OtherCurve),
        (Some("OKP"), Some("Ed25519")) => {
            let x = bytes(jwk, "x")?.try_into();
            Material::Ed25519(x.map_err(|_| Problem::JwkMember("x"))?)
        }
        _ => {
            return Err(Problem::OtherKey(
                "a key that is neither RSA nor on P-256, P-384 or Ed25519",
            ));
        }
    };
    let algorithm = material.algorithm();
    if jwk.contains("alg") && !text("alg").is_some_and(|name| algorithm.is_named(&name)) {
        return Err(Problem::JwkAlgorithm(algorithm));
    }
    if jwk.contains("use") && text("use").as_deref() != Some("sig") {
        return Err(Problem::JwkUse);
    }
    if let Some(operations) = jwk.get("key_ops") {
        let operations: Vec<String> =
            serde_json::from_str(operations.get()).map_err(|_| Problem::JwkMember("key_ops"))?;
        if !operations.iter().any(|operation| operation == "verify") {
            return Err(Problem::JwkOperations);
        }
    }
    let key_id = match jwk.get("kid") {
        Some(id) => Some(json::string(id).ok_or(Problem::JwkMember("kid"))?.into_owned()),
        None => None,
    };
    PublicKey::new(material, key_id)
}

fn point(jwk: &Object<'_>, curve: Curve) -> Result<Material, Problem> {
    let mut point = vec![4];
    for name in ["x", "y"] {
        let coordinate = bytes(jwk, name)?;
        // As long as the curve's field, zeros in front included (RFC 7518 §6.2.1.2).
        if coordinate.len() != curve.len() {
            return Err(Problem::JwkMember(name));
        }
        point.extend(coordinate);
    }
    Material::point(curve, &point)
}

fn bytes(jwk: &Object<'_>, name: &'static str) -> Result<Vec<u8>, Problem> {
    jwk.get(name)
        .and_then(json::string)
        .and_then(|text| URL_SAFE_NO_PAD.decode(text.as_bytes()).ok())
        .filter(|bytes| !bytes.is_empty())
        .ok_or(Problem::JwkMember(name))
}

/// Some issuers write a zero before a number whose first bit is set, as DER does.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}
