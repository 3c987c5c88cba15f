//! [`SessionListing`] for [`SqliteStore`].

use std::num::NonZeroUsize;

use dcv_resolver_core::{
    Page, PageToken, SessionId, SessionListing, StoreError, StoreErrorKind, async_trait,
};

use crate::SqliteStore;
use crate::error::error;
use crate::row::{columns, record};

const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM dcv_session WHERE id > ?1 ORDER BY id LIMIT ?2"
);

#[async_trait]
impl SessionListing for SqliteStore {
    /// Pages go by id, byte by byte; a page token is the id that came last.
    async fn list(
        &self,
        page: Option<&PageToken>,
        limit: NonZeroUsize,
    ) -> Result<Page, StoreError> {
        let after = page
            .map(|token| SessionId::new(token.as_str()))
            .transpose()
            .map_err(|source| error(StoreErrorKind::InvalidPage).with_source(source))?;
        // One more than asked for tells whether there is a next page.
        let rows = i64::try_from(limit.get()).map_or(i64::MAX, |limit| limit.saturating_add(1));

        let mut connection = self.database.reader().await?;
        let rows = sqlx::query(LIST)
            .bind(after.as_ref().map_or("", SessionId::as_str))
            .bind(rows)
            .fetch_all(connection.driver())
            .await
            .map_err(|error| connection.failed(error))?;
        drop(connection);

        let records = rows
            .iter()
            .take(limit.get())
            .map(record)
            .collect::<Result<Vec<_>, _>>()?;
        let next = records
            .last()
            .filter(|_| rows.len() > limit.get())
            .map(|last| PageToken::new(last.id().as_str()));
        Ok(Page { records, next })
    }
}
