use std::num::NonZeroUsize;

use dcv_resolver_core::{
    Expiry, ListError, Page, PageToken, SessionId, SessionListing, SessionRecord, async_trait,
};

use crate::bug::Bug;
use crate::edit::without_labels;
use crate::judge::server_time;
use crate::place::{BuggyStore, Row};

impl BuggyStore {
    pub(crate) fn list_now(
        &self,
        page: Option<&PageToken>,
        limit: NonZeroUsize,
    ) -> Result<Page, ListError> {
        let after = page.map(|token| self.page_start(token)).transpose()?;
        let after = after.unwrap_or_default();
        let mut cursor = self.cursor.lock().unwrap();
        let after = match self.bug {
            Some(Bug::ListsShareACursor | Bug::ListTokensMoveOn) if page.is_some() => {
                cursor.clone()
            }
            _ => after,
        };
        let mut rest: Vec<_> = self
            .listed()
            .into_iter()
            .filter(|(position, _)| *position > after)
            .collect();
        if self.has(Bug::ListPagesByExpiry) {
            rest.sort_by(|(one, _), (other, _)| one.cmp(other));
        }

        let most = match self.bug {
            Some(Bug::ListOverflows) => limit.get().wrapping_add(1).saturating_sub(1),
            _ => limit.get(),
        };
        let shown = most.min(rest.len());
        let next = match self.bug {
            Some(Bug::ListHasNoEnd) => rest.last(),
            Some(Bug::ListSkipsOneBetweenPages) => rest.get(shown),
            _ if shown < rest.len() => shown.checked_sub(1).and_then(|last| rest.get(last)),
            _ => None,
        };
        let mut next = next.map(|(position, _)| PageToken::new(position.as_str()));
        if self.has(Bug::ListHasNoEnd) {
            next = next.or_else(|| Some(PageToken::new("the end")));
        }
        rest.truncate(shown);
        if let Some((position, _)) = rest.last() {
            cursor.clone_from(position);
        }
        let records = rest.into_iter().map(|(_, record)| record).collect();
        Ok(Page::new(records, next))
    }

    fn page_start(&self, token: &PageToken) -> Result<String, ListError> {
        let text = match self.bug {
            Some(Bug::ListTrimsItsPage) => token.as_str().trim(),
            Some(Bug::ListTakesAnyPage) => return Ok(token.as_str().to_owned()),
            _ => token.as_str(),
        };
        match SessionId::new(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(reason) => Err(ListError::invalid_page_token(reason)),
        }
    }

    /// What there is to list, with the positions that it is ordered by.
    fn listed(&self) -> Vec<(String, SessionRecord)> {
        let rows = self.rows();
        let removed = self.place.removed.lock().unwrap();
        let gone = removed
            .iter()
            .filter(|_| self.has(Bug::ListShowsTheRemoved));
        let listed = rows
            .values()
            .chain(gone)
            .filter(|row| {
                !self.has(Bug::ListHidesWhatIsExpired) || row.record.is_live(server_time())
            })
            .enumerate();
        listed
            .map(|(offset, row)| (self.position(offset, row), self.shown(row)))
            .collect()
    }

    fn position(&self, offset: usize, row: &Row) -> String {
        let id = row.record.id();
        match (self.bug, row.record.expiry()) {
            (Some(Bug::ListPagesByOffset), _) => format!("{offset:09}"),
            (Some(Bug::ListPagesByExpiry), Expiry::Never) => format!("never {id}"),
            (Some(Bug::ListPagesByExpiry), Expiry::At(at)) => {
                format!("{:020} {id}", at.as_unix_ms())
            }
            _ => id.as_str().to_owned(),
        }
    }

    fn shown(&self, row: &Row) -> SessionRecord {
        match self.bug {
            Some(Bug::ListForgetsLabels) => without_labels(&row.record),
            _ => row.record.clone(),
        }
    }
}

#[async_trait]
impl SessionListing for BuggyStore {
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError> {
        let connection = match self.connect().await {
            Err(_) if self.has(Bug::OutageEndsTheListing) => {
                return Ok(Page::new(Vec::new(), None));
            }
            connection => connection?,
        };
        let answer = self.list_now(page, limit);
        connection.close().await;
        answer
    }
}
