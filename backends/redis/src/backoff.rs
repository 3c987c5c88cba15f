//! How long to wait between attempts to connect.

use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Half of the second within which a call must succeed again, once the server
/// can be reached.
pub(crate) const MAX_PAUSE: Duration = Duration::from_millis(500);

/// Returns the pause after so many attempts that failed. Callers limit it, to
/// [`MAX_PAUSE`] as a rule.
pub(crate) fn pause_after(attempts: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempts))
}
