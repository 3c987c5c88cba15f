//! [`Operators`]: what the operators of an agent see.

use std::time::Duration;

use dcv_resolver_agent::AgentView;
use dcv_resolver_core::{Explainer, Resolver};
use dcv_resolver_ops::{AgentStats, Metrics, OpsBuilder, Readiness};
use dcv_resolver_server::Server;

use crate::background_task::BackgroundTask;
use crate::config::Listen;
use crate::failure::Failure;
use crate::local_only::LocalOnly;
use crate::log::LogWriter;
use crate::open_listener::{OpenListener, listen};

/// `/livez`, `/readyz`, `/metrics` and `/explain`, until this is dropped. The
/// store that they show is what the agent has registered.
#[derive(Debug)]
pub(super) struct Operators {
    /// For the log.
    pub(super) address: String,
    _tasks: [BackgroundTask; 2],
}

impl Operators {
    pub(super) async fn start(
        at: Option<&Listen>,
        view: AgentView,
        interval: Duration,
        writer: LogWriter,
    ) -> Result<Option<Self>, Failure> {
        let Some(Listen::At(address)) = at else {
            return Ok(None);
        };
        let OpenListener {
            listener,
            address,
            file,
            ..
        } = listen(address, "--ops-listen").await?;
        let metrics = Metrics::new();
        // Without build_info, which shows that a resolver is there: that an agent
        // is scraped must not hide that no resolver is.
        metrics.watch_dropped_log_lines(move || writer.dropped_lines());
        let shown = view.clone();
        metrics.watch_agent(move || {
            let mut stats = AgentStats::default();
            stats.sessions = shown.sessions_by_state();
            stats.rounds = shown.rounds_by_result();
            stats
        });
        let resolver = Resolver::builder()
            .store("agent", view)
            .build()
            .map_err(|error| Failure::setup(error.to_string()))?;
        // A round that fails is a reason to look only if the next one fails too.
        let readiness = Readiness::with_grace(&resolver, interval.saturating_mul(2));
        let router = OpsBuilder::new(Explainer::new(resolver), readiness.clone())
            .metrics(metrics)
            .authorize(LocalOnly)
            .build();
        let serving = async move {
            let _file = file;
            Server::new(router)
                .serve(listener, std::future::pending())
                .await;
        };
        Ok(Some(Self {
            address,
            _tasks: [
                BackgroundTask::spawn(readiness.watch()),
                BackgroundTask::spawn(serving),
            ],
        }))
    }
}
