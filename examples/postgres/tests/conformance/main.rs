//! The contracts, on a PostgreSQL server that the tests start.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

mod failures;
mod proxy;
mod server;

use std::slice;
use std::sync::atomic::{AtomicU32, Ordering};

use dcv_resolver_conformance::{
    ChangingFixture, Fixture, OutageFixture, conformance, deregister, register_each,
};
use dcv_resolver_core::{SessionId, SessionRecord};
use dcv_resolver_example_postgres::PostgresStore;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use crate::proxy::Proxy;

/// A schema of its own for each rule, behind a connection that can be cut.
struct Schema {
    name: String,
    proxy: Proxy,
}

impl Schema {
    fn store(&self, server: PgConnectOptions) -> PostgresStore {
        PostgresStore::new(PgPoolOptions::new().connect_lazy_with(self.options(server)))
    }

    fn options(&self, server: PgConnectOptions) -> PgConnectOptions {
        server.options([("search_path", &self.name)])
    }

    async fn execute(&self, sql: &str) {
        let mut connection = self.options(server::options()).connect().await.unwrap();
        let sql = AssertSqlSafe(sql.to_owned());
        connection.execute(sql).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Another process, which is not cut off.
    fn elsewhere(&self) -> PostgresStore {
        self.store(server::options())
    }
}

impl Fixture for Schema {
    type Store = PostgresStore;

    async fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // A name that has to be quoted.
        let name = format!("\"Rule-{}\"", COUNT.fetch_add(1, Ordering::Relaxed));
        let proxy = Proxy::start(&server::socket()).await;
        let schema = Self { name, proxy };
        let create = format!("CREATE SCHEMA {}", schema.name);
        schema.execute(&create).await;
        schema.elsewhere().migrate().await.unwrap();
        schema
    }

    async fn seed(&self, records: &[SessionRecord]) {
        register_each(&self.elsewhere(), records, self.t0()).await;
    }

    async fn open(&self) -> PostgresStore {
        self.store(server::options_over(self.proxy.port()))
    }
}

impl OutageFixture for Schema {
    async fn cut(&self) {
        self.proxy.cut();
    }

    async fn restore(&self) {
        self.proxy.restore();
    }
}

impl ChangingFixture for Schema {
    async fn set(&self, record: &SessionRecord) {
        self.seed(slice::from_ref(record)).await;
    }

    async fn remove(&self, id: &SessionId) {
        deregister(&self.elsewhere(), id).await;
    }
}

conformance!(
    #[ignore = "needs PostgreSQL"]
    read, list, registry, durability, shared, outage, outage_registry, changes, changes_registry;
    Schema
);
