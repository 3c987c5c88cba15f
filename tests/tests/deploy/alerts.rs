//! Which alerts fire in which situation, as Prometheus evaluates them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use dcv_resolver_server::Connections;
use serde_json::{Value, json};

use crate::metrics::alerts;
use crate::promtool::promtool;
use crate::{deployed, in_repository};

/// A series without its prefix, and its values a minute apart, in the notation
/// of promtool.
type Series = (&'static str, &'static str);

/// What two resolvers show when nothing is wrong.
const HEALTHY: [Series; 26] = [
    ("up{instance='a'}", "1x180"),
    ("up{instance='b'}", "1x180"),
    ("dcv_resolver_build_info{instance='a'}", "1x180"),
    ("dcv_resolver_ready{instance='a'}", "1x180"),
    (
        "dcv_resolver_store_up{instance='a',store='agents'}",
        "1x180",
    ),
    (
        "dcv_resolver_store_writable{instance='a',store='agents'}",
        "1x180",
    ),
    (
        "dcv_resolver_store_warnings{instance='a',store='agents'}",
        "0x180",
    ),
    (FOUND, "0+60x180"),
    (UNKNOWN, "0+2x180"),
    (
        "dcv_resolver_decisions_total{instance='a',outcome='not_found',reason='expired'}",
        "0+2x180",
    ),
    (
        "dcv_resolver_admin_requests_total{instance='a',action='renew',outcome='done'}",
        "0+9x180",
    ),
    (
        "dcv_resolver_admin_requests_total{instance='a',action='renew',outcome='refused'}",
        "0+9x180",
    ),
    (
        "dcv_resolver_connections_accepted_total{instance='a'}",
        "0+5x180",
    ),
    ("dcv_resolver_connections_open{instance='a'}", "50x180"),
    (
        "dcv_resolver_tls_handshakes_failed_total{instance='a'}",
        "0x180",
    ),
    (
        "dcv_resolver_cache_entries{instance='a',store='agents'}",
        "10x180",
    ),
    (
        "dcv_resolver_cache_confirmed_age_seconds{instance='a',store='agents'}",
        "0.2x180",
    ),
    (
        "dcv_resolver_stale_answer_age_seconds_count{instance='a',store='agents'}",
        "0x180",
    ),
    (
        "dcv_resolver_reloads_total{instance='a',what='sessions',result='ok'}",
        "0+1x180",
    ),
    // 90 days: promtool begins at 1970.
    (
        "dcv_resolver_certificate_expiry_timestamp_seconds{instance='a',certificate='server'}",
        "7776000x180",
    ),
    ("process_open_fds{instance='a'}", "60x180"),
    ("process_max_fds{instance='a'}", "1024x180"),
    (
        "dcv_resolver_log_lines_dropped_total{instance='a'}",
        "0x180",
    ),
    ("dcv_resolver_connections_max{instance='a'}", "4096x180"),
    (
        "dcv_resolver_connections_refused_total{instance='a',cause='not_allowed'}",
        "0x180",
    ),
    (
        "dcv_resolver_connections_failed_total{instance='a',cause='connection_lost'}",
        "0x180",
    ),
];

const FOUND: &str = "dcv_resolver_decisions_total{instance='a',outcome='found',reason='none'}";
const UNKNOWN: &str =
    "dcv_resolver_decisions_total{instance='a',outcome='not_found',reason='unknown'}";

/// A situation: the series that differ from the healthy ones, and the alerts
/// that fire after 150 minutes.
type Situation = (&'static str, &'static [Series], &'static [&'static str]);

