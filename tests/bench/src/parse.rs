//! How long a session file takes to be read: by the store, and by serde_json
//! into a `Value`.

use std::path::PathBuf;
use std::time::Instant;

use clap::ValueEnum;
use dcv_resolver_static_file::StaticFileStore;

#[derive(Debug, clap::Args)]
pub(crate) struct Parse {
    by: By,
    file: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum By {
    Store,
    SerdeJson,
}

impl By {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::SerdeJson => "serde-json",
        }
    }
}

/// Prints the milliseconds, reading from disk included, freeing not.
pub(crate) fn run(parse: &Parse) {
    let started = Instant::now();
    let elapsed = match parse.by {
        By::Store => {
            let store = StaticFileStore::load(&parse.file).unwrap();
            let elapsed = started.elapsed();
            assert!(store.session_count() > 0);
            elapsed
        }
        By::SerdeJson => {
            let bytes = std::fs::read(&parse.file).unwrap();
            let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            drop(bytes);
            let elapsed = started.elapsed();
            assert!(value.is_object());
            elapsed
        }
    };
    println!("{}", elapsed.as_secs_f64() * 1_000.0);
}
