//! [`UnreadBody`]: the part of a request's body that a handler does not read.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::oneshot;

/// How much of a body is read only to get rid of it.
const MAX_DISCARDED_BYTES: u64 = 64 * 1024;

/// Receives a body back from its reader, at the place where the reader stopped.
#[derive(Debug)]
pub(crate) struct UnreadBody(oneshot::Receiver<Body>);

impl UnreadBody {
    /// Returns the body for a handler, which may read all, some or none of it.
    pub(crate) fn lend(body: Body) -> (Body, Self) {
        let (owner, returned) = oneshot::channel();
        let lent = LentBody {
            body,
            owner: Some(owner),
        };
        (Body::new(lent), Self(returned))
    }

    /// Reads the rest and drops it. Returns whether the body ended: it did not
    /// if the rest is longer than 64 KiB, breaks off, takes longer than
    /// `time_left`, or has not been returned.
    ///
    /// A connection that is closed with unread bytes is reset, and the reset
    /// can overtake the response and destroy it. So the body is read as far as
    /// it is reasonable; if it does not end there, the response has to announce
    /// that the connection closes.
    pub(crate) async fn discard(mut self, time_left: Duration) -> bool {
        let Ok(mut body) = self.0.try_recv() else {
            return false;
        };
        if body.is_end_stream() {
            return true;
        }
        // Not even asked for: a client that waits for `100 Continue` keeps it.
        if body.size_hint().lower() > MAX_DISCARDED_BYTES {
            return false;
        }
        let to_the_end = async {
            let mut left = MAX_DISCARDED_BYTES;
            while let Some(frame) = body.frame().await {
                let Ok(frame) = frame else { return false };
                // An empty frame counts too, so that they come to an end.
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
}

/// A body that goes back to its owner when it is dropped.
struct LentBody {
    body: Body,
    owner: Option<oneshot::Sender<Body>>,
}

impl HttpBody for LentBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for LentBody {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.take() {
            // Without an owner the request is over, and so is its body.
            let _ = owner.send(std::mem::take(&mut self.body));
        }
    }
}
