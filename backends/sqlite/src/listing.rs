//! [`SessionListing`] for [`SqliteStore`].

use std::num::NonZeroUsize;

use dcv_resolver_core::{ListError, Page, PageToken, SessionListing, async_trait};

use crate::page_position::PagePosition;
use crate::row::{columns, decode};
use crate::store::SqliteStore;

macro_rules! list {
    ($after:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM dcv_session ",
            $after,
            " ORDER BY id LIMIT ?1"
        )
    };
}

const FIRST_PAGE: &str = list!("");

const PAGE_AFTER: &str = list!("WHERE id > CAST(?2 AS TEXT)");

#[async_trait]
impl SessionListing for SqliteStore {
    /// Pages are ordered by id, compared by byte. A page token stands for the last
    /// id of the page before.
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError> {
        let after = page.map(PagePosition::parse).transpose()?;
        // One row more than requested shows whether there is a next page.
        let rows = i64::try_from(limit.get()).map_or(i64::MAX, |limit| limit.saturating_add(1));

        let mut connection = self.database.bulk_reader().await?;
        let query = match after {
            None => sqlx::query(FIRST_PAGE).bind(rows),
            Some(after) => sqlx::query(PAGE_AFTER).bind(rows).bind(after.into_bytes()),
        };
        let rows = query
            .fetch_all(connection.driver())
            .await
            .map_err(|error| connection.failed(error))?;
        drop(connection);

        let (shown, rest) = rows.split_at(rows.len().min(limit.get()));
        let (mut records, mut unreadable) = (Vec::with_capacity(shown.len()), Vec::new());
        for row in shown {
            match decode(row) {
                Ok(record) => records.push(record),
                Err(error) => unreadable.push(error),
            }
        }
        let last = shown.last().filter(|_| !rest.is_empty());
        let next = last.map(|row| PagePosition::of(row).token());
        Ok(Page::new(records, next).with_unreadable(unreadable))
    }
}
