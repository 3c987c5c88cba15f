//! [`write_web_client`]: a page for `[web-resources]`.

use std::fs;
use std::io;
use std::path::Path;

const PAGE: &str = include_str!("../web/index.html");

/// Writes a page that stands in for the DCV web client to `index.html` in
/// `folder`, for `local-resources-path` of a gateway.
///
/// Its script takes the session id from the fragment and the token from
/// `authToken` in the query, opens the WebSocket, and shows the
/// [`Desktop`](crate::Desktop). If the WebSocket is refused it asks once more
/// with a plain request, since a script cannot see why, and shows status and
/// text. The element with the id `state` has the attribute `data-state`:
/// `connecting`, `connected`, `refused` or `closed`.
///
/// # Errors
///
/// Returns the error of the operating system if the file cannot be written.
pub fn write_web_client(folder: impl AsRef<Path>) -> io::Result<()> {
    fs::write(folder.as_ref().join("index.html"), PAGE)
}
