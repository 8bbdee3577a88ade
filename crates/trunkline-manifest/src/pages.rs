//! How long lists come in pages, for whoever calls the API.

use serde_json::Value;
use trunkline_core::http::HeaderMap;
use trunkline_core::http::header::LINK;
use trunkline_core::url::Url;
use trunkline_core::{Error, ErrorKind};

use crate::format::{PageStyle, Pagination};
use crate::identity::at;

/// Stands for the API in URLs that are relative to it.
const BASE: &str = "https://api.invalid";

/// Where a page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// Below the API's base URL, with its query.
    Path(String),
    /// A URL that the service named. Whoever sends it checks its host, as a connection does.
    Url(Url),
}

/// Finds the next page after one that came.
///
/// ```no_run
/// # use trunkline_manifest::{Page, Pages};
/// # async fn all(pages: Pages, send: impl AsyncFn(&Page) -> (trunkline_core::http::HeaderMap, Vec<u8>))
/// # -> Result<(), trunkline_core::Error> {
/// let mut next = Some(Page::Path("/contacts?limit=100".to_owned()));
/// while let Some(page) = next {
///     let (headers, body) = send(&page).await;     // connection.get(path) or connection.get(url), sent
///     // … use the body …
///     next = pages.next(&page, &headers, &body)?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Pages(Pagination);

impl Pages {
    pub(crate) fn new(pagination: Pagination) -> Self {
        Self(pagination)
    }

    /// Where the page after `page` is; `None` at the end. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ResponseInvalid`]: the body is no JSON where it must be, names no usable URL, or names the page
    /// that was just read. [`ErrorKind::InvalidInput`]: `page` is no path or its offset no number.
    pub fn next(&self, page: &Page, headers: &HeaderMap, body: &[u8]) -> Result<Option<Page>, Error> {
        let member = self.0.member.as_deref();
        let next = match (self.0.style, member) {
            (PageStyle::Link, None) => linked(headers).map(|url| named(&url)).transpose()?,
            (PageStyle::Link, Some(member)) => {
                let url = at(&json(body)?, member).filter(|url| !url.is_empty());
                url.map(|url| named(&url)).transpose()?
            }
            (PageStyle::Cursor, _) => {
                let cursor = at(&json(body)?, member.unwrap_or_default());
                // Some services end with false rather than with nothing.
                let cursor = cursor.filter(|cursor| !cursor.is_empty() && cursor != "false");
                cursor.map(|cursor| self.with_param(page, &cursor)).transpose()?
            }
            (PageStyle::Offset, _) => {
                let count = items(&json(body)?, member.unwrap_or_default())?;
                let seen = self.param_of(page)?.saturating_add(count);
                if count == 0 { None } else { Some(self.with_param(page, &seen.to_string())?) }
            }
        };
        match next {
            Some(next) if next == *page => Err(invalid("the service names the same page as the next one")),
            next => Ok(next),
        }
    }

    fn with_param(&self, page: &Page, value: &str) -> Result<Page, Error> {
        let param = self.0.param.as_deref().unwrap_or_default();
        let mut url = url(page)?;
        let others = url.query_pairs().filter(|(name, _)| name != param);
        let others: Vec<(String, String)> = others.map(|(name, value)| (name.into(), value.into())).collect();
        url.query_pairs_mut().clear().extend_pairs(others).append_pair(param, value);
        Ok(match page {
            Page::Path(_) => Page::Path(url[trunkline_core::url::Position::BeforePath..].to_owned()),
            Page::Url(_) => Page::Url(url),
        })
    }

    fn param_of(&self, page: &Page) -> Result<u64, Error> {
        let param = self.0.param.as_deref().unwrap_or_default();
        let found = url(page)?.query_pairs().find(|(name, _)| name == param).map(|(_, value)| value.parse());
        match found {
            None => Ok(0),
            Some(Ok(number)) => Ok(number),
            Some(Err(_)) => Err(Error::new(ErrorKind::InvalidInput, "the offset of the page is no number")),
        }
    }
}

fn url(page: &Page) -> Result<Url, Error> {
    match page {
        Page::Url(url) => Ok(url.clone()),
        Page::Path(path) if path.starts_with('/') && !path.starts_with("//") => {
            Url::parse(&format!("{BASE}{path}")).map_err(|_| not_a_path())
        }
        Page::Path(_) => Err(not_a_path()),
    }
}

fn not_a_path() -> Error {
    Error::new(ErrorKind::InvalidInput, "a page's path begins with one slash")
}

/// A URL that the service named. A relative one does not say what it is relative to: the API's base may have a path.
fn named(text: &str) -> Result<Page, Error> {
    Url::parse(text).map(Page::Url).map_err(|_| invalid("the next page's URL is not absolute"))
}

fn json(body: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(body).map_err(|_| invalid("the page is no JSON"))
}

fn items(page: &Value, member: &str) -> Result<u64, Error> {
    let found = match member {
        "" => Some(page),
        member => member.split('.').try_fold(page, |value, name| value.get(name)),
    };
    let count =
        found.and_then(Value::as_array).map(Vec::len).ok_or_else(|| invalid("the page has no items"))?;
    Ok(u64::try_from(count).unwrap_or(u64::MAX))
}

/// The target of the first link whose relation is `next` (RFC 8288, 3).
fn linked(headers: &HeaderMap) -> Option<String> {
    headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).find_map(|value| {
        let mut rest = value;
        while let Some((_, after)) = rest.split_once('<') {
            let (target, params) = after.split_once('>')?;
            let params_end = params.find('<').unwrap_or(params.len());
            let is_next = params[..params_end].split(';').any(|param| {
                let (name, value) = param.split_once('=').unwrap_or((param, ""));
                let value = value.trim().trim_end_matches(',').trim().trim_matches('"');
                name.trim().eq_ignore_ascii_case("rel")
                    && value.split(' ').any(|relation| relation.eq_ignore_ascii_case("next"))
            });
            if is_next {
                return Some(target.to_owned());
            }
            rest = &params[params_end..];
        }
        None
    })
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::ResponseInvalid, message)
}
