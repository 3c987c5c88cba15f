//! The ways of a request whose instructions `scripts/instructions` counts.
//!
//! ```console
//! $ hot_path MIX ROUNDS
//! ```
//!
//! What is counted is what happens below [`measured`]. Everything there runs on
//! one thread, and asks for the same sessions in the same order, so that two
//! runs of one program differ by less than 1 %.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement panics on the first failure, and shows its mixes"
)]

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::routing::any;
use dcv_resolver_bench::{logging, sessions};
use dcv_resolver_core::{Outcome, Resolver};
use dcv_resolver_http::{ReloadableService, ResolveQuery, ResolveService, ResolveServiceBuilder};
use dcv_resolver_ops::{LogDeduplicator, Metrics, RecentDecisions};
use dcv_resolver_server::{self as server, Server};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tower::Service;

const SESSIONS: usize = 1_000;
/// Connections of the mixes with a server, each asked in turn.
const CONNECTIONS: usize = 8;

type Mix = (&'static str, fn(usize));

const MIXES: [Mix; 8] = [
    ("query", query),
    ("resolve", resolve),
    ("router", router),
    ("router-not-found", router_not_found),
    ("router-logged", router_logged),
    ("router-refused", router_refused),
    ("server", server),
    ("floor", floor),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        for (name, _) in MIXES {
            println!("{name}");
        }
        return;
    };
    let rounds = arguments.next().unwrap().parse().unwrap();
    let Some((_, mix)) = MIXES.iter().find(|mix| mix.0 == name) else {
        panic!("there is no mix {name}");
    };
    mix(rounds);
}

