//! `backup`, `restore` and `migrate`: what only databases need.

use dcv_resolver_sqlite::{BackupError, MIGRATIONS, Migration};

use crate::cli::{BackupOptions, MigrateOptions, RestoreOptions};
use crate::failure::Failure;
use crate::open_store::{OpenStore, Purpose};
use crate::output::line;

/// Copies a database to a new file.
pub(crate) async fn backup(options: BackupOptions) -> Result<(), Failure> {
    OpenStore::with(options.store.url()?, Purpose::Read, async |store| {
        let copied = store.database()?.backup(&options.file).await;
        let sessions = copied.map_err(|error| match error {
            BackupError::Store(error) => store.failure(&error),
            error => Failure::setup(error.to_string()),
        })?;
        line(format_args!(
            "copied {sessions} sessions of {} to {}",
            store.name,
            options.file.display()
        ))
    })
    .await
}

/// Replaces every session of a database by those of a backup.
pub(crate) async fn restore(options: RestoreOptions) -> Result<(), Failure> {
    OpenStore::with(options.store.url()?, Purpose::Create, async |store| {
        let restored = (store.database()?.restore(&options.file).await)
            .map_err(|error| store.failure(&error))?;
        line(format_args!(
            "{} now has the {} sessions of {}, instead of the {} it had before",
            store.name,
            restored.restored,
            options.file.display(),
            restored.replaced
        ))
    })
    .await
}

/// Migrates the tables of a database to the current version.
pub(crate) async fn migrate(options: MigrateOptions) -> Result<(), Failure> {
    let purpose = if options.create {
        Purpose::Create
    } else {
        Purpose::Write
    };
    // Opening it for writing migrates it, and reports that.
    OpenStore::with(options.store.url()?, purpose, async |store| {
        match store.database()?.migration().await {
            Some(Migration { from: 1.., .. }) => Ok(()),
            _ => line(format_args!(
                "{}: the schema version is {}, which is current",
                store.name,
                MIGRATIONS.len()
            )),
        }
    })
    .await
}
