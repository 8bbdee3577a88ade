//! Signs requests (RFC 5849, 3).

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use trunkline_core::{
    Cause, Clock, Credential, Diagnosis, Error, ErrorKind, Prepared, Request, RequestBody, Secret, is_secure,
};
use zeroize::Zeroizing;

use super::base_string::{Param, base_string, encode, form};
use super::{CONSUMER_KEY, CONSUMER_SECRET, Consumer, REALM, SignatureMethod, TOKEN_SECRET};

const TOKEN: &str = "token";
/// The name of a signature that is made of the secrets alone.
const SIGNATURE: &str = "signature";

/// Token credentials, or temporary ones. `Debug` shows neither half.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token, which requests carry.
    pub token: Secret,
    /// Its secret, which only signs.
    pub secret: Secret,
}

/// Signs requests in one service's way.
#[derive(Debug, Clone)]
pub struct Signer {
    method: SignatureMethod,
    realm: Option<String>,
}

impl Signer {
    /// Signs with `method`.
    #[must_use]
    pub fn new(method: SignatureMethod) -> Self {
        Self { method, realm: None }
    }

    /// Names the realm in the header (3.5.1); it is not signed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] if it holds a quotation mark, a backslash, or anything but visible ASCII.
    pub fn realm(mut self, realm: impl Into<String>) -> Result<Self, Error> {
        let realm = realm.into();
        let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
        if !realm.bytes().all(is_plain) {
            return Err(Error::new(
                ErrorKind::ConfigInvalid,
                "the realm holds a character that fits no header",
            ));
        }
        self.realm = Some(realm);
        Ok(self)
    }

    /// What requests of a credential are signed with; none of it is sent as it is. A credential that holds a consumer of
    /// its own is signed with that one, and one that holds a realm names that. `consumer` is the application's.
    ///
    /// With [`SignatureMethod::Plaintext`] the consumer's secret is sent: it is private to the prepared credential then,
    /// so that a service that quotes it back does not get it into a diagnosis.
    ///
    /// # Errors
    ///
    /// [`Cause::AccessTokenExpired`] when token or secret are missing.
    pub fn prepare(&self, credential: &Credential, consumer: Option<&Consumer>) -> Result<Prepared, Error> {
        let given = |secret: Option<&Secret>| secret.filter(|secret| !secret.is_empty()).cloned();
        let token = given(credential.access_token.as_ref());
        let secret = given(credential.other.get(TOKEN_SECRET));
        let (token, secret) = token.zip(secret).ok_or_else(|| Error::of(Cause::AccessTokenExpired))?;
        let mut prepared = Prepared::none();
        for name in [CONSUMER_KEY, CONSUMER_SECRET, REALM] {
            if let Some(secret) = given(credential.other.get(name)) {
                prepared = prepared.private(name, secret);
            }
        }
        let own = own_consumer(&prepared);
        let token = Token { token, secret };
        if let Some(consumer) = own.as_ref().or(consumer)
            && let Some(signature) = self.readable(consumer, Some(&token))
        {
            prepared = prepared.private(SIGNATURE, signature);
            if own.is_none() {
                prepared = prepared.private(CONSUMER_SECRET, consumer.secret().clone());
            }
        }
        Ok(prepared.private(TOKEN, token.token).private(TOKEN_SECRET, token.secret))
    }

    /// The signature of every request, where it is the secrets themselves.
    pub(super) fn readable(&self, consumer: &Consumer, token: Option<&Token>) -> Option<Secret> {
        let secret = token.map(|token| &token.secret);
        let sign = || Secret::new(self.method.sign("", consumer.secret(), secret).as_str());
        (self.method == SignatureMethod::Plaintext).then(sign)
    }

