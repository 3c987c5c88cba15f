//! Records as a session file.

use dcv_resolver_core::{Expiry, SessionRecord, Transport};
use dcv_resolver_static_file::Format;
use serde_json::{Map, Value, json};

/// Writes records the way a person's script would.
pub(crate) fn write(records: &[SessionRecord], format: Format) -> String {
    let mut sessions = Map::new();
    for record in records {
        let mut fields = Map::new();
        let mut set = |snake: &str, pascal: &str, value: Value| {
            let name = if format == Format::Json {
                pascal
            } else {
                snake
            };
            fields.insert(name.to_owned(), value);
        };
        set("host", "Host", json!(record.host()));
        set("target_id", "SessionId", json!(record.target_id()));
        set("web_url_path", "WebUrlPath", json!(record.web_url_path()));
        set("state", "State", json!(record.state()));
        if let Some(port) = record.port(Transport::Http) {
            set("http_port", "HttpPort", json!(port));
        }
        if let Some(port) = record.port(Transport::Quic) {
            set("quic_port", "QuicPort", json!(port));
        }
        if let Expiry::At(at) = record.expiry() {
            match at.to_string().ends_with('Z') {
                true => set("expires_at", "ExpiresAt", json!(at.to_string())),
                false => set("expires_at_ms", "ExpiresAtMs", json!(at)),
            }
        }
        if let Some(owner) = record.owner() {
            set("owner", "Owner", json!(owner));
        }
        set("labels", "Labels", json!(record.labels()));
        sessions.insert(record.id().to_string(), fields.into());
    }
    match format {
        Format::Json => serde_json::to_string_pretty(&sessions).unwrap(),
        _ => toml::to_string(&json!({ "sessions": sessions })).unwrap(),
    }
}
