//! `list`: lists the sessions of a store, expired ones included.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use dcv_resolver_core::{ListError, SessionRecord, StoreError};

use crate::cli::ListOptions;
use crate::failure::Failure;
use crate::open_store::{OpenStore, Purpose};
use crate::output::line;
use crate::table;

const PAGE_SIZE: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// The sessions of a store.
#[derive(Debug)]
pub(crate) struct Listed {
    /// Ordered by id.
    pub(crate) records: Vec<SessionRecord>,
    unreadable: Vec<StoreError>,
}

impl Listed {
    /// Fails if there are records that cannot be read, and names them.
    pub(crate) fn ensure_complete(&self, store: &OpenStore) -> Result<(), Failure> {
        let named = self
            .unreadable
            .iter()
            .map(|error| error.chain().to_string());
        match &named.collect::<Vec<_>>()[..] {
            [] => Ok(()),
            named => Err(Failure::negative(format!(
                "{}: {} of {} sessions cannot be read; register them again or remove them:\n{}",
                store.name,
                named.len(),
                named.len() + self.records.len(),
                named.join("\n"),
            ))),
        }
    }
}

pub(crate) async fn run(options: ListOptions) -> Result<(), Failure> {
    OpenStore::with(options.store.url()?, Purpose::Read, async |store| {
        let listed = all(store).await?;
        if options.json {
            let json = serde_json::to_string_pretty(&listed.records)
                .map_err(|error| Failure::setup(format!("cannot write the list: {error}")))?;
            line(json)?;
        } else {
            table::print(&listed.records)?;
        }
        listed.ensure_complete(store)
    })
    .await
}

/// Returns every record of the store.
pub(crate) async fn all(store: &OpenStore) -> Result<Listed, Failure> {
    let listing = store.listing().ok_or_else(|| {
        Failure::setup(format!(
            "{}: another resolver cannot list its sessions; ask for one with `resolve`",
            store.name
        ))
    })?;
    // A store may show a record twice; the map keeps one.
    let mut records = BTreeMap::new();
    let mut unreadable = Vec::new();
    let mut next = None;
    loop {
        let page = listing
            .list(next.as_ref(), PAGE_SIZE)
            .await
            .map_err(|error| match error {
                ListError::Store(error) => store.failure(&error),
                error => Failure::setup(format!("{}: {error}", store.name)),
            })?;
        records.extend(
            page.records
                .into_iter()
                .map(|record| (record.id().clone(), record)),
        );
        unreadable.extend(page.unreadable);
        match page.next {
            Some(token) => next = Some(token),
            None => break,
        }
    }
    Ok(Listed {
        records: records.into_values().collect(),
        unreadable,
    })
}