    /// Signs a request of a prepared credential. `consumer` is the application's; `None` where each credential has its
    /// own. A signature that is there already is replaced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for a form that is streamed: its parameters belong into the signature.
    /// [`Cause::ConfigurationInvalid`] without a consumer.
    pub fn sign(
        &self,
        request: &mut Request,
        prepared: &Prepared,
        consumer: Option<&Consumer>,
        clock: &dyn Clock,
    ) -> Result<(), Error> {
        let private = |name| prepared.private_value(name).cloned();
        let own = own_consumer(prepared);
        let consumer = own.as_ref().or(consumer).ok_or_else(|| Error::of(Cause::ConfigurationInvalid))?;
        let token = private(TOKEN).zip(private(TOKEN_SECRET));
        let token = token.map(|(token, secret)| Token { token, secret });
        let token = token.ok_or_else(|| Error::of(Cause::ConfigurationInvalid))?;
        match private(REALM) {
            Some(realm) => {
                let named = Self::new(self.method).realm(realm.expose())?;
                named.sign_with(request, consumer, Some(&token), &[], clock)
            }
            None => self.sign_with(request, consumer, Some(&token), &[], clock),
        }
    }

    /// Signs a request, with further parameters of the protocol such as `oauth_callback`.
    pub(super) fn sign_with(
        &self,
        request: &mut Request,
        consumer: &Consumer,
        token: Option<&Token>,
        further: &[(&str, &Secret)],
        clock: &dyn Clock,
    ) -> Result<(), Error> {
        let stamp = Stamp { nonce: nonce(), timestamp: clock.wall().as_second() };
        let value = self.authorization(request, consumer, token, further, &stamp)?;
        request.headers.insert(AUTHORIZATION, value);
        Ok(())
    }

    fn authorization(
        &self,
        request: &Request,
        consumer: &Consumer,
        token: Option<&Token>,
        further: &[(&str, &Secret)],
        stamp: &Stamp,
    ) -> Result<HeaderValue, Error> {
        if self.method == SignatureMethod::Plaintext && !is_secure(&request.url) {
            return Err(Error::new(ErrorKind::InvalidInput, "PLAINTEXT is for https only"));
        }
        let timestamp = stamp.timestamp.to_string();
        let mut ours: Vec<(&str, &str)> = vec![
            ("oauth_consumer_key", consumer.key()),
            ("oauth_signature_method", self.method.name()),
            ("oauth_timestamp", &timestamp),
            ("oauth_nonce", &stamp.nonce),
            ("oauth_version", "1.0"),
        ];
        ours.extend(token.map(|token| ("oauth_token", token.token.expose())));
        ours.extend(further.iter().map(|(name, value)| (*name, value.expose())));
        let mut signed: Vec<Param> =
            ours.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect();
        signed.extend(form(form_body(&request.headers, &request.body)?));
        let text = base_string(&request.method, &request.url, &signed);
        let signature = self.method.sign(&text, consumer.secret(), token.map(|token| &token.secret));
        ours.push(("oauth_signature", &signature));
        header(self.realm.as_deref(), &ours)
    }
}

/// The consumer that a credential brought.
fn own_consumer(prepared: &Prepared) -> Option<Consumer> {
    let private = |name| prepared.private_value(name);
    Some(Consumer::new(private(CONSUMER_KEY)?.expose(), private(CONSUMER_SECRET)?.clone()))
}

/// What makes a signature good once (3.3).
struct Stamp {
    nonce: String,
    timestamp: i64,
}

/// 128 random bits as hexadecimal digits: some services take letters and digits only.
fn nonce() -> String {
    let mut bytes = [0_u8; 16];
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives random numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The body, if its parameters are signed: a form (3.4.1.3.1).
fn form_body<'a>(headers: &HeaderMap, body: &'a RequestBody) -> Result<&'a [u8], Error> {
    const FORM: &str = "application/x-www-form-urlencoded";
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match body {
        _ if !kind.eq_ignore_ascii_case(FORM) => Ok(&[]),
        RequestBody::Bytes(bytes) => Ok(bytes),
        RequestBody::Empty => Ok(&[]),
        RequestBody::Stream(_) => Err(Error::new(
            ErrorKind::InvalidInput,
            "a form that is streamed cannot be signed: give its bytes",
        )),
    }
}

