//! Values of the inputs, the captures and the answers, for two accounts.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::format::{Capture, Format, GivenBy, Input, Method, OAuth2, SigningAlg};
use crate::provider::inputs_of;
use crate::template::{Root, Template};
use crate::values::good;

/// What a canary looks like, for patterns that have to let it through.
const CANARY: &str = "0123456789abcdef0123456789abcdef01234567";

/// What a tenant gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenInput {
    /// Its name.
    pub name: String,
    /// What it is.
    pub value: Given,
}

/// What an input is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A text for each account; it is no secret.
    Plain([String; 2]),
    /// A secret, with `{canary}` in it.
    Secret(String),
    /// A made-up secret for each account, whose shape lets no canary in.
    Shaped([String; 2]),
    /// A private key as PEM, which signs statements.
    PrivateKey(KeyKind),
}

/// What kind of key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, of 2048 bits or more.
    Rsa,
    /// On the curve P-256.
    P256,
}

/// The tenant's input that is a key, and its kind.
fn signing_key(format: &Format, method: Method) -> Option<(&str, KeyKind)> {
    match method {
        Method::JwtBearer => format.jwt_bearer.as_ref().map(|jwt| (jwt.private_key.as_str(), KeyKind::Rsa)),
        Method::AuthorizationCode | Method::ClientCredentials => {
            let oauth2 = format.oauth2.as_ref()?;
            let input = oauth2.client_assertion.as_ref()?.private_key_input.as_ref()?;
            Some((input.as_str(), client_key(oauth2)))
        }
        _ => None,
    }
}

/// What kind of key proves the client.
pub(super) fn client_key(oauth2: &OAuth2) -> KeyKind {
    let assertion = oauth2.client_assertion.as_ref();
    let is_ec = assertion.and_then(|it| it.signing_alg.as_deref()) == Some(&SigningAlg::Es256);
    if is_ec { KeyKind::P256 } else { KeyKind::Rsa }
}

/// The values of two accounts.
#[derive(Debug, Clone)]
pub(super) struct Words {
    values: BTreeMap<(&'static str, String), [String; 2]>,
    given: Vec<GivenInput>,
    operators: Vec<(String, String)>,
    operators_key: Option<(String, KeyKind)>,
}

impl Words {
    pub(super) fn of(format: &Format, method: Method) -> Self {
        let mut words =
            Self { values: BTreeMap::new(), given: Vec::new(), operators: Vec::new(), operators_key: None };
        let needed = inputs_of(format, method);
        let key = signing_key(format, method);
        for (name, input) in &format.inputs {
            let given = match &key {
                Some((signs, algorithm)) if signs == name => Given::PrivateKey(*algorithm),
                _ => given(input),
            };
            if let Given::Plain(values) = &given {
                let both = match input.given_by {
                    GivenBy::Tenant | GivenBy::Once => values.clone(),
                    // There is one operator.
                    GivenBy::Operator => [values[0].clone(), values[0].clone()],
                };
                words.values.insert((Root::Input.name(), name.clone()), both);
            }
            match (input.given_by, &given) {
                (GivenBy::Operator, Given::Plain(values) | Given::Shaped(values)) => {
                    words.operators.push((name.clone(), values[0].clone()));
                }
                (GivenBy::Operator, Given::Secret(text)) => {
                    words.operators.push((name.clone(), text.clone()))
                }
                (GivenBy::Operator, Given::PrivateKey(kind)) => {
                    words.operators_key = Some((name.clone(), *kind));
                }
                (GivenBy::Tenant | GivenBy::Once, _) if needed.contains(name.as_str()) => {
                    words.given.push(GivenInput { name: name.clone(), value: given });
                }
                _ => {}
            }
        }
        for (name, capture) in &format.captures {
            words.values.insert((Root::Capture.name(), name.clone()), captured(capture));
        }
        if let Some(identity) = &format.identity {
            let texts = identity.company.iter().chain(&identity.user).chain(identity.details.values());
            for (_, path) in texts.flat_map(|text| text.expressions()).filter(|it| it.0 == Root::Response) {
                let last = path.rsplit('.').next().unwrap_or(path);
                let values = [1, 2].map(|number| format!("{last}-{number}"));
                words.values.insert((Root::Response.name(), path.to_owned()), values);
            }
        }
        words
    }

    pub(super) fn get(&self, root: Root, name: &str, who: usize) -> Option<&str> {
        let values = self.values.get(&(root.name(), name.to_owned()))?;
        Some(&values[who.min(1)])
    }

    /// A text with its expressions filled in; what has no word stays empty.
    pub(super) fn text(&self, template: &Template, who: usize) -> String {
        let word = |root, name: &str| {
            Ok::<_, std::convert::Infallible>(Zeroizing::new(
                self.get(root, name, who).unwrap_or_default().to_owned(),
            ))
        };
        let Ok(filled) = template.fill(word);
        filled.to_string()
    }

    pub(super) fn given(&self) -> &[GivenInput] {
        &self.given
    }

    pub(super) fn operators(&self) -> impl Iterator<Item = (&str, &str)> {
        self.operators.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The operator's input that signs statements.
    pub(super) fn operators_key(&self) -> Option<(&str, KeyKind)> {
        self.operators_key.as_ref().map(|(name, kind)| (name.as_str(), *kind))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (String, [String; 2])> {
        self.values.iter().map(|((root, name), values)| (format!("{root}.{name}"), values.clone()))
    }
}

fn given(input: &Input) -> Given {
    let example = input.example.to_string();
    if !input.secret {
        let other = match (&input.one_of, &input.pattern) {
            (Some(values), _) => values.iter().find(|value| **value != example).cloned(),
            (None, Some(pattern)) => Some(pattern.varied(1)),
            (None, None) => Some(format!("other-{example}")),
        };
        return Given::Plain([example.clone(), other.unwrap_or(example)]);
    }
    match (&input.one_of, &input.pattern) {
        (Some(values), _) => {
            let other = values.iter().find(|value| **value != example).cloned();
            Given::Shaped([example.clone(), other.unwrap_or(example)])
        }
        (None, Some(pattern)) => match pattern.around(CANARY) {
            Some((before, after)) => Given::Secret(format!("{before}{{canary}}{after}")),
            None => Given::Shaped([pattern.varied(1), pattern.varied(2)]),
        },
        (None, None) => Given::Secret("{canary}".to_owned()),
    }
}

/// Good values of a capture, in the form that is kept.
fn captured(capture: &Capture) -> [String; 2] {
    let values: Vec<String> = match (&capture.hosts, &capture.one_of, &capture.pattern) {
        (Some(hosts), ..) => {
            let hosts =
                hosts.iter().flat_map(|host| ["example", "another"].map(|label| host.sample_below(label)));
            hosts.collect()
        }
        (_, Some(values), _) => (**values).clone(),
        (.., Some(pattern)) => vec![pattern.varied(1), pattern.varied(2)],
        _ => Vec::new(),
    };
    // Plain http is for loopback, where a host pattern says so.
    let fit = |value: &String| good(capture, value).or_else(|| good(capture, &format!("http://{value}")));
    let fit: Vec<String> = values.iter().filter_map(fit).collect();
    let one = fit.first().cloned().unwrap_or_default();
    let other = fit.iter().find(|value| **value != one).unwrap_or(&one).clone();
    [one, other]
}
