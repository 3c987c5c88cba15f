//! [`Registration`]: the body of a registration.

use std::collections::BTreeMap;

use dcv_resolver_core::{
    Host, InvalidRecord, SessionId, SessionRecord, SessionState, Timestamp, WebUrlPath,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::admin_error::AdminError;
use crate::expiry_fields::{ExpiresAtMs, TtlMs, expiry};
use crate::optional_field::given;
use crate::schemas;
use crate::whole_number::WholeNumber;

/// A session without its id, which is in the path. At least one port is given,
/// and exactly one of `expires_at_ms` and `ttl_ms`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    /// The id on the DCV server, if it differs from the session's id.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = schemas::SessionId, required = false)]
    target_id: Option<SessionId>,
    /// The DCV server.
    #[schema(value_type = schemas::Host)]
    host: Host,
    /// The DCV server's TCP port for HTTP and WebSocket.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Port, required = false)]
    http_port: Option<Port>,
    /// The DCV server's UDP port for QUIC.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Port, required = false)]
    quic_port: Option<Port>,
    /// The path of the DCV server's web client.
    #[serde(default)]
    #[schema(value_type = schemas::WebUrlPath)]
    web_url_path: WebUrlPath,
    /// The state of the session; only a READY one is resolved.
    #[serde(default)]
    #[schema(value_type = schemas::SessionState)]
    state: SessionState,
    /// When the session expires, in milliseconds since 1970-01-01T00:00:00Z;
    /// null for never.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = ExpiresAtMs, required = false)]
    expires_at_ms: Option<ExpiresAtMs>,
    /// In how many milliseconds the session expires.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = TtlMs, required = false)]
    ttl_ms: Option<TtlMs>,
    /// The owner of the session, for people.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    owner: Option<Box<str>>,
    /// Notes for people.
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// A port of a DCV server.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(try_from = "WholeNumber")]
#[schema(value_type = u16, minimum = 1, maximum = 65535)]
pub(crate) struct Port(u16);

impl TryFrom<WholeNumber> for Port {
    type Error = InvalidRecord;

    fn try_from(number: WholeNumber) -> Result<Self, Self::Error> {
        match u16::try_from(number.0) {
            Ok(port) if port > 0 => Ok(Self(port)),
            _ => Err(InvalidRecord::PortZero),
        }
    }
}

impl Registration {
    pub(crate) fn into_record(
        self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<SessionRecord, AdminError> {
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
            AdminError::malformed("body", format!("{error}: give http_port or quic_port"))
        })
    }
}
