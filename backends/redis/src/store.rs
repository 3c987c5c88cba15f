//! [`RedisStore`]: implements the contracts of stores with Redis commands.

use std::collections::HashSet;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dcv_resolver_core::{
    BoxFuture, ChangeListener, ChangeSource, Expiry, ImportOutcome, LeaseToken, ListError,
    OnConflict, Page, PageToken, RegisterError, RenewError, SessionId, SessionImport,
    SessionListing, SessionRecord, SessionRegistry, SessionStore, StoreError, StoreErrorKind,
    Timestamp,
};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use redis::{Cmd, Value};

use crate::changes::watch_changes;
use crate::config::RedisConfig;
use crate::connection::RedisConnection;
use crate::deadline::Deadline;
use crate::error::error;
use crate::options::RedisOptions;
use crate::origin::Origin;
use crate::scan::{Position, scan};
use crate::scripts::{CHECK_WRITABLE, DEREGISTER, REGISTER, RENEW, SWEEP};
use crate::supervisor::{Idempotency, Supervisor};
use crate::unreadable::{DecodeError, Unreadable, key_error};
use crate::value::{decode, encode, expiry_text};
use crate::warning::RedisWarning;
use crate::warnings::warnings;

/// How many commands of one call are in flight at the same time.
const IN_FLIGHT: usize = 256;

/// How many keys a sweep reads at once.
const SWEEP_PAGE: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// A key with a longer TTL is stored without one.
const MAX_KEY_TTL_MS: i64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// A store that keeps sessions in Redis, shared by any number of resolvers.
///
/// Opening a store does not access the network. While Redis is down, calls fail
/// with `Unavailable`; they succeed as soon as Redis can be reached. A call
/// ends within the configured response timeout, even if its script must be sent
/// in full. `list` ends within ten times as long. `sweep` and `import` send any
/// number of commands, and wait ten times as long for each reply.
///
/// Redis removes expired records by itself, after the configured grace, so
/// [`sweep`](SessionRegistry::sweep) is optional.
///
/// If slots of a cluster are moved from one master to another during a listing,
/// the listing may omit the records that move.
///
/// ```no_run
/// use dcv_resolver_redis::{RedisConfig, RedisStore};
///
/// # fn main() -> Result<(), dcv_resolver_redis::InvalidRedisUrl> {
/// let config: RedisConfig = "redis://127.0.0.1:6379".parse()?;
/// let store = RedisStore::new(config);
/// # Ok(())
/// # }
/// ```
pub struct RedisStore {
    server: Supervisor,
    key_prefix: String,
    expired_key_grace: Duration,
}

impl RedisStore {
    /// Creates a store for the servers of `config`. It connects when it is
    /// first used.
    #[must_use]
    pub fn new(config: RedisConfig) -> Self {
        let servers = Box::new(config.servers);
        Self::from_origin(Origin::Servers(servers), config.options)
    }

    /// Creates a store over a connection that the embedding program shares with
    /// it: a `redis::aio::ConnectionManager`, a
    /// `redis::aio::MultiplexedConnection` or a
    /// `redis::cluster_async::ClusterConnection`.
    ///
    /// The response timeout of `options` applies in addition to the connection's
    /// own. The store does not replace a given connection that no longer answers,
    /// so a store that makes its [own connections](Self::new) recovers from more
    /// faults.
    ///
    /// The program must not read from replicas over this connection, enable the
    /// driver's cache, or `SELECT` another database: sessions that exist would
    /// then seem absent.
    #[must_use]
    pub fn with_connection(connection: impl Into<RedisConnection>, options: RedisOptions) -> Self {
        Self::from_origin(Origin::Given(connection.into()), options)
    }

    fn from_origin(origin: Origin, options: RedisOptions) -> Self {
        Self {
            server: Supervisor::new(origin, options.response_timeout),
            key_prefix: options.key_prefix,
            expired_key_grace: options.expired_key_grace,
        }
    }

