//! What a request is for: a path below the base URL, or a whole URL.

use trunkline_core::{Endpoint, Error};
use url::Url;

/// What `get`, `post` and the others take: a path that starts with `/`, or a [`Url`].
pub trait IntoTarget: sealed::Sealed {
    #[doc(hidden)]
    fn into_target(self) -> Target;
}

#[doc(hidden)]
#[derive(Debug, Clone)]
pub enum Target {
    Path(String),
    Url(Url),
}

impl Target {
    /// The absolute URL, with `query` appended.
    pub(crate) fn resolve(&self, endpoint: &Endpoint, query: &str) -> Result<Url, Error> {
        let mut url = match self {
            Self::Path(path) => endpoint.join(path)?,
            Self::Url(url) => url.clone(),
        };
        if !query.is_empty() {
            let joined = match url.query() {
                Some(own) if !own.is_empty() => format!("{own}&{query}"),
                _ => query.to_owned(),
            };
            url.set_query(Some(&joined));
        }
        Ok(url)
    }

    /// The path below the endpoint's base, with `query` appended.
    pub(crate) fn below(&self, endpoint: &Endpoint, query: &str) -> String {
        let (mut path, own) = match self {
            Self::Path(path) => (path.clone(), None),
            Self::Url(url) => {
                let base = endpoint.base().path().trim_end_matches('/');
                (url.path().strip_prefix(base).unwrap_or(url.path()).to_owned(), url.query())
            }
        };
        for part in own.into_iter().chain(Some(query).filter(|query| !query.is_empty())) {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(part);
        }
        path
    }
}

impl IntoTarget for &str {
    fn into_target(self) -> Target {
        Target::Path(self.to_owned())
    }
}

impl IntoTarget for String {
    fn into_target(self) -> Target {
        Target::Path(self)
    }
}

impl IntoTarget for &String {
    fn into_target(self) -> Target {
        Target::Path(self.clone())
    }
}

impl IntoTarget for Url {
    fn into_target(self) -> Target {
        Target::Url(self)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for &str {}
    impl Sealed for String {}
    impl Sealed for &String {}
    impl Sealed for url::Url {}
}
