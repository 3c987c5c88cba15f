//! The parts of the OpenAPI document that are not specific to one operation:
//! those about the whole API, and those that all operations have in common.

use axum::http::StatusCode;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Response,
    ResponseBuilder,
};

use crate::problem::Problem;
use crate::schemas;

const DESCRIPTION: &str = "\
Registers, renews, removes and shows the sessions that a DCV session resolver resolves.\n\
\n\
Every request except the one for this document carries a bearer token from the resolver's token file: \
a read-only token to see sessions, a read-write token to change them, or an operator's token to remove \
sessions of others as well. A token may be limited to some ids and hosts; requests for other sessions, \
and listings, then get a 403.\n\
\n\
A session is registered under a lease token, which its owner sends, or receives in the response. \
Renewing and removing the session require the same token, so an owner cannot change a session that \
another owner has registered since. The lease token takes the place of ETag and If-Match: it shows \
who owns the session, not only that it is unchanged. It is safe to repeat a change with the same lease \
token.\n\
\n\
Every response that is not a success is a problem document (RFC 9457), whose `reason` is a stable \
word for programs. A method that a path does not allow is answered with 405 and Allow. Every response has \
`cache-control: no-store` and an `x-request-id`: that of the request, if it is 1 to 128 visible \
ASCII characters.";

/// Returns the document without operations.
pub(crate) fn start() -> OpenApi {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token of the resolver's token file."))
        .build();
    let components = ComponentsBuilder::new()
        .schema_from::<Problem>()
        .schema_from::<schemas::PageToken>()
        .schema_from::<schemas::LeaseToken>()
        .security_scheme("token", SecurityScheme::Http(token))
        .build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("DCV session resolver: admin API")
                .version("1")
                .description(Some(DESCRIPTION)),
        )
        .components(Some(components))
        .build()
}

/// Returns the finished document, as JSON with line ends.
#[expect(clippy::expect_used, reason = "text, numbers and maps serialize")]
pub(crate) fn finish(mut api: OpenApi) -> String {
    for path in api.paths.paths.values_mut() {
        let operations = [
            &mut path.get,
            &mut path.put,
            &mut path.post,
            &mut path.delete,
        ];
        for operation in operations.into_iter().flatten() {
            add_common_responses(operation);
        }
    }
    let mut document = serde_json::to_value(api).expect("text, numbers and maps serialize");
    add_choices_of_fields(&mut document["components"]["schemas"]);
    let mut document =
        serde_json::to_string_pretty(&document).expect("text, numbers and maps serialize");
    document.push('\n');
    document
}

/// Adds what utoipa cannot express.
fn add_choices_of_fields(schemas: &mut Value) {
    let one_expiry = json!([{"required": ["expires_at_ms"]}, {"required": ["ttl_ms"]}]);
    schemas["Registration"]["oneOf"] = one_expiry.clone();
    schemas["Registration"]["anyOf"] =
        json!([{"required": ["http_port"]}, {"required": ["quic_port"]}]);
    schemas["Renewal"]["oneOf"] = one_expiry;
}

/// Adds the responses that an operation has in common with others, and the
/// headers that all responses have.
fn add_common_responses(operation: &mut Operation) {
    let mut add = |status: StatusCode, description: &str| {
        let responses = &mut operation.responses.responses;
        responses
            .entry(status.as_str().to_owned())
            .or_insert_with(|| {
                ResponseBuilder::new()
                    .description(description)
                    .build()
                    .into()
            });
    };
    add(
        StatusCode::BAD_REQUEST,
        "`malformed_request`: the request is not as described here; see `parameter`.",
    );
    add(StatusCode::URI_TOO_LONG, "`uri_too_long`: more than 8 KiB.");
    if operation.security != Some(vec![SecurityRequirement::default()]) {
        add(
            StatusCode::UNAUTHORIZED,
            "`unauthorized`: there is no valid bearer token. Nothing else of the request was looked at.",
        );
        add(
            StatusCode::FORBIDDEN,
            "`read_only_token` or `forbidden`: the caller may not do this, or not to this session.",
        );
        add(
            StatusCode::INTERNAL_SERVER_ERROR,
            "`internal_error`: see the resolver's log.",
        );
        add(
            StatusCode::SERVICE_UNAVAILABLE,
            "`store_unavailable` or `timeout`: try again later.",
        );
    }
    if operation.request_body.is_some() {
        add(
            StatusCode::REQUEST_TIMEOUT,
            "`body_timeout`: the body did not arrive in time.",
        );
        add(
            StatusCode::PAYLOAD_TOO_LARGE,
            "`body_too_long`: more than 64 KiB.",
        );
        add(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "`not_json`: the body is not application/json, or is compressed.",
        );
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            add_common_parts(status, response);
        }
    }
}

fn add_common_parts(status: &str, response: &mut Response) {
    let request_id = string()
        .min_length(Some(1))
        .max_length(Some(128))
        .pattern(Some("^[!-~]+$"));
    let description = "Names the request in the resolver's log.";
    let mut headers = vec![
        ("cache-control", always(constant("no-store"), None)),
        (
            "x-request-id",
            always(request_id.build(), Some(description)),
        ),
    ];
    match status {
        "401" => headers.push(("www-authenticate", always(constant("Bearer"), None))),
        "429" | "503" => headers.push(("retry-after", always(constant("1"), Some("In seconds.")))),
        _ => {}
    }
    for (name, header) in headers {
        response.headers.insert(name.to_owned(), header.into());
    }
    if !status.starts_with('2') {
        let problem = Content::new(Some(Ref::from_schema_name(Problem::name())));
        response.content.clear();
        response
            .content
            .insert("application/problem+json".to_owned(), problem.into());
    }
}

/// Describes a header that every response of its kind has.
fn always(schema: Object, description: Option<&str>) -> Header {
    HeaderBuilder::new()
        .schema(Some(schema))
        .description(description)
        // utoipa's `Header` has no field for it.
        .extensions(Some(Extensions::from_iter([("required", true)])))
        .build()
}

fn constant(text: &str) -> Object {
    string().enum_values(Some([text])).build()
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String))
}
