//! Signed tokens (RFC 7519): what an identity provider would hand out.

use std::borrow::Cow;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

use super::super::evaluate::Run;
use super::super::{EvalError, Val, Value};
use super::text_of;

type Key = fn(&[u8]) -> jsonwebtoken::errors::Result<EncodingKey>;

/// Each with the reader of its keys: a shared secret, or a private key in PEM.
const ALGORITHMS: [(&str, Algorithm, Key); 12] = [
    ("HS256", Algorithm::HS256, shared),
    ("HS384", Algorithm::HS384, shared),
    ("HS512", Algorithm::HS512, shared),
    ("RS256", Algorithm::RS256, EncodingKey::from_rsa_pem),
    ("RS384", Algorithm::RS384, EncodingKey::from_rsa_pem),
    ("RS512", Algorithm::RS512, EncodingKey::from_rsa_pem),
    ("PS256", Algorithm::PS256, EncodingKey::from_rsa_pem),
    ("PS384", Algorithm::PS384, EncodingKey::from_rsa_pem),
    ("PS512", Algorithm::PS512, EncodingKey::from_rsa_pem),
    ("ES256", Algorithm::ES256, EncodingKey::from_ec_pem),
    ("ES384", Algorithm::ES384, EncodingKey::from_ec_pem),
    ("EdDSA", Algorithm::EdDSA, EncodingKey::from_ed_pem),
];

fn shared(secret: &[u8]) -> jsonwebtoken::errors::Result<EncodingKey> {
    Ok(EncodingKey::from_secret(secret))
}

pub(super) fn algorithm(name: &str) -> Result<(Algorithm, Key), EvalError> {
    let found = ALGORITHMS.iter().find(|(known, ..)| *known == name);
    found.map(|(_, algorithm, key)| (*algorithm, *key)).ok_or_else(|| {
        let known = ALGORITHMS.map(|(name, ..)| name).join(", ");
        EvalError::new(format!("`jwt_sign` has no algorithm `{name}`; there are {known}"))
    })
}

/// The claims are signed as they are: `exp` and the like are the plan's to write.
pub(super) fn jwt_sign<'a>(_: &mut Run<'a>, arguments: &mut [Val<'a>]) -> Result<Val<'a>, EvalError> {
    let (algorithm, key) = algorithm(arguments.get(2).map_or(Ok("HS256"), text_of)?)?;
    let mut json = Vec::new();
    arguments[0].write_json(&mut json)?;
    let claims: Value = serde_json::from_slice(&json).map_err(|error| EvalError::new(error.to_string()))?;
    if !claims.is_object() {
        return Err(EvalError::new(format!("takes claims such as {{'sub': 'me'}}, not {}", arguments[0].describe())));
    }
    // The library's words, never the key.
    let wrong = |error: jsonwebtoken::errors::Error| {
        let name = ALGORITHMS.iter().find(|(_, known, _)| *known == algorithm).map_or("", |(name, ..)| name);
        EvalError::new(format!(
            "cannot use this key for `{name}` ({error}): it must be its private key in PEM, as PKCS #8 (`openssl pkcs8 -topk8 -nodes`)"
        ))
    };
    let key = key(text_of(&arguments[1])?.as_bytes()).map_err(wrong)?;
    let token = encode(&Header::new(algorithm), &claims, &key).map_err(wrong)?;
    Ok(Val::Str(Cow::Owned(token)))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use jsonwebtoken::{DecodingKey, Validation, decode};

    use super::super::super::tests::{evaluated, vu};
    use super::*;

    fn check(token: &str, algorithm: Algorithm, key: &DecodingKey) {
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        let read = decode::<Value>(token, key, &validation).unwrap();
        assert_eq!(read.claims, serde_json::json!({ "sub": "a", "n": 1 }));
    }

    #[test]
    fn a_token_is_one_that_others_accept() {
        let signed = |key: &str, rest: &str| {
            let claims = "{'sub': 'a', 'n': 1}";
            evaluated(&format!("jwt_sign({claims}, {}{rest})", Value::from(key)), &vu())
        };
        check(signed("secret", "").unwrap().as_str().unwrap(), Algorithm::HS256, &DecodingKey::from_secret(b"secret"));
        let pair = rcgen::KeyPair::generate().unwrap();
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair.serialize_der());
        let private = format!("-----BEGIN PRIVATE KEY-----\n{encoded}\n-----END PRIVATE KEY-----\n");
        let public = DecodingKey::from_ec_der(pair.public_key_raw());
        check(signed(&private, ", 'ES256'").unwrap().as_str().unwrap(), Algorithm::ES256, &public);
        let error = signed("secret", ", 'ES256'").unwrap_err();
        assert!(
            error.starts_with("`jwt_sign`: cannot use this key for `ES256`") && !error.contains("secret"),
            "{error}"
        );
    }
}
