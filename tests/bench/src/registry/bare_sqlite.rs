//! The statements of the SQLite registry through sqlx, with its settings. They
//! are copies of those in `backends/sqlite/src`, which are private.

use std::path::Path;
use std::time::Duration;

use dcv_resolver_core::{SessionId, SessionRecord, Transport, async_trait};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Row};

use super::caller::{Caller, PAGE, TOKEN, changed, expires_at, in_an_hour, now};
use crate::failure::{Result, While};

macro_rules! columns {
    () => {
        "id, target_id, host, http_port, quic_port, web_url_path, state, expires_at_ms, owner, labels"
    };
}

macro_rules! overwrite {
    () => {
        "ON CONFLICT (id) DO UPDATE SET \
        target_id = excluded.target_id, host = excluded.host, \
        http_port = excluded.http_port, quic_port = excluded.quic_port, \
        web_url_path = excluded.web_url_path, state = excluded.state, \
        expires_at_ms = excluded.expires_at_ms, owner = excluded.owner, \
        labels = excluded.labels, lease_digest = excluded.lease_digest, lease_token = NULL"
    };
}

const REGISTER: &str = concat!(
    "INSERT INTO dcv_session (",
    columns!(),
    ", lease_digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ",
    overwrite!(),
    " WHERE lease_digest = excluded.lease_digest OR lease_token = ?13 OR expires_at_ms <= ?12",
);

const RENEW: &str = "UPDATE dcv_session \
    SET expires_at_ms = ?4, lease_digest = ?2, lease_token = NULL \
    WHERE id = ?1 AND (lease_digest = ?2 OR lease_token = ?3) \
    AND (expires_at_ms IS NULL OR expires_at_ms > ?5)";

const DEREGISTER: &str =
    "DELETE FROM dcv_session WHERE id = ?1 AND (lease_digest = ?2 OR lease_token = ?3)";

const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM dcv_session WHERE id > CAST(?2 AS TEXT) ORDER BY id LIMIT ?1"
);

const IMPORT: &str = concat!(
    "INSERT INTO dcv_session (",
    columns!(),
    ", lease_digest) SELECT value ->> 'id', value ->> 'target_id', value ->> 'host', \
    value ->> 'http_port', value ->> 'quic_port', value ->> 'web_url_path', \
    value ->> 'state', value ->> 'expires_at_ms', value ->> 'owner', \
    coalesce(value -> 'labels', '{}'), ?2 FROM json_each(?1) WHERE true ",
    overwrite!(),
    " WHERE lease_digest = excluded.lease_digest OR lease_token = ?4 OR expires_at_ms <= ?3 \
    RETURNING id"
);

const SWEEP: &str = "DELETE FROM dcv_session WHERE id IN \
    (SELECT id FROM dcv_session WHERE expires_at_ms <= ?1 LIMIT ?2)";
const SWEEP_BATCH: u32 = 1_000;

pub(super) struct BareSqlite {
    pool: SqlitePool,
    digest: Vec<u8>,
    /// The last id of the page before.
    after: String,
}

impl BareSqlite {
    pub(super) async fn open(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(Duration::from_millis(300))
            .synchronous(SqliteSynchronous::Normal)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            // As the registry writes.
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options);
        let pool = pool.await.while_doing("cannot open the database")?;
        Ok(Self {
            pool,
            digest: TOKEN.digest().into(),
            after: String::new(),
        })
    }
}

#[async_trait]
impl Caller for BareSqlite {
    async fn register(&mut self, record: &SessionRecord) -> Result {
        let done = sqlx::query(REGISTER)
            .bind(record.id().as_str())
            .bind(None::<&str>)
            .bind(record.host().as_str())
            .bind(record.port(Transport::Http))
            .bind(record.port(Transport::Quic))
            .bind("/")
            .bind("READY")
            .bind(expires_at(record)?.as_unix_ms())
            .bind(None::<&str>)
            .bind("{}")
            .bind(&*self.digest)
            .bind(now().as_unix_ms())
            .bind(&TOKEN.as_bytes()[..])
            .execute(&self.pool)
            .await;
        let done = done.while_doing("cannot register")?;
        changed(done.rows_affected() > 0, record.id())
    }

    async fn renew(&mut self, id: &SessionId) -> Result {
        let done = sqlx::query(RENEW)
            .bind(id.as_str())
            .bind(&*self.digest)
            .bind(&TOKEN.as_bytes()[..])
            .bind(in_an_hour().as_unix_ms())
            .bind(now().as_unix_ms())
            .execute(&self.pool)
            .await;
        let done = done.while_doing("cannot renew")?;
        changed(done.rows_affected() > 0, id)
    }

    async fn deregister(&mut self, id: &SessionId) -> Result {
        let done = sqlx::query(DEREGISTER)
            .bind(id.as_str())
            .bind(&*self.digest)
            .bind(&TOKEN.as_bytes()[..])
            .execute(&self.pool)
            .await;
        let done = done.while_doing("cannot deregister")?;
        changed(done.rows_affected() > 0, id)
    }

    async fn list(&mut self) -> Result {
        let rows = sqlx::query(LIST)
            .bind(PAGE as i64 + 1)
            .bind(self.after.as_bytes())
            .fetch_all(&self.pool)
            .await
            .while_doing("cannot list")?;
        let last = rows.get(PAGE - 1).filter(|_| rows.len() > PAGE);
        let last = last.map(|row| row.try_get(0)).transpose();
        self.after = last.while_doing("a session has no id")?.unwrap_or_default();
        Ok(())
    }

    async fn import(&mut self, records: &[SessionRecord]) -> Result {
        let json = serde_json::to_string(records).while_doing("cannot write JSON")?;
        let import = async {
            let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
            sqlx::query(IMPORT)
                .bind(json)
                .bind(&*self.digest)
                .bind(now().as_unix_ms())
                .bind(&TOKEN.as_bytes()[..])
                .fetch_all(&mut *transaction)
                .await?;
            transaction.commit().await
        };
        import.await.while_doing("cannot import")
    }

    async fn sweep(&mut self) -> Result<u64> {
        let mut removed = 0;
        loop {
            let done = sqlx::query(SWEEP)
                .bind(now().as_unix_ms())
                .bind(SWEEP_BATCH)
                .execute(&self.pool)
                .await
                .while_doing("cannot sweep")?;
            removed += done.rows_affected();
            if done.rows_affected() < u64::from(SWEEP_BATCH) {
                return Ok(removed);
            }
        }
    }
}
