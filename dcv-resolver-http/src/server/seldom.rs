//! [`Seldom`]: a warning that does not become a flood.

use std::time::Duration;

use tokio::time::Instant;

const PAUSE: Duration = Duration::from_secs(60);

/// Lets something through once a minute.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    last: Option<Instant>,
}

impl Seldom {
    /// Whether a minute has passed since this was last `true`.
    pub(super) fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let is_due = self.last.is_none_or(|last| now - last >= PAUSE);
        if is_due {
            self.last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_due_at_first_and_then_once_a_minute() {
        let mut seldom = Seldom::default();
        assert!(seldom.is_due());
        assert!(!seldom.is_due());
        tokio::time::advance(PAUSE - Duration::from_millis(1)).await;
        assert!(!seldom.is_due());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(seldom.is_due());
        assert!(!seldom.is_due());
    }
}