/// Each total outage first finds nothing, and then has an alert of its own where
/// there is something particular to do.
const SITUATIONS: &[Situation] = &[
    ("healthy", &[], &[]),
    (
        "no resolver is scraped",
        &[
            ("up{instance='a'}", "0x180"),
            ("up{instance='b'}", "0x180"),
            ("dcv_resolver_build_info{instance='a'}", "1x10 stale _x170"),
        ],
        &["DcvResolverDown", "DcvResolverGone"],
    ),
    (
        "one of two resolvers is down",
        &[("up{instance='b'}", "1x100 0x80")],
        &["DcvResolverDown"],
    ),
    (
        "not ready",
        &[("dcv_resolver_ready{instance='a'}", "0x180")],
        &["DcvResolverNotReady"],
    ),
    (
        "a store is down",
        &[(
            "dcv_resolver_store_up{instance='a',store='agents'}",
            "0x180",
        )],
        &["DcvResolverStoreDown"],
    ),
    (
        "a store cannot be written",
        &[(
            "dcv_resolver_store_writable{instance='a',store='agents'}",
            "0x180",
        )],
        &["DcvResolverStoreNotWritable"],
    ),
    (
        "a store may lose sessions",
        &[(
            "dcv_resolver_store_warnings{instance='a',store='agents'}",
            "1x180",
        )],
        &["DcvResolverStoreWarning"],
    ),
    (
        "an agent cannot list or register its sessions",
        &[
            ("dcv_resolver_ready{instance='ws-17'}", "0x180"),
            (
                "dcv_resolver_store_up{instance='ws-17',store='agent'}",
                "0x180",
            ),
            (
                "dcv_resolver_agent_sessions{instance='ws-17',state='READY'}",
                "1x180",
            ),
        ],
        &["DcvResolverAgentFails"],
    ),
    (
        "two servers have a session of the same name",
        &[(
            "dcv_resolver_agent_sessions{instance='ws-17',state='already_exists'}",
            "1x180",
        )],
        &["DcvResolverAgentConflict"],
    ),
    (
        "the admin API fails",
        &[(
            "dcv_resolver_admin_requests_total{instance='a',action='renew',outcome='failed'}",
            "0+1x180",
        )],
        &["DcvResolverAdminFails"],
    ),
    (
        "the cache serves what it has while the store fails",
        &[(
            "dcv_resolver_stale_answer_age_seconds_count{instance='a',store='agents'}",
            "0+1x180",
        )],
        &["DcvResolverStale"],
    ),
    (
        "the store reports no changes",
        &[(
            "dcv_resolver_cache_confirmed_age_seconds{instance='a',store='agents'}",
            "_x180",
        )],
        &["DcvResolverChangesNotReported"],
    ),
    (
        "every caller is refused",
        &[
            (FOUND, "0x180"),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='refused',reason='caller_not_allowed'}",
                "0+60x180",
            ),
        ],
        &["DcvResolverCallersRefused", "DcvResolverFindsNothing"],
    ),
    (
        "every request exceeds the rate",
        &[
            (FOUND, "0x180"),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='refused',reason='rate_limited'}",
                "0+60x180",
            ),
        ],
        &["DcvResolverFindsNothing", "DcvResolverRateLimited"],
    ),
    (
        "some requests exceed the rate",
        &[(
            "dcv_resolver_decisions_total{instance='a',outcome='refused',reason='rate_limited'}",
            "0+6x180",
        )],
        &["DcvResolverRateLimited"],
    ),
    (
        "every request is too much",
        &[
            (FOUND, "0x180"),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='refused',reason='overloaded'}",
                "0+60x180",
            ),
        ],
        &["DcvResolverFindsNothing", "DcvResolverOverloaded"],
    ),
    (
        "all leases have expired",
        &[
            (FOUND, "0x180"),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='not_found',reason='expired'}",
                "0+60x180",
            ),
        ],
        &["DcvResolverFindsNothing", "DcvResolverSessionsExpired"],
    ),
    (
        "some leases have expired",
        &[(
            "dcv_resolver_decisions_total{instance='a',outcome='not_found',reason='expired'}",
            "0+30x180",
        )],
        &["DcvResolverSessionsExpired"],
    ),
    (
        "no session is known",
        &[(FOUND, "0x180"), (UNKNOWN, "0+60x180")],
        &["DcvResolverFindsNothing"],
    ),
    (
        "no session is known since the start, so that none was ever found",
        &[(FOUND, "_x180"), (UNKNOWN, "0+60x180")],
        &["DcvResolverFindsNothing"],
    ),
    (
        "no session is ready",
        &[
            (FOUND, "0x180"),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='not_found',reason='not_ready'}",
                "0+60x180",
            ),
        ],
        &["DcvResolverFindsNothing"],
    ),
    (
        "no session offers QUIC",
        &[
            (FOUND, "0x180"),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='not_found',reason='transport_not_offered'}",
                "0+60x180",
            ),
        ],
        &["DcvResolverFindsNothing"],
    ),
    (
        "a policy denies everyone",
        &[
            (FOUND, "0x180"),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='not_found',reason='denied'}",
                "0+60x180",
            ),
        ],
        &["DcvResolverFindsNothing"],
    ),
    (
        "the gateways ask at another path",
        &[
            (FOUND, "0x180"),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='malformed',reason='no_such_path'}",
                "0+60x180",
            ),
        ],
        &["DcvResolverFindsNothing"],
    ),
    (
        "the gateways give up before there is an answer",
        &[
            (FOUND, "0x180"),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='abandoned',reason='none'}",
                "0+60x180",
            ),
        ],
        &["DcvResolverAbandoned", "DcvResolverFindsNothing"],
    ),
    (
        "every answer is an error",
        &[
            (FOUND, "0x180"),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='error',reason='timeout'}",
                "0+60x180",
            ),
        ],
        &["DcvResolverErrors", "DcvResolverFindsNothing"],
    ),
    (
        "some answers are errors",
        &[(
            "dcv_resolver_decisions_total{instance='a',outcome='error',reason='timeout'}",
            "0+3x180",
        )],
        &["DcvResolverErrors"],
    ),
    (
        "a request a minute, and none finds a session",
        &[
            (FOUND, "0x180"),
            (UNKNOWN, "0+1x180"),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='not_found',reason='expired'}",
                "0x180",
            ),
        ],
        &["DcvResolverFindsNothing"],
    ),
    (
        "three requests an hour at night, and each fails in another way",
        &[
            (FOUND, "0x180"),
            (UNKNOWN, "0x140 1x40"),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='not_found',reason='expired'}",
                "0x143 1x37",
            ),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='error',reason='timeout'}",
                "0x146 1x34",
            ),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='refused',reason='caller_not_allowed'}",
                "0x147 1x33",
            ),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='refused',reason='rate_limited'}",
                "0x147 1x33",
            ),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='refused',reason='overloaded'}",
                "0x147 1x33",
            ),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='abandoned',reason='none'}",
                "0x147 1x33",
            ),
            (
                "dcv_resolver_admin_requests_total{instance='a',action='renew',outcome='failed'}",
                "0x147 1x33",
            ),
            (
                "dcv_resolver_tls_handshakes_failed_total{instance='a'}",
                "0x147 1x33",
            ),
        ],
        &[],
    ),
    (
        "no requests",
        &[
            (FOUND, "0x180"),
            (UNKNOWN, "0x180"),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='not_found',reason='expired'}",
                "0x180",
            ),
        ],
        &[],
    ),
    (
        "a restart",
        &[
            (FOUND, "0+60x147 _ 0+60x32"),
            (UNKNOWN, "0+2x147 _ 0+2x32"),
            ("dcv_resolver_ready{instance='a'}", "1x147 0 1x32"),
            ("dcv_resolver_build_info{instance='a'}", "1x147 _ 1x32"),
            (
                "dcv_resolver_store_writable{instance='a',store='agents'}",
                "1x147 _x2 1x32",
            ),
            ("up{instance='a'}", "1x147 0 1x32"),
        ],
        &[],
    ),
    (
        "an outage is over",
        &[(FOUND, "0x100 0+60x80"), (UNKNOWN, "0+60x100 6000+2x80")],
        &[],
    ),
    (
        "every handshake fails",
        &[
            (FOUND, "0x180"),
            (UNKNOWN, "0x180"),
            (
                "dcv_resolver_decisions_total{instance='a',outcome='not_found',reason='expired'}",
                "0x180",
            ),
            (
                "dcv_resolver_connections_accepted_total{instance='a'}",
                "0+60x180",
            ),
            (
                "dcv_resolver_tls_handshakes_failed_total{instance='a'}",
                "0+60x180",
            ),
        ],
        &["DcvResolverTlsHandshakesFail"],
    ),
    (
        "one gateway of ten fails its handshakes",
        &[
            (
                "dcv_resolver_connections_accepted_total{instance='a'}",
                "0+60x180",
            ),
            (
                "dcv_resolver_tls_handshakes_failed_total{instance='a'}",
                "0+6x180",
            ),
        ],
        &[],
    ),
    (
        "lines of the log are dropped",
        &[(
            "dcv_resolver_log_lines_dropped_total{instance='a'}",
            "0+1x180",
        )],
        &["DcvResolverLogLinesDropped"],
    ),
    (
        "all connections are in use",
        &[("dcv_resolver_connections_open{instance='a'}", "4096x180")],
        &["DcvResolverConnectionsFull"],
    ),
    (
        "peers are refused",
        &[(
            "dcv_resolver_connections_refused_total{instance='a',cause='not_allowed'}",
            "0+6x180",
        )],
        &["DcvResolverConnectionsRefused"],
    ),
    (
        "every connection ends without an answer",
        &[
            (
                "dcv_resolver_connections_accepted_total{instance='a'}",
                "0+60x180",
            ),
            (
                "dcv_resolver_connections_failed_total{instance='a',cause='connection_lost'}",
                "0+60x180",
            ),
        ],
        &["DcvResolverConnectionsFail"],
    ),
    (
        "hardly a file can be opened",
        &[("process_open_fds{instance='a'}", "1000x180")],
        &["DcvResolverFileDescriptors"],
    ),
    (
        "a certificate expires in ten days",
        &[(
            "dcv_resolver_certificate_expiry_timestamp_seconds{instance='a',certificate='server'}",
            "864000x180",
        )],
        &["DcvResolverCertificateExpires"],
    ),
    (
        "a certificate has expired",
        &[(
            "dcv_resolver_certificate_expiry_timestamp_seconds{instance='a',certificate='server'}",
            "60x180",
        )],
        &[
            "DcvResolverCertificateExpired",
            "DcvResolverCertificateExpires",
        ],
    ),
    (
        "a first reload has failed",
        &[(
            "dcv_resolver_reloads_total{instance='a',what='tls',result='failed'}",
            "_x140 1x40",
        )],
        &["DcvResolverReloadFailed"],
    ),
    (
        "another reload has failed",
        &[(
            "dcv_resolver_reloads_total{instance='a',what='tls',result='failed'}",
            "1x140 2x40",
        )],
        &["DcvResolverReloadFailed"],
    ),
    (
        "a reload failed an hour ago",
        &[(
            "dcv_resolver_reloads_total{instance='a',what='tls',result='failed'}",
            "_x90 1x90",
        )],
        &[],
    ),
];

