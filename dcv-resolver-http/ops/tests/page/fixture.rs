//! A resolver with its page.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use dcv_resolver_authorize::Authorize;
use dcv_resolver_core::testing::{Reply, ScriptedStore};
use dcv_resolver_core::{
    ClientNetworks, Clock, Expiry, Explainer, MemoryStore, Resolver, SessionRecord,
    SessionRecordBuilder, SessionState, StoreErrorKind, SystemClock, UnknownClient,
};
use dcv_resolver_http::ResolveService;
use dcv_resolver_ops::{LoopbackOnly, OpsBuilder, Readiness, RecentDecisions};
use dcv_resolver_server::{Server, listen};
use dcv_resolver_test_support::browser::Browser;
use tower::ServiceExt;

/// Text that an attacker chooses: markup, direction, invisible characters, the
/// longest, and what looks like an escape.
pub(crate) const HOSTILE: [&str; 7] = [
    "<script>globalThis.ran = 1</script>",
    "<img src=x onerror='globalThis.ran = 1'>",
    "javascript:globalThis.ran=1//\"'><svg onload=globalThis.ran=1>",
    "abc\u{202e}gpj.exe\u{202c}\u{2066}\u{200b}end",
    r"not\u{202e}an escape",
    "مرحبا-console",
    "zalgo-e\u{301}\u{316}\u{317}\u{318}-\u{feff}",
];

pub(crate) fn longest(character: char) -> String {
    let times = 256 / character.len_utf8();
    character.to_string().repeat(times)
}

#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    gateways: ResolveService,
}

impl Served {
    /// Serves the page to callers on this machine, with this many sessions.
    pub(crate) fn with_sessions(count: usize) -> Self {
        Self::start(count, LoopbackOnly)
    }

    pub(crate) fn start(count: usize, authorize: impl Authorize) -> Self {
        let agents = Arc::new(MemoryStore::from_iter(sessions(count)));
        let by_hand = Arc::new(MemoryStore::from_iter([
            record("console").build().unwrap(),
            record("ann's workstation").owner("ann").build().unwrap(),
        ]));
        let networks = ClientNetworks::new(UnknownClient::Allow).session(
            "ann's workstation".parse().unwrap(),
            ["192.0.2.0/24".parse().unwrap()],
        );
        let resolver = Resolver::builder()
            .store("agents", Arc::clone(&agents))
            .store("by_hand", Arc::clone(&by_hand))
            .store("legacy", legacy(count))
            .policy(networks)
            .build()
            .unwrap();
        let recent = RecentDecisions::new();
        let readiness = Readiness::new(&resolver);
        tokio::spawn(readiness.watch());
        let explainer = Explainer::new(resolver.clone())
            .with_listing("agents", agents)
            .with_listing("by_hand", by_hand);
        let app = OpsBuilder::new(explainer, readiness)
            .authorize(authorize)
            .page(recent.clone())
            .build();
        let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(Server::new(app).serve(listener, std::future::pending()));
        let gateways = ResolveService::builder(resolver)
            .without_log()
            .observer(recent)
            .build();
        Self { address, gateways }
    }

    /// Asks as a gateway does.
    pub(crate) async fn ask(&self, session: &str, rest: &str) {
        let id: String = session.bytes().map(|byte| format!("%{byte:02x}")).collect();
        self.ask_raw(&format!("sessionId={id}{rest}")).await;
    }

    pub(crate) async fn ask_raw(&self, query: &str) {
        let request = Request::post(format!("/resolveSession?{query}"));
        let request = request.body(Body::empty()).unwrap();
        let _answer = self.gateways.clone().oneshot(request).await.unwrap();
    }

    /// Asks for a session of every outcome, and for hostile ids.
    pub(crate) async fn ask_for_all(&self) {
        for id in HOSTILE {
            self.ask(id, "&clientIpAddress=2001%3Adb8%3A%3A17").await;
        }
        self.ask(&longest('\u{202e}'), "").await;
        self.ask(&longest('W'), "&transport=QUIC").await;
        self.ask_raw("session=console").await;
        self.ask("Console", "&clientIpAddress=192.0.2.9").await;
        self.ask("ann's workstation", "&clientIpAddress=198.51.100.7")
            .await;
        self.ask("ws-1-expired", "&clientIpAddress=192.0.2.9").await;
        self.ask("console", "&clientIpAddress=192.0.2.9").await;
        self.ask("ann's workstation", "&clientIpAddress=192.0.2.10")
            .await;
    }

    /// Opens the page, and waits until it shows a store and decisions.
    pub(crate) async fn open(&self) -> Browser {
        let browser = Browser::start().await;
        browser.open(&self.url()).await;
        browser
            .wait_until("document.querySelector('#stores li')")
            .await;
        browser
            .wait_until("document.getElementById('updated').textContent")
            .await;
        browser
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

/// Holds no session. It fails beside few sessions, to be seen.
fn legacy(count: usize) -> ScriptedStore {
    ScriptedStore::always(match count {
        3 => Reply::Fail(StoreErrorKind::Unavailable),
        _ => Reply::Absent,
    })
}

pub(crate) fn record(id: &str) -> SessionRecordBuilder {
    let host = "ws-17.dcv.example".parse().unwrap();
    SessionRecord::builder(id.parse().unwrap(), host, Expiry::Never).http_port(8443)
}

/// Returns sessions of every kind, the hostile ones first.
fn sessions(count: usize) -> Vec<SessionRecord> {
    let now = SystemClock.now();
    let hostile = HOSTILE.iter().map(|id| record(id).owner(*id));
    let few = [
        record("ws-1-expired").expiry(Expiry::At(now)).owner("bea"),
        record("ws-2-creating").state(SessionState::Creating),
        record("ws-3-both").quic_port(8444).owner("carl"),
    ];
    let many = (10..).map(|number| {
        let expiry = Expiry::At(now.saturating_add(std::time::Duration::from_secs(number * 60)));
        record(&format!("ws-{number}-console"))
            .host(format!("ws-{number}.dcv.example").parse().unwrap())
            .expiry(expiry)
            .quic_port(8443)
    });
    let all: Vec<_> = if count > 10 {
        few.into_iter()
            .chain(hostile)
            .chain(many)
            .take(count)
            .collect()
    } else {
        few.into_iter().take(count).collect()
    };
    all.into_iter()
        .map(|record| record.build().unwrap())
        .collect()
}
