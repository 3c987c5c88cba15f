//! `docs/metrics.md` lists every metric, with its type, labels and alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::in_repository;
use crate::metrics::{alerts, exposed, exposition, query};

#[derive(Debug, Default, PartialEq, Eq)]
struct Metric {
    kind: String,
    labels: BTreeSet<String>,
    alerts: BTreeSet<String>,
}

fn documented() -> BTreeMap<String, Metric> {
    let page = fs::read_to_string(in_repository("docs/metrics.md")).unwrap();
    let mut metrics = BTreeMap::new();
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let ["", name, kind, labels, _meaning, alerts, ""] = cells[..] else {
            panic!("a row has five cells: {row}");
        };
        let metric = Metric {
            kind: kind.to_owned(),
            labels: words(labels),
            alerts: words(alerts),
        };
        let is_new = metrics.insert(name.trim_matches('`').to_owned(), metric);
        assert!(is_new.is_none(), "{name} is listed twice");
    }
    metrics
}

/// The words between backticks.
fn words(cell: &str) -> BTreeSet<String> {
    let words = cell.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

/// The name of the metric to which a series of this name belongs.
fn without_suffix(series: &str) -> &str {
    ["_bucket", "_count", "_sum"]
        .iter()
        .find_map(|suffix| series.strip_suffix(suffix))
        .unwrap_or(series)
}

fn actual() -> BTreeMap<String, Metric> {
    let mut metrics = BTreeMap::<_, Metric>::new();
    for (series, mut labels) in exposed() {
        labels.remove("le");
        let metric = metrics.entry(without_suffix(&series).to_owned());
        metric.or_default().labels.extend(labels);
    }
    for line in exposition().lines() {
        if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.split_once(' '))
        {
            kind.clone_into(&mut metrics.get_mut(name).unwrap().kind);
        }
    }
    for (alert, expression) in alerts() {
        for series in query(&expression).metrics {
            let metric = metrics.get_mut(without_suffix(&series)).unwrap();
            metric.alerts.insert(alert.clone());
        }
    }
    metrics
}

#[test]
fn page_of_metrics_is_complete_and_right() {
    let (mut documented, actual) = (documented(), actual());
    for (name, metric) in &actual {
        let documented = documented.remove(name);
        assert_eq!(documented.as_ref(), Some(metric), "{name}");
    }
    assert!(documented.is_empty(), "no such metrics: {documented:?}");
}
