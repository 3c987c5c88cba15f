//! [`SessionListing`] for [`SqliteStore`].

use std::num::NonZeroUsize;

use dcv_resolver_core::{ListError, Page, PageToken, SessionId, SessionListing, async_trait};

use crate::row::{columns, decode};
use crate::store::SqliteStore;

const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM dcv_session WHERE id > ?1 ORDER BY id LIMIT ?2"
);

#[async_trait]
impl SessionListing for SqliteStore {
    /// Pages are ordered by id, compared by byte. A page token is the last id of
    /// the page before.
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError> {
        let after = page
            .map(|token| SessionId::new(token.as_str()))
            .transpose()
            .map_err(ListError::invalid_page_token)?;
        // One row more than requested shows whether there is a next page.
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
            .map(decode)
            .collect::<Result<Vec<_>, _>>()?;
        let next = records
            .last()
            .filter(|_| rows.len() > limit.get())
            .map(|last| PageToken::new(last.id().as_str()));
        Ok(Page { records, next })
    }
}
