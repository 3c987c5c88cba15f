//! [`discard_body`]: reads the body of a request and drops it.

use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use http_body_util::BodyExt;

/// How much of a body is read: 64 KiB.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads `body` to its end and drops it. Returns whether the end was reached.
/// It is not reached if the body is longer than 64 KiB, breaks off, or takes
/// longer than `time_left`.
///
/// If the server closes a connection that still has unread bytes, the
/// connection is reset, and the client may lose the response. So a body that no
/// handler reads is discarded, as far as is reasonable. If some of it is left,
/// the response must announce with `connection: close` that the connection
/// closes.
///
/// `time_left` is called only if there is a body to read. Calling this function
/// with such a body requires a tokio runtime with its timer enabled.
pub async fn discard_body<B>(mut body: B, time_left: impl FnOnce() -> Duration) -> bool
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    // Nearly every request ends here.
    if body.is_end_stream() {
        return true;
    }
    // Such a body is not even polled, so a client that waits for `100 Continue`
    // does not send it.
    if body.size_hint().lower() > MAX_BYTES {
        return false;
    }
    let to_the_end = async {
        let mut left = MAX_BYTES;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            // An empty frame counts as one byte, so that there cannot be
            // endlessly many.
            let length = frame.data_ref().map_or(1, |data| data.len().max(1) as u64);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return false,
            }
        }
        true
    };
    tokio::time::timeout(time_left(), to_the_end)
        .await
        .unwrap_or(false)
}
