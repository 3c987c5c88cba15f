//! What the metrics count and show.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::Method;
use dcv_resolver_core::testing::{Reply, ScriptedStore};
use dcv_resolver_core::{
    CacheStats, Denial, MemoryStore, Policy, PolicyError, PolicyErrorKind, ResolveRequest,
    Resolver, SessionRecord, SessionStore, StoreErrorKind, Timestamp, Verdict, async_trait,
};
use dcv_resolver_http::{
    Decision, DecisionObserver, ReloadableService, ResolveService, ResolveServiceBuilder,
};
use dcv_resolver_ops::prometheus_client::encoding::text::encode;
use dcv_resolver_ops::prometheus_client::registry::Registry;
use dcv_resolver_ops::{
    ConnectionStats, LogDeduplicator, Metrics, MetricsFormat, OpsBuilder, Readiness,
};
use dcv_resolver_server::{Server, listen};
use dcv_resolver_test_support::log::Log;
use futures_util::poll;
use tracing::Level;

use crate::endpoints::{ask_from, explainer, readiness};
use crate::gateway::{CONSOLE, memory, over, post, replying, request, send};
use crate::store::resolver;

fn counted(metrics: &Metrics, app: ResolveServiceBuilder) -> Router {
    app.observer(metrics.clone()).router()
}

/// Returns the samples whose names start with `name`.
fn samples(metrics: &Metrics, name: &str) -> Vec<String> {
    metrics
        .render(MetricsFormat::OpenMetrics)
        .lines()
        .filter(|line| line.starts_with(name))
        .map(str::to_owned)
        .collect()
}

fn value(metrics: &Metrics, sample: &str) -> String {
    let prefix = format!("{sample} ");
    let found = samples(metrics, &prefix);
    assert_eq!(
        found.len(),
        1,
        "{sample}: {}",
        metrics.render(MetricsFormat::OpenMetrics)
    );
    found[0][prefix.len()..].to_owned()
}

fn decisions(metrics: &Metrics) -> Vec<String> {
    let prefix = "dcv_resolver_decisions_total";
    let mut samples: Vec<_> = samples(metrics, prefix)
        .iter()
        .map(|sample| sample[prefix.len()..].to_owned())
        .filter(|sample| !sample.ends_with(" 0"))
        .collect();
    samples.sort();
    samples
}

