//! The scripts of the Redis registry through the redis crate.

use std::time::Duration;

use dcv_resolver_core::{SessionId, SessionRecord, Timestamp, async_trait};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script};

use super::caller::{Caller, PAGE, TOKEN, changed, expires_at, in_an_hour, now};
use crate::failure::{Result, While};

macro_rules! script {
    ($name:literal) => {
        concat!(
            include_str!("../../../../backends/redis/src/scripts/prelude.lua"),
            include_str!(concat!("../../../../backends/redis/src/scripts/", $name))
        )
    };
}

/// As many commands as the registry has in flight.
const IN_FLIGHT: usize = 256;
/// How long it keeps a key after its session has expired.
const GRACE: Duration = Duration::from_hours(1);

pub(super) struct BareRedis {
    connection: MultiplexedConnection,
    register: Script,
    renew: Script,
    deregister: Script,
    sweep: Script,
    /// As the values have it.
    digest: String,
    cursor: u64,
}

impl BareRedis {
    pub(super) async fn open(url: &str) -> Result<Self> {
        let client = redis::Client::open(format!("{url}?protocol=resp3"));
        let client = client.while_doing("cannot connect to Redis")?;
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        let digits = TOKEN.digest().map(|byte| format!("{byte:02x}"));
        Ok(Self {
            connection: connection.await.while_doing("cannot connect to Redis")?,
            register: Script::new(script!("register.lua")),
            renew: Script::new(script!("renew.lua")),
            deregister: Script::new(script!("deregister.lua")),
            sweep: Script::new(script!("sweep.lua")),
            digest: format!("sha256:{}", digits.concat()),
            cursor: 0,
        })
    }

    async fn put(&self, record: &SessionRecord) -> Result {
        let (now, expires_at) = (now(), expires_at(record)?);
        let expires_at_ms = expires_at.as_unix_ms();
        let json = serde_json::to_string(record).while_doing("cannot write JSON")?;
        let value = format!("dcv-session/2 {expires_at_ms} {}\n{json}", self.digest);
        let stored: RedisResult<bool> = self
            .register
            .key(key(record.id()))
            .arg(now.as_unix_ms())
            .arg(&self.digest)
            .arg("")
            .arg(value)
            .arg(key_ttl_ms(expires_at, now))
            .arg("keep")
            .invoke_async(&mut self.connection.clone())
            .await;
        changed(stored.while_doing("cannot register")?, record.id())
    }

    async fn scan(&self, cursor: u64, count: usize) -> RedisResult<(u64, Vec<String>)> {
        redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg("dcv:session:*")
            .arg("COUNT")
            .arg(count)
            .query_async(&mut self.connection.clone())
            .await
    }

    async fn get(&self, key: String) -> RedisResult<Option<Vec<u8>>> {
        let mut command = redis::cmd("GET");
        let command = command.arg(key);
        command.query_async(&mut self.connection.clone()).await
    }

    async fn sweep_key(&self, key: String, now: Timestamp) -> RedisResult<u64> {
        self.sweep
            .key(key)
            .arg(now.as_unix_ms())
            .invoke_async(&mut self.connection.clone())
            .await
    }
}

#[async_trait]
impl Caller for BareRedis {
    async fn register(&mut self, record: &SessionRecord) -> Result {
        self.put(record).await
    }

    async fn renew(&mut self, id: &SessionId) -> Result {
        let (now, expires_at) = (now(), in_an_hour());
        let renewed: RedisResult<bool> = self
            .renew
            .key(key(id))
            .arg(now.as_unix_ms())
            .arg(&self.digest)
            .arg("")
            .arg(expires_at.as_unix_ms())
            .arg(key_ttl_ms(expires_at, now))
            .invoke_async(&mut self.connection)
            .await;
        changed(renewed.while_doing("cannot renew")?, id)
    }

    async fn deregister(&mut self, id: &SessionId) -> Result {
        let removed: RedisResult<bool> = self
            .deregister
            .key(key(id))
            .arg("")
            .arg(&self.digest)
            .arg("")
            .invoke_async(&mut self.connection)
            .await;
        changed(removed.while_doing("cannot deregister")?, id)
    }

    async fn list(&mut self) -> Result {
        let list = async {
            let (cursor, keys) = self.scan(self.cursor, PAGE).await?;
            let found = stream::iter(keys)
                .map(|key| self.get(key))
                .buffered(IN_FLIGHT)
                .try_collect::<Vec<_>>();
            found.await.map(|_| cursor)
        };
        self.cursor = list.await.while_doing("cannot list")?;
        Ok(())
    }

    async fn import(&mut self, records: &[SessionRecord]) -> Result {
        let this = &*self;
        stream::iter(records.to_vec())
            .map(|record| async move { this.put(&record).await })
            .buffered(IN_FLIGHT)
            .try_collect()
            .await
    }

    async fn sweep(&mut self) -> Result<u64> {
        let (now, this) = (now(), &*self);
        let sweep = async {
            let (mut removed, mut cursor) = (0, 0);
            loop {
                let (next, keys) = this.scan(cursor, 1_000).await?;
                removed += stream::iter(keys)
                    .map(|key| this.sweep_key(key, now))
                    .buffer_unordered(IN_FLIGHT)
                    .try_fold(0, async |sum, one| Ok(sum + one))
                    .await?;
                if next == 0 {
                    return RedisResult::Ok(removed);
                }
                cursor = next;
            }
        };
        sweep.await.while_doing("cannot sweep")
    }
}

fn key(id: &SessionId) -> String {
    ["dcv:session:", id.as_str()].concat()
}

fn key_ttl_ms(expires_at: Timestamp, now: Timestamp) -> i64 {
    let left_ms = expires_at.as_unix_ms() - now.as_unix_ms();
    left_ms.max(0) + GRACE.as_millis() as i64
}
