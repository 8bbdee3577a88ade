//! Texts with typed expressions in them: `https://{input.subdomain}.acme.example/v1`.
//!
//! An expression is a root and a name. What is in braces is read when the manifest is loaded; there is no
//! other way to put a value into a text. Each place says which roots it takes.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use zeroize::Zeroizing;

/// Longest template, in bytes.
const MAX_TEMPLATE_BYTES: usize = 2048;

/// Where the value of an expression comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Root {
    /// An input that the manifest declares.
    Input,
    /// A capture that the manifest declares.
    Capture,
    /// A secret of the connection: `access_token`, or a secret input.
    Credential,
    /// A member of the answer to the manifest's own request; dots lead into objects.
    Response,
}

impl Root {
    const ALL: [(&'static str, Self); 4] = [
        ("input", Self::Input),
        ("capture", Self::Capture),
        ("credential", Self::Credential),
        ("response", Self::Response),
    ];

    /// The name in a template.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, root)| *root == self).map_or("", |(name, _)| name)
    }
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text that stands as it is.
    Literal(Box<str>),
    /// `{root.name}`.
    Expression(Root, Box<str>),
}

/// A text with expressions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Box<[Part]>);

impl Template {
    /// Reads a template.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_TEMPLATE_BYTES {
            return Err(format!("a text has at most {MAX_TEMPLATE_BYTES} bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err("a text holds no control characters".to_owned());
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (literal, tail) = rest.split_at(at);
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.into()));
            }
            let inner = tail.strip_prefix('{').ok_or("a `}` without its `{`")?;
            let (expression, tail) = inner.split_once('}').ok_or("a `{` without its `}`")?;
            parts.push(Self::expression(expression)?);
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.into()));
        }
        Ok(Self(parts.into()))
    }

    fn expression(text: &str) -> Result<Part, String> {
        let (root, name) = text.split_once('.').ok_or_else(|| {
            format!("`{{{text}}}` is no expression: write {{input.name}} or {{capture.name}}")
        })?;
        let roots = Root::ALL.iter().map(|(name, _)| *name);
        let Some((_, root)) = Root::ALL.iter().find(|(known, _)| *known == root) else {
            let near = trunkline_core::nearest(root, roots.clone());
            let known = roots.collect::<Vec<_>>().join(", ");
            let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            return Err(format!("`{root}` is no root of an expression ({known}){near}"));
        };
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        let good = match root {
            Root::Response => name.split('.').all(is_name),
            _ => is_name(name),
        };
        if !good {
            return Err(format!("`{{{text}}}` names nothing: a name has letters, digits, `_` and `-`"));
        }
        Ok(Part::Expression(*root, name.into()))
    }

    /// Its pieces.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Its expressions.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = (Root, &str)> {
        self.0.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Expression(root, name) => Some((*root, &**name)),
        })
    }

    /// The text, if it has no expressions.
    pub(crate) fn literal(&self) -> Option<&str> {
        match &*self.0 {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with each expression replaced by what `value` says.
    pub(crate) fn fill<E>(
        &self,
        mut value: impl FnMut(Root, &str) -> Result<Zeroizing<String>, E>,
    ) -> Result<Zeroizing<String>, E> {
        let mut pieces = Vec::with_capacity(self.0.len());
        for part in &self.0 {
            pieces.push(match part {
                Part::Literal(text) => Zeroizing::new(text.to_string()),
                Part::Expression(root, name) => value(*root, name)?,
            });
        }
        // Sized once: a text that grows leaves copies behind.
        let mut filled = Zeroizing::new(String::with_capacity(pieces.iter().map(|piece| piece.len()).sum()));
        pieces.iter().for_each(|piece| filled.push_str(piece));
        Ok(filled)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Literal(text) => f.write_str(text),
            Part::Expression(root, name) => write!(f, "{{{}.{name}}}", root.name()),
        })
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct TemplateVisitor;
        impl Visitor<'_> for TemplateVisitor {
            type Value = Template;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Template, E> {
                Template::parse(text).map_err(E::custom)
            }
        }
        input.deserialize_str(TemplateVisitor)
    }
}

#[cfg(feature = "schema")]
crate::schema::is_text!(Template, "A text; {root.name} in it stands for a value.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_read_once_and_prints_as_it_was_written() {
        for text in ["", "plain", "https://{input.sub}.a.example/{capture.id}/x", "{response.data.0.id}"] {
            assert_eq!(Template::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_expression_is_refused_when_it_is_loaded() {
        for text in [
            "{",
            "}",
            "a}b",
            "{input}",
            "{inputs.x}",
            "{input.}",
            "{input.a b}",
            "{input.a.b}",
            "{env.HOME}",
            "{input.x",
            "a\nb",
            "{{input.x}}",
        ] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
        assert!(Template::parse("{inputs.x}").unwrap_err().contains("did you mean `input`"));
    }

    #[test]
    fn a_value_is_never_read_as_a_template() {
        let template = Template::parse("a{input.x}b").unwrap();
        let filled = template.fill::<()>(|_, _| Ok(Zeroizing::new("{credential.access_token}".to_owned())));
        assert_eq!(*filled.unwrap(), "a{credential.access_token}b");
    }
}