/// The `Authorization` header (3.5.1).
fn header(realm: Option<&str>, params: &[(&str, &str)]) -> Result<HeaderValue, Error> {
    let pair =
        |(name, value): &(&str, &str)| Zeroizing::new(format!("{name}=\"{}\"", encode(value.as_bytes())));
    let pairs: Vec<Zeroizing<String>> = params.iter().map(pair).collect();
    let realm = realm.map(|realm| format!("realm=\"{realm}\", ")).unwrap_or_default();
    let most = pairs.iter().map(|pair| pair.len() + 2).sum::<usize>() + realm.len() + 6;
    // Sized once: with PLAINTEXT it holds the secrets.
    let mut line = Zeroizing::new(Vec::with_capacity(most));
    line.extend_from_slice(b"OAuth ");
    line.extend_from_slice(realm.as_bytes());
    for (number, pair) in pairs.iter().enumerate() {
        line.extend_from_slice(if number == 0 { b"" } else { b", " });
        line.extend_from_slice(pair.as_bytes());
    }
    let bytes: Bytes = crate::oauth2::owned(line);
    let value = HeaderValue::from_maybe_shared(bytes);
    let mut value = value.map_err(|_| {
        Error::from(Diagnosis::new(Cause::ConfigurationInvalid).message("the signature fits no header"))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    struct Vector {
        method: Method,
        url: &'static str,
        form: &'static str,
        how: SignatureMethod,
        consumer: (&'static str, &'static str),
        token: (&'static str, &'static str),
        further: &'static [(&'static str, &'static str)],
        nonce: &'static str,
        timestamp: i64,
        signature: &'static str,
        has_version: bool,
    }

    fn signature(vector: &Vector) -> String {
        let mut params = vec![
            ("oauth_consumer_key", vector.consumer.0.to_owned()),
            ("oauth_token", vector.token.0.to_owned()),
            ("oauth_signature_method", vector.how.name().to_owned()),
            ("oauth_timestamp", vector.timestamp.to_string()),
            ("oauth_nonce", vector.nonce.to_owned()),
        ];
        params.extend(vector.further.iter().map(|(name, value)| (*name, (*value).to_owned())));
        params.extend(vector.has_version.then(|| ("oauth_version", "1.0".to_owned())));
        let mut all: Vec<Param> =
            params.into_iter().map(|(name, value)| (name.into(), value.into_bytes())).collect();
        all.extend(form(vector.form.as_bytes()));
        let text = base_string(&vector.method, &vector.url.parse().unwrap(), &all);
        let (consumer, token) = (Secret::new(vector.consumer.1), Secret::new(vector.token.1));
        vector.how.sign(&text, &consumer, Some(&token)).to_string()
    }

    fn vectors() -> [Vector; 4] {
        let printer = ("dpf43f3p2l4k3l03", "kd94hf93k423kf44");
        [
            // RFC 5849, 1.2: the token request and the photo.
            Vector {
                method: Method::POST,
                url: "https://photos.example.net/token",
                form: "",
                how: SignatureMethod::HmacSha1,
                consumer: printer,
                token: ("hh5s93j4hdidpola", "hdhd0244k9j7ao03"),
                further: &[("oauth_verifier", "hfdp7dh39dks9884")],
                nonce: "walatlh",
                timestamp: 137_131_201,
                signature: "gKgrFCywp7rO0OXSjdot/IHF7IU=",
                has_version: false,
            },
            Vector {
                method: Method::GET,
                url: "http://photos.example.net/photos?file=vacation.jpg&size=original",
                form: "",
                how: SignatureMethod::HmacSha1,
                consumer: printer,
                token: ("nnch734d00sl2jdk", "pfkkdhi9sl3r4s00"),
                further: &[],
                nonce: "chapoH",
                timestamp: 137_131_202,
                signature: "MdpQcU8iPSUjWoN/UDMsK2sui9I=",
                has_version: false,
            },
            // "Creating a signature" of X's documentation: a query, a form, and what has to be encoded.
            Vector {
                method: Method::POST,
                url: "https://api.twitter.com/1.1/statuses/update.json?include_entities=true",
                form: "status=Hello%20Ladies%20%2b%20Gentlemen%2c+a+signed+OAuth+request%21",
                how: SignatureMethod::HmacSha1,
                consumer: ("xvz1evFS4wEEPTGEFPHBog", "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw"),
                token: (
                    "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
                    "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
                ),
                further: &[],
                nonce: "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg",
                timestamp: 1_318_622_958,
                signature: "hCtSmYh+iHYCEqBWrE7C7hYmtUk=",
                has_version: true,
            },
            // "The Signature for Web Services and RESTlets" of NetSuite's documentation: SHA-256.
            Vector {
                method: Method::POST,
                url: "https://123456.restlets.api.netsuite.com/app/site/hosting/restlet.nl\
                      ?script=6&deploy=1&customParam=someValue&testParam=someOtherValue",
                form: "",
                how: SignatureMethod::HmacSha256,
                consumer: (
                    "ef40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4",
                    "d26ad321a4b2f23b0741c8d38392ce01c3e23e109df6c96eac6d099e9ab9e8b5",
                ),
                token: (
                    "2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb799b73d87569f5cc",
                    "c29a677df7d5439a458c063654187e3d678d73aca8e3c9d8bea1478a3eb0d295",
                ),
                further: &[],
                nonce: "fjaLirsIcCGVZWzBX0pg",
                timestamp: 1_508_242_306,
                signature: "+KK4SKNgz4ZiILGLwOMtfYlgcXSy1eis8ldE9X90azQ=",
                has_version: true,
            },
        ]
    }

    #[test]
    fn published_examples_have_their_published_signatures() {
        for vector in vectors() {
            assert_eq!(signature(&vector), vector.signature, "{}", vector.url);
        }
    }

    #[test]
    fn a_whole_header_is_that_of_the_published_example() {
        let [.., x, netsuite] = vectors();
        for (vector, realm) in [(x, None), (netsuite, Some("123456"))] {
            let mut request = Request::new(vector.method.clone(), vector.url.parse().unwrap());
            request
                .headers
                .insert(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8".parse().unwrap());
            request.body = RequestBody::Bytes(Bytes::from_static(vector.form.as_bytes()));
            let signer = Signer::new(vector.how);
            let signer = realm.map(|realm| signer.clone().realm(realm).unwrap()).unwrap_or(signer);
            let token = Token { token: Secret::new(vector.token.0), secret: Secret::new(vector.token.1) };
            let stamp = Stamp { nonce: vector.nonce.to_owned(), timestamp: vector.timestamp };
            let consumer = Consumer::new(vector.consumer.0, Secret::new(vector.consumer.1));
            let value = signer.authorization(&request, &consumer, Some(&token), &[], &stamp).unwrap();
            assert!(value.is_sensitive());
            let text = value.to_str().unwrap();
            let realm = realm.map(|realm| format!("realm=\"{realm}\", ")).unwrap_or_default();
            assert!(text.starts_with(&format!("OAuth {realm}oauth_consumer_key=\"")), "{text}");
            let last = format!(", oauth_signature=\"{}\"", encode(vector.signature.as_bytes()));
            assert!(text.ends_with(&last), "{text}");
            assert!(!text.contains(vector.consumer.1) && !text.contains(vector.token.1));
        }
    }

    /// RFC 5849, 3.4.4.
    #[test]
    fn plaintext_is_the_two_secrets_and_never_leaves_tls() {
        let secrets = SignatureMethod::Plaintext.sign(
            "",
            &Secret::new("djr9rjt0jd78jf88"),
            Some(&Secret::new("jjd999tj88uiths3")),
        );
        assert_eq!(*secrets, "djr9rjt0jd78jf88&jjd999tj88uiths3");
        assert_eq!(*SignatureMethod::Plaintext.sign("", &Secret::new("a&b"), None), "a%26b&");
        let consumer = Consumer::new("key", Secret::new("canary"));
        let stamp = Stamp { nonce: "n".to_owned(), timestamp: 1 };
        let signed = |url: &str| {
            let request = Request::new(Method::GET, url.parse().unwrap());
            Signer::new(SignatureMethod::Plaintext).authorization(&request, &consumer, None, &[], &stamp)
        };
        assert!(signed("https://api.example/").is_ok());
        assert_eq!(signed("http://api.example/").unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
