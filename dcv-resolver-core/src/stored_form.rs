//! The stored form of a record: the JSON object that stores keep and share.
//!
//! [`SessionRecord`](crate::SessionRecord) serializes to it and deserializes
//! from it. A backend that keeps a record as one value stores this form, so
//! that all programs that share the backend understand each other.
//!
//! ```json
//! {
//!   "id": "i-0abc",
//!   "target_id": "console",
//!   "host": "ws-17.dcv.example",
//!   "http_port": 8443,
//!   "quic_port": 8443,
//!   "web_url_path": "/",
//!   "state": "READY",
//!   "expires_at_ms": 1767323045000,
//!   "owner": "ann",
//!   "labels": {"project": "cad"}
//! }
//! ```
//!
//! | field | meaning | absent |
//! |---|---|---|
//! | `version` | the version of this form; comes first | 1 |
//! | `id` | the [id](crate::SessionId) that clients ask for | an error |
//! | `target_id` | the id on the DCV server | same as `id` |
//! | `host` | the DCV server's [host](crate::Host) | an error |
//! | `http_port` | its TCP port for HTTP and WebSocket | not offered |
//! | `quic_port` | its UDP port for QUIC; at least one of the two ports is required | not offered |
//! | `web_url_path` | the [path](crate::WebUrlPath) of its web client | `/` |
//! | `state` | the [state](crate::SessionState): `CREATING`, `READY`, `DELETING` or `UNKNOWN` | `READY` |
//! | `expires_at_ms` | milliseconds since 1970-01-01T00:00:00Z; `null` for never | an error |
//! | `owner` | a string for people | none |
//! | `labels` | strings by name, for people and policies | none |
//!
//! # Rolling upgrades
//!
//! - **A reader ignores fields that it does not know.** During an upgrade, an
//!   older resolver reads what a newer one wrote.
//! - **A reader rejects a version greater than its [`VERSION`]**, with an error
//!   that names both. A store checks the [`Header`] and returns
//!   [`StoreErrorKind::Incompatible`](crate::StoreErrorKind::Incompatible).
//! - **A writer adds a field without a new version** only if a reader may
//!   ignore it. A field with another meaning, another value of `state` and
//!   anything else that an older reader would misunderstand need a new version.
//! - **A writer omits `version` while it is 1**, and otherwise writes it first,
//!   so that a reader rejects the record before it reaches a field that
//!   changed.
//!
//! Session files and API requests have their own, stricter parsers: there, an
//! unknown field is an error.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use crate::{Expiry, Host, SessionId, SessionState, WebUrlPath};

/// The version of the stored form that this crate writes, and the greatest that
/// it reads.
pub const VERSION: u32 = 1;

/// The part that every version of the stored form has in common.
///
/// The error from deserializing a [`SessionRecord`](crate::SessionRecord) is an
/// error of the format, such as JSON. To distinguish a newer record from a
/// damaged one, deserialize the header from the same value:
///
/// ```
/// use dcv_resolver_core::SessionRecord;
/// use dcv_resolver_core::stored_form::Header;
///
/// let json = r#"{"version":2,"id":["a","b"]}"#;
/// assert!(serde_json::from_str::<SessionRecord>(json).is_err());
/// let header: Header = serde_json::from_str(json)?;
/// assert_eq!(header.check().unwrap_err().version, 2);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Header {
    #[serde(default = "first_version")]
    version: u32,
}

impl Header {
    /// Checks that this crate reads the version.
    ///
    /// # Errors
    ///
    /// [`UnsupportedVersion`], if the version is greater than [`VERSION`].
    pub const fn check(self) -> Result<(), UnsupportedVersion> {
        match self.version {
            0..=VERSION => Ok(()),
            version => Err(UnsupportedVersion { version }),
        }
    }
}

const fn first_version() -> u32 {
    1
}

