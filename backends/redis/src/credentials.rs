//! [`Credentials`]: what a client authenticates with.

use std::fmt;
use std::path::{Path, PathBuf};

use dcv_resolver_core::StoreErrorKind;

use crate::failure::Failure;
use crate::secret_file;

/// A user and a password, as configured. `Debug` prints no password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// The default user if there is none.
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Password>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Password {
    Text(String),
    /// Read for each connection, so that a password can be replaced.
    File(PathBuf),
}

impl Password {
    /// Returns the file that holds it.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Text(_) => None,
            Self::File(path) => Some(path),
        }
    }
}

/// A user and a password, as they are sent.
pub(crate) struct Login {
    pub(crate) username: Option<String>,
    pub(crate) password: String,
}

impl Credentials {
    /// Returns what to authenticate with; `setting` names the file of the
    /// password.
    pub(crate) async fn login(&self, setting: &'static str) -> Result<Option<Login>, Failure> {
        let password = match &self.password {
            None => return Ok(None),
            Some(Password::Text(password)) => password.clone(),
            Some(Password::File(path)) => {
                let content = secret_file::read(setting, path).await?;
                let text = String::from_utf8(content).map_err(|_| {
                    let path = path.display();
                    let problem = format!("{setting} {path} is not UTF-8 text");
                    Failure::new(StoreErrorKind::InvalidConfig, problem)
                })?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
        };
        Ok(Some(Login {
            username: self.username.clone(),
            password,
        }))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(..)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}
