//! [`UnreadBody`]: the part of a request's body that a handler does not read.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use dcv_resolver_http::discard_body;
use http_body::{Frame, SizeHint};
use tokio::sync::oneshot;

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

    /// [Discards](discard_body) the rest. Returns whether the body ended: it
    /// did not if it has not been returned either.
    pub(crate) async fn discard(mut self, time_left: Duration) -> bool {
        match self.0.try_recv() {
            Ok(body) => discard_body(body, || time_left).await,
            Err(_) => false,
        }
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
