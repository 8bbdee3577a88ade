//! The user that client credentials speak for: `user@company`, or `user@company|entity`.

use trunkline_core::{Cause, Diagnosis, Error, Secret};

use crate::entity::Entity;
use crate::remedy;

/// Longest username, in bytes; a bound of ours.
const MAX_BYTES: usize = 400;

/// A username taken apart. The user id keeps its case, since Sage compares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Username {
    pub(crate) user: String,
    pub(crate) company: String,
    pub(crate) entity: Option<Entity>,
}

impl Username {
    /// Takes `text` apart at its last `@` before the bar: a user id may look like a mail address.
    ///
    /// # Errors
    ///
    /// [`Cause::UserCredentialsInvalid`], as Sage's own refusal is diagnosed; the text is not quoted.
    pub(crate) fn parse(text: &Secret) -> Result<Self, Error> {
        let text = text.expose();
        if text.len() > MAX_BYTES || text.chars().any(char::is_control) {
            return Err(refused());
        }
        let (login, entity) = match text.split_once('|') {
            Some((login, entity)) => (login, Some(Entity::parse(entity).map_err(|_| refused())?)),
            None => (text, None),
        };
        let (user, company) = login.rsplit_once('@').ok_or_else(refused)?;
        let is_name = |name: &str| !name.is_empty() && name.trim() == name;
        if !is_name(user) || !is_name(company) {
            return Err(refused());
        }
        Ok(Self { user: user.to_owned(), company: company.to_owned(), entity })
    }
}

fn refused() -> Error {
    Diagnosis::new(Cause::UserCredentialsInvalid).remedied(remedy::USERNAME).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Option<(String, String, Option<String>)> {
        let name = Username::parse(&Secret::new(text)).ok()?;
        Some((name.user, name.company, name.entity.map(|entity| entity.as_str().to_owned())))
    }

    #[test]
    fn a_username_is_user_company_and_perhaps_an_entity() {
        let owned = |user: &str, company: &str, entity: Option<&str>| {
            Some((user.to_owned(), company.to_owned(), entity.map(str::to_owned)))
        };
        assert_eq!(parts("Api@acme"), owned("Api", "acme", None));
        assert_eq!(parts("Api@acme|E100"), owned("Api", "acme", Some("E100")));
        assert_eq!(parts("ada@mail.test@acme|E|1"), owned("ada@mail.test", "acme", Some("E|1")));
    }

    #[test]
    fn a_username_that_sage_would_refuse_is_not_sent() {
        for bad in [
            "",
            "api",
            "@acme",
            "api@",
            "api@|E100",
            "api@acme|",
            " api@acme",
            "api@acme ",
            "a\n@b",
            "|",
            "@",
        ] {
            assert_eq!(parts(bad), None, "{bad:?}");
        }
        let error = Username::parse(&Secret::new("canary")).unwrap_err();
        assert_eq!(error.cause(), Some(Cause::UserCredentialsInvalid));
        assert!(!format!("{error:?}{error}").contains("canary"));
    }
}
