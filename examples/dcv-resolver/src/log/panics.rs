//! [`log_panics`]: logs the panics of the process.

use std::panic::{self, Location, PanicHookInfo};
use std::time::Duration;

use dcv_resolver_log_throttle::LogThrottle;

/// How long panics at one place are counted after one that is logged in full.
const WINDOW: Duration = Duration::from_secs(60);

/// Logs every panic from now on: the first at each place in the code in full,
/// and how many followed it within a minute. A request may cause the same panic
/// each time that it is sent.
///
/// Where the first panic at a place is on a thread without a tokio runtime, no timer
/// can be set: how many followed is logged with the next panic there after the minute.
///
/// The default hook prints untrusted text unescaped between the events.
pub(super) fn log_panics() {
    panic::set_hook(Box::new(hook()));
}

fn hook() -> impl Fn(&PanicHookInfo<'_>) + Send + Sync {
    let panics = LogThrottle::new(WINDOW, |place: &String, suppressed| {
        let suppressed = suppressed.count;
        tracing::error!(place, suppressed, "more panics at the same place");
    });
    move |panic| {
        let place = panic
            .location()
            .map_or_else(String::new, Location::to_string);
        if panics.allows(place) {
            tracing::error!(panic = ?panic.to_string(), "panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use dcv_resolver_test_support::log::Log;
    use serde_json::json;
    use tracing::Level;

    use super::*;

    #[test]
    fn panic_that_repeats_is_logged_once_and_counted() {
        let (log, _guard) = Log::of_this_thread(Level::INFO);
        // Another test that fails meanwhile still shows why.
        let (own, others, this) = (hook(), panic::take_hook(), thread::current().id());
        panic::set_hook(Box::new(move |panic| {
            if thread::current().id() == this {
                own(panic);
            } else {
                others(panic);
            }
        }));
        for _ in 0..3 {
            panic::catch_unwind(|| panic!("as\nasked")).unwrap_err();
        }
        panic::catch_unwind(|| panic!("elsewhere")).unwrap_err();
        let full: Vec<_> = log.take();
        // The summary of an open window is logged when the hook is dropped.
        drop(panic::take_hook());
        let summaries = log.take();

        assert_eq!(full.len(), 2, "{full:#?}");
        for (event, message) in full.iter().zip([r"as\nasked", "elsewhere"]) {
            assert_eq!(event["level"], "ERROR");
            assert_eq!(event["fields"]["message"], "panicked");
            let panic = event["fields"]["panic"].as_str().unwrap();
            assert!(panic.contains(message), "{panic}");
        }
        let [summary] = &summaries[..] else {
            panic!("{summaries:#?}");
        };
        assert_eq!(summary["fields"]["suppressed"], json!(2));
        let place = summary["fields"]["place"].as_str().unwrap();
        assert!(full[0]["fields"]["panic"].as_str().unwrap().contains(place));
    }
}
