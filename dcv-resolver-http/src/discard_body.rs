//! [`discard_body`]: reads the body of a request and drops it.

use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use http_body_util::BodyExt;

/// How much of a body is read: 64 KiB.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads `body` to its end and drops it. Returns whether the end was reached: it
/// is not if the body is longer than 64 KiB, breaks off, or takes longer than
/// `time_left`.
///
/// A connection that is closed with unread bytes is reset, and the reset can
/// overtake the response and destroy it. So a body that no handler reads is
/// discarded, as far as is reasonable; if that is not all of it, the response
/// has to announce with `connection: close` that the connection closes.
///
/// `time_left` is called only if there is a body to read. Calling this function
/// with such a body requires a tokio runtime with its timer enabled.
pub async fn discard_body<B>(mut body: B, time_left: impl FnOnce() -> Duration) -> bool
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    // Nearly every request.
    if body.is_end_stream() {
        return true;
    }
    // Not even polled: a client that waits for `100 Continue` keeps it.
    if body.size_hint().lower() > MAX_BYTES {
        return false;
    }
    let to_the_end = async {
        let mut left = MAX_BYTES;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            // An empty frame counts as well, so that there is an end to them.
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
