//! [`Report`]: what `/readyz` says.

use serde::Serialize;

/// Whether the process is ready, and what is known of its stores.
///
/// Serialises as the body of `/readyz`:
///
/// ```json
/// {"ready":true,"state":"serving","stores":[
///   {"store":"agents","state":"up","last_answer_age_ms":412},
///   {"store":"by_hand","state":"failing","last_answer_age_ms":3950,"error":"static_file: the store cannot be reached"}]}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Whether gateways may be sent here.
    pub ready: bool,
    /// The same, with the reason.
    pub state: ReadyState,
    /// What is known of each store, in their order.
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
    /// It is about to end.
    LameDuck,
}

impl ReadyState {
    /// As `/readyz` spells it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::StoreDown => "store_down",
            Self::LameDuck => "lame_duck",
        }
    }
}

/// What is known of one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StoreReport {
    /// The store's name.
    pub store: String,
    /// How it does.
    pub state: StoreState,
    /// How long ago it was asked the last question that it has answered, in
    /// milliseconds; `None` where it has answered none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_answer_age_ms: Option<u64>,
    /// Why it did not answer the last ping. What lies beneath goes to the log
    /// alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How a store does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreState {
    /// It has not been asked yet, or not answered yet. Where it stays so,
    /// nobody runs [`Readiness::watch`](super::Readiness::watch).
    New,
    /// It has answered the last ping.
    Up,
    /// It has not answered the last ping, but is given some time.
    Failing,
    /// It has not answered for too long.
    Down,
}
