use std::cell::RefCell;
use std::num::NonZeroUsize;

use dcv_resolver_core::{
    Expiry, SessionListing, SessionRecord, SessionStore, StoreErrorKind, Timestamp,
};
use dcv_resolver_sqlite::SqliteStore;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};

use crate::message;
use crate::runtime::block_on;

/// A row of the table in SQLite with any values: a record has exactly these values,
/// and a lookup and a listing agree.
///
/// The input has a line for each column: its type (`n` for NULL, `i`, `r`, `t` or
/// `b`) and its value.
pub fn sqlite_row(data: &[u8]) {
    let row: Vec<_> = data.split(|byte| *byte == b'\n').map(Cell::parse).collect();
    let [id, ..] = &row[..] else { return };
    let expected = by_column(&row);
    let (page, found) = DATABASE.with_borrow_mut(|database| {
        let database = database.get_or_insert_with(Database::new);
        block_on(async {
            database.replace(&row).await;
            let store = &database.store;
            let page = store.list(None, NonZeroUsize::MIN).await.unwrap();
            let found = match id.text().map(str::parse) {
                Some(Ok(id)) => Some(store.lookup(&id).await),
                _ => None,
            };
            (page, found)
        })
    });
    assert_eq!(page.records.first(), expected.as_ref());
    assert_eq!(page.records.len() + page.unreadable.len(), 1);
    for error in &page.unreadable {
        assert_eq!(error.kind(), StoreErrorKind::CorruptRecord);
        // The text of the database is escaped where it is shown.
        let shown = error.chain().to_string().escape_debug().to_string();
        message::check_up_to(&shown, 64 * 1024);
    }
    match found {
        None => assert_eq!(expected, None),
        Some(Ok(record)) => assert_eq!(record, expected),
        Some(Err(error)) => {
            assert_eq!(error.kind(), StoreErrorKind::CorruptRecord);
            assert_eq!(expected, None);
        }
    }
}

/// Returns the record of a row, if each column has a value of its type.
fn by_column(row: &[Cell<'_>]) -> Option<SessionRecord> {
    let column = |index: usize| row.get(index).unwrap_or(&Cell::Null);
    let port = |index| {
        let port = column(index).optional(Cell::integer)?;
        port.map(u16::try_from).transpose().ok()
    };
    let id = column(0).text()?.parse().ok()?;
    let target_id = column(1).optional(Cell::text)?;
    let expires_at = column(7).optional(Cell::integer)?;
    let expiry = Expiry::from(expires_at.map(Timestamp::from_unix_ms));
    let labels: std::collections::BTreeMap<String, String> =
        serde_json::from_str(column(9).text()?).ok()?;
    SessionRecord::builder(id, column(2).text()?.parse().ok()?, expiry)
        .target_id(target_id.map(str::parse).transpose().ok()?)
        .http_port(port(3)?)
        .quic_port(port(4)?)
        .web_url_path(column(5).text()?.parse().ok()?)
        .state(column(6).text()?.parse().ok()?)
        .owner(column(8).optional(Cell::text)?)
        .labels(labels)
        .build()
        .ok()
}

/// Of the table, as far as they are read.
const COLUMNS: usize = 10;

/// The value of a column.
#[derive(Debug)]
enum Cell<'a> {
    Null,
    Integer(i64),
    Real(f64),
    /// Which may not be UTF-8.
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

impl<'a> Cell<'a> {
    fn parse(line: &'a [u8]) -> Self {
        let Some((kind, value)) = line.split_first() else {
            return Self::Null;
        };
        let text = std::str::from_utf8(value).unwrap_or_default();
        match kind {
            b'i' => text.parse().map_or(Self::Null, Self::Integer),
            b'r' => text.parse().map_or(Self::Null, Self::Real),
            b't' => Self::Text(value),
            b'b' => Self::Blob(value),
            _ => Self::Null,
        }
    }

    fn text(&self) -> Option<&'a str> {
        match self {
            Self::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns `None` if there is a value of another type.
    fn optional<T>(&self, read: impl FnOnce(&Self) -> Option<T>) -> Option<Option<T>> {
        match self {
            Self::Null => Some(None),
            other => read(other).map(Some),
        }
    }
}

thread_local! {
    static DATABASE: RefCell<Option<Database>> = const { RefCell::new(None) };
}

/// A database in memory with one row.
struct Database {
    pool: SqlitePool,
    store: SqliteStore,
}

impl Database {
    fn new() -> Self {
        block_on(async {
            let pool = SqlitePoolOptions::new()
                .max_connections(1)
                .idle_timeout(None)
                .max_lifetime(None)
                .connect("sqlite::memory:")
                .await
                .unwrap();
            dcv_resolver_sqlite::migrate(&pool).await.unwrap();
            // Without the types and checks of ours, as in a damaged database.
            let table = "DROP TABLE dcv_session; CREATE TABLE dcv_session (id, target_id, host, \
                http_port, quic_port, web_url_path, state, expires_at_ms, owner, labels)";
            sqlx::raw_sql(table).execute(&pool).await.unwrap();
            let store = SqliteStore::with_pool(pool.clone());
            Self { pool, store }
        })
    }

    async fn replace(&self, row: &[Cell<'_>]) {
        let delete = sqlx::query("DELETE FROM dcv_session");
        delete.execute(&self.pool).await.unwrap();
        let cell = |index| row.get(index).unwrap_or(&Cell::Null);
        // A text that is not UTF-8 can only be bound as bytes.
        let value = |index| match cell(index) {
            Cell::Text(_) => format!("CAST(?{} AS TEXT)", index + 1),
            _ => format!("?{}", index + 1),
        };
        let values: Vec<_> = (0..COLUMNS).map(value).collect();
        let insert = format!("INSERT INTO dcv_session VALUES ({})", values.join(", "));
        let mut insert = sqlx::query(sqlx::AssertSqlSafe(insert));
        for index in 0..COLUMNS {
            insert = match cell(index) {
                Cell::Null => insert.bind(None::<i64>),
                Cell::Integer(number) => insert.bind(*number),
                Cell::Real(number) => insert.bind(*number),
                Cell::Text(bytes) | Cell::Blob(bytes) => insert.bind(bytes.to_vec()),
            };
        }
        insert.execute(&self.pool).await.unwrap();
    }
}
