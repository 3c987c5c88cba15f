//! [`Field`]: the fields of a session, and their names in each format.

use crate::Format;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Host,
    HttpPort,
    QuicPort,
    WebUrlPath,
    TargetId,
    State,
    ExpiresAt,
    ExpiresAtMs,
    Owner,
    Labels,
}

impl Field {
    pub(crate) const ALL: [Self; 10] = [
        Self::Host,
        Self::HttpPort,
        Self::QuicPort,
        Self::WebUrlPath,
        Self::TargetId,
        Self::State,
        Self::ExpiresAt,
        Self::ExpiresAtMs,
        Self::Owner,
        Self::Labels,
    ];

    pub(crate) fn of(name: &str, format: Format) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|field| field.name(format) == name)
    }

    pub(crate) const fn name(self, format: Format) -> &'static str {
        let (toml, json) = match self {
            Self::Host => ("host", "Host"),
            Self::HttpPort => ("http_port", "HttpPort"),
            Self::QuicPort => ("quic_port", "QuicPort"),
            Self::WebUrlPath => ("web_url_path", "WebUrlPath"),
            // The name in AWS's sample.
            Self::TargetId => ("target_id", "SessionId"),
            Self::State => ("state", "State"),
            Self::ExpiresAt => ("expires_at", "ExpiresAt"),
            Self::ExpiresAtMs => ("expires_at_ms", "ExpiresAtMs"),
            Self::Owner => ("owner", "Owner"),
            Self::Labels => ("labels", "Labels"),
        };
        match format {
            Format::Toml => toml,
            Format::Json => json,
        }
    }
}
