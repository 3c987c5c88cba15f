//! [`read`]: the files of `[web-resources]`.

use std::path::{Component, Path};

use axum::http::header;
use axum::response::{IntoResponse as _, Response};

/// Returns the file that a path of a URL names below `folder`, if there is one.
/// `/` is `index.html`.
pub(super) async fn read(folder: &Path, url_path: &str) -> Option<Response> {
    let relative = match url_path.trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    let relative = Path::new(relative);
    // No `..` leads out of the folder.
    if !relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        return None;
    }
    let content = tokio::fs::read(folder.join(relative)).await.ok()?;
    let content_type = match relative.extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    };
    Some(([(header::CONTENT_TYPE, content_type)], content).into_response())
}
