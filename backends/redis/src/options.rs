//! [`RedisOptions`]: how a store uses a connection.

use std::time::Duration;

/// The settings of a [`RedisStore`](crate::RedisStore) that apply to any
/// connection, including one that the embedding program has made.
///
/// ```
/// use dcv_resolver_redis::RedisOptions;
///
/// let options = RedisOptions::default().key_prefix("workstations:");
/// # drop(options);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct RedisOptions {
    pub(crate) key_prefix: String,
    pub(crate) response_timeout: Duration,
    pub(crate) expired_key_grace: Duration,
}

/// The upper limit of the timeouts, since later instants may not exist.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_secs(60 * 60);

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            key_prefix: Self::DEFAULT_KEY_PREFIX.to_owned(),
            response_timeout: Self::DEFAULT_RESPONSE_TIMEOUT,
            expired_key_grace: Self::DEFAULT_EXPIRED_KEY_GRACE,
        }
    }
}

impl RedisOptions {
    /// The default prefix of keys, which the session id follows.
    pub const DEFAULT_KEY_PREFIX: &str = "dcv:session:";
    /// The default response timeout: 400 ms, well below the time budget of a
    /// request, which is 1 s.
    pub const DEFAULT_RESPONSE_TIMEOUT: Duration = Duration::from_millis(400);
    /// The default time for which an expired record is kept without a sweep: an
    /// hour.
    pub const DEFAULT_EXPIRED_KEY_GRACE: Duration = Duration::from_secs(60 * 60);

    /// Sets the prefix of keys, which the session id follows. The default is
    /// [`DEFAULT_KEY_PREFIX`](Self::DEFAULT_KEY_PREFIX). Every key with this
    /// prefix belongs to the store.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    /// Sets how long a call waits for its reply, including the time to connect:
    /// at most an hour. The default is
    /// [`DEFAULT_RESPONSE_TIMEOUT`](Self::DEFAULT_RESPONSE_TIMEOUT). `list` waits
    /// ten times as long in all; `sweep` and `import`, which send any number of
    /// commands, wait ten times as long for each reply.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout.min(MAX_TIMEOUT);
        self
    }

    /// Sets how long Redis keeps a record after its expiry before it removes
    /// the record by itself. The default is
    /// [`DEFAULT_EXPIRED_KEY_GRACE`](Self::DEFAULT_EXPIRED_KEY_GRACE).
    ///
    /// A record expires by the clock of the resolver that looks it up, and Redis
    /// removes its key by the server's clock. The grace must be longer than the
    /// largest difference between these clocks.
    pub fn expired_key_grace(mut self, grace: Duration) -> Self {
        self.expired_key_grace = grace;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deadline::Deadline;

    #[test]
    fn longest_response_timeout_ends_at_an_instant_that_exists() {
        let options = RedisOptions::default().response_timeout(Duration::MAX);
        let _ = Deadline::of_bulk(options.response_timeout);
    }
}
