//! [`AdminState`]: what all requests to one router share.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use dcv_resolver_core::{Clock, SessionImport, SessionRegistry};
use dcv_resolver_http::RequestIds;

use crate::authenticator::Authenticator;
use crate::listing_limit::ListingLimit;
use crate::observer::{AdminEvent, AdminObserver};

/// What all requests to one router share.
#[derive(Debug)]
pub(crate) struct AdminState {
    pub(crate) registry: Arc<dyn SessionRegistry>,
    /// The same registry, if operators may remove sessions through it.
    pub(crate) import: Option<Arc<dyn SessionImport>>,
    pub(crate) listings: ListingLimit,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) time_budget: Duration,
    pub(crate) observer: Option<Arc<dyn AdminObserver>>,
    pub(crate) request_ids: RequestIds,
    /// The OpenAPI document, as JSON.
    pub(crate) document: Bytes,
}

impl AdminState {
    pub(crate) fn observe(&self, action: &str, outcome: &'static str) {
        if let Some(observer) = &self.observer {
            observer.on_request(&AdminEvent { action, outcome });
        }
    }
}
