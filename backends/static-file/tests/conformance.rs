//! The store keeps the contracts of lookup and listing, in both formats.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

mod write;

use std::fs;
use std::path::PathBuf;

use dcv_resolver_conformance::{Fixture, conformance};
use dcv_resolver_core::SessionRecord;
use dcv_resolver_static_file::{Format, StaticFileStore};
use tempfile::TempDir;
use write::write;

fn seed(path: PathBuf, records: &[SessionRecord]) {
    let format = Format::from_path(&path).unwrap();
    fs::write(path, write(records, format)).unwrap();
}

macro_rules! fixture {
    ($fixture:ident, $name:literal) => {
        struct $fixture(TempDir);

        impl Fixture for $fixture {
            type Store = StaticFileStore;

            async fn new() -> Self {
                Self(tempfile::tempdir().unwrap())
            }

            async fn seed(&self, records: &[SessionRecord]) {
                seed(self.0.path().join($name), records);
            }

            async fn open(&self) -> StaticFileStore {
                StaticFileStore::load(self.0.path().join($name)).unwrap()
            }
        }
    };
}

fixture!(Toml, "sessions.toml");
fixture!(Json, "sessions.json");

mod toml {
    use super::*;
    conformance!(read, list; Toml);
}

mod json {
    use super::*;
    conformance!(read, list; Json);
}
