//! Gets rid of a request's body.

use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use http_body_util::BodyExt;

/// How much of a body is read.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads `body` to its end and forgets it. Returns whether the end was reached:
/// it is not where the body is longer than 64 KiB, breaks off, or takes longer
/// than `time_left`.
///
/// A connection that is closed while bytes lie unread is reset, and a reset can
/// overtake the response and destroy it on the way. So the body is read as far
/// as it is reasonable; where that is not far enough, the response has to
/// announce that the connection ends.
pub(crate) async fn discard<B>(mut body: B, time_left: Duration) -> bool
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    if body.is_end_stream() {
        return true;
    }
    // Not even asked for: a client that waits for `100 Continue` keeps it.
    if body.size_hint().lower() > MAX_BYTES {
        return false;
    }
    let to_the_end = async {
        let mut left = MAX_BYTES;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            // An empty frame counts too, so that they come to an end as well.
            let length = frame.data_ref().map_or(1, |data| data.len().max(1) as u64);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return false,
            }
        }
        true
    };
    tokio::time::timeout(time_left, to_the_end)
        .await
        .unwrap_or(false)
}
