//! The dashboard and the alerts speak of exactly the metrics that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use dcv_resolver_core::{
    CacheStats, Clock, Expiry, MemoryStore, Resolver, SessionRecord, SystemClock,
};
use dcv_resolver_http::ResolveService;
use dcv_resolver_ops::{AgentStats, ConnectionStats, Metrics, MetricsFormat, Readiness};
use serde_json::Value;
use tower::ServiceExt;

use crate::deployed;
use crate::promtool::promtool;

/// Returns what `/metrics` answers after every event that is counted.
pub(crate) fn exposition() -> String {
    let metrics = Metrics::new();
    let record = SessionRecord::builder(
        "console".parse().unwrap(),
        "ws-17.dcv.example".parse().unwrap(),
        Expiry::Never,
    );
    let stale = record
        .http_port(8443)
        .build()
        .unwrap()
        .with_stale_age(Duration::ZERO);
    let store = Arc::new(MemoryStore::from_iter([stale]));
    let resolver = Resolver::builder()
        .store("sessions", Arc::clone(&store))
        .build()
        .unwrap();
    let readiness = Readiness::new(&resolver);
    readiness.watch_registries([("sessions".into(), store as _)]);
    let service = ResolveService::builder(resolver)
        .observer(metrics.clone())
        .build();
    metrics.watch_in_flight(service.in_flight());
    metrics.set_build_info("0.1.0");
    metrics.watch_readiness(&readiness);
    metrics.count_reload("sessions", true);
    metrics.count_admin_request("register", "done");
    metrics.set_certificate_expiry("server", SystemClock.now());
    metrics.watch_age("sessions", || Some(Duration::ZERO));
    metrics.watch_cache("sessions", || {
        let mut stats = CacheStats::default();
        stats.confirmed_age = Some(Duration::ZERO);
        stats
    });
    metrics.watch_dropped_log_lines(|| 0);
    metrics.count_swept("sessions", 0);
    metrics.watch_connections("gateways", || {
        let mut stats = ConnectionStats::default();
        stats.refused = vec![("not_allowed", 0)];
        stats.failed = vec![("head_timeout", 0)];
        stats.tls_handshakes_failed = vec![("unknown_ca", 0)];
        stats
    });
    metrics.watch_agent(|| {
        let mut stats = AgentStats::default();
        stats.sessions = vec![("READY", 1)];
        stats.rounds = vec![("ok", 1)];
        stats
    });

    let request = Request::post("/resolveSession?sessionId=console").body(Body::empty());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let answer = runtime.block_on(async {
        let watch = tokio::spawn(readiness.watch());
        while readiness.report().stores[0].writable.is_none() {
            tokio::task::yield_now().await;
        }
        watch.abort();
        service.oneshot(request.unwrap()).await.unwrap()
    });
    assert_eq!(answer.status(), 200);
    metrics.render(MetricsFormat::Text)
}

/// The labels of each metric, by the name that a query asks for.
pub(crate) fn exposed() -> BTreeMap<String, BTreeSet<String>> {
    let mut metrics = BTreeMap::<_, BTreeSet<_>>::new();
    for sample in exposition().lines() {
        if sample.is_empty() || sample.starts_with('#') {
            continue;
        }
        let end = sample.find(['{', ' ']).unwrap();
        let labels = metrics.entry(sample[..end].to_owned()).or_default();
        // The name of a label stands before each `="`.
        let labelled = sample[end..].split("=\"");
        labels.extend(
            labelled
                .filter_map(|text| text.rsplit(['{', ',']).next())
                .filter(|name| is_name(name))
                .map(str::to_owned),
        );
    }
    metrics
}

fn is_ours(metric: &str) -> bool {
    metric.starts_with("dcv_") || metric.starts_with("process_")
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What a query speaks of.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) metrics: BTreeSet<String>,
    labels: BTreeSet<String>,
}