/// The job that the rules name.
fn with_job(series: &str) -> String {
    series.replacen('{', "{job='dcv-resolver',", 1)
}

fn unit_test((name, changed, firing): &Situation) -> Value {
    let mut series: BTreeMap<&str, &str> = HEALTHY.into();
    series.extend(changed.iter().copied());
    let input: Vec<_> = series
        .into_iter()
        .map(|(series, values)| json!({"series": with_job(series), "values": values}))
        .collect();
    let samples: Vec<_> = firing
        .iter()
        .map(|alert| json!({"labels": format!("{{alertname='{alert}'}}"), "value": 1}))
        .collect();
    json!({
        "name": name,
        "interval": "1m",
        "input_series": input,
        "promql_expr_test": [{
            "expr": "group by (alertname) (ALERTS{alertstate='firing'})",
            "eval_time": "150m",
            "exp_samples": samples,
        }],
    })
}

#[test]
#[ignore = "needs promtool"]
fn exactly_the_alerts_of_each_situation_fire() {
    let folder = tempfile::tempdir().unwrap();
    let rules = in_repository("examples/deploy/prometheus/alerts.yaml");
    let tests: Vec<_> = SITUATIONS.iter().map(unit_test).collect();
    let path = folder.path().join("tests.yaml");
    let file = json!({
        "rule_files": [rules.canonicalize().unwrap()],
        "evaluation_interval": "1m",
        "tests": tests,
    });
    // JSON is YAML.
    fs::write(&path, file.to_string()).unwrap();
    promtool(&["check", "rules", rules.to_str().unwrap()], "");
    promtool(&["test", "rules", path.to_str().unwrap()], "");
}

