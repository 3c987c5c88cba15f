//! `import`: imports sessions into a store.
//!
//! | file | |
//! |---|---|
//! | `source.rs` | which format a file has |
//! | `dcv_server.rs` | the sessions of a DCV server |
//! | `broker.rs`, `lenient.rs` | the sessions of a Session Manager Broker; JSON whose keys drift |

mod broker;
mod dcv_server;
mod lenient;
mod source;

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use dcv_resolver_core::{Clock, ImportOutcome, OnConflict, SessionId, SessionRecord, SystemClock};

use crate::cli::ImportOptions;
use crate::failure::Failure;
use crate::lease::new_token;
use crate::open_store::{OpenStore, Purpose};
use crate::output::{self, line};
use crate::store_url::StoreUrl;

const BATCH_SIZE: usize = 1_000;

/// Imports every session of the file, or prints which were skipped.
pub(crate) async fn run(options: ImportOptions) -> Result<(), Failure> {
    let records = source::read(&options)?;
    let url = options.store.url()?;
    if options.dry_run {
        return dry_run(url, records.len()).await;
    }
    OpenStore::with(url, Purpose::Create, async |store| {
        import(&options, &records, store).await
    })
    .await
}

/// Opens the store and imports nothing.
async fn dry_run(url: StoreUrl, total: usize) -> Result<(), Failure> {
    let would = format!("{total} sessions would be imported into {}", url.name());
    if url.is_missing_database() {
        return line(format!("{would}, which would be created"));
    }
    OpenStore::with(url, Purpose::Read, async |store| {
        store.registry()?;
        line(would)
    })
    .await
}

async fn import(
    options: &ImportOptions,
    records: &[SessionRecord],
    store: &OpenStore,
) -> Result<(), Failure> {
    let total = records.len();
    let registry = &**store.registry()?;
    let token = options.token.given()?.map_or_else(new_token, Ok)?;
    let on_conflict = if options.replace {
        OnConflict::Overwrite
    } else {
        OnConflict::Skip
    };
    let mut progress = Progress::new(total);
    let mut skipped: Vec<SessionId> = Vec::new();
    let mut done = 0;
    for batch in records.chunks(BATCH_SIZE) {
        let imported = registry
            .import(batch, &token, on_conflict, SystemClock.now())
            .await
            .map_err(|error| {
                Failure::setup(format!(
                    "{}: {}; {} of {total} sessions were imported, and some of the next {} may have been; run the same command again with DCV_RESOLVER_LEASE_TOKEN={}",
                    store.name,
                    error.chain(),
                    done - skipped.len(),
                    batch.len(),
                    token.expose_hex(),
                ))
            })?;
        for (record, imported) in batch.iter().zip(imported) {
            if imported == ImportOutcome::Skipped {
                skipped.push(record.id().clone());
            }
        }
        done += batch.len();
        progress.show(done);
    }

    line(format!(
        "imported {} of {total} sessions into {} under lease {}",
        total - skipped.len(),
        store.name,
        token.expose_hex()
    ))?;
    for warning in store.warnings_or_why_not().await {
        output::warn(warning);
    }
    if skipped.is_empty() {
        return Ok(());
    }
    Err(Failure::negative(format!(
        "not imported, because a live session is registered under another lease (--replace overwrites it): {}",
        output::first_ids(&skipped)
    )))
}

/// Shows the progress on a terminal, once a second.
struct Progress {
    total: usize,
    shown: Instant,
    terminal: bool,
}

impl Progress {
    fn new(total: usize) -> Self {
        Self {
            total,
            shown: Instant::now(),
            terminal: io::stderr().is_terminal(),
        }
    }

    fn show(&mut self, done: usize) {
        if self.terminal && self.shown.elapsed() >= Duration::from_secs(1) {
            self.shown = Instant::now();
            // A closed terminal must not stop an import.
            let _ignored = write!(io::stderr(), "\r{done} of {} sessions\r", self.total);
        }
    }
}