    /// Returns warnings about what is likely to lose sessions, or to keep them
    /// from being found, although calls succeed: a server that evicts keys, or
    /// a node of a cluster that cannot be reached at the address that it
    /// announces.
    ///
    /// This takes up to ten response timeouts and, on a cluster, one connection
    /// to each master.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when a server could not be asked, and there is no warning
    /// about another server. `AccessDenied` means that the server does not
    /// permit `INFO`.
    pub async fn warnings(&self) -> Result<Vec<RedisWarning>, StoreError> {
        warnings(&self.server).await
    }

    fn key(&self, id: &SessionId) -> String {
        [&self.key_prefix, id.as_str()].concat()
    }

    async fn get(&self, key: &str, deadline: Deadline) -> Result<Option<Vec<u8>>, StoreError> {
        let reply = self
            .server
            .send(&get(key), None, Idempotency::Idempotent, deadline)
            .await;
        match reply.map_err(|failure| key_error(failure, key))? {
            Value::BulkString(value) => Ok(Some(value)),
            Value::Nil => Ok(None),
            // Only `nil` means absent.
            _ => Err(error(StoreErrorKind::Other).with_source("unexpected reply to GET")),
        }
    }

    /// Returns the record under a key that a scan has found, if it still exists.
    async fn listed(
        &self,
        key: String,
        deadline: Deadline,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let Some(value) = self.get(&key, deadline).await? else {
            return Ok(None);
        };
        let id = key
            .strip_prefix(&self.key_prefix)
            .and_then(|id| SessionId::new(id).ok())
            .ok_or_else(|| Unreadable::new(&key, DecodeError::NotOurs))?;
        decode(&key, &id, &value).map(Some)
    }

    /// Stores `record`, unless `on_conflict` keeps a live record of another lease.
    async fn put(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        on_conflict: OnConflict,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<bool, StoreError> {
        let value = encode(record, token)?;
        let on_conflict = match on_conflict {
            OnConflict::Skip => "keep",
            OnConflict::Overwrite => "replace",
        };
        let key = self.key(record.id());
        let more = [&*value, &self.key_ttl(record.expiry(), now), on_conflict];
        let now = now.as_unix_ms().to_string();
        REGISTER
            .run_by_owner(&self.server, &key, &now, token, &more, deadline)
            .await
    }

    /// Returns the TTL of the key of a record that expires at `expiry`, in
    /// milliseconds, or an empty string if the key never expires.
    ///
    /// It is a duration, since an instant on the caller's clock would be
    /// compared with the server's clock.
    fn key_ttl(&self, expiry: Expiry, now: Timestamp) -> String {
        let Expiry::At(expires_at) = expiry else {
            return String::new();
        };
        let grace_ms = i64::try_from(self.expired_key_grace.as_millis()).unwrap_or(i64::MAX);
        let ttl_ms = expires_at
            .as_unix_ms()
            .saturating_sub(now.as_unix_ms())
            .max(0)
            .saturating_add(grace_ms)
            .max(1);
        if ttl_ms > MAX_KEY_TTL_MS {
            return String::new();
        }
        ttl_ms.to_string()
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("server", &self.server)
            .field("key_prefix", &self.key_prefix)
            .finish_non_exhaustive()
    }
}

impl ChangeSource for RedisStore {
    /// Reports every change, including those of other programs.
    ///
    /// The source has a connection of its own to every master, over which Redis
    /// pushes the keys that change. It reports
    /// [`CaughtUp`](dcv_resolver_core::ChangeEvent::CaughtUp) about four times
    /// a second, when a heartbeat on the same connection is answered. If a
    /// heartbeat fails, or is not answered within the response timeout, the
    /// source is [`Disconnected`](dcv_resolver_core::ChangeEvent::Disconnected)
    /// and makes new connections, at most half a second apart: like lookups, it
    /// goes through the sentinels if there are any, and to all masters of a
    /// cluster. Dropping the future closes the connections.
    ///
    /// In two cases the source is [`Unsupported`](dcv_resolver_core::ChangeEvent::Unsupported),
    /// and logs a warning:
    ///
    /// - A server that **refuses** (one that speaks only RESP2, or an ACL
    ///   without [the permissions](crate)) is tried again every ten seconds,
    ///   and whenever lookups have a new connection. `Unsupported` is repeated
    ///   for each of those.
    /// - Over a [given connection](Self::with_connection) changes are **not
    ///   available**, and the future completes: what a connection pushes goes
    ///   to the code that opened it.
    ///
    /// # Limits of Redis
    ///
    /// - `SWAPDB` is not pushed; it is reported with the next heartbeat.
    /// - A key that Redis removes because it has expired is reported when it is
    ///   removed. `GET` removes it at once; without a `GET`, Redis removes it
    ///   within a fraction of a second, or later if more than a quarter of all
    ///   keys with a TTL are due. The record has expired long before.
    /// - While the nodes of a cluster do not agree on its masters, or a master
    ///   that has slots cannot be reached, the source is `Disconnected` for the
    ///   whole cluster.
    fn watch_changes(&self, listener: Arc<dyn ChangeListener>) -> BoxFuture<'static, ()> {
        Box::pin(watch_changes(
            self.server.clone(),
            self.key_prefix.clone(),
            listener,
        ))
    }
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let key = self.key(id);
        match self.get(&key, self.server.deadline()).await? {
            Some(value) => decode(&key, id, &value).map(Some),
            None => Ok(None),
        }
    }

    /// Reads the key that consists of the prefix alone, which no session has.
    /// `PING` would succeed even if reading were denied. On a cluster, this
    /// calls only the master of that key.
    async fn ping(&self) -> Result<(), StoreError> {
        let deadline = self.server.deadline();
        match self.get(&self.key_prefix, deadline).await {
            // Any value is a reply, too.
            Err(error) if error.kind() == StoreErrorKind::CorruptRecord => Ok(()),
            found => found.map(drop),
        }
    }
}

