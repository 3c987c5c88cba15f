//! `list`: lists the sessions of a store, expired ones included.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use dcv_resolver_core::{ListError, SessionRecord};

use crate::cli::ListOptions;
use crate::failure::Failure;
use crate::open_store::{Missing, OpenStore};
use crate::output::line;
use crate::table;

const PAGE_SIZE: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

pub(crate) async fn run(options: ListOptions) -> Result<(), Failure> {
    let store = OpenStore::open(options.store.url()?, Missing::Fail).await?;
    let records = all(&store).await?;
    if options.json {
        let json = serde_json::to_string_pretty(&records)
            .map_err(|error| Failure::setup(format!("cannot write the list: {error}")))?;
        line(json)
    } else {
        table::print(&records)
    }
}

/// Returns every record of the store, by id.
pub(crate) async fn all(store: &OpenStore) -> Result<Vec<SessionRecord>, Failure> {
    let listing = store.listing();
    // A store may show a record twice; the map keeps one.
    let mut records = BTreeMap::new();
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
        match page.next {
            Some(token) => next = Some(token),
            None => return Ok(records.into_values().collect()),
        }
    }
}
