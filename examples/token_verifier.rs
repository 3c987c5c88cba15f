//! An `auth-token-verifier` for DCV servers. With it, a site that signs its
//! users in can let them into their sessions without a Session Manager Broker.
//!
//! ```text
//! cargo run --example token_verifier
//! ```
//!
//! For the console session of the server `ws-17`, put this into its
//! `/etc/dcv/dcv.conf`:
//!
//! ```text
//! [security]
//! auth-token-verifier = "https://portal.example:8444/ws-17"
//! ```
//!
//! The path names the server, since the request does not: every Windows server
//! has a session `console`, and a token for one must not open the others. Between
//! two machines the verifier needs TLS, since it sees every token: serve it with
//! `Server::tls`.
//!
//! Source: *Amazon DCV Administrator Guide*, "Using external authentication".

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use dcv_resolver_core::{Clock, Expiry, SystemClock};
use dcv_resolver_server::{self as server, Server};
use serde::Deserialize;
use subtle::ConstantTimeEq;

/// Who may open what, until when. Kept in memory: after a restart, users open
/// their links again.
#[derive(Clone)]
struct Tokens {
    grants: Arc<Mutex<Vec<Grant>>>,
    clock: Arc<dyn Clock>,
}

struct Grant {
    token: String,
    server: String,
    /// The id on the server, which a DCV server asks about: not the one in the
    /// link, if the resolver maps it to another.
    session: String,
    user: String,
    expiry: Expiry,
}

impl Tokens {
    fn new(clock: impl Clock) -> Self {
        Self {
            grants: Arc::default(),
            clock: Arc::new(clock),
        }
    }

    /// Creates a token for a user whom the site has signed in. It may be used
    /// again until it expires, since a client that lost its connection sends it
    /// again.
    fn issue(
        &self,
        server: &str,
        session: &str,
        user: &str,
        lifetime: Duration,
    ) -> Result<String, getrandom::Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let token = format!("{:032x}", u128::from_ne_bytes(random));
        let now = self.clock.now();
        let mut grants = self.grants();
        grants.retain(|grant| !grant.expiry.is_past(now));
        grants.push(Grant {
            token: token.clone(),
            server: server.to_owned(),
            session: session.to_owned(),
            user: user.to_owned(),
            expiry: Expiry::At(now.saturating_add(lifetime)),
        });
        Ok(token)
    }

    /// Returns the user whose token this is.
    fn user_of(&self, token: &str, server: &str, session: &str) -> Option<String> {
        let now = self.clock.now();
        let grants = self.grants();
        // Each token is compared to its end: how long that takes says nothing
        // about how much of it is right.
        let grant = grants.iter().fold(None, |found, grant| {
            let is_it = grant.token.as_bytes().ct_eq(token.as_bytes());
            if bool::from(is_it) && !grant.expiry.is_past(now) {
                Some(grant)
            } else {
                found
            }
        })?;
        (grant.server == server && grant.session == session).then(|| grant.user.clone())
    }

    fn grants(&self) -> MutexGuard<'_, Vec<Grant>> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a DCV server asks. Other fields are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    session_id: String,
    authentication_token: String,
    /// The gateway's address, if the client comes through one.
    #[serde(default)]
    client_address: String,
}

/// Answers with 200 in any case: the element says yes or no, and no status is
/// documented.
async fn verify(
    State(tokens): State<Tokens>,
    Path(server): Path<String>,
    question: Result<Form<Question>, FormRejection>,
) -> impl IntoResponse {
    let answer = match question {
        Err(error) => no(&error.to_string()),
        Ok(Form(question)) => {
            let session = &question.session_id;
            let client = &question.client_address;
            match tokens.user_of(&question.authentication_token, &server, session) {
                Some(user) => {
                    println!("{user:?} opens {session:?} on {server:?} from {client:?}");
                    format!(
                        "<auth result=\"yes\"><username>{}</username></auth>",
                        escaped(&user)
                    )
                }
                None => no("the token is unknown, has expired, or is for another session"),
            }
        }
    };
    ([(CONTENT_TYPE, "text/xml")], answer)
}

fn no(message: &str) -> String {
    format!(
        "<auth result=\"no\"><message>{}</message></auth>",
        escaped(message)
    )
}

/// Escapes a string for XML. Control characters, which XML 1.0 cannot
/// represent, are left out: the DCV server then does not know the user.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            control if control.is_control() => {}
            character => escaped.push(character),
        }
    }
    escaped
}

