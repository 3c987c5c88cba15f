//! `/sessions`: the sessions of a store that lists them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use dcv_resolver_core::{
    Expiry, Explainer, Host, ListError, ResolveError, SessionId, SessionListing, SessionRecord,
    SessionState, Timestamp, Transport, WebUrlPath,
};
use dcv_resolver_http::Problem;
use serde::Serialize;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::bursts::in_short_bursts;
use crate::guard::Guard;
use crate::json::json;
use crate::ops_error::OpsError;
use crate::request_log::RequestLog;
use crate::session_search::{SessionSearch, malformed};
use crate::turns::Turns;

/// How many sessions a page aims for, and how many are compared before other
/// tasks get the thread.
const PAGE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99);
/// After how many compared sessions, and after which time, a search returns
/// what it has, with the place where it continues.
const MAX_COMPARED: usize = 10_000;
const SEARCH_TIME: Duration = Duration::from_millis(2_500);

/// The state of the handler.
#[derive(Debug)]
struct SessionsState {
    explainer: Explainer,
    guard: Arc<Guard>,
    turns: Turns,
}

/// A page of sessions.
#[derive(Debug, Default, Serialize)]
struct Sessions {
    /// The stores that list their sessions.
    stores: Vec<String>,
    /// The one that these sessions are from.
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    sessions: Vec<Session>,
    /// What is wrong with stored sessions that cannot be read, which are named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
    /// How many sessions were compared for this page.
    compared: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<String>,
}

#[derive(Debug, Serialize)]
struct Session {
    id: SessionId,
    target_id: SessionId,
    host: Host,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quic_port: Option<u16>,
    web_url_path: WebUrlPath,
    state: SessionState,
    /// Whether it has not expired.
    live: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
}

impl Session {
    fn new(record: &SessionRecord, now: Timestamp) -> Self {
        Self {
            id: record.id().clone(),
            target_id: record.target_id().clone(),
            host: record.host().clone(),
            http_port: record.port(Transport::Http),
            quic_port: record.port(Transport::Quic),
            web_url_path: record.web_url_path().clone(),
            state: record.state(),
            live: record.is_live(now),
            expires_at: match record.expiry() {
                Expiry::Never => None,
                Expiry::At(time) => Some(time.to_string()),
            },
            owner: record.owner().map(str::to_owned),
            labels: record.labels().clone(),
        }
    }
}

const PATH: &str = "/sessions";

/// Returns a router with `/sessions` alone, for the listings of `explainer`.
pub(crate) fn sessions_router(explainer: Explainer, guard: Arc<Guard>) -> Router {
    let state = Arc::new(SessionsState {
        explainer,
        guard,
        turns: Turns::new(),
    });
    Router::new().route(PATH, get(sessions).with_state(state))
}

async fn sessions(State(state): State<Arc<SessionsState>>, parts: Parts) -> Response {
    let read = async |_: &mut RequestLog| {
        let search = SessionSearch::parse(parts.uri.query())?;
        let _turn = state.turns.take().await?;
        let found = in_short_bursts(find(&state.explainer, search)).await?;
        Ok(json(&found))
    };
    state.guard.answer(PATH, &parts, read).await
}

async fn find(explainer: &Explainer, search: SessionSearch) -> Result<Sessions, OpsError> {
    let listings = || explainer.listings();
    let mut found = Sessions {
        stores: listings().map(|(name, _)| name.to_string()).collect(),
        ..Sessions::default()
    };
    let chosen = match &search.store {
        None => listings().next(),
        Some(store) => {
            let chosen = listings().find(|(name, _)| ***name == **store);
            Some(chosen.ok_or_else(|| {
                malformed("store", "no store of this name lists its sessions; leave it out for the first that does")
            })?)
        }
    };
    let Some((name, listing)) = chosen else {
        return Ok(found);
    };
    found.store = Some(name.to_string());
    let now = explainer.resolver().clock().now();
    found
        .collect(&**listing, search, now)
        .await
        .map_err(|error| match error {
            ListError::Store(source) => OpsError::Problem(Problem::Resolve(ResolveError::Store {
                store: Arc::clone(name),
                source,
            })),
            _ => malformed(
                "page",
                "page is not the next_page of another page, or is out of date; begin again with the first page",
            ),
        })?;
    Ok(found)
}

impl Sessions {
    /// Adds the sessions that match, until they fill a page or the search has
    /// done enough.
    async fn collect(
        &mut self,
        listing: &dyn SessionListing,
        search: SessionSearch,
        now: Timestamp,
    ) -> Result<(), ListError> {
        let started = Instant::now();
        let mut place = search.page.clone();
        loop {
            let page = listing.list(place.as_ref(), PAGE).await?;
            self.compared += page.records.len() + page.unreadable.len();
            let matching = page.records.iter().filter(|record| search.matches(record));
            self.sessions
                .extend(matching.map(|record| Session::new(record, now)));
            let unreadable = page.unreadable.iter();
            self.unreadable
                .extend(unreadable.map(|error| error.chain().to_string()));
            let is_enough = self.sessions.len() + self.unreadable.len() >= PAGE.get()
                || self.compared >= MAX_COMPARED
                || started.elapsed() >= SEARCH_TIME;
            place = page.next;
            if place.is_none() || is_enough {
                self.next_page = place.map(|token| token.as_str().to_owned());
                return Ok(());
            }
            yield_now().await;
        }
    }
}
