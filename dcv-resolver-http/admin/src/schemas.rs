//! The JSON Schemas of the values of core, whose types know nothing of JSON
//! Schema: one for each, exact where JSON Schema can be.

use std::borrow::Cow;

use dcv_resolver_core::{SessionId as Id, WebUrlPath as Path};
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use super::registration::MAX_TTL_MS;

/// A named schema in the place of a type of core's.
macro_rules! schemas {
    ($($name:ident = $schema:expr;)+) => {$(
        pub(super) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                Schema::from($schema).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}

schemas! {
    SessionId = string()
        .description(Some("1 to 256 bytes of UTF-8 without control characters, compared byte for byte. The length here counts characters, of which fewer fit where they take several bytes each."))
        .min_length(Some(1))
        .max_length(Some(Id::MAX_BYTES))
        .pattern(Some(NO_CONTROLS));

    Host = AnyOfBuilder::new()
        .description(Some("A bare DNS name, IPv4 address, or IPv6 address without brackets; not 0.0.0.0 or ::, which is nowhere to connect to."))
        .item(string().pattern(Some(DNS_NAME)).min_length(Some(1)).max_length(Some(253)))
        .item(string().format(Some(SchemaFormat::KnownFormat(KnownFormat::Ipv4))).pattern(Some("[1-9]")))
        .item(string().format(Some(SchemaFormat::KnownFormat(KnownFormat::Ipv6))).pattern(Some("[1-9A-Fa-f]")));

    Port = integer().minimum(Some(1)).maximum(Some(u16::MAX));

    WebUrlPath = string()
        .description(Some("A path as RFC 3986 has it, which begins with one slash."))
        .min_length(Some(1))
        .max_length(Some(Path::MAX_BYTES))
        .pattern(Some(r"^/(?!/)(?:[A-Za-z0-9/._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*$"));

    SessionState = string().enum_values(Some(["CREATING", "READY", "DELETING", "UNKNOWN"]));

    ExpiresAtMs = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Integer, Type::Null]))
        .description(Some("Milliseconds since 1970-01-01T00:00:00Z; null for never."))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(isize::MIN))
        .maximum(Some(isize::MAX));

    TtlMs = integer()
        .description(Some("Milliseconds from now."))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(1))
        .maximum(Some(MAX_TTL_MS));

    PageToken = string()
        .description(Some("What the next_page of another page says; anything else is refused."))
        .min_length(Some(1))
        .pattern(Some(NO_CONTROLS));

    LeaseToken = string()
        .description(Some("32 hexadecimal digits: 16 random bytes. A secret."))
        .min_length(Some(32))
        .max_length(Some(32))
        .pattern(Some("^[0-9A-Fa-f]{32}$"));
}

const NO_CONTROLS: &str = r"^[^\u0000-\u001F\u007F-\u009F]+$";

/// Labels of 1 to 63 letters, digits, `-` or `_` with no `-` at either end, of
/// which the last is no number.
const DNS_NAME: &str = r"^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*(?![0-9]+$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$";

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}

fn integer() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer))
}