/// An error that occurs when a record has a version greater than [`VERSION`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the record has version {version}, but this program reads only up to {VERSION}; upgrade it"
)]
#[non_exhaustive]
pub struct UnsupportedVersion {
    /// The version of the record.
    pub version: u32,
}

/// The fields of a record, as they are stored and as the builder collects them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RecordFields {
    pub(crate) id: SessionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target_id: Option<SessionId>,
    pub(crate) host: Host,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) http_port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) quic_port: Option<u16>,
    #[serde(default)]
    pub(crate) web_url_path: WebUrlPath,
    #[serde(default)]
    pub(crate) state: SessionState,
    // `deserialize_with` makes the field required: a record must state whether
    // it expires.
    #[serde(rename = "expires_at_ms", deserialize_with = "Expiry::deserialize")]
    pub(crate) expiry: Expiry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "reading it is the check")]
    pub(crate) version: KnownVersion,
}

impl RecordFields {
    pub(crate) fn new(id: SessionId, host: Host, expiry: Expiry) -> Self {
        Self {
            id,
            target_id: None,
            host,
            http_port: None,
            quic_port: None,
            web_url_path: WebUrlPath::default(),
            state: SessionState::default(),
            expiry,
            owner: None,
            labels: BTreeMap::new(),
            version: KnownVersion,
        }
    }
}

/// A version that this crate reads.
#[derive(Clone, Copy, Default)]
pub(crate) struct KnownVersion;

impl fmt::Debug for KnownVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        VERSION.fmt(f)
    }
}

impl<'de> Deserialize<'de> for KnownVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            1..=VERSION => Ok(Self),
            0 => Err(Error::custom("a record's version is at least 1")),
            version => Err(Error::custom(UnsupportedVersion { version })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Header, UnsupportedVersion};
    use crate::SessionRecord;

    const MINIMAL: &str = r#""id":"a","host":"ws.example","http_port":1,"expires_at_ms":null"#;

    fn read(json: &str) -> Result<SessionRecord, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn record_of_a_newer_writer_is_read_without_its_new_fields() {
        let known = read(&format!("{{{MINIMAL}}}")).unwrap();
        for json in [
            format!(r#"{{{MINIMAL},"region":"eu","gpu":{{"model":["a"]}}}}"#),
            format!(r#"{{"version":1,{MINIMAL}}}"#),
        ] {
            assert_eq!(read(&json).unwrap(), known, "{json}");
        }
    }

    #[test]
    fn record_of_a_newer_version_is_refused_before_a_field_that_changed() {
        let json = r#"{"version":2,"id":["a","b"]}"#;
        let error = read(json).unwrap_err();
        let expected = "the record has version 2, but this program reads only up to 1; upgrade it";
        assert!(error.starts_with(expected), "{error}");
        assert!(read(&format!(r#"{{"version":0,{MINIMAL}}}"#)).is_err());
    }

    #[test]
    fn header_distinguishes_a_newer_version_from_a_damaged_record() {
        let check = |json| serde_json::from_str::<Header>(json).unwrap().check();
        assert_eq!(
            check(r#"{"version":2,"id":["a"]}"#),
            Err(UnsupportedVersion { version: 2 })
        );
        assert_eq!(
            check(r#"{"id":["a"],"version":3}"#),
            Err(UnsupportedVersion { version: 3 })
        );
        assert_eq!(check(r#"{"version":1,"id":["a"]}"#), Ok(()));
        assert_eq!(check(r#"{"id":["a"]}"#), Ok(()));
    }

    #[test]
    fn writer_of_version_1_omits_the_version() {
        let record = read(&format!("{{{MINIMAL}}}")).unwrap();
        let json = serde_json::to_value(&record).unwrap();
        assert_eq!(json.get("version"), None);
        // What every earlier reader accepts, and nothing else.
        let fields: Vec<_> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            fields,
            [
                "expires_at_ms",
                "host",
                "http_port",
                "id",
                "state",
                "web_url_path"
            ]
        );
    }
}
