//! The one name that was given, in each form that it is written in.

use crate::exit::Failure;
use crate::output::plain;

/// A provider's name that a crate and its types can be called by, too.
#[derive(Debug)]
pub(super) struct Names<'a> {
    snake: &'a str,
}

impl<'a> Names<'a> {
    /// Refuses what the registry would, and what Rust has no spelling for.
    pub(super) fn of(name: &'a str) -> Result<Self, Failure> {
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let starts = name.starts_with(|first: char| first.is_ascii_lowercase());
        if starts && name.len() <= 64 && name.split('_').all(is_word) {
            return Ok(Self { snake: name });
        }
        Err(Failure::usage(format!("a provider cannot be called `{}`", plain(name))).hint(
            "A name is lower-case letters, digits and single `_` between them, begins with a letter, and has at most 64: \
             `acme_books`.",
        ))
    }

    /// `acme-books-connector`: the package, and the folder.
    pub(super) fn package(&self) -> String {
        self.renamed("acme-connector")
    }

    /// A text about `acme`, about this provider instead.
    pub(super) fn renamed(&self, text: &str) -> String {
        let (mut renamed, mut end) = (String::with_capacity(text.len()), 0);
        for (at, acme) in text.to_ascii_lowercase().match_indices("acme") {
            let (before, rest) = (&text[end..at], &text[at + acme.len()..]);
            renamed.push_str(before);
            end = at + acme.len();
            renamed.push_str(&match &text[at..end] {
                "ACME" => self.snake.to_ascii_uppercase(),
                // A type; what people read has blanks.
                "Acme" if rest.starts_with(|next: char| next.is_ascii_uppercase()) => self.words(""),
                "Acme" => self.words(" "),
                _ if rest.starts_with('-') || rest.starts_with(".example") => self.snake.replace('_', "-"),
                _ => self.snake.to_owned(),
            });
        }
        renamed + &text[end..]
    }

    /// `Acme` and `Books`.
    fn words(&self, between: &str) -> String {
        let capital = |word: &str| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        };
        self.snake.split('_').map(capital).collect::<Vec<_>>().join(between)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_the_name_is_written_as_its_place_wants_it() {
        let names = Names::of("acme_books2").unwrap();
        for (of_acme, renamed) in [
            ("use acme_connector::AcmeConfig;", "use acme_books2_connector::AcmeBooks2Config;"),
            ("name = \"acme-connector\"", "name = \"acme-books2-connector\""),
            ("title: \"Acme\", for Acme.", "title: \"Acme Books2\", for Acme Books2."),
            ("https://api.acme.example/acme", "https://api.acme-books2.example/acme_books2"),
            ("{ env = \"ACME_SECRET\" } acme", "{ env = \"ACME_BOOKS2_SECRET\" } acme_books2"),
            ("acme.toml acme.locked", "acme_books2.toml acme_books2.locked"),
        ] {
            assert_eq!(names.renamed(of_acme), renamed);
        }
    }

    #[test]
    fn a_name_that_a_crate_cannot_have_is_refused() {
        for name in ["", "Acme", "acme-books", "2acme", "_acme", "acme_", "acme__books", "acmé", "a b", "a\n"]
        {
            assert!(Names::of(name).is_err(), "{name}");
        }
        assert!(Names::of(&"a".repeat(64)).is_ok() && Names::of(&"a".repeat(65)).is_err());
    }
}
