//! Keys that are made for a test, and tokens signed with them, good and bad.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

pub(crate) struct Signer {
    kid: String,
    alg: &'static str,
    key: Key,
}

enum Key {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    pub(crate) fn es256(kid: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { kid: kid.to_owned(), alg: "ES256", key: Key::Es256(key) }
    }

    pub(crate) fn ed25519(kid: &str) -> Self {
        Self { kid: kid.to_owned(), alg: "EdDSA", key: Key::Ed25519(Ed25519KeyPair::generate().unwrap()) }
    }

    pub(crate) fn rsa(kid: &str) -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        Self { kid: kid.to_owned(), alg: "RS256", key: Key::Rsa(key, &RSA_PKCS1_SHA256) }
    }

    pub(crate) fn rsa_pss(kid: &str) -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        Self { kid: kid.to_owned(), alg: "PS256", key: Key::Rsa(key, &RSA_PSS_SHA256) }
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "typ": "secevent+jwt", "alg": self.alg, "kid": self.kid })
    }

    /// A token of these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.header(), claims)
    }

    /// A token with this header, whatever it says.
    pub(crate) fn sign_as(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    pub(crate) fn sign_text(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", base64url(header), base64url(claims));
        let signature = match &self.key {
            Key::Es256(key) => key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec(),
            Key::Ed25519(key) => key.sign(signed.as_bytes()).as_ref().to_vec(),
            Key::Rsa(key, padding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*padding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{signed}.{}", base64url(signature))
    }

    /// The public key, as it is published.
    pub(crate) fn jwk(&self) -> Value {
        match &self.key {
            Key::Es256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig", "x": base64url(x), "y": base64url(y) })
            }
            Key::Ed25519(key) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": base64url(key.public_key().as_ref()) })
            }
            Key::Rsa(key, _) => {
                let (n, e) = (key.public_key().modulus(), key.public_key().exponent());
                let [n, e] = [n, e].map(|part| base64url(part.big_endian_without_leading_zero()));
                json!({ "kty": "RSA", "kid": self.kid, "n": n, "e": e })
            }
        }
    }

    pub(crate) fn key_set(&self) -> Value {
        json!({ "keys": [self.jwk()] })
    }
}
