//! The page of the operators: three files, which hold no data.

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::routing::{MethodRouter, get};

/// What a browser does for the page: it runs and shows the files below, sends
/// requests to this listener alone, and shows the page in no frame. Its script
/// cannot turn text into markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Browsers that do not know `frame-ancestors`.
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Returns a router with the page at `/`, and its files.
pub(crate) fn page_router() -> Router {
    Router::new()
        .route(
            "/",
            file("text/html", include_str!("operators_page/page.html")),
        )
        .route(
            "/page.css",
            file("text/css", include_str!("operators_page/page.css")),
        )
        .route(
            "/page.js",
            file("text/javascript", include_str!("operators_page/page.js")),
        )
        .route(
            "/icon.svg",
            file("image/svg+xml", include_str!("operators_page/icon.svg")),
        )
}

fn file(media_type: &'static str, text: &'static str) -> MethodRouter {
    get(async move || {
        let content_type = format!("{media_type}; charset=utf-8");
        (HEADERS, [(CONTENT_TYPE, content_type)], text)
    })
}
