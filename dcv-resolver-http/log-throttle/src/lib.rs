#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

/// A throttle for log events. It lets the first event of each kind be logged in
/// full, and counts those that follow in a window of time. When the window is
/// over, one summary says how many were suppressed.
///
/// Clones share the windows and their limit. The summary of a window is logged by a timer,
/// outside of any request's span; when the last clone is dropped, the summaries
/// of all open windows are logged at once. Without a tokio runtime, the summary
/// is logged with the next event of its kind.
///
/// A throttle that is [collecting](Self::collecting) keeps details `D` of the
/// suppressed events for the summary.
pub struct LogThrottle<K: Eq + Hash, D = ()> {
    windows: Arc<Windows<K, D>>,
}

/// The events that a [`LogThrottle`] suppressed in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Suppressed<D = ()> {
    /// How many there were, not counting the one that was logged in full.
    pub count: u64,
    /// The length of the window.
    pub window: Duration,
    /// What was collected from them.
    pub details: D,
}

struct Windows<K: Eq + Hash, D> {
    window: Duration,
    state: Mutex<State<K, D>>,
    summarize: Summarize<K, D>,
}

struct State<K, D> {
    open: HashMap<K, Window<D>>,
    limit: Option<Limit<K>>,
}

struct Limit<K> {
    max_kinds: usize,
    coarsen: Box<dyn Fn(K) -> K + Send + Sync>,
}

type Summarize<K, D> = Box<dyn Fn(&K, Suppressed<D>) + Send + Sync>;

struct Window<D> {
    opened: Instant,
    suppressed: u64,
    details: D,
}

impl<K: Eq + Hash + Clone + Send + 'static> LogThrottle<K> {
    /// Creates a throttle that calls `summarize` at the end of each window in
    /// which events were suppressed. A `window` of zero suppresses nothing.
    #[must_use]
    pub fn new(
        window: Duration,
        summarize: impl Fn(&K, Suppressed) + Send + Sync + 'static,
    ) -> Self {
        Self::collecting(window, summarize)
    }
}

impl<K, D> LogThrottle<K, D>
where
    K: Eq + Hash + Clone + Send + 'static,
    D: Default + Send + 'static,
{
    /// Creates a throttle as [`new`](LogThrottle::new) does, which collects
    /// details of suppressed events.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use std::collections::BTreeSet;
    /// use dcv_resolver_log_throttle::{LogThrottle, Suppressed};
    ///
    /// type Users = BTreeSet<&'static str>;
    /// let outages = LogThrottle::collecting(
    ///     Duration::from_secs(10),
    ///     |store: &&str, suppressed: Suppressed<Users>| {
    ///         assert_eq!(suppressed.details, BTreeSet::from(["ann", "bob"]));
    ///     },
    /// );
    /// for user in ["you", "ann", "bob", "ann"] {
    ///     outages.allows_or_collects("store", |users| {
    ///         users.insert(user);
    ///     });
    /// }
    /// ```
    #[must_use]
    pub fn collecting(
        window: Duration,
        summarize: impl Fn(&K, Suppressed<D>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            windows: Arc::new(Windows {
                window,
                state: Mutex::new(State {
                    open: HashMap::new(),
                    limit: None,
                }),
                summarize: Box::new(summarize),
            }),
        }
    }

    /// Limits how many windows are open at the same time, so that kinds may
    /// contain untrusted text. While `max_kinds` windows are open, an event of
    /// another kind is counted under the kind that `coarsen` returns for it. The
    /// windows of these kinds are open in addition, so `coarsen` must return only a
    /// few different ones. It must be quick: it is called under a lock.
    ///
    /// The limit applies to every clone, and replaces an earlier one.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use dcv_resolver_log_throttle::LogThrottle;
    ///
    /// let refusals = LogThrottle::new(Duration::from_secs(10), |_: &String, _| {})
    ///     .with_max_kinds(2, |_| "others".to_owned());
    /// let logged = ["ann", "bob", "eve", "joe"].map(|user| refusals.allows(user.to_owned()));
    /// assert_eq!(logged, [true, true, true, false]);
    /// ```
    #[must_use]
    pub fn with_max_kinds(
        self,
        max_kinds: usize,
        coarsen: impl Fn(K) -> K + Send + Sync + 'static,
    ) -> Self {
        self.windows.lock().limit = Some(Limit {
            max_kinds,
            coarsen: Box::new(coarsen),
        });
        self
    }

    /// Counts an event and returns whether to log it in full: it is the first
    /// of its kind in a window.
    pub fn allows(&self, kind: K) -> bool {
        self.allows_or_collects(kind, |_| {})
    }

    /// Counts an event as [`allows`](Self::allows) does, and calls `collect` if
    /// it is suppressed. `collect` must be quick and bound what it keeps: it is
    /// called under a lock.
    pub fn allows_or_collects(&self, kind: K, collect: impl FnOnce(&mut D)) -> bool {
        if self.windows.window.is_zero() {
            return true;
        }
        let now = Instant::now();
        let mut state = self.windows.lock();
        let State { open, limit } = &mut *state;
        let kind = match limit {
            Some(limit) if open.len() >= limit.max_kinds && !open.contains_key(&kind) => {
                (limit.coarsen)(kind)
            }
            _ => kind,
        };
        let over = match open.get_mut(&kind) {
            Some(window) if now - window.opened < self.windows.window => {
                window.suppressed += 1;
                collect(&mut window.details);
                return false;
            }
            _ => open.insert(
                kind.clone(),
                Window {
                    opened: now,
                    suppressed: 0,
                    details: D::default(),
                },
            ),
        };
        // Released first, since subscribers may be slow.
        drop(state);
        if let Some(over) = over {
            self.windows.summarize(&kind, over);
        }
        self.close_later(kind, now);
        true
    }

    fn close_later(&self, kind: K, opened: Instant) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let windows = Arc::downgrade(&self.windows);
        let window = self.windows.window;
        runtime.spawn(async move {
            tokio::time::sleep(window).await;
            if let Some(windows) = Weak::upgrade(&windows) {
                windows.close(&kind, opened);
            }
        });
    }
}