/// Reads PromQL as far as names go: those in braces and behind `by` are labels,
/// those before a parenthesis functions, and those of ours metrics.
pub(crate) fn query(text: &str) -> Query {
    let mut query = Query::default();
    let mut in_labels = false;
    let mut behind_by = false;
    // Every second piece stands between quotes.
    for piece in text.split('"').step_by(2) {
        let mut rest = piece;
        while let Some(first) = rest.chars().next() {
            let length = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            let (word, remainder) = rest.split_at(length.max(first.len_utf8()));
            match word {
                "{" => in_labels = true,
                "(" if behind_by => in_labels = true,
                "}" | ")" => in_labels = false,
                _ if !is_name(word) => {}
                _ if in_labels => _ = query.labels.insert(word.to_owned()),
                _ if is_ours(word) => _ = query.metrics.insert(word.to_owned()),
                _ => {}
            }
            behind_by = word == "by" || (behind_by && word == " ");
            rest = remainder;
        }
    }
    query
}

/// The dashboard's queries, those of its variables included.
fn dashboard_queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&deployed("grafana/dcv-resolver.json")).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let targets = panel["targets"].as_array();
        for target in targets.into_iter().flatten() {
            queries.push(target["expr"].as_str().unwrap().to_owned());
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        if variable["type"] == "query" {
            queries.push(variable["query"]["query"].as_str().unwrap().to_owned());
        }
    }
    queries
}

/// The name and the query of each alert.
pub(crate) fn alerts() -> Vec<(String, String)> {
    let alerts: Value = yaml_serde::from_str(&deployed("prometheus/alerts.yaml")).unwrap();
    let groups = alerts["groups"].as_array().unwrap();
    let text = |rule: &Value, key| rule[key].as_str().unwrap().to_owned();
    groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
        .map(|rule| (text(rule, "alert"), text(rule, "expr")))
        .collect()
}

#[test]
fn names_are_found_in_a_query() {
    let text = r#"sum by (le, b) (rate(dcv_x_bucket{job=~"dcv_no{",c="d"}[5m])) / dcv_y * by_z"#;
    let query = query(text);
    assert_eq!(
        query.metrics.into_iter().collect::<Vec<_>>(),
        ["dcv_x_bucket", "dcv_y"]
    );
    assert_eq!(
        query.labels.into_iter().collect::<Vec<_>>(),
        ["b", "c", "job", "le"]
    );
}

#[test]
fn queries_ask_for_metrics_and_labels_that_there_are() {
    let exposed = exposed();
    let of_alerts = alerts().into_iter().map(|(_, query)| query);
    for text in dashboard_queries().into_iter().chain(of_alerts) {
        let query = query(&text);
        // `up`, which Prometheus adds itself, is the only metric of others.
        assert!(
            !query.metrics.is_empty() || text.starts_with("up{"),
            "{text}"
        );
        // Prometheus adds these two.
        let mut labels = BTreeSet::from(["job".to_owned(), "instance".to_owned()]);
        for metric in &query.metrics {
            let Some(its_labels) = exposed.get(metric) else {
                panic!("there is no metric {metric}: {text}");
            };
            labels.extend(its_labels.iter().cloned());
        }
        let unknown: Vec<_> = query.labels.difference(&labels).collect();
        assert!(unknown.is_empty(), "no label {unknown:?}: {text}");
    }
}

#[test]
fn every_metric_is_on_the_dashboard() {
    let asked: BTreeSet<_> = dashboard_queries()
        .iter()
        .flat_map(|text| query(text).metrics)
        .collect();
    let missing: Vec<_> = exposed()
        .into_keys()
        .filter(|metric| !asked.contains(metric))
        .collect();
    assert!(missing.is_empty(), "not on the dashboard: {missing:?}");
}

/// Grafana gives it a uid when it is imported, and asks which Prometheus to use.
#[test]
fn the_dashboard_is_bound_to_no_installation() {
    let dashboard: Value = serde_json::from_str(&deployed("grafana/dcv-resolver.json")).unwrap();
    assert_eq!(dashboard["uid"], Value::Null);
    assert_eq!(dashboard["id"], Value::Null);
    // That of Grafana 10.0: later ones bring it up to date when they load it.
    assert_eq!(dashboard["schemaVersion"], 38);
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}");
        }
    }
}

#[test]
#[ignore = "needs promtool"]
fn names_and_types_follow_the_conventions_of_prometheus() {
    promtool(&["check", "metrics"], &exposition());
}
