//! [`SessionListing`] for [`PostgresStore`].

use std::num::NonZeroUsize;

use dcv_resolver_core::{ListError, Page, PageToken, SessionId, SessionListing, async_trait};

use crate::error::store_error;
use crate::row::{Row, decode};
use crate::store::PostgresStore;

#[async_trait]
impl SessionListing for PostgresStore {
    /// A page begins after the id that its token names, even if that session
    /// has been removed: an offset would skip one.
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError> {
        let after = page.map(|token| SessionId::new(token.as_str()));
        let after = after.transpose().map_err(ListError::invalid_page_token)?;
        // One row more than requested shows whether there is a next page.
        let one_more = i64::try_from(limit.get()).map_or(i64::MAX, |limit| limit.saturating_add(1));
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, record, expires_at_ms FROM dcv_session \
             WHERE $1 IS NULL OR id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after.as_ref().map(SessionId::as_str))
        .bind(one_more)
        .fetch_all(&self.pool)
        .await
        .map_err(store_error)?;

        let (shown, rest) = rows.split_at(rows.len().min(limit.get()));
        let (mut records, mut unreadable) = (Vec::new(), Vec::new());
        for row in shown {
            match decode(row) {
                Ok(record) => records.push(record),
                Err(error) => unreadable.push(error),
            }
        }
        let last = shown.last().filter(|_| !rest.is_empty());
        let next = last.map(|(id, ..)| PageToken::new(id));
        Ok(Page::new(records, next).with_unreadable(unreadable))
    }
}
