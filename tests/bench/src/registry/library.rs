//! Calls of the registry itself.

use std::num::NonZeroUsize;
use std::sync::Arc;

use dcv_resolver_core::{
    Expiry, OnConflict, PageToken, SessionId, SessionImport, SessionRecord, async_trait,
};

use super::caller::{Caller, PAGE, TOKEN, changed, in_an_hour, now};
use crate::failure::{Result, While};

pub(super) struct Library {
    registry: Arc<dyn SessionImport>,
    page: Option<PageToken>,
}

impl Library {
    pub(super) fn over(registry: Arc<dyn SessionImport>) -> Self {
        Self {
            registry,
            page: None,
        }
    }
}

#[async_trait]
impl Caller for Library {
    async fn register(&mut self, record: &SessionRecord) -> Result {
        let registered = self.registry.register(record, &TOKEN, now()).await;
        registered.while_doing("cannot register")
    }

    async fn renew(&mut self, id: &SessionId) -> Result {
        let expiry = Expiry::At(in_an_hour());
        let renewed = self.registry.renew(id, &TOKEN, expiry, now()).await;
        renewed.while_doing("cannot renew")
    }

    async fn deregister(&mut self, id: &SessionId) -> Result {
        let removed = self.registry.deregister(id, &TOKEN).await;
        changed(removed.while_doing("cannot deregister")?, id)
    }

    async fn list(&mut self) -> Result {
        const LIMIT: NonZeroUsize = NonZeroUsize::new(PAGE).unwrap();

        let page = self.registry.list(self.page.as_ref(), LIMIT).await;
        self.page = page.while_doing("cannot list")?.next;
        Ok(())
    }

    async fn import(&mut self, records: &[SessionRecord]) -> Result {
        let imported = self
            .registry
            .import(records, &TOKEN, OnConflict::Skip, now());
        imported.await.while_doing("cannot import")?;
        Ok(())
    }

    async fn sweep(&mut self) -> Result<u64> {
        self.registry.sweep(now()).await.while_doing("cannot sweep")
    }
}
