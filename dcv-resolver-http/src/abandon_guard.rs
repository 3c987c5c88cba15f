//! [`AbandonGuard`]: emits a decision for abandoned requests as well.

use std::mem;
use std::sync::Arc;

use dcv_resolver_core::{Resolution, ResolveProgress, ResolveRequest};

use crate::decision::Decision;
use crate::observers::Observers;
use crate::problem::Problem;
use crate::request_context::RequestContext;
use crate::trace_context::NoTrace;

/// A request until it is decided.
///
/// If the caller closes the connection before that, the future that holds this
/// guard is dropped, and the guard emits the decision to the observers.
#[derive(Debug)]
pub(crate) struct AbandonGuard<'a> {
    pub(crate) context: RequestContext,
    observers: &'a Observers,
    request: Option<ResolveRequest>,
    invalid_client_ip: Option<String>,
    pub(crate) progress: ResolveProgress,
    is_decided: bool,
}

impl<'a> AbandonGuard<'a> {
    pub(crate) fn new(context: RequestContext, observers: &'a Observers) -> Self {
        Self {
            context,
            observers,
            request: None,
            invalid_client_ip: None,
            progress: ResolveProgress::default(),
            is_decided: false,
        }
    }

    /// Stores the parsed query, and returns what the resolver needs.
    pub(crate) fn begin(
        &mut self,
        (request, invalid_client_ip): (ResolveRequest, Option<String>),
    ) -> (&ResolveRequest, &mut ResolveProgress) {
        self.invalid_client_ip = invalid_client_ip;
        (self.request.insert(request), &mut self.progress)
    }

    /// Creates the decision and passes it to the observers.
    pub(crate) fn decide(mut self, result: Result<Resolution, Problem>) -> Arc<Decision> {
        self.emit(Some(result))
    }

    fn emit(&mut self, result: Option<Result<Resolution, Problem>>) -> Arc<Decision> {
        self.is_decided = true;
        let decision = Arc::new(Decision {
            method: mem::take(&mut self.context.method),
            uri: mem::take(&mut self.context.uri),
            request: self.request.take(),
            invalid_client_ip: self.invalid_client_ip.take(),
            result,
            store: self.progress.store().cloned(),
            policy: self.progress.policy().cloned(),
            record: self.progress.record().cloned(),
            elapsed: self.context.started.elapsed(),
            caller: self.context.caller,
            request_id: self.context.request_id.clone(),
            trace: mem::replace(&mut self.context.trace, Err(NoTrace::Absent)).ok(),
        });
        self.observers.observe(&decision);
        decision
    }
}

impl Drop for AbandonGuard<'_> {
    fn drop(&mut self) {
        if !self.is_decided {
            self.emit(None);
        }
    }
}
