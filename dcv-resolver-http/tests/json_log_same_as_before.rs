//! A line says what the JSON of tracing-subscriber says: whoever has read the
//! one can read the other.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Once;
use std::thread::LocalKey;

use dcv_resolver_http::json_log::JsonLines;
use proptest::prelude::*;
use serde_json::{Value, json};
use tracing::field::{self, Empty};
use tracing::{debug, error, error_span, event, info, info_span, trace, warn};
use tracing_log::log;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

thread_local! {
    static OURS: RefCell<Vec<u8>> = RefCell::default();
    static THEIRS: RefCell<Vec<u8>> = RefCell::default();
}

/// What a thread has written.
struct Written(&'static LocalKey<RefCell<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.with_borrow_mut(|all| all.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn take(&self) -> Vec<Value> {
        let all = String::from_utf8(self.0.take()).unwrap();
        assert!(all.is_empty() || all.ends_with('\n'), "{all:?}");
        let lines = all.split_terminator('\n');
        lines
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }
}

/// One subscriber for all tests, with both layers: tracing remembers who
/// listens, and tests run side by side.
fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let theirs = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_writer(|| Written(&THEIRS));
        tracing_subscriber::registry()
            .with(JsonLines::new(|| Written(&OURS)))
            .with(theirs)
            .init();
    });
}

/// The events that `leave` leaves, after both have been found to say the same.
fn both(leave: impl FnOnce()) -> Vec<Value> {
    install();
    leave();
    let [mut ours, mut theirs] = [&OURS, &THEIRS].map(|all| Written(all).take());
    for event in ours.iter_mut().chain(&mut theirs) {
        let time = event["timestamp"].take();
        let time = time.as_str().unwrap();
        assert_eq!(time.len(), "2030-01-01T00:00:00.000000Z".len(), "{time}");
        assert!(
            time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok(),
            "{time}"
        );
    }
    assert_eq!(ours, theirs);
    ours
}

/// Displays and debugs as what is in it.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

