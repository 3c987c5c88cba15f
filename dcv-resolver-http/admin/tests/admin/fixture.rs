//! An admin API over sessions in memory, and its answers.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Request, StatusCode, request};
use dcv_resolver_admin::{AdminBuilder, AdminEvent, AdminObserver, BearerTokens};
use dcv_resolver_authorize::Authorize;
use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{MemoryStore, SessionImport, SessionRegistry};
use http_body_util::BodyExt;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

pub(crate) const WRITER: &str = "tr0ub4dor-writer-0123456789abcdef";
pub(crate) const READER: &str = "tr0ub4dor-reader-0123456789abcdef";
pub(crate) const STRANGER: &str = "tr0ub4dor-strang-0123456789abcdef";

/// A lease token, and another: each is `tr0ub4dor` and more in hexadecimal.
pub(crate) const LEASE: &str = "747230756234646f7230303030303030";
pub(crate) const OTHER_LEASE: &str = "747230756234646f7231313131313131";

/// Enough to register a session.
pub(crate) const BODY: &str = r#"{"host":"192.0.2.7","http_port":8443,"ttl_ms":60000}"#;

pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) clock: ManualClock,
    pub(crate) observed: Observed,
    token_file: Option<TokenFile>,
}

/// Action and outcome of each request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observed(Arc<Mutex<Vec<String>>>);

impl Observed {
    /// Returns what was observed since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl AdminObserver for Observed {
    fn on_request(&self, event: &AdminEvent<'_>) {
        let event = format!("{} {}", event.action, event.outcome);
        self.0.lock().unwrap().push(event);
    }
}

struct TokenFile {
    path: PathBuf,
    tokens: BearerTokens,
    _folder: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl App {
    pub(crate) fn new() -> Self {
        Self::over(MemoryStore::new())
    }

    pub(crate) fn over(registry: impl SessionRegistry) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("tokens");
        let content = format!("writer read-write {WRITER}\nreader read-only {READER}\n");
        fs::write(&path, content).unwrap();
        let tokens = BearerTokens::load(&path).unwrap();
        let mut app = Self::with(registry, tokens.clone());
        app.token_file = Some(TokenFile {
            path,
            tokens,
            _folder: folder,
        });
        app
    }

    /// Over a registry in which operators may remove sessions.
    pub(crate) fn importing(registry: impl SessionImport) -> Self {
        let registry: Arc<dyn SessionImport> = Arc::new(registry);
        let mut app = Self::over(Arc::clone(&registry));
        app.router = AdminBuilder::with_import(registry, app.tokens().clone())
            .clock(app.clock.clone())
            .build();
        app
    }

    /// Over a registry, with an authentication of the host's own.
    pub(crate) fn with(registry: impl SessionRegistry, authorize: impl Authorize) -> Self {
        let clock = ManualClock::default();
        let observed = Observed::default();
        let router = AdminBuilder::new(Arc::new(registry), authorize)
            .clock(clock.clone())
            .observer(observed.clone())
            .build();
        Self {
            router,
            clock,
            observed,
            token_file: None,
        }
    }

    pub(crate) fn tokens(&self) -> &BearerTokens {
        &self.token_file.as_ref().unwrap().tokens
    }

    pub(crate) fn token_file(&self) -> &Path {
        &self.token_file.as_ref().unwrap().path
    }

    /// Whether a request with this token is answered.
    pub(crate) async fn accepts(&self, token: &str) -> bool {
        let request = bearing(token, "GET", "/v1/sessions");
        match self.send(request.body(Body::empty()).unwrap()).await.status {
            StatusCode::OK => true,
            StatusCode::UNAUTHORIZED => false,
            other => panic!("{other}"),
        }
    }

    /// Replaces the token file, at once.
    pub(crate) fn replace_tokens(&self, content: &str) {
        let new = self.token_file().with_extension("new");
        fs::write(&new, content).unwrap();
        fs::rename(&new, self.token_file()).unwrap();
    }

    /// Adds lines to the token file, and reloads it.
    pub(crate) fn add_tokens(&self, lines: &str) {
        let content = fs::read_to_string(self.token_file()).unwrap();
        self.replace_tokens(&(content + lines));
        self.tokens().reload().unwrap();
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let is_head = request.method() == Method::HEAD;
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.into()).unwrap(),
        };
        answer.expect_common_parts(is_head);
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(as_writer("GET", path).body(Body::empty()).unwrap())
            .await
    }

    /// Registers `body` under `lease`.
    pub(crate) async fn register(&self, id: &str, lease: &str, body: &str) -> Answer {
        let request = json("PUT", &format!("/v1/sessions/{id}")).header("lease-token", lease);
        self.send(request.body(body.to_owned().into()).unwrap())
            .await
    }

    pub(crate) async fn renew(&self, id: &str, lease: &str, body: &str) -> Answer {
        let request =
            json("POST", &format!("/v1/sessions/{id}/renew")).header("lease-token", lease);
        self.send(request.body(body.to_owned().into()).unwrap())
            .await
    }

    pub(crate) async fn deregister(&self, id: &str, lease: &str) -> Answer {
        let path = format!("/v1/sessions/{id}");
        let request = as_writer("DELETE", &path).header("lease-token", lease);
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

/// A request from 192.0.2.99 without a token.
pub(crate) fn request(method: &str, path: &str) -> request::Builder {
    let peer: SocketAddr = "[::ffff:192.0.2.99]:50000".parse().unwrap();
    Request::builder()
        .method(method)
        .uri(path)
        .extension(ConnectInfo(peer))
}

pub(crate) fn bearing(token: &str, method: &str, path: &str) -> request::Builder {
    request(method, path).header(AUTHORIZATION, format!("Bearer {token}"))
}

pub(crate) fn as_writer(method: &str, path: &str) -> request::Builder {
    bearing(WRITER, method, path)
}

pub(crate) fn json(method: &str, path: &str) -> request::Builder {
    as_writer(method, path).header(CONTENT_TYPE, "application/json")
}

impl Answer {
    /// Checks what every answer has.
    fn expect_common_parts(&self, is_head: bool) {
        assert_eq!(self.headers[CACHE_CONTROL], "no-store", "{}", self.body);
        assert!(self.headers.contains_key("x-request-id"), "{}", self.body);
        assert!(!self.body.contains("tr0ub4dor"), "{}", self.body);
        if self.status.is_success() {
            return;
        }
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json");
        if is_head {
            return;
        }
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert!(problem["title"].is_string() && problem["detail"].is_string());
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The status and, of a problem, the reason.
    pub(crate) fn status_and_reason(&self) -> (u16, String) {
        let reason = match self.status.is_success() {
            true => String::new(),
            false => self.json()["reason"].as_str().unwrap().to_owned(),
        };
        (self.status.as_u16(), reason)
    }

    pub(crate) fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn expect(&self, status: u16, reason: &str) {
        assert_eq!(
            self.status_and_reason(),
            (status, reason.to_owned()),
            "{}",
            self.body
        );
    }
}
