//! [`AdminObserver`]: receives the outcome of each request.

use std::fmt;

/// An observer that receives the outcome of each request, for metrics.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use dcv_resolver_admin::{AdminEvent, AdminObserver};
///
/// #[derive(Debug, Default)]
/// struct Failures(AtomicU64);
///
/// impl AdminObserver for Failures {
///     fn on_request(&self, event: &AdminEvent<'_>) {
///         if event.outcome == "failed" {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait AdminObserver: fmt::Debug + Send + Sync + 'static {
    /// Observes one request, when its outcome is known. It must not block.
    fn on_request(&self, event: &AdminEvent<'_>);
}

/// A request to the admin API, and its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdminEvent<'a> {
    /// `register`, `renew`, `deregister`, `list`, `get` or `describe`, as in
    /// [the log](crate#the-log); `none` for another path or method.
    pub action: &'a str,
    /// `done`, `refused`, `failed` or `abandoned`, as in the log.
    pub outcome: &'static str,
}
