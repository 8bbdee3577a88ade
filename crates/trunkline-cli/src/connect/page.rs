//! What the browser shows at the end: a plain page that loads nothing from anywhere.

use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// A status and one sentence of our own; never a word of the service's or of the request's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page(pub(super) StatusCode, pub(super) &'static str);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let Self(status, text) = self;
        let html = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Trunkline</title></head>\
             <body><p>{text}</p></body></html>"
        );
        // The address bar holds the code: it goes to nobody, and nothing keeps the page.
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
            (CONNECTION, HeaderValue::from_static("close")),
        ];
        (status, headers, html).into_response()
    }
}
