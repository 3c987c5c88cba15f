//! [`Services`]: those for gateways and for operators.

use std::num::NonZeroU32;

use axum::Router;
use dcv_resolver_admin::{AdminBuilder, AdminEvent, AdminObserver};
use dcv_resolver_core::Resolver;
use dcv_resolver_http::{RateLimit, ResolveService};
use dcv_resolver_ops::{LogDeduplicator, Metrics, OpsBuilder, Readiness};

use super::resources::Resources;
use crate::config::{Config, Limits};
use crate::failure::Failure;
use crate::local_only::LocalOnly;

/// The services of a configuration.
#[derive(Debug)]
pub(super) struct Services {
    pub(super) gateways: ResolveService,
    pub(super) operators: Router,
}

impl Services {
    pub(super) fn build(
        config: &Config,
        resolver: Resolver,
        resources: &Resources,
        readiness: &Readiness,
        metrics: &Metrics,
    ) -> Result<Self, Failure> {
        Ok(Self {
            gateways: for_gateways(config, resolver, metrics),
            operators: for_operators(config, resources, readiness, metrics)?,
        })
    }

    /// Shows the requests in flight in the metrics.
    pub(super) fn show(&self, metrics: &Metrics) {
        metrics.watch_in_flight(self.gateways.in_flight());
    }
}

fn for_gateways(config: &Config, resolver: Resolver, metrics: &Metrics) -> ResolveService {
    let limits = &config.limits;
    let log = LogDeduplicator::new(config.log.dedup_window_ms.milliseconds())
        .with_metrics(metrics.clone());
    ResolveService::builder(resolver)
        .time_budget(config.time_budget_ms.milliseconds())
        .allowed_callers(config.callers.allowed_networks.clone())
        .rate_limit(rate_limit(limits))
        .max_in_flight(limits.max_in_flight.count() as usize)
        .without_log()
        .observer(log)
        .observer(metrics.clone())
        .build()
}

/// Builds the router for operators, with the admin API if there are tokens.
fn for_operators(
    config: &Config,
    resources: &Resources,
    readiness: &Readiness,
    metrics: &Metrics,
) -> Result<Router, Failure> {
    let chain = &resources.chain;
    let ops = OpsBuilder::new(chain.explainer(config)?, readiness.clone()).metrics(metrics.clone());
    let (Some(watched), Some(store)) = (&resources.tokens, config.admin_store()) else {
        return Ok(ops.authorize(LocalOnly).build());
    };
    let tokens = &watched.tokens;
    let registry = chain.registry(store.name.as_str())?;
    let admin = AdminBuilder::with_import(registry, tokens.clone())
        .observer(AdminMetrics(metrics.clone()))
        .build();
    Ok(ops.authorize(tokens.clone()).merge(admin).build())
}

/// Counts the requests to the admin API.
#[derive(Debug)]
struct AdminMetrics(Metrics);

impl AdminObserver for AdminMetrics {
    fn on_request(&self, event: &AdminEvent<'_>) {
        self.0.count_admin_request(event.action, event.outcome);
    }
}

fn rate_limit(limits: &Limits) -> Option<RateLimit> {
    let per_second = NonZeroU32::new(limits.requests_per_second?.count())?;
    let burst = limits.burst.map(|burst| burst.count());
    Some(RateLimit::new(
        per_second,
        burst.and_then(NonZeroU32::new).unwrap_or(per_second),
    ))
}
