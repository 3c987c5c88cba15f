//! What the HTTP adapter calls until it calls `resolve_with_progress`.

use std::time::Duration;

use crate::{
    Outcome, PolicyErrorKind, ResolveError, ResolveProgress, ResolveRequest, Resolver, StoreError,
    StoreErrorKind,
};

#[doc(hidden)]
#[derive(Debug)]
pub struct Resolving<'a> {
    resolver: &'a Resolver,
    request: &'a ResolveRequest,
    progress: ResolveProgress,
}

#[doc(hidden)]
#[expect(clippy::missing_errors_doc, reason = "goes with the next change")]
impl<'a> Resolving<'a> {
    pub(crate) fn new(resolver: &'a Resolver, request: &'a ResolveRequest) -> Self {
        Self {
            resolver,
            request,
            progress: ResolveProgress::default(),
        }
    }

    pub async fn run(&mut self) -> Result<Outcome, StoreError> {
        let resolving = self
            .resolver
            .resolve_with_progress(self.request, &mut self.progress);
        resolving.await.map_err(|error| match error {
            ResolveError::Store { source, .. } => source,
            ResolveError::Policy { source, .. } => {
                let kind = match source.kind() {
                    PolicyErrorKind::Unavailable => StoreErrorKind::Unavailable,
                    PolicyErrorKind::TimedOut => StoreErrorKind::TimedOut,
                    PolicyErrorKind::Other => StoreErrorKind::Other,
                };
                StoreError::new("policy", kind).with_source(source)
            }
        })
    }

    #[must_use]
    pub fn store(&self) -> &str {
        match self.progress.store() {
            Some(name) => name,
            None => self.resolver.store_name(),
        }
    }

    #[must_use]
    pub fn stale_age(&self) -> Option<Duration> {
        self.progress.stale_age()
    }
}
