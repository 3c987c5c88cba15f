//! [`Registration`] and [`Renewal`]: the bodies that come in.

use std::collections::BTreeMap;
use std::time::Duration;

use dcv_resolver_core::{
    Expiry, Host, InvalidRecord, SessionId, SessionRecord, SessionState, Timestamp, WebUrlPath,
};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::fault::Fault;
use super::schemas;
use super::whole_number::WholeNumber;

/// A session, without the id that the path names: the fields of a
/// `SessionRecord`. At least one port is given, and when the session expires:
/// with exactly one of `expires_at_ms` and `ttl_ms`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Registration {
    /// The id on the DCV server, where it differs from the session's id.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = schemas::SessionId)]
    target_id: Option<SessionId>,
    /// The DCV server.
    #[schema(value_type = schemas::Host)]
    host: Host,
    /// The DCV server's TCP port for HTTP and WebSocket.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = schemas::Port)]
    http_port: Option<Port>,
    /// The DCV server's UDP port for QUIC.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = schemas::Port)]
    quic_port: Option<Port>,
    /// The path of the DCV server's web client.
    #[serde(default)]
    #[schema(value_type = schemas::WebUrlPath)]
    web_url_path: WebUrlPath,
    /// How far the session has come; only a READY one is resolved.
    #[serde(default)]
    #[schema(value_type = schemas::SessionState)]
    state: SessionState,
    /// When the session expires, in milliseconds since 1970-01-01T00:00:00Z;
    /// null for never.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = schemas::ExpiresAtMs)]
    expires_at_ms: Option<ExpiresAtMs>,
    /// In how many milliseconds the session expires.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = schemas::TtlMs)]
    ttl_ms: Option<TtlMs>,
    /// Whose session it is, for people.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String)]
    owner: Option<Box<str>>,
    /// Notes for people.
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// Until when a lease is renewed: exactly one of the two is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Renewal {
    /// When the session expires, in milliseconds since 1970-01-01T00:00:00Z;
    /// null for never.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = schemas::ExpiresAtMs)]
    expires_at_ms: Option<ExpiresAtMs>,
    /// In how many milliseconds the session expires.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = schemas::TtlMs)]
    ttl_ms: Option<TtlMs>,
}

/// A port.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "WholeNumber")]
struct Port(u16);

impl TryFrom<WholeNumber> for Port {
    type Error = InvalidRecord;

    fn try_from(number: WholeNumber) -> Result<Self, Self::Error> {
        match u16::try_from(number.0) {
            Ok(port) if port > 0 => Ok(Self(port)),
            _ => Err(InvalidRecord::PortZero),
        }
    }
}

/// A time, or `null` for never.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "Option<WholeNumber>")]
struct ExpiresAtMs(Expiry);

impl TryFrom<Option<WholeNumber>> for ExpiresAtMs {
    type Error = OutOfRange;

    fn try_from(number: Option<WholeNumber>) -> Result<Self, Self::Error> {
        let Some(number) = number else {
            return Ok(Self(Expiry::Never));
        };
        match i64::try_from(number.0) {
            Ok(ms) => Ok(Self(Expiry::At(Timestamp::from_unix_ms(ms)))),
            Err(_) => Err(OutOfRange::ExpiresAt),
        }
    }
}

/// A time to live.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "WholeNumber")]
struct TtlMs(u64);

/// The greatest number that every JSON parser keeps to the digit: 285,000
/// years.
pub(super) const MAX_TTL_MS: u64 = (1 << 53) - 1;

impl TryFrom<WholeNumber> for TtlMs {
    type Error = OutOfRange;

    fn try_from(number: WholeNumber) -> Result<Self, Self::Error> {
        match u64::try_from(number.0) {
            Ok(ms) if (1..=MAX_TTL_MS).contains(&ms) => Ok(Self(ms)),
            _ => Err(OutOfRange::Ttl),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum OutOfRange {
    #[error("expires_at_ms is a number of 64 bits, or null for never")]
    ExpiresAt,
    #[error("ttl_ms is a number from 1 to {MAX_TTL_MS}; for never, write \"expires_at_ms\": null")]
    Ttl,
}

impl Registration {
    pub(super) fn record(self, id: SessionId, now: Timestamp) -> Result<SessionRecord, Fault> {
        let expiry = expiry(self.expires_at_ms, self.ttl_ms, now)?;
        let builder = SessionRecord::builder(id, self.host, expiry)
            .target_id(self.target_id)
            .http_port(self.http_port.map(|port| port.0))
            .quic_port(self.quic_port.map(|port| port.0))
            .web_url_path(self.web_url_path)
            .state(self.state)
            .owner(self.owner.as_deref())
            .labels(self.labels);
        builder.build().map_err(|error| {
            Fault::malformed("body", format!("{error}: give http_port or quic_port"))
        })
    }
}

impl Renewal {
    pub(super) fn expiry(&self, now: Timestamp) -> Result<Expiry, Fault> {
        expiry(self.expires_at_ms, self.ttl_ms, now)
    }
}

/// Whoever writes a record says whether it expires.
fn expiry(
    expires_at: Option<ExpiresAtMs>,
    ttl: Option<TtlMs>,
    now: Timestamp,
) -> Result<Expiry, Fault> {
    match (expires_at, ttl) {
        (Some(ExpiresAtMs(expiry)), None) => Ok(expiry),
        (None, Some(TtlMs(ms))) => Ok(Expiry::At(now.saturating_add(Duration::from_millis(ms)))),
        (Some(_), Some(_)) => Err(Fault::malformed(
            "body",
            "expires_at_ms and ttl_ms are both given; give one of them",
        )),
        (None, None) => Err(Fault::malformed(
            "body",
            "it is not said when the session expires; give ttl_ms, or expires_at_ms, which is null for never",
        )),
    }
}

/// For a field that may be left out: what is given is a value, and `null` one
/// only where it means something of its own.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
