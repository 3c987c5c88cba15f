//! [`Redis`]: the settings of a Redis store.

use std::path::{Path, PathBuf};

use dcv_resolver_redis::{RedisConfig, RedisProtocol};
use schemars::JsonSchema;
use serde::Deserialize;

use super::client_tls;
use super::number::Within;

/// How long to wait for a server, in milliseconds.
pub(crate) type ServerTimeout = Within<1, 60_000>;
/// The number of a database.
pub(crate) type Database = Within<0, 65_535>;
/// How long an expired record is kept, in milliseconds: up to a year.
pub(crate) type Grace = Within<0, 31_536_000_000>;

/// The settings of a Redis store. Each replaces the parameter of its name in the
/// URL. Files are read whenever a connection is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Redis {
    /// The certificate authorities of the servers, PEM, instead of the system's.
    /// It needs a URL with TLS: rediss://.
    #[schemars(with = "PathBuf", length(min = 1), extend("format" = "path"))]
    pub(crate) ca_file: Option<PathBuf>,

    /// The certificate for servers that ask for one, PEM.
    #[schemars(with = "PathBuf", length(min = 1), extend("format" = "path"))]
    pub(crate) certificate_file: Option<PathBuf>,

    /// The key of the certificate, PEM.
    #[schemars(with = "PathBuf", length(min = 1), extend("format" = "path"))]
    pub(crate) key_file: Option<PathBuf>,

    /// The user, if it is not the default one.
    #[schemars(with = "String", length(min = 1))]
    pub(crate) username: Option<String>,

    /// The file that holds the password of the servers, and nothing else.
    #[schemars(with = "PathBuf", length(min = 1), extend("format" = "path"))]
    pub(crate) password_file: Option<PathBuf>,

    /// The user of the sentinels, if it is not the default one.
    #[schemars(with = "String", length(min = 1))]
    pub(crate) sentinel_username: Option<String>,

    /// The file that holds the password of the sentinels.
    #[schemars(with = "PathBuf", length(min = 1), extend("format" = "path"))]
    pub(crate) sentinel_password_file: Option<PathBuf>,

    /// How long it may take to establish a connection, with TLS and
    /// authentication, in milliseconds. The default is 500, for round trips of
    /// up to 50 ms.
    #[schemars(with = "ServerTimeout")]
    pub(crate) connect_timeout_ms: Option<ServerTimeout>,

    /// How long a reply may take, in milliseconds. The default is 400.
    #[schemars(with = "ServerTimeout")]
    pub(crate) response_timeout_ms: Option<ServerTimeout>,

    /// The protocol: "resp3" or "resp2". Without it, RESP3 is tried first, and
    /// RESP2 if the server refuses that. Changes are reported with RESP3 only.
    #[schemars(with = "Protocol")]
    pub(crate) protocol: Option<Protocol>,

    /// The number of the database. A cluster has only database 0, the default.
    #[schemars(with = "Database")]
    pub(crate) database: Option<Database>,

    /// The prefix of keys, which the session id follows. The default is
    /// "dcv:session:".
    #[schemars(with = "String", length(min = 1))]
    pub(crate) key_prefix: Option<String>,

    /// How long Redis keeps an expired record, in milliseconds. It must be
    /// longer than the largest difference between the clocks. The default is an
    /// hour.
    #[schemars(with = "Grace")]
    pub(crate) expired_key_grace_ms: Option<Grace>,
}

/// The version of the Redis protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Protocol {
    Resp2,
    Resp3,
}

impl From<Protocol> for RedisProtocol {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Resp2 => Self::Resp2,
            Protocol::Resp3 => Self::Resp3,
        }
    }
}

impl Redis {
    /// Replaces settings of `config`.
    pub(crate) fn apply(&self, mut config: RedisConfig) -> RedisConfig {
        // By name, so that the compiler finds a forgotten one.
        let Self {
            ca_file,
            certificate_file,
            key_file,
            username,
            password_file,
            sentinel_username,
            sentinel_password_file,
            connect_timeout_ms,
            response_timeout_ms,
            protocol,
            database,
            key_prefix,
            expired_key_grace_ms,
        } = self;
        if let Some(path) = ca_file {
            config = config.ca_file(path);
        }
        if let (Some(certificate), Some(key)) = (certificate_file, key_file) {
            config = config.client_certificate(certificate, key);
        }
        if let Some(username) = username {
            config = config.username(username);
        }
        if let Some(path) = password_file {
            config = config.password_file(path);
        }
        if let Some(username) = sentinel_username {
            config = config.sentinel_username(username);
        }
        if let Some(path) = sentinel_password_file {
            config = config.sentinel_password_file(path);
        }
        if let Some(timeout) = connect_timeout_ms {
            config = config.connect_timeout(timeout.milliseconds());
        }
        if let Some(timeout) = response_timeout_ms {
            config = config.response_timeout(timeout.milliseconds());
        }
        if let Some(protocol) = protocol {
            config = config.protocol((*protocol).into());
        }
        if let Some(database) = database {
            config = config.database(u16::try_from(database.count()).unwrap_or(u16::MAX));
        }
        if let Some(prefix) = key_prefix {
            config = config.key_prefix(prefix);
        }
        if let Some(grace) = expired_key_grace_ms {
            config = config.expired_key_grace(grace.milliseconds());
        }
        config
    }

    /// Makes relative paths relative to `folder`.
    pub(super) fn rebase(&mut self, folder: &Path) {
        let files = [
            &mut self.ca_file,
            &mut self.certificate_file,
            &mut self.key_file,
            &mut self.password_file,
            &mut self.sentinel_password_file,
        ];
        for file in files.into_iter().flatten() {
            *file = folder.join(&*file);
        }
    }

    /// Returns which settings contradict each other or `config`, the URL's, and
    /// why.
    pub(super) fn inconsistencies(&self, config: &RedisConfig) -> Vec<(&'static str, String)> {
        let needed_scheme = (!config.uses_tls()).then_some("rediss://");
        let mut found = client_tls::inconsistencies(
            &self.ca_file,
            &self.certificate_file,
            &self.key_file,
            needed_scheme,
        );
        let sentinel = [
            ("sentinel_username", self.sentinel_username.is_some()),
            (
                "sentinel_password_file",
                self.sentinel_password_file.is_some(),
            ),
        ];
        for (key, is_set) in sentinel {
            if is_set && !config.uses_sentinels() {
                let problem =
                    format!("`{key}` needs sentinels; use a URL with redis+sentinel:// instead");
                found.push((key, problem));
            }
        }
        found
    }
}
