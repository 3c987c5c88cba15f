//! Keys that need a restart.

use crate::config::Config;

/// Returns the keys that have changed and need a restart.
pub(super) fn needed(started: &Config, now: &Config) -> Vec<&'static str> {
    let (limits, limits_now) = (&started.limits, &now.limits);
    let changed = [
        ("listen", started.listen != now.listen),
        ("tls", started.tls != now.tls),
        (
            "proxy_protocol",
            started.proxy_protocol != now.proxy_protocol,
        ),
        ("ops.listen", started.ops.listen != now.ops.listen),
        ("ops.tls", started.ops.tls != now.ops.tls),
        (
            "limits.max_connections",
            limits.max_connections != limits_now.max_connections,
        ),
        (
            "limits.max_connections_per_peer",
            limits.max_connections_per_peer != limits_now.max_connections_per_peer,
        ),
        (
            "limits.header_read_timeout_ms",
            limits.header_read_timeout_ms != limits_now.header_read_timeout_ms,
        ),
        (
            "limits.idle_timeout_ms",
            limits.idle_timeout_ms != limits_now.idle_timeout_ms,
        ),
        (
            "limits.write_timeout_ms",
            limits.write_timeout_ms != limits_now.write_timeout_ms,
        ),
        (
            "shutdown.drain_ms",
            started.shutdown.drain_ms != now.shutdown.drain_ms,
        ),
        (
            "shutdown.grace_ms",
            started.shutdown.grace_ms != now.shutdown.grace_ms,
        ),
        ("log.format", started.log.format != now.log.format),
        (
            "telemetry.otlp_endpoint",
            started.telemetry.otlp_endpoint != now.telemetry.otlp_endpoint,
        ),
    ];
    let changed = changed.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(key, _)| key).collect()
}
