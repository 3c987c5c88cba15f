//! [`http_failure`]: why an HTTP connection failed.

use std::error::Error;
use std::io;

use crate::activity::Activity;
use crate::failure::Failure;
use crate::first_bytes::Greeting;

/// Returns why a connection ended with `error`, or `None` if it ended after an
/// answer, while nothing of a next request had arrived.
pub(crate) fn http_failure(
    error: &hyper::Error,
    activity: &Activity,
    greeting: Greeting,
) -> Option<Failure> {
    if error.is_parse() && !activity.has_served() {
        match greeting {
            Greeting::Tls => return Some(Failure::TlsOnPlainHttp),
            Greeting::ProxyHeader => return Some(Failure::ProxyHeaderUnexpected),
            Greeting::Http2 => return Some(Failure::Http2),
            Greeting::Other => {}
        }
    }
    if error.is_parse_too_large() {
        Some(Failure::HeadTooLarge)
    } else if error.is_parse() {
        Some(Failure::MalformedHead)
    } else if error.is_timeout() {
        if activity.has_received() {
            Some(Failure::HeadTimeout)
        } else {
            (!activity.has_served()).then_some(Failure::NoRequest)
        }
    } else if error.is_incomplete_message() {
        Some(Failure::IncompleteRequest)
    } else if error.is_user() {
        Some(Failure::ServiceError)
    } else if is_io_timeout(error) {
        Some(Failure::WriteTimeout)
    } else if error.is_shutdown() || activity.idle_since().is_some() {
        None
    } else if activity.has_served() || activity.has_received() {
        Some(Failure::ConnectionLost)
    } else {
        Some(Failure::ClosedWithoutRequest)
    }
}

/// Returns whether the client did not read; see
/// [`ClientStream`](crate::client_stream::ClientStream).
fn is_io_timeout(error: &hyper::Error) -> bool {
    error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}
