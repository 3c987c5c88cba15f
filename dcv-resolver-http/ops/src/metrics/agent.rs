//! [`AgentStats`], and how the metrics show them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::labels::{ResultLabel, StateLabel};

/// The work of an agent, for
/// [`Metrics::watch_agent`](crate::Metrics::watch_agent).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgentStats {
    /// The sessions of its server, by state.
    pub sessions: Vec<(&'static str, u64)>,
    /// The rounds so far, by result.
    pub rounds: Vec<(&'static str, u64)>,
}

type Stats = Arc<dyn Fn() -> AgentStats + Send + Sync>;

/// The agent that this process is, if it is one.
#[derive(Default)]
pub(super) struct Agent(Mutex<Option<Stats>>);

impl Agent {
    pub(super) fn watch(&self, stats: Stats) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(stats);
    }
}

impl Collector for Agent {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Copied, so that the function runs without the lock.
        let stats = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(stats) = stats.map(|stats| stats()) else {
            return Ok(());
        };
        let mut sessions = encoder.encode_descriptor(
            "agent_sessions",
            "Sessions of this DCV server, by state; already_exists if another owner holds the id.",
            None,
            MetricType::Gauge,
        )?;
        for (state, count) in stats.sessions {
            let label = StateLabel { state };
            let mut gauge = sessions.encode_family(&label)?;
            gauge.encode_gauge(&i64::try_from(count).unwrap_or(i64::MAX))?;
        }
        let mut rounds = encoder.encode_descriptor(
            "agent_rounds",
            "Rounds in which the sessions were listed and registered, by result.",
            None,
            MetricType::Counter,
        )?;
        for (result, count) in stats.rounds {
            let label = ResultLabel { result };
            let mut counter = rounds.encode_family(&label)?;
            counter.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent").finish_non_exhaustive()
    }
}