fn app(tokens: Tokens) -> Router {
    Router::new()
        .route("/{server}", post(verify))
        .with_state(tokens)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let tokens = Tokens::new(SystemClock);
    // The portal does this once it has signed ann in, and redirects her to the
    // link.
    let token = tokens.issue("ws-17", "console", "ann", Duration::from_secs(3600))?;
    println!("https://gateway.example:8443/?authToken={token}#console");

    let listener = server::listen(([127, 0, 0, 1], 8444).into())?;
    let shutdown = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    Server::new(app(tokens)).serve(listener, shutdown).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use dcv_resolver_core::testing::ManualClock;
    use dcv_resolver_core::{MemoryStore, Resolver, SessionId, SessionRecord};
    use dcv_resolver_testkit::{
        DcvServerStandIn, DcvSession, GatewayConfig, GatewayStandIn, OpenError,
    };
    use tower::ServiceExt;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    async fn ask(app: &Router, path: &str, form: String) -> String {
        let request = Request::post(path)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/xml");
        let body = to_bytes(response.into_body(), 1_000).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    fn form(session: &str, token: &str) -> String {
        format!("sessionId={session}&authenticationToken={token}&clientAddress=192.0.2.7")
    }

    #[tokio::test]
    async fn token_opens_its_session_on_its_server_until_it_expires() {
        let clock = Arc::new(ManualClock::default());
        let tokens = Tokens::new(Arc::clone(&clock));
        let token = tokens
            .issue("ws-17", "console", "<A&B>\\ann", HOUR)
            .unwrap();
        let other = tokens.issue("ws-18", "console", "bob", HOUR).unwrap();
        let app = app(tokens);

        let yes = "<auth result=\"yes\"><username>&lt;A&amp;B&gt;\\ann</username></auth>";
        for _ in 0..2 {
            assert_eq!(ask(&app, "/ws-17", form("console", &token)).await, yes);
        }
        for (path, form) in [
            ("/ws-18", form("console", &token)),
            ("/ws-17", form("cad", &token)),
            ("/ws-17", form("console", &other)),
            ("/ws-17", form("console", &token[1..])),
            ("/ws-17", form("console", "")),
            ("/ws-17", format!("authenticationToken={token}")),
            ("/ws-17", String::new()),
        ] {
            let answer = ask(&app, path, form.clone()).await;
            assert!(
                answer.starts_with("<auth result=\"no\"><message>"),
                "{path} {form}"
            );
        }
        clock.advance(HOUR);
        let answer = ask(&app, "/ws-17", form("console", &token)).await;
        assert!(answer.contains("expired"), "{answer}");
    }

    /// Starts a DCV server that asks the verifier, and a gateway whose resolver
    /// leads everyone to it.
    async fn flow(tokens: Tokens) -> Result<(DcvServerStandIn, GatewayStandIn), Box<dyn Error>> {
        let serve = async |app: Router| {
            let listener = server::listen(([127, 0, 0, 1], 0).into())?;
            let port = listener.local_addr()?.port();
            let never = std::future::pending();
            tokio::spawn(async move { Server::new(app).serve(listener, never).await });
            Ok::<_, std::io::Error>(port)
        };
        let verifier = serve(app(tokens)).await?;
        let desktop = DcvServerStandIn::builder("ws-17")
            .auth_token_verifier(&format!("http://127.0.0.1:{verifier}/ws-17"))
            .start()
            .await?;
        desktop.set_sessions([DcvSession::console("Administrator")])?;

        let record = SessionRecord::builder("i-0abc".parse()?, "localhost".parse()?, Expiry::Never)
            .target_id("console".parse::<SessionId>()?)
            .http_port(desktop.port());
        let store = MemoryStore::from_iter([record.build()?]);
        let resolver = serve(dcv_resolver_http::router(Resolver::new(store))).await?;
        let config = GatewayConfig::parse(&format!(
            "[gateway]\nweb-listen-endpoints = [\"127.0.0.1:0\"]\n\
             [resolver]\nurl = \"http://localhost:{resolver}\"\n\
             [dcv]\nca-file = {:?}\n",
            desktop.ca_file()
        ))?;
        let gateway = GatewayStandIn::start(&config).await?;
        Ok((desktop, gateway))
    }

    #[tokio::test]
    async fn user_reaches_the_desktop_with_the_token_of_the_link() {
        let tokens = Tokens::new(ManualClock::default());
        let token = tokens.issue("ws-17", "console", "ann", HOUR).unwrap();
        let (_desktop, gateway) = flow(tokens).await.unwrap();

        let opened = gateway.open(&format!("/?authToken={token}#i-0abc")).await;
        assert_eq!(opened.unwrap().user, "ann");
        let refused = gateway.open("/#i-0abc").await.unwrap_err();
        assert!(
            matches!(refused, OpenError::Refused { status: 403, .. }),
            "{refused}"
        );
    }
}