#[test]
fn every_alert_fires_in_some_situation() {
    let alerts: Value = yaml_serde::from_str(&deployed("prometheus/alerts.yaml")).unwrap();
    let rules = alerts["groups"][0]["rules"].as_array().unwrap();
    let alerts: BTreeSet<_> = rules
        .iter()
        .map(|rule| rule["alert"].as_str().unwrap())
        .collect();
    let fired: BTreeSet<_> = SITUATIONS
        .iter()
        .flat_map(|(_, _, firing)| firing.iter().copied())
        .collect();
    assert_eq!(alerts, fired);
}

/// Otherwise the alerts are tested with connections that no resolver counts.
#[test]
fn every_cause_of_a_connection_is_one_that_the_server_counts() {
    let connections = Connections::default();
    let refused = connections.refused_by_cause();
    let counted: BTreeSet<_> = refused
        .chain(connections.failed_by_cause())
        .map(|(cause, _)| cause)
        .collect();
    let changed = SITUATIONS.iter().flat_map(|(_, changed, _)| *changed);
    let series = HEALTHY.iter().chain(changed).map(|(name, _)| *name);
    let queries = alerts();
    for text in series.chain(queries.iter().map(|(_, query)| &**query)) {
        // cause='a' in a series, cause!~"a|b" in a query.
        let values = text.split("cause='").skip(1);
        for value in values.chain(text.split("cause!~\"").skip(1)) {
            let value = value.split(['\'', '"']).next().unwrap();
            for cause in value.split('|') {
                assert!(counted.contains(cause), "{cause} of {text}");
            }
        }
    }
}
