//! [`Session`]: a session as the API shows it.

use std::borrow::Cow;

use dcv_resolver_core::SessionRecord;
use serde::Serialize;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::registration::Registration;
use crate::schemas;

/// A session as the API shows it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Session(pub(crate) SessionRecord);

/// The fields of a registration, with the id and without `ttl_ms`. Those that
/// have a default are always there.
impl PartialSchema for Session {
    fn schema() -> RefOr<Schema> {
        let mut schema = Registration::schema();
        if let RefOr::T(Schema::Object(session)) = &mut schema {
            session.description = Some("A session as it is registered.".to_owned());
            session.properties.remove("ttl_ms");
            let id = Ref::from_schema_name(schemas::SessionId::name());
            session.properties.insert("id".to_owned(), id.into());
            session.required = ["id", "host", "web_url_path", "state", "expires_at_ms"]
                .map(str::to_owned)
                .into();
        }
        schema
    }
}

impl ToSchema for Session {
    fn name() -> Cow<'static, str> {
        "Session".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Registration::schemas(schemas);
    }
}