/// `scripts/instructions` makes callgrind count what runs under this name.
#[inline(never)]
fn measured<T>(work: impl FnOnce() -> T) -> T {
    // Without something after the call the compiler makes it a jump, and what
    // is jumped to is not below this.
    std::hint::black_box(work())
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn query(rounds: usize) {
    let targets: Vec<_> = (0..SESSIONS).map(sessions::target).collect();
    let queries: Vec<_> = targets
        .iter()
        .map(|target| target.split_once('?').unwrap().1)
        .collect();
    measured(|| {
        for number in 0..rounds {
            let query = ResolveQuery::parse(Some(queries[number % SESSIONS]));
            std::hint::black_box(query).unwrap();
        }
    });
}

fn resolve(rounds: usize) {
    let resolver = sessions::resolver(SESSIONS);
    let requests = sessions::requests(0..SESSIONS);
    block_on(async {
        for number in 0..rounds {
            let outcome = resolver.resolve(&requests[number % SESSIONS]).await;
            assert!(matches!(outcome, Ok(Outcome::Found(_))));
        }
    });
}

/// Runs what never waits, and counts it.
fn block_on(work: impl Future<Output = ()>) {
    let runtime = runtime();
    runtime.block_on(async {
        let mut work = std::pin::pin!(work);
        measured(|| {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            // What spends tokio's budget asks to be polled again.
            while work.as_mut().poll(&mut context).is_pending() {}
        });
    });
}

/// As the ready binary sets it up by default.
fn builder(resolver: Resolver) -> ResolveServiceBuilder {
    let metrics = Metrics::new();
    let log = LogDeduplicator::new(Duration::from_secs(10)).with_metrics(metrics.clone());
    ResolveService::builder(resolver)
        .without_log()
        .observer(log)
        .observer(metrics)
        .observer(RecentDecisions::new())
}

/// As the ready binary serves it: it can be replaced.
fn app(resolver: Resolver) -> ReloadableService<ResolveService> {
    ReloadableService::new(builder(resolver).build())
}

fn peer() -> SocketAddr {
    ([192, 0, 2, 9], 51_234).into()
}

fn ask(
    mut app: ReloadableService<ResolveService>,
    rounds: usize,
    target: impl Fn(usize) -> String,
    expected: StatusCode,
) {
    let mut requests: Vec<_> = (0..rounds)
        .map(|number| {
            Request::post(target(number % SESSIONS))
                .header("host", "resolver.example:9000")
                .header("content-length", "0")
                .extension(ConnectInfo(peer()))
                .body(Body::empty())
                .unwrap()
        })
        .collect();
    requests.reverse();
    block_on(async {
        while let Some(request) = requests.pop() {
            let answer = Service::call(&mut app, request).await.unwrap();
            assert_eq!(answer.status(), expected);
        }
    });
}

fn router(rounds: usize) {
    logging::install("warn");
    let app = app(sessions::resolver(SESSIONS));
    ask(app, rounds, sessions::target, StatusCode::OK);
}

/// A session that is not there, with its line in the log.
fn router_not_found(rounds: usize) {
    logging::install("warn");
    let app = app(sessions::resolver(SESSIONS));
    let target = |number| sessions::target(number + SESSIONS);
    ask(app, rounds, target, StatusCode::NOT_FOUND);
}

/// With the log as it is by default: a line a request.
fn router_logged(rounds: usize) {
    logging::install("info");
    let app = app(sessions::resolver(SESSIONS));
    ask(app, rounds, sessions::target, StatusCode::OK);
}

/// A caller that may not ask: what a flood of requests costs.
fn router_refused(rounds: usize) {
    logging::install("warn");
    let app = builder(sessions::resolver(SESSIONS))
        .allowed_callers(vec!["198.51.100.0/24".parse().unwrap()])
        .build();
    ask(
        ReloadableService::new(app),
        rounds,
        sessions::target,
        StatusCode::FORBIDDEN,
    );
}

/// Over sockets: the server of this library.
fn server(rounds: usize) {
    logging::install("warn");
    let service = builder(sessions::resolver(SESSIONS)).build();
    served(rounds, |stopped| async {
        let listener = server::listen(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let serving = Server::new(ReloadableService::new(service)).serve(listener, async {
            let _dropped = stopped.await;
        });
        (address, async {
            serving.await;
        })
    });
}

/// Over sockets: the least that axum can do.
fn floor(rounds: usize) {
    let app = Router::new().route("/resolveSession", any(async || ANSWER));
    served(rounds, |stopped| async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = axum::serve(listener, app).with_graceful_shutdown(async {
            let _dropped = stopped.await;
        });
        (address, async {
            serving.await.unwrap();
        })
    });
}

/// As long as what the resolver answers.
const ANSWER: &str = r#"{"SessionId":"00000000-0000-0000-0000-000000000000","TransportProtocol":"HTTP","DcvServerEndpoint":"ws-100.dcv.example","Port":8443,"WebUrlPath":"/"}"#;

/// Counts the thread of a server; its clients are on another.
fn served<F, S>(rounds: usize, start: impl FnOnce(oneshot::Receiver<()>) -> F)
where
    F: Future<Output = (SocketAddr, S)>,
    S: Future<Output = ()>,
{
    let runtime = runtime();
    let (stop, stopped) = oneshot::channel();
    let (address, serving) = runtime.block_on(start(stopped));
    let clients = thread::spawn(move || {
        let mut streams = [(); CONNECTIONS].map(|()| TcpStream::connect(address).unwrap());
        let mut buffer = [0; 4096];
        for number in 0..rounds {
            let target = sessions::target(number % SESSIONS);
            let stream = &mut streams[number % CONNECTIONS];
            // In one piece, or the server would read it in several.
            let request = format!(
                "POST {target} HTTP/1.1\r\nhost: resolver.example:9000\r\ncontent-length: 0\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).unwrap();
            // An answer is written at once, and is shorter than a segment.
            let length = stream.read(&mut buffer).unwrap();
            assert!(buffer[..length].starts_with(b"HTTP/1.1 200"));
        }
        drop(streams);
        drop(stop);
    });
    measured(|| runtime.block_on(serving));
    clients.join().unwrap();
}
