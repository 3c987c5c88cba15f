//! How long a session file takes to be read: by the store, and by serde_json.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use dcv_resolver_static_file::StaticFileStore;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::failure::{Result, While};

#[derive(Debug, clap::Args)]
pub(crate) struct Parse {
    by: By,
    file: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum By {
    /// With every rule checked and the position of every error.
    Store,
    /// serde_json into a `Value`: what it does by itself.
    Value,
    /// serde_json into a map of plain structs: the least that could be served
    /// from.
    Structs,
}

/// A session as far as AWS's sample has it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "reading it is all that is measured")]
struct Session {
    session_id: String,
    host: String,
    http_port: u16,
    quic_port: u16,
    web_url_path: String,
}

impl By {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Value => "value",
            Self::Structs => "structs",
        }
    }
}

/// Prints the milliseconds, reading from disk included, freeing not.
pub(crate) fn run(parse: &Parse) -> Result {
    let elapsed = match parse.by {
        By::Store => by_store(parse)?,
        By::Value => by_serde::<serde_json::Value>(parse)?,
        By::Structs => by_serde::<HashMap<String, Session>>(parse)?,
    };
    println!("{}", elapsed.as_secs_f64() * 1_000.0);
    Ok(())
}

fn by_store(Parse { file, .. }: &Parse) -> Result<Duration> {
    let started = Instant::now();
    let store = StaticFileStore::load(file).while_doing("cannot load it")?;
    let elapsed = started.elapsed();
    drop(store);
    Ok(elapsed)
}

fn by_serde<T: DeserializeOwned>(Parse { file, .. }: &Parse) -> Result<Duration> {
    let started = Instant::now();
    let bytes = std::fs::read(file).while_doing(format_args!("cannot read {}", file.display()))?;
    let value: T = serde_json::from_slice(&bytes).while_doing("cannot parse it")?;
    drop(bytes);
    let elapsed = started.elapsed();
    drop(value);
    Ok(elapsed)
}
