//! [`Parameters`]: what follows the `?` in a URL.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::credentials::{Credentials, Password};
use crate::invalid_url::InvalidRedisUrl;
use crate::protocol::RedisProtocol;
use crate::tls::{Identity, Pem, Tls};
use crate::topology::Topology;

/// The parts of a URL.
#[derive(Debug)]
pub(crate) struct ParsedUrl {
    pub(crate) topology: Topology,
    pub(crate) tls: Option<Tls>,
    pub(crate) credentials: Credentials,
    pub(crate) sentinel_credentials: Credentials,
    pub(crate) database: i64,
    pub(crate) key_prefix: Option<String>,
    pub(crate) protocol: Option<RedisProtocol>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) response_timeout: Option<Duration>,
}

/// The parameters of a URL, decoded.
#[derive(Default)]
pub(crate) struct Parameters {
    ca_file: Option<String>,
    certificate_file: Option<String>,
    connect_timeout_ms: Option<String>,
    database: Option<String>,
    key_file: Option<String>,
    key_prefix: Option<String>,
    password: Option<String>,
    password_file: Option<String>,
    protocol: Option<String>,
    response_timeout_ms: Option<String>,
    sentinel_password: Option<String>,
    sentinel_password_file: Option<String>,
    sentinel_username: Option<String>,
    username: Option<String>,
}

impl Parameters {
    pub(crate) fn parse(query: &str) -> Result<Self, InvalidRedisUrl> {
        let mut parameters = Self::default();
        for parameter in query.split('&').filter(|it| !it.is_empty()) {
            let (name, value) = parameter
                .split_once('=')
                .ok_or(InvalidRedisUrl::UnknownParameter)?;
            let (name, field) = parameters
                .field(name)
                .ok_or(InvalidRedisUrl::UnknownParameter)?;
            if field.replace(decode(value)?).is_some() {
                return Err(InvalidRedisUrl::Repeated(name));
            }
        }
        Ok(parameters)
    }

    /// Returns the parameter of this name, and its name in messages. `db`, `user`
    /// and `pass` are the names that the driver itself uses.
    fn field(&mut self, name: &str) -> Option<(&'static str, &mut Option<String>)> {
        Some(match name {
            "ca_file" => ("ca_file", &mut self.ca_file),
            "certificate_file" => ("certificate_file", &mut self.certificate_file),
            "connect_timeout_ms" => ("connect_timeout_ms", &mut self.connect_timeout_ms),
            "database" | "db" => ("database", &mut self.database),
            "key_file" => ("key_file", &mut self.key_file),
            "key_prefix" => ("key_prefix", &mut self.key_prefix),
            "password" | "pass" => ("password", &mut self.password),
            "password_file" => ("password_file", &mut self.password_file),
            "protocol" => ("protocol", &mut self.protocol),
            "response_timeout_ms" => ("response_timeout_ms", &mut self.response_timeout_ms),
            "sentinel_password" => ("sentinel_password", &mut self.sentinel_password),
            "sentinel_password_file" => {
                ("sentinel_password_file", &mut self.sentinel_password_file)
            }
            "sentinel_username" => ("sentinel_username", &mut self.sentinel_username),
            "username" | "user" => ("username", &mut self.username),
            _ => return None,
        })
    }

