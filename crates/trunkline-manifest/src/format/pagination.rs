//! How long lists come in pages.

use serde::Deserialize;

/// How long lists come in pages.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Pagination {
    /// How a page says where the next one is.
    pub(crate) style: PageStyle,
    /// `link`: the member that holds the next URL; without it, the `Link` header counts (RFC 8288). `cursor`: the
    /// member that holds the cursor. `offset`: the member that holds the page's items, an empty list being the end.
    #[serde(default)]
    pub(crate) member: Option<String>,
    /// The parameter that the next request sends, for `cursor` and `offset`.
    #[serde(default)]
    pub(crate) param: Option<String>,
}

/// How a page says where the next one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum PageStyle {
    /// By a URL.
    Link,
    /// By a cursor.
    Cursor,
    /// Not at all: the next request counts what came.
    Offset,
}
