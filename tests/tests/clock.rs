//! The wall clock jumps by a day, forth and back, under a running resolver.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{Clock, Resolver, Timestamp};
use dcv_resolver_static_file::StaticFileStore;
use dcv_resolver_test_support::client::Client;
use dcv_resolver_tests::server;

const DAY: Duration = Duration::from_secs(86_400);

/// What is served goes by the clock of the moment, on a connection and in a
/// process that have known another one: nothing past its expiry is served, and
/// nothing is remembered of the time before the jump.
#[tokio::test]
async fn nothing_past_its_expiry_is_served_whichever_way_the_clock_jumps() {
    let clock = ManualClock::default();
    let start = clock.now();
    let in_half_a_day = start.saturating_add(DAY / 2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.toml");
    let session = |id: &str, expires_at: Timestamp| {
        format!(
            "[sessions.{id}]\nhost = '192.0.2.7'\nhttp_port = 8443\nexpires_at = {expires_at}\n"
        )
    };
    std::fs::write(&path, session("console", in_half_a_day)).unwrap();
    let store = Arc::new(StaticFileStore::load(&path).unwrap());
    let resolver = Resolver::new(store).with_clock(clock.clone());
    let server = server::start_app(dcv_resolver_http::router(resolver));
    let mut connection = Client::connect(server.address).await;

    let next_day = start.saturating_add(DAY);
    let day_before = Timestamp::from_unix_ms(2 * start.as_unix_ms() - next_day.as_unix_ms());
    for (now, status) in [
        (start, 200),
        (next_day, 404),
        (start, 200),
        (day_before, 200),
        (next_day, 404),
        (in_half_a_day, 404),
    ] {
        clock.set(now);
        let answer = connection.post("/resolveSession?sessionId=console").await;
        assert_eq!(answer.status, status, "at {now}: {}", answer.body);
        if status == 404 {
            assert!(
                answer.body.contains(r#""reason":"expired""#),
                "{}",
                answer.body
            );
        }
    }
}
