//! The services for gateways and for operators.

use std::num::NonZeroU32;

use axum::Router;
use dcv_resolver_admin::{AdminBuilder, BearerTokens};
use dcv_resolver_core::Resolver;
use dcv_resolver_http::{RateLimit, ResolveService};
use dcv_resolver_ops::{LogDeduplicator, Metrics, OpsBuilder, Readiness};

use crate::config::{Config, Limits};
use crate::failure::Failure;
use crate::store_chain::StoreChain;

/// Builds the service for gateways.
pub(super) fn for_gateways(
    config: &Config,
    resolver: Resolver,
    metrics: &Metrics,
) -> ResolveService {
    let limits = &config.limits;
    let log = LogDeduplicator::new(config.log.dedup_window_ms.milliseconds())
        .with_metrics(metrics.clone());
    let mut builder = ResolveService::builder(resolver)
        .time_budget(config.time_budget_ms.milliseconds())
        .max_in_flight(limits.max_in_flight.count() as usize)
        .without_log()
        .observer(log)
        .observer(metrics.clone());
    if let Some(networks) = &config.callers.allowed_networks {
        builder = builder.allowed_callers(networks.iter().copied());
    }
    if let Some(limit) = rate_limit(limits) {
        builder = builder.rate_limit(limit);
    }
    builder.build()
}

/// Builds the router for operators, with the admin API if there are tokens.
pub(super) fn for_operators(
    config: &Config,
    chain: &StoreChain,
    readiness: Readiness,
    metrics: Metrics,
    tokens: Option<&BearerTokens>,
) -> Result<Router, Failure> {
    let router = OpsBuilder::new(chain.explainer(config)?, readiness).metrics(metrics);
    let (Some(tokens), Some(store)) = (tokens, config.admin_store()) else {
        return Ok(router.build());
    };
    let registry = chain.registry(store.name.as_str())?;
    let admin = AdminBuilder::new(registry, tokens.clone()).build();
    Ok(router.authorize(tokens.clone()).merge(admin).build())
}

fn rate_limit(limits: &Limits) -> Option<RateLimit> {
    let per_second = NonZeroU32::new(limits.requests_per_second?.count())?;
    let burst = limits.burst.map(|burst| burst.count());
    Some(RateLimit::new(
        per_second,
        burst.and_then(NonZeroU32::new).unwrap_or(per_second),
    ))
}
