//! Values that are written as text. A flag, a variable and the file are held to
//! the same rules, and told of them in the same words.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use dcv_resolver_core::{Network, SessionId};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::log::Directives;
use crate::store_url::{StoreText, StoreUrl};

/// An IP address and a port to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Address(pub(crate) SocketAddr);

/// Where to listen, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Listen {
    At(SocketAddr),
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

/// What is wrong with a text: what was expected instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit(Cow<'static, str>);

/// Checks `text` against a `format` of the schema.
pub(crate) fn check(format: &str, text: &str) -> Result<(), Unfit> {
    fn fits<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<(), Unfit> {
        text.parse::<T>()
            .map(drop)
            .map_err(|error| Unfit(error.to_string().into()))
    }
    match format {
        Address::FORMAT => fits::<Address>(text),
        Listen::FORMAT => fits::<Listen>(text),
        NETWORK => fits::<Network>(text),
        StoreName::FORMAT => fits::<StoreName>(text),
        StoreText::FORMAT => fits::<StoreUrl>(text),
        SESSION_ID => fits::<SessionId>(text),
        LabelKey::FORMAT => fits::<LabelKey>(text),
        Directives::FORMAT => fits::<Directives>(text),
        Endpoint::FORMAT => fits::<Endpoint>(text),
        _ => Ok(()),
    }
}

/// Connects a type with its `format` in the schema, and with serde where it
/// goes through [`FromStr`].
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
    Address: "socket-address";
    Listen: "socket-address-or-off";
    StoreName: "store-name";
    LabelKey: "label";
    Directives: "log-directives";
    Endpoint: "http-url";
}

impl FromStr for Address {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| {
            unfit("an IP address and a port were expected, such as 127.0.0.1:9000 or [::1]:9000")
        })
    }
}

impl FromStr for Listen {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(address) => Ok(Self::At(address)),
            Err(_) if text == "off" => Ok(Self::Off),
            Err(_) => Err(unfit(
                "an IP address and a port were expected, such as 127.0.0.1:9001, or off",
            )),
        }
    }
}

impl FromStr for StoreName {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if (1..=64).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(unfit(
                "1 to 64 letters, digits, '.', '-' or '_' were expected",
            ))
        }
    }
}

impl FromStr for LabelKey {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err(unfit(
                "a label's name and value were expected, such as \"project=cad\"",
            )),
        }
    }
}

impl FromStr for Endpoint {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "http:// and the collector's host and port were expected, such as http://127.0.0.1:4318";
        let authority = text
            .strip_prefix("http://")
            .ok_or_else(|| unfit(expected))?;
        let authority = authority.trim_end_matches('/');
        if authority.is_empty() || authority.contains(['/', '?', '#', '@', ' ']) {
            return Err(unfit(expected));
        }
        Ok(Self(format!("http://{authority}")))
    }
}

impl StoreName {
    /// A name that nobody has given: the URL without its secrets.
    pub(super) fn of(url: &StoreUrl) -> Self {
        Self(url.name())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(feature = "otel")]
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

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unfit {}

fn unfit(expected: &'static str) -> Unfit {
    Unfit(expected.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_named_by_scheme_host_and_port() {
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
