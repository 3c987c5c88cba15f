//! [`Store`]: what the resolver is opened over.

use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::address;
use crate::admin_request::LEASE;
use crate::context::Context;
use crate::failure::Result;
use crate::process::{self, Process};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// It is in memory as it is.
    File,
    Sqlite(Cache),
    Redis(Cache),
}

/// How much of a store the cache holds. Always set, so that the resolver's
/// default does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cache {
    Off,
    /// There is room for all sessions.
    On,
}

/// A store with its sessions, ready to be opened.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) url: String,
    /// The part of the configuration.
    pub(crate) config: String,
    _redis: Option<Process>,
}

impl Store {
    /// Creates it with the sessions of `sessions.json` in `folder`.
    pub(crate) fn prepare(self, context: &Context, folder: &Path) -> Result<Prepared> {
        let (url, cache, redis) = match self {
            Self::File => ("file:sessions.json".to_owned(), None, None),
            Self::Sqlite(cache) => {
                let url = format!("sqlite:{}", folder.join("sessions.db").display());
                import(context, &url, folder)?;
                (url, Some(cache), None)
            }
            Self::Redis(cache) => {
                let (process, url) = start_redis(context, folder)?;
                import(context, &url, folder)?;
                (url, Some(cache), Some(process))
            }
        };
        let cache = cache.map_or_else(String::new, |cache| format!("cache = {}\n", cache.toml()));
        Ok(Prepared {
            config: format!("[[stores]]\nname = \"store\"\nurl = \"{url}\"\n{cache}"),
            url,
            _redis: redis,
        })
    }
}

impl Cache {
    fn toml(self) -> &'static str {
        match self {
            Self::Off => "false",
            Self::On => "{ max_bytes = 536870912 }",
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, cache) = match self {
            Self::File => return f.write_str("static file"),
            Self::Sqlite(cache) => ("SQLite", cache),
            Self::Redis(cache) => ("Redis", cache),
        };
        let cached = match cache {
            Cache::Off => "uncached",
            Cache::On => "cached",
        };
        write!(f, "{name}, {cached}")
    }
}

fn start_redis(context: &Context, folder: &Path) -> Result<(Process, String)> {
    let address = address::free();
    let port = address.port().to_string();
    let mut command = process::on_core(context.settings.load_core, "redis-server");
    command
        .args([
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
        ])
        .arg(folder)
        .stdout(Stdio::null());
    let mut process = Process::start(&mut command)?;
    address::wait(
        &mut process,
        "redis-server",
        Duration::from_secs(30),
        || is_open(address),
    )?;
    Ok((process, format!("redis://{address}")))
}

fn is_open(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

/// Puts the sessions of `sessions.json` in `folder` into the store at `url`.
pub(crate) fn import(context: &Context, url: &str, folder: &Path) -> Result {
    let mut command = process::on_core(context.settings.load_core, &context.resolver);
    command.args(["import", "--store", url]);
    command.env("DCV_RESOLVER_LEASE_TOKEN", LEASE);
    process::output(command.arg(folder.join("sessions.json")))?;
    Ok(())
}
