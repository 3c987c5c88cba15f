//! `/sessions`: the sessions of a store that lists them.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use dcv_resolver_core::testing::{ManualClock, session};
use dcv_resolver_core::{
    Clock, Expiry, Explainer, ListError, MemoryStore, Page, PageToken, Resolver, SessionId,
    SessionListing, SessionRecord, SessionStore, StoreError, StoreErrorKind, async_trait,
};
use dcv_resolver_ops::{OpsBuilder, Readiness, RecentDecisions};
use dcv_resolver_test_support::log::Log;
use serde_json::{Value, json};
use tracing::Level;

use crate::endpoints::ask;

fn over(listings: Vec<(&'static str, Arc<dyn SessionListing>)>) -> Router {
    let resolver = Resolver::new(MemoryStore::new()).with_clock(ManualClock::default());
    let readiness = Readiness::new(&resolver);
    let explainer = listings
        .into_iter()
        .fold(Explainer::new(resolver), |explainer, (name, listing)| {
            explainer.with_listing(name, listing)
        });
    OpsBuilder::new(explainer, readiness)
        .page(RecentDecisions::new())
        .build()
}

fn holding(records: impl IntoIterator<Item = SessionRecord>) -> Router {
    over(vec![("agents", Arc::new(MemoryStore::from_iter(records)))])
}

async fn page(app: &Router, query: &str) -> Value {
    let answer = ask(app, "GET", &format!("/sessions{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn ids(page: &Value) -> Vec<&str> {
    let sessions = page["sessions"].as_array().unwrap().iter();
    sessions.map(|it| it["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn session_is_shown_with_all_of_its_parts() {
    let now = ManualClock::default().now();
    let full = session("full")
        .to_builder()
        .target_id("console".parse::<SessionId>().unwrap())
        .quic_port(8444)
        .owner("ann")
        .labels([("team", "a")])
        .expiry(Expiry::At(now))
        .build()
        .unwrap();
    let app = holding([full, session("plain")]);
    assert_eq!(
        page(&app, "").await,
        json!({"stores": ["agents"], "store": "agents", "compared": 2, "sessions": [
            {"id": "full", "target_id": "console", "host": "ws-17.dcv.example", "http_port": 8443,
             "quic_port": 8444, "web_url_path": "/", "state": "READY", "live": false,
             "expires_at": "2030-01-01T00:00:00Z", "owner": "ann", "labels": {"team": "a"}},
            {"id": "plain", "target_id": "plain", "host": "ws-17.dcv.example", "http_port": 8443,
             "quic_port": 8443, "web_url_path": "/", "state": "READY", "live": true},
        ]})
    );
}

#[tokio::test]
async fn pages_show_every_session_once() {
    let app = holding((0..250).map(|number| session(&format!("id {number:03}&"))));
    let mut found = Vec::new();
    let mut query = String::new();
    loop {
        let page = page(&app, &query).await;
        found.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next_page"].as_str() else {
            break;
        };
        assert_eq!(page["sessions"].as_array().unwrap().len(), 100);
        query = format!("?page={}", next.replace(' ', "+").replace('&', "%26"));
    }
    let expected: Vec<_> = (0..250).map(|number| format!("id {number:03}&")).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn search_finds_ids_targets_hosts_and_owners_in_any_case() {
    let named = |id: &str| session(id).to_builder();
    let target = named("b").target_id("Anna".parse::<SessionId>().unwrap());
    let host = named("c").host("anna.dcv.example".parse().unwrap());
    let others = (0..500).map(|number| session(&format!("other-{number}")));
    let records = [
        session("a-ANNA-1"),
        target.build().unwrap(),
        host.build().unwrap(),
        named("z").owner("Hannah").build().unwrap(),
    ];
    let app = holding(records.into_iter().chain(others));
    let found = page(&app, "?search=aNNa").await;
    assert_eq!(ids(&found), ["a-ANNA-1", "b", "c", "z"]);
    assert_eq!(found["compared"], 504);
    assert_eq!(found["next_page"], Value::Null);
    let none = page(&app, "?search=nothing").await;
    assert_eq!(ids(&none), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn search_of_a_large_store_continues_on_the_next_page() {
    let records = (0..10_150).map(|number| session(&format!("id-{number:05}")));
    let app = holding(records);
    let first = page(&app, "?search=10149").await;
    assert_eq!((ids(&first).len(), &first["compared"]), (0, &json!(10_000)));
    let next = first["next_page"].as_str().unwrap();
    let second = page(&app, &format!("?search=10149&page={next}")).await;
    assert_eq!(ids(&second), ["id-10149"]);
    assert_eq!(second["next_page"], Value::Null);
}

#[tokio::test]
async fn store_is_chosen_by_name() {
    let one =
        |id: &str| -> Arc<dyn SessionListing> { Arc::new(MemoryStore::from_iter([session(id)])) };
    let app = over(vec![("agents", one("a")), ("by hand", one("b"))]);
    for (query, store, id) in [
        ("", "agents", "a"),
        ("?store=agents", "agents", "a"),
        ("?store=by+hand", "by hand", "b"),
    ] {
        let page = page(&app, query).await;
        assert_eq!(page["stores"], json!(["agents", "by hand"]));
        assert_eq!((&page["store"], ids(&page)), (&json!(store), vec![id]));
    }
}

#[tokio::test]
async fn without_a_listing_there_are_no_sessions() {
    let expected = json!({"stores": [], "sessions": [], "compared": 0});
    assert_eq!(page(&over(Vec::new()), "").await, expected);
}

#[tokio::test]
async fn invalid_query_names_the_parameter() {
    let app = holding([session("console")]);
    let long = format!("search={}", "a".repeat(257));
    for (query, parameter) in [
        ("store=agent", "store"),
        ("store=", "store"),
        ("store=agents&store=agents", "store"),
        ("page=", "page"),
        ("page=%00", "page"),
        ("page=%zz", "page"),
        ("search=%ff", "search"),
        (&*long, "search"),
        ("limit=5", "limit"),
        ("a%0ab", "a%0ab"),
    ] {
        let answer = ask(&app, "GET", &format!("/sessions?{query}")).await;
        let problem = answer.problem(400, "malformed_request");
        assert_eq!(problem["parameter"], parameter, "{query}");
    }
}

/// Fails, or lists pages with gaps after a while.
#[derive(Debug)]
enum Listing {
    Fails,
    Unreadable,
    Slow(Duration),
    Panics,
}

#[async_trait]
impl SessionStore for Listing {
    async fn lookup(&self, _: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        Ok(None)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl SessionListing for Listing {
    async fn list(&self, page: Option<&PageToken>, _: NonZeroUsize) -> Result<Page, ListError> {
        match self {
            Self::Fails => {
                let error = StoreError::new("listing", StoreErrorKind::Unavailable);
                Err(error.with_source("cache.example refuses").into())
            }
            Self::Unreadable => {
                let error = StoreError::new("listing", StoreErrorKind::CorruptRecord);
                let unreadable = vec![error.with_source("session \"a\": no host")];
                // A page may be empty, and not the last.
                let next = page.is_none().then(|| PageToken::new("2"));
                let records = if page.is_none() {
                    vec![]
                } else {
                    vec![session("b")]
                };
                let page = Page::new(records, next.clone());
                Ok(page.with_unreadable(if next.is_none() { unreadable } else { vec![] }))
            }
            Self::Slow(time) => {
                tokio::time::sleep(*time).await;
                Ok(Page::new(vec![session("a")], Some(PageToken::new("more"))))
            }
            Self::Panics => panic!("the test says so"),
        }
    }
}

fn listing(listing: Listing) -> Router {
    over(vec![("agents", Arc::new(listing))])
}

#[tokio::test]
async fn failing_store_is_503_and_logged_with_its_error() {
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let answer = ask(&listing(Listing::Fails), "GET", "/sessions").await;
    let problem = answer.problem(503, "store_unavailable");
    assert!(!problem.to_string().contains("cache.example"));
    let fields = log.take()[0]["fields"].clone();
    assert_eq!(fields["outcome"], "failed");
    assert_eq!(fields["principal"], "loopback");
    assert_eq!(
        fields["error"],
        "the store \"agents\" failed: listing: the store cannot be reached: cache.example refuses"
    );
    let answer = ask(&listing(Listing::Panics), "GET", "/sessions").await;
    answer.problem(500, "internal_error");
}

#[tokio::test]
async fn unreadable_session_hides_no_other() {
    let page = page(&listing(Listing::Unreadable), "?search=b").await;
    assert_eq!(ids(&page), ["b"]);
    let unreadable = page["unreadable"][0].as_str().unwrap();
    assert!(
        unreadable.contains("session \"a\": no host"),
        "{unreadable}"
    );
}

#[tokio::test(start_paused = true)]
async fn slow_search_returns_what_it_has_after_2_500_ms_and_a_hanging_one_fails_after_5_s() {
    let app = listing(Listing::Slow(Duration::from_millis(600)));
    let began = tokio::time::Instant::now();
    let found = page(&app, "").await;
    assert_eq!(began.elapsed().as_millis(), 3_000);
    assert_eq!(
        (ids(&found).len(), &found["next_page"]),
        (5, &json!("more"))
    );

    let app = listing(Listing::Slow(Duration::from_secs(60)));
    let began = tokio::time::Instant::now();
    ask(&app, "GET", "/sessions").await.problem(503, "timeout");
    assert_eq!(began.elapsed().as_millis(), 5_000);
}

/// Lists nothing, slowly, and counts how many do so at once.
#[derive(Debug, Default)]
struct Counted {
    now: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl SessionStore for Counted {
    async fn lookup(&self, _: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        Ok(None)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl SessionListing for Counted {
    async fn list(&self, _: Option<&PageToken>, _: NonZeroUsize) -> Result<Page, ListError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        // Eight end before the search of the last explanation is cut short.
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        Ok(Page::new(Vec::new(), None))
    }
}

#[tokio::test(start_paused = true)]
async fn one_search_of_a_path_runs_at_a_time_and_those_beyond_8_are_refused() {
    // An explanation searches the listing for similar ids.
    for path in ["/sessions", "/explain?sessionId=console"] {
        let counted = Arc::new(Counted::default());
        let app = over(vec![("agents", Arc::<Counted>::clone(&counted))]);
        let asking = (0..12).map(|_| ask(&app, "GET", path));
        let answers = futures_util::future::join_all(asking).await;
        let refused: Vec<_> = answers.iter().filter(|it| it.status != 200).collect();
        assert_eq!(refused.len(), 4);
        for answer in refused {
            answer.problem(503, "overloaded");
            assert_eq!(answer.headers["retry-after"], "1");
        }
        assert_eq!(counted.most.load(Ordering::SeqCst), 1);
        assert_eq!(ask(&app, "GET", path).await.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn sessions_and_explanations_do_not_wait_for_each_other() {
    let counted = Arc::new(Counted::default());
    let app = over(vec![("agents", Arc::<Counted>::clone(&counted))]);
    futures_util::join!(
        ask(&app, "GET", "/sessions"),
        ask(&app, "GET", "/explain?sessionId=console"),
    );
    assert_eq!(counted.most.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn decisions_and_malformed_requests_wait_for_no_search() {
    let counted = Arc::new(Counted::default());
    let app = over(vec![("agents", Arc::<Counted>::clone(&counted))]);
    let searching = (0..8).map(|_| ask(&app, "GET", "/sessions"));
    let searching = futures_util::future::join_all(searching);
    let others = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(counted.now.load(Ordering::SeqCst), 1);
        let began = tokio::time::Instant::now();
        assert_eq!(ask(&app, "GET", "/decisions").await.status, 200);
        for path in ["/sessions?store=absent&x", "/explain"] {
            let answer = ask(&app, "GET", path).await;
            answer.problem(400, "malformed_request");
        }
        assert!(began.elapsed().is_zero());
    };
    futures_util::join!(searching, others);
}