impl<K: Eq + Hash, D> Windows<K, D> {
    /// Closes the window of `kind` that was opened at `opened`.
    fn close(&self, kind: &K, opened: Instant) {
        let over = {
            let open = &mut self.lock().open;
            if open.get(kind).is_none_or(|window| window.opened != opened) {
                return;
            }
            open.remove(kind)
        };
        if let Some(over) = over {
            self.summarize(kind, over);
        }
    }

    fn summarize(&self, kind: &K, window: Window<D>) {
        if window.suppressed > 0 {
            let suppressed = Suppressed {
                count: window.suppressed,
                window: window.opened.elapsed(),
                details: window.details,
            };
            (self.summarize)(kind, suppressed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K, D>> {
        // Nothing panics in the middle of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, D> Drop for Windows<K, D> {
    fn drop(&mut self) {
        for (kind, window) in std::mem::take(&mut self.lock().open) {
            self.summarize(&kind, window);
        }
    }
}

impl<K: Eq + Hash, D> Clone for LogThrottle<K, D> {
    fn clone(&self) -> Self {
        Self {
            windows: Arc::clone(&self.windows),
        }
    }
}

impl<K: Eq + Hash, D> fmt::Debug for LogThrottle<K, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogThrottle")
            .field("window", &self.windows.window)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::time::sleep;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    fn throttle() -> (
        LogThrottle<&'static str>,
        mpsc::Receiver<(&'static str, Suppressed)>,
    ) {
        let (summaries, received) = mpsc::channel();
        let throttle = LogThrottle::new(WINDOW, move |kind: &&'static str, suppressed| {
            let _ = summaries.send((*kind, suppressed));
        });
        (throttle, received)
    }

    #[tokio::test(start_paused = true)]
    async fn summary_comes_when_the_window_is_over_without_another_event() {
        let (throttle, summaries) = throttle();
        assert!(throttle.allows("a"));
        assert!(throttle.allows("b"));
        for _ in 0..3 {
            assert!(!throttle.allows("a"));
        }
        sleep(WINDOW - Duration::from_millis(1)).await;
        assert!(summaries.try_recv().is_err());
        sleep(Duration::from_millis(2)).await;
        let (kind, suppressed) = summaries.try_recv().unwrap();
        assert_eq!((kind, suppressed.count), ("a", 3));
        assert!(suppressed.window >= WINDOW);
        assert!(summaries.try_recv().is_err(), "nothing of b was suppressed");
        assert!(throttle.windows.lock().open.is_empty());
        assert!(throttle.allows("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn kinds_beyond_the_maximum_are_counted_together() {
        let (throttle, summaries) = throttle();
        // Through a clone that is older than the limit as well.
        let clone = throttle.clone();
        let _limited = throttle.with_max_kinds(2, |_| "others");
        let allows = |kind| clone.allows(kind);
        assert!(allows("a") && allows("b"));
        assert!(allows("c"), "the first of the others");
        assert!(!allows("d"));
        assert!(!allows("a"), "a has a window of its own");
        sleep(2 * WINDOW).await;
        let mut suppressed: Vec<_> = summaries.try_iter().map(|(kind, _)| kind).collect();
        suppressed.sort_unstable();
        assert_eq!(suppressed, ["a", "others"]);
    }

    #[tokio::test(start_paused = true)]
    async fn drop_of_the_last_clone_logs_the_summaries() {
        let (throttle, summaries) = throttle();
        let clone = throttle.clone();
        throttle.allows("a");
        clone.allows("a");
        drop(throttle);
        assert!(summaries.try_recv().is_err());
        drop(clone);
        assert_eq!(summaries.try_recv().unwrap().1.count, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn details_are_of_the_suppressed_events_of_one_window() {
        let (summaries, received) = mpsc::channel();
        let throttle = LogThrottle::collecting(WINDOW, move |_: &(), suppressed| {
            let Suppressed { details, .. } = suppressed;
            let _: Result<(), mpsc::SendError<Vec<u8>>> = summaries.send(details);
        });
        for window in [[1, 2, 3], [4, 5, 6]] {
            for event in window {
                throttle.allows_or_collects((), |events| events.push(event));
            }
            sleep(2 * WINDOW).await;
            assert_eq!(received.try_recv().unwrap(), window[1..]);
        }
    }

    #[test]
    fn without_a_runtime_the_next_event_logs_the_summary() {
        let (throttle, summaries) = throttle();
        assert!(throttle.allows("a"));
        assert!(!throttle.allows("a"));
        throttle.windows.lock().open.get_mut("a").unwrap().opened -= WINDOW;
        assert!(throttle.allows("a"));
        assert_eq!(summaries.try_recv().unwrap().1.count, 1);
    }

    #[test]
    fn window_of_zero_suppresses_nothing() {
        let throttle = LogThrottle::new(Duration::ZERO, |_: &u8, _| {});
        assert!(throttle.allows(1) && throttle.allows(1));
    }
}