#[derive(Debug)]
struct Failed(io::Error);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it failed:\n\t\"twice\"")
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn each_kind_of_value() {
    let failed = Failed(io::Error::other("disk"));
    let error: &(dyn std::error::Error + 'static) = &failed;
    let address: IpAddr = "2001:db8::1".parse().unwrap();
    let events = both(|| {
        info!(
            text = "plain",
            empty = "",
            quoted = "a \"b\" \\ c\r\n\t\u{0}\u{1f}\u{7f}é☃𐍈\u{2028}"
        );
        info!(
            least = i64::MIN,
            most = u64::MAX,
            less = -1_i8,
            port = 8443_u16,
            size = 7_usize
        );
        info!(wide = i128::MIN, wider = u128::MAX, narrow = 1_u128);
        info!(yes = true, no = false);
        info!(
            nan = f64::NAN,
            infinite = f64::INFINITY,
            minus = f64::NEG_INFINITY
        );
        info!(
            none = 0.0,
            less_than_none = -0.0,
            third = 0.125,
            whole = 3.0,
            tiny = f64::MIN_POSITIVE
        );
        info!(large = 1e21, huge = f64::MAX, single = 0.5_f32);
        info!(bytes = &b"a\"\x00\xff"[..]);
        info!(shown = %Shown("a \"b\""), debugged = ?Shown("a\n\\"), %address, option = ?Some("x"));
        info!(error, boxed = %failed, debugged = ?failed);
        info!(
            absent = Option::<u64>::None,
            present = Some(7),
            text = Some("x"),
            declared = Empty
        );
        info!(
            displayed = Some(field::display(Shown("x"))),
            debugged = Some(field::debug("x\n"))
        );
    });
    assert_eq!(events.len(), 12);
}

#[test]
fn each_level_and_target() {
    let events = both(|| {
        error!("error");
        warn!("warn");
        info!("info");
        debug!("debug");
        trace!("trace");
        info!(target: "another::one", "target");
        info!(target: "a \"quoted\" one\n", "target");
    });
    assert_eq!(events[0]["level"], "ERROR");
    assert_eq!(events[4]["level"], "TRACE");
    assert_eq!(events[5]["target"], "another::one");
    assert_eq!(events[6]["target"], "a \"quoted\" one\n");
}

#[test]
fn each_kind_of_message() {
    let events = both(|| {
        info!("plain");
        info!("a \"quoted\"\nformatted {} {:?}", 1, "\u{1b}");
        info!(session_id = "console", "with a field");
        info!(message = "as a field", session_id = "console");
        info!(session_id = "none");
        info!("");
        error!(panic = ?"src/a.rs:1:2:\nno \"luck\"".to_owned(), "something panicked");
    });
    assert_eq!(
        events[1]["message"],
        "a \"quoted\"\nformatted 1 \"\\u{1b}\""
    );
}

#[test]
fn each_kind_of_name() {
    both(|| {
        info!(
            dotted.name = 1,
            "quoted \"name\" \\ \n" = 2,
            r#type = "keyword",
            "ünïcode" = 3
        );
        info!(
            timestamp = "2030-01-01T00:00:00.000000Z",
            level = "loud",
            target = "mine",
            span = "mine",
            name = "mine"
        );
        info_span!("named", "quoted \"name\"" = 1, r#type = %"keyword", level = 2, name = "mine")
            .in_scope(|| info!("within"));
        info_span!("named \"so\"\n").in_scope(|| info!("within"));
    });
}

#[test]
fn an_event_names_the_innermost_span_that_it_is_in() {
    let events = both(|| {
        info!("outside");
        let outer = info_span!("outer", session_id = "con\"sole", port = 8443, found = true);
        outer.in_scope(|| {
            info!(session_id = "own", "within");
            error_span!("inner", address = %Shown("a\\b"), none = Option::<&str>::None)
                .in_scope(|| info!("deeper"));
            info!("within again");
        });
        let other = info_span!("other");
        other.in_scope(|| info!(parent: &outer, "told of the outer"));
    });
    assert_eq!(events[0].get("span"), None);
    assert_eq!(
        events[2]["span"],
        json!({"name": "inner", "address": "a\\b"})
    );
    assert_eq!(events[4]["span"]["name"], "outer");
}

#[test]
fn a_span_may_learn_its_fields_later_and_the_last_value_holds() {
    let events = both(|| {
        let span = info_span!(
            "learning",
            first = Empty,
            second = Empty,
            third = "old",
            fourth = 1
        );
        span.in_scope(|| info!("before"));
        span.record("first", 1.5).record("third", "new \"one\"");
        span.in_scope(|| info!("between"));
        span.record("second", field::display(Shown("a\nb")))
            .record("first", false);
        span.in_scope(|| info!("after"));
        let empty = info_span!("empty", only = Empty);
        empty.record("only", u64::MAX);
        empty.in_scope(|| info!("after"));
    });
    assert_eq!(
        events[2]["span"],
        json!({
            "name": "learning", "first": false, "second": "a\nb", "third": "new \"one\"", "fourth": 1,
        })
    );
}

#[test]
fn what_comes_through_the_crate_log_keeps_its_own_target() {
    let events = both(|| {
        log::warn!("of a library");
        log::info!(target: "sqlx::query", "took {} ms,\n\"long\"", 12);
        info_span!("within").in_scope(|| log::error!(target: "a \"b\"", "of a library"));
    });
    assert_eq!(events[0]["target"], module_path!());
    assert_eq!(events[1]["target"], "sqlx::query");
    assert_eq!(events[2]["span"]["name"], "within");
}

/// Whatever a text from outside may be.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,70}",
        "[\"\\\\\n\r\t\0\u{1b}\u{7f}/a é☃𐍈]{0,40}",
        Just(String::new()),
    ]
}

proptest! {
    #[test]
    fn any_values(
        texts in [text(), text(), text(), text()],
        signed: i64, unsigned: u64, wide: i128, flag: bool, float: i32,
        address: IpAddr,
        optional in proptest::option::of(text()),
    ) {
        let [a, b, c, d] = &texts;
        // What is written with few digits is read without rounding.
        let float = f64::from(float) / 16.0;
        both(|| {
            info!(a, signed, shown = %Shown(b), debugged = ?c, flag, optional, "{d}");
            let span = info_span!("span", a, unsigned, shown = %Shown(b), debugged = ?c, later = Empty);
            span.in_scope(|| event!(target: "any", tracing::Level::WARN, wide, float, %address, "{a}{b}"));
            span.record("later", d.as_str()).record("a", b.as_str());
            span.in_scope(|| debug!(chars = ?a.chars().collect::<Vec<_>>(), bytes = c.as_bytes()));
            log::log!(target: c, log::Level::Info, "{d}");
        });
    }
}
