//! Values that are written as text. Flags, variables and the file have the same
//! rules and the same error messages.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use dcv_resolver_core::{Network, SessionId};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::invalid_text::InvalidText;
use super::listen_address::ListenAddress;
use super::log_directives::LogDirectives;
use crate::store_url::{StoreText, StoreUrl};

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Address(pub(crate) ListenAddress);

/// Where to listen, or `off`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Listen {
    At(ListenAddress),
    Off,
}

/// The name of a store in logs and metrics.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct StoreName(String);

/// A label of a session and the value it must have: `name=value`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct LabelKey {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Where an OpenTelemetry collector takes OTLP over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Endpoint(String);

/// The format of a session id.
pub(super) const SESSION_ID: &str = "session-id";

/// The schema of a [`Network`].
#[derive(JsonSchema)]
#[schemars(inline, extend("format" = NETWORK))]
pub(super) struct NetworkText(#[expect(dead_code, reason = "only its schema is used")] String);

/// The format of a network.
const NETWORK: &str = "ip-network";

/// Checks `text` against a `format` of the schema.
pub(crate) fn check(format: &str, text: &str) -> Result<(), InvalidText> {
    fn fits<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<(), InvalidText> {
        text.parse::<T>()
            .map(drop)
            .map_err(|error| InvalidText::new(error.to_string()))
    }
    match format {
        Address::FORMAT => fits::<Address>(text),
        Listen::FORMAT => fits::<Listen>(text),
        NETWORK => fits::<Network>(text),
        StoreName::FORMAT => fits::<StoreName>(text),
        StoreText::FORMAT => fits::<StoreUrl>(text),
        SESSION_ID => fits::<SessionId>(text),
        LabelKey::FORMAT => fits::<LabelKey>(text),
        LogDirectives::FORMAT => fits::<LogDirectives>(text),
        Endpoint::FORMAT => fits::<Endpoint>(text),
        _ => Ok(()),
    }
}

/// Gives a type its `format` in the schema, and deserializes it with
/// [`FromStr`].
macro_rules! text_values {
    ($($value:ty: $format:literal;)*) => {$(
        impl $value {
            pub(crate) const FORMAT: &str = $format;
        }

        impl TryFrom<String> for $value {
            type Error = <Self as FromStr>::Err;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl JsonSchema for $value {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $format.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format })
            }
        }
    )*};
}

text_values! {
    Address: "listen-address";
    Listen: "listen-address-or-off";
    StoreName: "store-name";
    LabelKey: "label";
    LogDirectives: "log-directives";
    Endpoint: "http-url";
}

impl FromStr for Address {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl FromStr for Listen {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(address) => Ok(Self::At(address)),
            Err(_) if text == "off" => Ok(Self::Off),
            Err(error) => Err(InvalidText::new(format!("{error}; or off"))),
        }
    }
}

impl FromStr for StoreName {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if (1..=64).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(invalid("expected 1 to 64 letters, digits, '.', '-' or '_'"))
        }
    }
}

impl FromStr for LabelKey {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err(invalid(
                "expected a label's name and value, such as \"project=cad\"",
            )),
        }
    }
}

impl FromStr for Endpoint {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected =
            "expected http:// and the collector's host and port, such as http://127.0.0.1:4318";
        let authority = text
            .strip_prefix("http://")
            .ok_or_else(|| invalid(expected))?;
        let authority = authority.trim_end_matches('/');
        if authority.is_empty() || authority.contains(['/', '?', '#', '@', ' ']) {
            return Err(invalid(expected));
        }
        Ok(Self(format!("http://{authority}")))
    }
}

impl StoreName {
    /// Names a store by its URL without the secrets.
    pub(super) fn of(url: &StoreUrl) -> Self {
        Self(url.name())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Endpoint {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0.to_string()
    }
}

impl From<Listen> for String {
    fn from(listen: Listen) -> Self {
        listen.to_string()
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(address) => address.fmt(f),
            Self::Off => f.write_str("off"),
        }
    }
}

fn invalid(expected: &'static str) -> InvalidText {
    InvalidText::new(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collector_is_named_by_scheme_host_and_port() {
        for text in ["http://127.0.0.1:4318", "http://127.0.0.1:4318/"] {
            assert_eq!(
                text.parse(),
                Ok(Endpoint("http://127.0.0.1:4318".to_owned()))
            );
        }
        for text in ["127.0.0.1:4318", "https://a", "http://", "http://u:p@a", ""] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