#[tokio::test(start_paused = true)]
async fn decision_is_counted_by_outcome_reason_transport_and_store() {
    let metrics = Metrics::new();
    let resolver = resolver([("agents", MemoryStore::new()), ("by_hand", memory())]);
    let app = counted(&metrics, ResolveService::builder(resolver));
    for _ in 0..3 {
        post(&app, CONSOLE).await;
    }
    post(&app, "/resolveSession?sessionId=console&transport=QUIC").await;
    post(&app, "/resolveSession?sessionId=other&transport=QUIC").await;
    post(&app, "/resolveSession").await;
    post(&app, "/elsewhere").await;
    let mut get = request("192.0.2.1", CONSOLE);
    *get.method_mut() = Method::GET;
    send(&app, get).await;
    assert_eq!(
        decisions(&metrics),
        [
            r#"{outcome="found",reason="none",transport="HTTP",store="by_hand",policy="none"} 3"#,
            r#"{outcome="malformed",reason="malformed_request",transport="unknown",store="none",policy="none"} 1"#,
            r#"{outcome="malformed",reason="method_not_allowed",transport="unknown",store="none",policy="none"} 1"#,
            r#"{outcome="malformed",reason="no_such_path",transport="unknown",store="none",policy="none"} 1"#,
            r#"{outcome="not_found",reason="transport_not_offered",transport="QUIC",store="by_hand",policy="none"} 1"#,
            r#"{outcome="not_found",reason="unknown",transport="QUIC",store="none",policy="none"} 1"#,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn failed_refused_and_abandoned_requests_are_counted() {
    let metrics = Metrics::new();
    let replies = [
        Reply::Hang,
        Reply::Fail(StoreErrorKind::Unavailable),
        Reply::Fail(StoreErrorKind::Unavailable),
        Reply::Panic,
    ];
    let store = ScriptedStore::sequence(replies, Reply::Hang);
    let app = counted(&metrics, over(store).max_in_flight(1));
    for _ in 0..4 {
        post(&app, CONSOLE).await;
    }
    let mut abandoned = Box::pin(post(&app, CONSOLE));
    assert!(poll!(abandoned.as_mut()).is_pending());
    post(&app, CONSOLE).await;
    drop(abandoned);
    metrics.init_decisions(&Resolver::new(MemoryStore::new()));
    let closed = counted(&metrics, over(memory()).allowed_callers(vec![]));
    post(&closed, CONSOLE).await;
    assert_eq!(
        decisions(&metrics),
        [
            r#"{outcome="abandoned",reason="none",transport="HTTP",store="store",policy="none"} 1"#,
            r#"{outcome="error",reason="internal_error",transport="HTTP",store="store",policy="none"} 1"#,
            r#"{outcome="error",reason="store_unavailable",transport="HTTP",store="store",policy="none"} 2"#,
            r#"{outcome="error",reason="timeout",transport="HTTP",store="store",policy="none"} 1"#,
            r#"{outcome="refused",reason="caller_not_allowed",transport="unknown",store="none",policy="none"} 1"#,
            r#"{outcome="refused",reason="overloaded",transport="unknown",store="none",policy="none"} 1"#,
        ]
    );
    let count = |outcome| {
        let sample =
            format!(r#"dcv_resolver_decision_duration_seconds_count{{outcome="{outcome}"}}"#);
        value(&metrics, &sample)
    };
    for (outcome, expected) in [
        ("found", "0"),
        ("not_found", "0"),
        ("malformed", "0"),
        ("refused", "2"),
        ("error", "4"),
        ("abandoned", "1"),
    ] {
        assert_eq!(count(outcome), expected, "{outcome}");
    }
}

/// Gives the result of a test.
#[derive(Debug)]
struct OfficeHours(Result<Verdict, PolicyErrorKind>);

#[async_trait]
impl Policy for OfficeHours {
    fn name(&self) -> &str {
        "office_hours"
    }

    async fn check(&self, _: &ResolveRequest, _: &SessionRecord) -> Result<Verdict, PolicyError> {
        self.0.clone().map_err(PolicyError::new)
    }
}

#[tokio::test(start_paused = true)]
async fn denial_and_failure_of_a_policy_are_counted_by_its_name() {
    let metrics = Metrics::new();
    for result in [
        Ok(Verdict::Allow),
        Ok(Verdict::Deny(Denial::new("closed"))),
        Err(PolicyErrorKind::Unavailable),
    ] {
        let resolver = Resolver::builder().store("store", memory());
        let resolver = resolver.policy(OfficeHours(result)).build().unwrap();
        let app = counted(&metrics, ResolveService::builder(resolver));
        post(&app, CONSOLE).await;
    }
    assert_eq!(
        decisions(&metrics),
        [
            r#"{outcome="error",reason="policy_unavailable",transport="HTTP",store="store",policy="office_hours"} 1"#,
            r#"{outcome="found",reason="none",transport="HTTP",store="store",policy="none"} 1"#,
            r#"{outcome="not_found",reason="denied",transport="HTTP",store="store",policy="office_hours"} 1"#,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn duration_falls_into_the_right_bucket() {
    let metrics = Metrics::new();
    let delay = Arc::new(AtomicU64::new(0));
    let delayed = Arc::clone(&delay);
    let store = dcv_resolver_core::testing::FaultyStore::new(memory()).delayed(move || {
        tokio::time::sleep(Duration::from_millis(delayed.load(Ordering::Relaxed)))
    });
    let app = counted(&metrics, over(store).time_budget(Duration::from_secs(10)));
    for ms in [0, 4, 40, 400, 4_000] {
        delay.store(ms, Ordering::Relaxed);
        post(&app, CONSOLE).await;
    }
    let buckets: Vec<_> = samples(&metrics, "dcv_resolver_decision_duration_seconds_bucket")
        .into_iter()
        .filter(|sample| sample.contains(r#"outcome="found""#))
        .map(|sample| {
            let (labels, count) = sample.rsplit_once(' ').unwrap();
            let bound = labels.split("le=\"").nth(1).unwrap();
            format!("{} {count}", bound.split('"').next().unwrap())
        })
        .collect();
    assert_eq!(
        buckets,
        [
            "0.0001 1",
            "0.00025 1",
            "0.0005 1",
            "0.001 1",
            "0.0025 1",
            "0.005 2",
            "0.01 2",
            "0.025 2",
            "0.05 3",
            "0.1 3",
            "0.25 3",
            "0.5 4",
            "1.0 4",
            "2.5 4",
            "+Inf 5",
        ]
    );
    let sum = value(
        &metrics,
        r#"dcv_resolver_decision_duration_seconds_sum{outcome="found"}"#,
    );
    let sum: f64 = sum.parse().unwrap();
    assert!((4.444..4.46).contains(&sum), "{sum}");
}

#[tokio::test(start_paused = true)]
async fn requests_in_flight_are_those_of_every_service_that_is_alive() {
    let metrics = Metrics::new();
    let shown = || value(&metrics, "dcv_resolver_in_flight_requests");
    let service = replying(Reply::Hang).build();
    metrics.watch_in_flight(service.in_flight());
    assert_eq!(shown(), "0");
    let live = ReloadableService::new(service);
    let app = Router::new().fallback_service(live.clone());
    let mut first = Box::pin(post(&app, CONSOLE));
    assert!(poll!(first.as_mut()).is_pending());

    // As a reload does: the first request is still in the old service.
    let service = replying(Reply::Hang).build();
    metrics.watch_in_flight(service.in_flight());
    live.replace(service);
    let mut second = Box::pin(post(&app, CONSOLE));
    assert!(poll!(second.as_mut()).is_pending());
    assert_eq!(shown(), "2");
    drop(second);
    assert_eq!(shown(), "1");
    first.await;
    assert_eq!(shown(), "0");
}

/// The summaries of its log, for instance, are logged when they are dropped.
#[tokio::test]
async fn observers_are_dropped_with_the_service_that_metrics_watch() {
    #[derive(Debug)]
    struct Observer(#[expect(dead_code, reason = "held")] Arc<()>);

    impl DecisionObserver for Observer {
        fn on_decision(&self, _: &Decision) {}
    }

    let metrics = Metrics::new();
    let held = Arc::new(());
    let service = over(memory())
        .observer(metrics.clone())
        .observer(Observer(Arc::clone(&held)))
        .build();
    metrics.watch_in_flight(service.in_flight());
    drop(service);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[tokio::test(start_paused = true)]
async fn text_of_a_request_becomes_no_label() {
    let metrics = Metrics::new();
    let app = counted(&metrics, over(memory()));
    let mut lines = 0;
    for round in 0..200 {
        for uri in [
            format!("/resolveSession?sessionId=id-{round}"),
            format!("/resolveSession?sessionId=id&transport=T{round}"),
            format!("/path-{round}"),
            format!("/p-{round}/resolveSession?sessionId=console&clientIpAddress=192.0.2.{round}"),
        ] {
            send(&app, request(&format!("198.51.100.{round}"), &uri)).await;
        }
        let now = metrics.render(MetricsFormat::OpenMetrics).lines().count();
        assert!(
            round == 0 || now == lines,
            "{}",
            metrics.render(MetricsFormat::OpenMetrics)
        );
        lines = now;
    }
}

#[tokio::test(start_paused = true)]
async fn suppressed_failures_are_counted() {
    let metrics = Metrics::new();
    let log = LogDeduplicator::new(Duration::from_secs(10)).with_metrics(metrics.clone());
    let failing = replying(Reply::Fail(StoreErrorKind::Unavailable));
    let app = counted(&metrics, failing.without_log().observer(log));
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    for _ in 0..10 {
        post(&app, CONSOLE).await;
    }
    assert_eq!(log.take().len(), 1);
    assert_eq!(
        value(&metrics, "dcv_resolver_log_events_suppressed_total"),
        "9"
    );
    assert_eq!(decisions(&metrics).len(), 1);
    assert!(decisions(&metrics)[0].ends_with(" 10"));
}

fn figures(confirmed_age: Option<Duration>) -> CacheStats {
    let mut figures = CacheStats::default();
    figures.hits = 1_000_000;
    figures.loads = 20;
    figures.coalesced = 3;
    figures.stale = 4;
    figures.entries = 5;
    figures.size_bytes = 678;
    figures.confirmed_age = confirmed_age;
    figures
}

#[test]
fn names_are_those_of_the_dashboards() {
    let metrics = Metrics::new();
    let resolver = resolver([("agents", MemoryStore::new())]);
    metrics.init_decisions(&resolver);
    metrics.watch_readiness(&Readiness::new(&resolver));
    let service = over(MemoryStore::new()).build();
    metrics.watch_in_flight(service.in_flight());
    metrics.set_build_info("1.2.3");
    metrics.count_reload("sessions", true);
    metrics.count_reload("tls", false);
    metrics.count_reload("tls", false);
    metrics.set_certificate_expiry("server", Timestamp::from_unix_ms(1_893_456_000_999));
    metrics.watch_age("inventory", || Some(Duration::from_millis(1_500)));
    metrics.watch_age("empty", || None);
    metrics.watch_cache("agents", || figures(None));
    metrics.watch_cache("inventory", || figures(Some(Duration::from_millis(1_500))));

    let text = metrics.render(MetricsFormat::OpenMetrics);
    for line in [
        r#"dcv_resolver_decisions_total{outcome="found",reason="none",transport="QUIC",store="agents",policy="none"} 0"#,
        r#"dcv_resolver_decision_duration_seconds_count{outcome="not_found"} 0"#,
        "dcv_resolver_in_flight_requests 0",
        "dcv_resolver_log_events_suppressed_total 0",
        "dcv_resolver_ready 0",
        r#"dcv_resolver_store_up{store="agents"} 0"#,
        r#"dcv_resolver_served_data_age_seconds{store="inventory"} 1.5"#,
        r#"dcv_resolver_cache_lookups_total{store="agents",result="hit"} 1000000"#,
        r#"dcv_resolver_cache_lookups_total{store="agents",result="load"} 20"#,
        r#"dcv_resolver_cache_lookups_total{store="agents",result="coalesced"} 3"#,
        r#"dcv_resolver_cache_lookups_total{store="inventory",result="coalesced"} 3"#,
        r#"dcv_resolver_cache_stale_total{store="agents"} 4"#,
        r#"dcv_resolver_cache_entries{store="agents"} 5"#,
        r#"dcv_resolver_cache_size_bytes{store="agents"} 678"#,
        r#"dcv_resolver_cache_confirmed_age_seconds{store="inventory"} 1.5"#,
        r#"dcv_resolver_reloads_total{what="sessions",result="ok"} 1"#,
        r#"dcv_resolver_reloads_total{what="tls",result="failed"} 2"#,
        r#"dcv_resolver_certificate_expiry_timestamp_seconds{certificate="server"} 1893456000"#,
        r#"dcv_resolver_build_info{version="1.2.3"} 1"#,
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    assert!(!text.contains(r#"store="empty""#));
    assert!(!text.contains(r#"cache_confirmed_age_seconds{store="agents""#));
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn connections_of_a_server_are_shown() {
    let metrics = Metrics::new();
    let server = Server::new(counted(&metrics, over(memory())));
    let connections = server.connections();
    metrics.watch_connections("gateways", move || {
        let mut figures = ConnectionStats::default();
        figures.open = connections.open();
        figures.accepted = connections.accepted_total();
        figures.max = connections.max();
        figures.evicted = connections.evicted_total();
        figures.aborted = connections.aborted_total();
        figures.refused = connections.refused_by_cause().collect();
        figures.failed = connections.failed_by_cause().collect();
        figures.tls_handshakes_failed = connections.tls_handshakes_failed_by_cause().collect();
        figures
    });
    let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(server.serve(listener, std::future::pending()));
    let first = tokio::net::TcpStream::connect(address).await.unwrap();
    let second = tokio::net::TcpStream::connect(address).await.unwrap();
    drop(second);
    let expected = [
        r#"dcv_resolver_connections_open{listener="gateways"} 1"#,
        r#"dcv_resolver_connections_max{listener="gateways"} 4096"#,
        r#"dcv_resolver_connections_accepted_total{listener="gateways"} 2"#,
        r#"dcv_resolver_connections_evicted_total{listener="gateways"} 0"#,
        r#"dcv_resolver_connections_aborted_total{listener="gateways"} 0"#,
        r#"dcv_resolver_connections_refused_total{listener="gateways",cause="not_allowed"} 0"#,
        r#"dcv_resolver_connections_failed_total{listener="gateways",cause="closed_without_request"} 1"#,
        r#"dcv_resolver_tls_handshakes_failed_total{listener="gateways",cause="unknown_ca"} 0"#,
    ];
    let shown = async {
        loop {
            let text = metrics.render(MetricsFormat::OpenMetrics);
            let is_shown = |sample: &&str| text.lines().any(|line| line == *sample);
            if expected.iter().all(is_shown) {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), shown)
        .await
        .unwrap();
    drop(first);
    serving.abort();
}

#[test]
fn each_metric_is_described_once_before_its_samples() {
    let metrics = Metrics::new();
    let resolver = resolver([("a", MemoryStore::new()), ("b", MemoryStore::new())]);
    metrics.init_decisions(&resolver);
    metrics.watch_readiness(&Readiness::new(&resolver));
    metrics.watch_dropped_log_lines(|| 0);
    metrics.count_swept("a", 1);
    metrics.count_swept("b", 1);
    metrics.watch_connections("gateways", ConnectionStats::default);
    metrics.watch_connections("operators", ConnectionStats::default);
    metrics.watch_age("a", || Some(Duration::ZERO));
    metrics.watch_age("b", || Some(Duration::ZERO));
    metrics.watch_cache("a", || figures(Some(Duration::ZERO)));
    metrics.watch_cache("b", || figures(Some(Duration::ZERO)));
    let text = metrics.render(MetricsFormat::OpenMetrics);
    let mut described = Vec::new();
    for line in text.lines() {
        if let Some(description) = line.strip_prefix("# TYPE ") {
            let name = description.split(' ').next().unwrap().to_owned();
            assert!(!described.contains(&name), "{name} is described twice");
            described.push(name);
        } else if !line.starts_with('#') {
            let current = described.last().unwrap();
            assert!(line.starts_with(current.as_str()), "{line}");
        }
    }
    assert!(described.len() >= 5, "{text}");
}

#[test]
fn removed_store_is_not_shown() {
    let metrics = Metrics::new();
    metrics.watch_age("old", || Some(Duration::ZERO));
    metrics.watch_cache("old", || figures(Some(Duration::ZERO)));
    metrics.remove_store("old");
    assert!(
        !metrics.render(MetricsFormat::OpenMetrics).contains("old\""),
        "{}",
        metrics.render(MetricsFormat::OpenMetrics)
    );
}

#[test]
fn removed_cache_is_not_shown_and_its_function_is_dropped() {
    let metrics = Metrics::new();
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    metrics.watch_cache("a", move || {
        let _held = &held;
        figures(None)
    });
    metrics.watch_age("a", || Some(Duration::ZERO));
    metrics.remove_cache("a");
    assert_eq!(Arc::strong_count(&alive), 1);
    assert_eq!(samples(&metrics, "dcv_resolver_cache"), [""; 0]);
    assert_eq!(samples(&metrics, "dcv_resolver_served_data_age").len(), 1);
}

#[test]
fn figure_that_was_never_set_is_not_shown() {
    let metrics = Metrics::new();
    let text = metrics.render(MetricsFormat::OpenMetrics);
    for name in [
        "in_flight",
        "connections",
        "ready",
        "store_up",
        "served_data_age",
        "stale_answer_age",
        "cache",
        "reloads",
        "certificate_expiry",
        "build_info",
    ] {
        assert!(!text.contains(&format!("dcv_resolver_{name}")), "{text}");
    }
}

#[test]
fn store_name_is_escaped() {
    let metrics = Metrics::new();
    metrics.watch_age("a\"b\\c\nd", || Some(Duration::ZERO));
    assert_eq!(
        samples(&metrics, "dcv_resolver_served_data_age_seconds{"),
        [r#"dcv_resolver_served_data_age_seconds{store="a\"b\\c\nd"} 0.0"#]
    );
}

#[tokio::test]
async fn registry_of_the_host_shows_the_same_metrics() {
    let metrics = Metrics::new();
    let resolver = Resolver::new(memory());
    metrics.watch_readiness(&Readiness::new(&resolver));
    metrics.watch_cache("store", || figures(None));
    let mut registry = Registry::with_prefix("host");
    metrics.register(&mut registry);
    let app = counted(&metrics, ResolveService::builder(resolver));
    post(&app, CONSOLE).await;

    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let rendered = metrics.render(MetricsFormat::OpenMetrics);
    // Those of the process are the host's own.
    let ours = rendered.lines().filter(|line| !line.contains("process_"));
    assert!(
        text.replace("host_dcv_resolver", "dcv_resolver")
            .lines()
            .eq(ours),
        "{text}"
    );
    assert!(text.contains("host_dcv_resolver_ready 0\n"), "{text}");
}

#[tokio::test]
async fn stale_answer_is_counted_with_its_age() {
    let metrics = Metrics::new();
    let record = memory().lookup(&"console".parse().unwrap()).await;
    let record = record.unwrap().unwrap();
    let ages = [0, 1_000, 1_001, 61_234, 90_000_000].map(Duration::from_millis);
    for age in ages {
        let stale = MemoryStore::from_iter([record.clone().with_stale_age(age)]);
        let resolver = resolver([("empty", MemoryStore::new()), ("agents", stale)]);
        let app = counted(&metrics, ResolveService::builder(resolver));
        post(&app, CONSOLE).await;
    }
    let app = counted(&metrics, ResolveService::builder(Resolver::new(memory())));
    post(&app, CONSOLE).await;

    let of = |bucket: &str| {
        let sample = format!("dcv_resolver_stale_answer_age_seconds_{bucket}");
        value(&metrics, &sample)
    };
    for (bound, count) in [
        ("1.0", "2"),
        ("5.0", "3"),
        ("60.0", "3"),
        ("300.0", "4"),
        ("86400.0", "4"),
        ("+Inf", "5"),
    ] {
        let bucket = format!("bucket{{le=\"{bound}\",store=\"agents\"}}");
        assert_eq!(of(&bucket), count, "{bound}");
    }
    assert_eq!(of("count{store=\"agents\"}"), "5");
    let sum: Duration = ages.iter().sum();
    assert_eq!(of("sum{store=\"agents\"}"), sum.as_secs_f64().to_string());
    assert_eq!(
        samples(&metrics, "dcv_resolver_stale_answer_age_seconds_count").len(),
        1
    );
}

#[tokio::test]
async fn metrics_are_sent_in_the_format_that_is_asked_for() {
    let app: Router = OpsBuilder::new(explainer(), readiness())
        .metrics(Metrics::new())
        .build();
    let ask = async |accept: &[(&str, &str)]| {
        let answer = ask_from(&app, None, "GET", "/metrics", accept).await;
        let content_type = answer.headers["content-type"].to_str().unwrap().to_owned();
        (content_type, answer.body)
    };
    let (content_type, text) = ask(&[]).await;
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert!(text.contains("\n# TYPE dcv_resolver_decisions_total counter\n"));
    assert!(
        !text.contains("# UNIT") && !text.contains("# EOF"),
        "{text}"
    );

    let (content_type, text) = ask(&[("accept", "application/openmetrics-text")]).await;
    assert_eq!(
        content_type,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(text.contains("\n# TYPE dcv_resolver_decisions counter\n"));
    assert!(text.ends_with("\n# EOF\n"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn process_is_shown_as_by_every_client_library() {
    let metrics = Metrics::new();
    let _open = std::fs::File::open("/proc/self/stat").unwrap();
    let shown = |name: &str| -> f64 { value(&metrics, name).parse().unwrap() };
    let now_s = std::fs::metadata("/proc/self").unwrap().modified().unwrap();
    let now_s = now_s.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert!(shown("process_cpu_seconds_total") >= 0.0);
    assert!(shown("process_open_fds") >= 4.0);
    assert!(shown("process_max_fds") >= shown("process_open_fds"));
    assert!(shown("process_virtual_memory_bytes") > shown("process_resident_memory_bytes"));
    assert!(shown("process_resident_memory_bytes") > 100_000.0);
    let start_s = shown("process_start_time_seconds");
    // Of a process that was started within the last days.
    assert!(
        (now_s.as_secs_f64() - start_s).abs() < 1_000_000.0,
        "{start_s}"
    );

    // A host has its own.
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let text = MetricsFormat::Text.encode(&registry).unwrap();
    assert!(!text.contains("process_"), "{text}");
}

#[test]
fn admin_requests_are_counted_by_action_and_outcome() {
    let metrics = Metrics::new();
    for (action, outcome) in [
        ("register", "failed"),
        ("register", "failed"),
        ("none", "refused"),
    ] {
        metrics.count_admin_request(action, outcome);
    }
    let mut shown = samples(&metrics, "dcv_resolver_admin_requests_total");
    shown.sort();
    assert_eq!(
        shown,
        [
            r#"dcv_resolver_admin_requests_total{action="none",outcome="refused"} 1"#,
            r#"dcv_resolver_admin_requests_total{action="register",outcome="failed"} 2"#,
        ]
    );
}
