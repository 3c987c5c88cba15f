//! The JSON Schemas of core's types, which know nothing of JSON Schema: a type
//! for each, exact where JSON Schema can be.

#![expect(dead_code, reason = "these types only describe others")]

use std::borrow::Cow;

use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// 1 to 256 bytes of UTF-8 without control characters, compared byte for byte.
/// The length here counts characters, of which fewer fit if they take several
/// bytes each.
#[derive(ToSchema)]
#[schema(
    min_length = 1,
    max_length = 256,
    pattern = r"^[^\u0000-\u001F\u007F-\u009F]+$"
)]
pub(crate) struct SessionId(String);

/// A path as in RFC 3986 that begins with exactly one slash; empty for `/`.
#[derive(ToSchema)]
#[schema(
    max_length = 1024,
    pattern = r"^(?:/(?!/)(?:[A-Za-z0-9/._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)?$"
)]
pub(crate) struct WebUrlPath(String);

/// The state of a session.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub(crate) enum SessionState {
    Creating,
    Ready,
    Deleting,
    Unknown,
}

/// The next_page of another page; anything else is refused.
#[derive(ToSchema)]
#[schema(min_length = 1, pattern = r"^[^\u0000-\u001F\u007F-\u009F]+$")]
pub(crate) struct PageToken(String);

/// 32 hexadecimal digits: 16 random bytes. A secret.
#[derive(ToSchema)]
#[schema(min_length = 32, max_length = 32, pattern = "^[0-9A-Fa-f]{32}$")]
pub(crate) struct LeaseToken(String);

/// A bare DNS name, IPv4 address or IPv6 address.
pub(crate) struct Host;

/// Labels of 1 to 63 letters, digits, `-` or `_` with no `-` at either end. The
/// last label is not a number.
const DNS_NAME: &str = r"^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*(?![0-9]+$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$";

/// Written by hand: the derive macro has no words for a choice of strings.
impl PartialSchema for Host {
    fn schema() -> RefOr<Schema> {
        let string = || ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
        let format = |format| Some(SchemaFormat::KnownFormat(format));
        let host = AnyOfBuilder::new()
            .description(Some("A bare DNS name, IPv4 address, or IPv6 address without brackets; not 0.0.0.0 or ::, which cannot be connected to."))
            .item(string().pattern(Some(DNS_NAME)).min_length(Some(1)).max_length(Some(253)))
            .item(string().format(format(KnownFormat::Ipv4)).pattern(Some("[1-9]")))
            .item(string().format(format(KnownFormat::Ipv6)).pattern(Some("[1-9A-Fa-f]")));
        Schema::from(host).into()
    }
}

impl ToSchema for Host {
    fn name() -> Cow<'static, str> {
        "Host".into()
    }
}
