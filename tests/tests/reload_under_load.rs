//! The session file changes again and again while 64 connections ask.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test panics on the first failure, and shows what it measured"
)]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dcv_resolver_core::Resolver;
use dcv_resolver_static_file::{StaticFileStore, Watcher};
use dcv_resolver_test_support::client::Client;
use dcv_resolver_tests::server;
use serde_json::Value;

const CONNECTIONS: usize = 64;
const SESSIONS: usize = 500;
const GENERATIONS: usize = 10;

/// Every session of one generation has that generation in its host and path.
fn write(path: &Path, generation: usize) {
    let mut text = String::new();
    for session in 0..SESSIONS {
        writeln!(
            text,
            "[sessions.s{session}]\nhost = \"gen-{generation}.example\"\nhttp_port = 8443\nweb_url_path = \"/gen-{generation}\""
        )
        .unwrap();
    }
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

/// The generation of an answer, all of it.
fn generation(body: &str) -> usize {
    let answer: Value = serde_json::from_str(body).unwrap();
    let host = answer["DcvServerEndpoint"].as_str().unwrap();
    let path = answer["WebUrlPath"].as_str().unwrap();
    let generation = host
        .strip_prefix("gen-")
        .and_then(|rest| rest.strip_suffix(".example"))
        .unwrap();
    assert_eq!(path, format!("/gen-{generation}"), "a torn answer");
    generation.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_fails_or_is_torn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.toml");
    write(&path, 0);
    let store = Arc::new(StaticFileStore::load(&path).unwrap());
    let _watcher = Watcher::start(Arc::clone(&store)).unwrap();
    let server = server::start_app(dcv_resolver_http::router(Resolver::new(store)));

    let done = Arc::new(AtomicBool::new(false));
    let newest_served = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|client| {
            let (done, newest_served) = (Arc::clone(&done), Arc::clone(&newest_served));
            tokio::spawn(async move {
                let mut connection = Client::connect(server.address).await;
                let mut newest = 0;
                for request in 0.. {
                    if done.load(Ordering::SeqCst) {
                        break;
                    }
                    let session = (client + request) % SESSIONS;
                    let answer = connection
                        .post(&format!("/resolveSession?sessionId=s{session}"))
                        .await;
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    let served = generation(&answer.body);
                    assert!(served >= newest, "generation {served} after {newest}");
                    newest = served;
                    newest_served.fetch_max(served, Ordering::SeqCst);
                }
            })
        })
        .collect();

    for generation in 1..=GENERATIONS {
        let path = path.clone();
        tokio::task::spawn_blocking(move || write(&path, generation))
            .await
            .unwrap();
        let written = Instant::now();
        while newest_served.load(Ordering::SeqCst) < generation {
            assert!(
                written.elapsed() < Duration::from_secs(10),
                "generation {generation} is not served"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        println!(
            "generation {generation} served after {:?}",
            written.elapsed()
        );
    }
    done.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
}
