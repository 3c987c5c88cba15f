//! [`Report`]: the body of `/readyz`.

use serde::Serialize;

/// Whether the process is ready, and the state of each store.
///
/// Serializes as the body of `/readyz`:
///
/// ```json
/// {"ready":true,"state":"serving","stores":[
///   {"store":"agents","state":"up","last_answer_age_ms":412},
///   {"store":"by_hand","state":"failing","last_answer_age_ms":3950,"error":"static_file: the store cannot be reached"}]}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Whether this process can take requests from gateways.
    pub ready: bool,
    /// The state, which gives the reason if the process is not ready.
    pub state: ReadyState,
    /// The state of each store, in the order of the resolver.
    pub stores: Vec<StoreReport>,
}

/// Whether the process is ready, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReadyState {
    /// It is ready.
    Serving,
    /// A store is down, or has not answered yet.
    StoreDown,
    /// It is shutting down.
    Draining,
}

impl ReadyState {
    /// Returns the state as `/readyz` spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::StoreDown => "store_down",
            Self::Draining => "draining",
        }
    }
}

/// The state of one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StoreReport {
    /// The name of the store.
    pub store: String,
    /// The state.
    pub state: StoreState,
    /// The time since the last successful ping was sent, in milliseconds.
    /// `None` if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_answer_age_ms: Option<u64>,
    /// Why the last ping failed. The sources of the error are in the log only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether sessions can be registered in the store. `None` if it is not
    /// [checked](crate::Readiness::watch_registries), or not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writable: Option<bool>,
    /// The reason why sessions cannot be registered in the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_error: Option<String>,
    /// Whether the process is unready while the store is down. Serialized only
    /// if `false`: see
    /// [`Readiness::watch_stores`](crate::Readiness::watch_stores).
    #[serde(skip_serializing_if = "is_true")]
    pub required: bool,
    /// What is likely to go wrong although the store answers, as set with
    /// [`Readiness::set_warnings`](crate::Readiness::set_warnings).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

fn is_true(value: &bool) -> bool {
    *value
}

/// The state of a store, according to its pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreState {
    /// No ping has completed yet. If this state persists, nothing polls
    /// [`Readiness::watch`](crate::Readiness::watch).
    New,
    /// The last ping succeeded.
    Up,
    /// The last ping failed, but the last success is recent enough for the
    /// process to stay ready.
    Failing,
    /// No ping has succeeded, or the last success is too long ago.
    Down,
}
