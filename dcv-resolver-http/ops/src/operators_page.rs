//! The page of the operators: files which hold no data.

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

const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! files {
    ($($name:literal: $media_type:expr),* $(,)?) => {
        [$((
            concat!("/", $name),
            $media_type,
            include_str!(concat!("operators_page/", $name)),
        )),*]
    };
}

/// The name of each file, with its media type.
const FILES: [(&str, &str, &str); 13] = files! {
    "page.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml; charset=utf-8",
    "page.js": SCRIPT,
    "decisions.js": SCRIPT,
    "explanation.js": SCRIPT,
    "link.js": SCRIPT,
    "one_at_a_time.js": SCRIPT,
    "path.js": SCRIPT,
    "requests.js": SCRIPT,
    "rows.js": SCRIPT,
    "sessions.js": SCRIPT,
    "stores.js": SCRIPT,
    "text.js": SCRIPT,
};

/// Returns a router with the page at `/`, and its files.
pub(crate) fn page_router() -> Router {
    let page = file(
        "text/html; charset=utf-8",
        include_str!("operators_page/page.html"),
    );
    let router = Router::new().route("/", page);
    FILES
        .iter()
        .fold(router, |router, (path, media_type, text)| {
            router.route(path, file(media_type, text))
        })
}

fn file(media_type: &'static str, text: &'static str) -> MethodRouter {
    get(async move || (HEADERS, [(CONTENT_TYPE, media_type)], text))
}
