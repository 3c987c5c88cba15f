//! Serves a resolver and checks it.

use std::collections::BTreeSet;

use axum::Router;
use dcv_resolver_client::HttpClient;
use dcv_resolver_doctor::contract::{self, ContractReport, Level};
use dcv_resolver_server::{Server, listen};

/// Serves `app` and checks it with the session `console`.
pub(crate) async fn check(app: Router) -> ContractReport {
    let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(Server::new(app).serve(listener, std::future::pending()));
    let client = HttpClient::builder(format!("http://{address}").parse().unwrap()).build();
    let known = "console".parse().unwrap();
    let report = contract::check(&client.unwrap(), &known, None)
        .await
        .unwrap();
    serving.abort();
    report
}

/// Returns the rules that are broken, each once.
pub(crate) fn rules(report: &ContractReport) -> BTreeSet<(Level, &'static str)> {
    let broken = report.broken.iter();
    broken.map(|breach| (breach.level, breach.rule)).collect()
}