#[async_trait]
impl SessionListing for RedisStore {
    /// Each page is one `SCAN`, which also looks at keys with other prefixes: a
    /// page may be empty if there are many of them. A page token ends with the
    /// server's process: after a restart or a fail-over it is an
    /// `InvalidPageToken`, and the listing must start again.
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError> {
        let position = page.map(Position::parse).transpose()?;
        let deadline = self.server.bulk_deadline();
        let (keys, next) = scan(&self.server, &self.key_prefix, position, limit, deadline).await?;
        let found: Vec<_> = stream::iter(keys)
            .map(|key| self.listed(key, deadline))
            .buffered(IN_FLIGHT)
            .collect()
            .await;
        let (mut records, mut unreadable) = (Vec::new(), Vec::new());
        for found in found {
            match found {
                Ok(record) => records.extend(record),
                Err(error) if Unreadable::is_source_of(&error) => unreadable.push(error),
                Err(error) => return Err(error.into()),
            }
        }
        let next = next.map(|position| position.token());
        Ok(Page::new(records, next).with_unreadable(unreadable))
    }
}

#[async_trait]
impl SessionRegistry for RedisStore {
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        let deadline = self.server.deadline();
        if self
            .put(record, token, OnConflict::Skip, now, deadline)
            .await?
        {
            Ok(())
        } else {
            Err(RegisterError::AlreadyExists)
        }
    }

    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        let deadline = self.server.deadline();
        let more = [&*expiry_text(expiry), &self.key_ttl(expiry, now)];
        let now = now.as_unix_ms().to_string();
        let is_renewed = RENEW
            .run_by_owner(&self.server, &self.key(id), &now, token, &more, deadline)
            .await?;
        if is_renewed {
            Ok(())
        } else {
            Err(RenewError::LeaseLost)
        }
    }

    /// On a cluster, `false` may also mean that the record was removed and the
    /// reply was lost, since the driver sends the command again.
    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        let deadline = self.server.deadline();
        DEREGISTER
            .run_by_owner(&self.server, &self.key(id), "", token, &[], deadline)
            .await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let now = &now.as_unix_ms().to_string();
        let mut removed = 0;
        let mut position = None;
        loop {
            let deadline = self.server.bulk_deadline();
            let (keys, next) = scan(
                &self.server,
                &self.key_prefix,
                position,
                SWEEP_PAGE,
                deadline,
            )
            .await
            .map_err(interrupted)?;
            removed += stream::iter(keys)
                .map(|key| async move {
                    let deadline = self.server.bulk_deadline();
                    match SWEEP.run(&self.server, &key, &[now], deadline).await {
                        Ok(is_removed) => Ok(u64::from(is_removed)),
                        // Not known to have expired. A lookup reports it.
                        Err(error) if Unreadable::is_source_of(&error) => Ok(0),
                        Err(error) => Err(error),
                    }
                })
                .buffer_unordered(IN_FLIGHT)
                .try_fold(0, async |sum, one| Ok(sum + one))
                .await?;
            if next.is_none() {
                return Ok(removed);
            }
            position = next;
        }
    }

    /// Sends a write that changes nothing: `SET` with `XX` of the key that
    /// consists of the prefix alone, which no session has. On a cluster, this
    /// calls only the master of that key.
    async fn check_writable(&self) -> Result<(), StoreError> {
        let deadline = self.server.deadline();
        match CHECK_WRITABLE
            .run(&self.server, &self.key_prefix, &[], deadline)
            .await
        {
            Err(error) if !Unreadable::is_source_of(&error) => Err(error),
            // Any value is a reply, too.
            _ => Ok(()),
        }
    }
}

