//! [`ExplainRequest`]: explains a request without a network.

use std::fmt;

use dcv_resolver_core::{Explanation, ResolveRequest, async_trait};

/// Explains how a resolver answers a request, from its own configuration and
/// stores, for resolvers whose `/explain` cannot be asked.
#[async_trait]
pub trait ExplainRequest: fmt::Debug + Send + Sync {
    /// Explains `request`. It changes nothing.
    ///
    /// # Errors
    ///
    /// Returns why there is no explanation, as a sentence without secrets.
    async fn explain(&self, request: &ResolveRequest) -> Result<Explanation, String>;
}
