//! [`ExplainRequest`]: explains a request without a network.

use std::error::Error;
use std::fmt;

use dcv_resolver_core::{Explanation, ResolveRequest, async_trait};

/// An explainer that needs no network: it explains how a resolver answers a
/// request from the resolver's own configuration and stores, if `/explain`
/// cannot be used.
#[async_trait]
pub trait ExplainRequest: fmt::Debug + Send + Sync {
    /// Explains `request`, without changing anything.
    ///
    /// # Errors
    ///
    /// Returns why there is no explanation. It is displayed, with its sources, and
    /// must not contain secrets.
    async fn explain(
        &self,
        request: &ResolveRequest,
    ) -> Result<Explanation, Box<dyn Error + Send + Sync>>;
}