/// A sweep pages through the keys, and its position can become invalid while it
/// runs. The caller sees no pages, and may sweep again.
fn interrupted(error: ListError) -> StoreError {
    match error {
        ListError::Store(error) => error,
        error => self::error(StoreErrorKind::Unavailable).with_source(error),
    }
}

#[async_trait]
impl SessionImport for RedisStore {
    async fn import(
        &self,
        records: &[SessionRecord],
        token: &LeaseToken,
        on_conflict: OnConflict,
        now: Timestamp,
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        let mut imported = Vec::with_capacity(records.len());
        for batch in batches_of_different_ids(records) {
            let mut stored = stream::iter(batch.iter().cloned())
                .map(|record| async move {
                    let deadline = self.server.bulk_deadline();
                    self.put(&record, token, on_conflict, now, deadline).await
                })
                .buffered(IN_FLIGHT);
            while let Some(is_stored) = stored.try_next().await? {
                imported.push(if is_stored {
                    ImportOutcome::Stored
                } else {
                    ImportOutcome::Skipped
                });
            }
        }
        Ok(imported)
    }
}

fn get(key: &str) -> Cmd {
    let mut command = redis::cmd("GET");
    command.arg(key);
    command
}

/// Splits `records` before an id that is repeated: commands that are in flight at
/// the same time may arrive in any order.
fn batches_of_different_ids(records: &[SessionRecord]) -> impl Iterator<Item = &[SessionRecord]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let mut seen = HashSet::new();
        let length = rest
            .iter()
            .position(|record| !seen.insert(record.id()))
            .unwrap_or(rest.len());
        let (batch, after) = rest.split_at(length);
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> RedisStore {
        RedisStore::new("redis://:tr0ub4dor@192.0.2.1".parse().unwrap())
    }

    fn at(ms: i64) -> Expiry {
        Expiry::At(Timestamp::from_unix_ms(ms))
    }

    #[test]
    fn key_outlives_its_record_by_the_grace() {
        let store = store();
        let now = Timestamp::from_unix_ms(1_000);
        assert_eq!(store.key_ttl(at(6_000), now), "3605000");
        assert_eq!(store.key_ttl(at(0), now), "3600000");
        assert_eq!(store.key_ttl(at(i64::MIN), now), "3600000");
        assert_eq!(store.key_ttl(at(i64::MAX), now), "");
        assert_eq!(store.key_ttl(Expiry::Never, now), "");
    }

    #[test]
    fn batch_ends_before_a_repeated_id() {
        let records: Vec<_> = ["a", "b", "a", "a", "c"]
            .map(|id| {
                SessionRecord::builder(id.parse().unwrap(), "h".parse().unwrap(), Expiry::Never)
                    .http_port(1)
                    .build()
                    .unwrap()
            })
            .into();
        let batches: Vec<_> = batches_of_different_ids(&records).map(<[_]>::len).collect();
        assert_eq!(batches, [2, 1, 2]);
        assert_eq!(batches_of_different_ids(&[]).count(), 0);
    }

    #[test]
    fn debug_shows_no_password() {
        let debug = format!("{:?} {:#?}", store(), store());
        assert!(
            debug.contains("192.0.2.1") && !debug.contains("tr0ub4dor"),
            "{debug}"
        );
    }
}