    /// Combines the parameters with the rest of the URL.
    pub(crate) fn complete(
        self,
        topology: Topology,
        tls: bool,
        credentials: Credentials,
        database: Option<i64>,
    ) -> Result<ParsedUrl, InvalidRedisUrl> {
        if !matches!(topology, Topology::Sentinel { .. }) {
            for (name, value) in [
                ("sentinel_username", &self.sentinel_username),
                ("sentinel_password", &self.sentinel_password),
                ("sentinel_password_file", &self.sentinel_password_file),
            ] {
                if value.is_some() {
                    return Err(InvalidRedisUrl::NeedsSentinels(name));
                }
            }
        }
        let own = password("password", self.password, self.password_file)?;
        let credentials = Credentials {
            username: either("username", credentials.username, self.username)?,
            password: either("password", credentials.password, own)?,
        };
        if credentials.username.is_some() && credentials.password.is_none() {
            return Err(InvalidRedisUrl::UserWithoutPassword);
        }
        let sentinel_credentials = Credentials {
            username: self.sentinel_username,
            password: password(
                "sentinel_password",
                self.sentinel_password,
                self.sentinel_password_file,
            )?,
        };
        if sentinel_credentials.username.is_some() && sentinel_credentials.password.is_none() {
            return Err(InvalidRedisUrl::SentinelUserWithoutPassword);
        }
        let database = match (database, self.database) {
            (Some(_), Some(_)) => return Err(InvalidRedisUrl::Repeated("database")),
            (None, Some(_)) if matches!(topology, Topology::Cluster { .. }) => {
                return Err(InvalidRedisUrl::ClusterDatabase);
            }
            (None, Some(number)) => database_number(&number)?,
            (number, None) => number.unwrap_or(0),
        };
        Ok(ParsedUrl {
            topology,
            tls: parse_tls(tls, self.ca_file, self.certificate_file, self.key_file)?,
            credentials,
            sentinel_credentials,
            database,
            key_prefix: self.key_prefix,
            protocol: match self.protocol {
                Some(protocol) => Some(protocol.parse().map_err(|_| InvalidRedisUrl::Protocol)?),
                None => None,
            },
            connect_timeout: milliseconds("connect_timeout_ms", self.connect_timeout_ms)?,
            response_timeout: milliseconds("response_timeout_ms", self.response_timeout_ms)?,
        })
    }
}

fn password(
    name: &'static str,
    text: Option<String>,
    file: Option<String>,
) -> Result<Option<Password>, InvalidRedisUrl> {
    let file = file.map(|path| Password::File(path.into()));
    either(name, text.map(Password::Text), file)
}

/// Returns what one of two parts of the URL sets.
fn either<T>(
    name: &'static str,
    first: Option<T>,
    second: Option<T>,
) -> Result<Option<T>, InvalidRedisUrl> {
    match (first, second) {
        (Some(_), Some(_)) => Err(InvalidRedisUrl::Repeated(name)),
        (first, second) => Ok(first.or(second)),
    }
}

fn parse_tls(
    tls: bool,
    authorities: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
) -> Result<Option<Tls>, InvalidRedisUrl> {
    if !tls {
        return match (authorities, certificate, key) {
            (Some(_), _, _) => Err(InvalidRedisUrl::NeedsTls("ca_file")),
            (_, Some(_), _) => Err(InvalidRedisUrl::NeedsTls("certificate_file")),
            (_, _, Some(_)) => Err(InvalidRedisUrl::NeedsTls("key_file")),
            (None, None, None) => Ok(None),
        };
    }
    let file = |path: String| Pem::File(path.into());
    Ok(Some(Tls {
        authorities: authorities.map(file),
        client: match (certificate.map(file), key.map(file)) {
            (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
            (None, None) => None,
            _ => return Err(InvalidRedisUrl::IncompleteKeyPair),
        },
    }))
}

fn milliseconds(
    name: &'static str,
    value: Option<String>,
) -> Result<Option<Duration>, InvalidRedisUrl> {
    let Some(value) = value else {
        return Ok(None);
    };
    match value.parse() {
        Ok(milliseconds @ 1..=3_600_000) => Ok(Some(Duration::from_millis(milliseconds))),
        _ => Err(InvalidRedisUrl::NotMilliseconds(name)),
    }
}

pub(crate) fn database_number(text: &str) -> Result<i64, InvalidRedisUrl> {
    let number: u16 = text.parse().map_err(|_| InvalidRedisUrl::Database)?;
    Ok(number.into())
}

pub(crate) fn decode(text: &str) -> Result<String, InvalidRedisUrl> {
    let escapes_are_whole = text
        .split('%')
        .skip(1)
        .all(|rest| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()));
    if !escapes_are_whole {
        return Err(InvalidRedisUrl::Escape);
    }
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| InvalidRedisUrl::Escape)?;
    Ok(decoded.into_owned())
}
