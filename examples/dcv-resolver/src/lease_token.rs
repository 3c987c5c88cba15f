//! [`LeaseTokenOption`]: the lease token of a command, which need not be visible
//! on the command line.

use std::convert::Infallible;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use dcv_resolver_core::LeaseToken;

use crate::failure::Failure;
use crate::variables;

/// The variable that holds a lease token.
pub(crate) const VARIABLE: &str = "DCV_RESOLVER_LEASE_TOKEN";

#[derive(Debug, Args)]
pub(crate) struct LeaseTokenOption {
    /// Reads the lease token from this file, or from standard input if FILE is -.
    /// Without this option, DCV_RESOLVER_LEASE_TOKEN applies. If that is not set
    /// either, register and import create a lease and print its token; renew and
    /// deregister need the token that they printed.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// The lease token. Other users can see it in the list of processes: use
    /// --token-file or DCV_RESOLVER_LEASE_TOKEN instead.
    #[arg(long, value_name = "HEX", conflicts_with = "token_file")]
    token: Option<Hidden>,
}

/// The text of a token. It is parsed after the command line, because clap quotes
/// what it rejects.
#[derive(Clone)]
struct Hidden(String);

impl FromStr for Hidden {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(..)")
    }
}

impl LeaseTokenOption {
    /// Returns the token, if one was given.
    pub(crate) fn given(&self) -> Result<Option<LeaseToken>, Failure> {
        let (text, place) = if let Some(Hidden(text)) = &self.token {
            (text.clone(), "--token".to_owned())
        } else if let Some(path) = &self.token_file {
            (read(path)?, format!("--token-file {}", path.display()))
        } else if let Some(text) = variables::value(VARIABLE) {
            (text, VARIABLE.to_owned())
        } else {
            return Ok(None);
        };
        let token = text.trim_start_matches('\u{feff}').trim().parse();
        token
            .map(Some)
            .map_err(|error| Failure::setup(format!("{place}: {error}")))
    }

    /// Returns the token, or what is missing.
    pub(crate) fn required(&self) -> Result<LeaseToken, Failure> {
        self.given()?.ok_or_else(|| {
            Failure::setup(format!(
                "the lease token that register printed is missing; give --token-file FILE, or set {VARIABLE}"
            ))
        })
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    /// Far more than a token has.
    const MAX_BYTES: u64 = 4096;
    let content = if path == Path::new("-") {
        let mut text = String::new();
        let reading = std::io::stdin().take(MAX_BYTES).read_to_string(&mut text);
        reading.map(|_| text)
    } else {
        dcv_resolver_file_watch::read(path)
            .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other))
    };
    content.map_err(|error| {
        Failure::setup(format!(
            "cannot read the lease token in {}: {error}",
            path.display()
        ))
    })
}
