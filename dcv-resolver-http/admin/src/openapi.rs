//! [`openapi`]: the document that describes the API, made from the table of
//! actions that the router is made from, and from the types of the bodies.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, Paths,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, Object, ObjectBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, Header, InfoBuilder, OpenApiBuilder, Ref, RefOr, Required,
    Response, ResponseBuilder, extensions::Extensions,
};
use utoipa::{PartialSchema, ToSchema};

use super::action::Action;
use super::page::{DEFAULT_LIMIT, MAX_LIMIT};
use super::registration::{Registration, Renewal};
use super::schemas;

const DESCRIPTION: &str = "\
Registers, renews, removes and shows the sessions that a DCV session resolver resolves.\n\
\n\
Every request but the one for this document carries a bearer token of the resolver's token file: \
a read-only one to look at sessions, a read-write one to change them.\n\
\n\
A session is registered under a lease token, which its owner brings or is given in the answer. \
Renewing and removing it take the same token, so that nobody changes a session that was registered \
anew by somebody else. The lease token stands in for ETag and If-Match: it says whose the session \
is, and not only that it is unchanged. Repeating a change with the same lease token is harmless.\n\
\n\
Whatever is not done is answered with a problem document (RFC 9457), whose `reason` is a stable \
word for programs. A method that a path does not take is a 405 with Allow. Every answer has \
`cache-control: no-store` and the request's `x-request-id`: its own, where it is 1 to 128 visible \
ASCII characters.";

/// The OpenAPI 3.1 document of the admin API, as JSON with line ends.
///
/// The router serves it at `/v1/openapi.json`.
#[must_use]
pub fn openapi() -> String {
    let mut document = serde_json::to_string_pretty(&document()).unwrap_or_default();
    document.push('\n');
    document
}

fn document() -> Value {
    let mut paths = Paths::new();
    for action in Action::ALL {
        paths.add_path_operation(action.path(), vec![http_method(action)], operation(action));
    }
    let api = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("DCV session resolver: admin API")
                .version("1")
                .description(Some(DESCRIPTION)),
        )
        .paths(paths)
        .components(Some(components()));
    // Text, numbers and maps always serialise.
    let mut document = serde_json::to_value(api.build()).unwrap_or_default();

    // What utoipa has no words for.
    let schemas = &mut document["components"]["schemas"];
    let one_expiry = json!([{"required": ["expires_at_ms"]}, {"required": ["ttl_ms"]}]);
    schemas["Registration"]["oneOf"] = one_expiry.clone();
    schemas["Registration"]["anyOf"] =
        json!([{"required": ["http_port"]}, {"required": ["quic_port"]}]);
    schemas["Renewal"]["oneOf"] = one_expiry;
    document
}

fn http_method(action: Action) -> HttpMethod {
    match action.method() {
        Method::PUT => HttpMethod::Put,
        Method::POST => HttpMethod::Post,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation(action: Action) -> Operation {
    let (summary, description) = match action {
        Action::Describe => ("This document", "It holds no secret, and takes no token."),
        Action::List => (
            "Sessions, page by page",
            "Shows each session that is there throughout at least once, expired ones too. The order is the store's own, and a page may hold fewer sessions than asked for, or somewhat more; the last page is the one without next_page.",
        ),
        Action::Get => (
            "One session",
            "Shows what is registered, whether it is expired or not.",
        ),
        Action::Register => (
            "Register a session",
            "Over a session of the same lease token, or one that is expired, this one takes its place; over a live one of another token it is a 409. Without a lease token one is minted, and returned in the answer exactly then. Who wants to repeat a registration whose answer was lost brings a token.",
        ),
        Action::Renew => (
            "Renew a session's lease",
            "Changes when the session expires, to earlier or later, and nothing else. An expired session is not revived: register it again.",
        ),
        Action::Deregister => (
            "Remove a session",
            "Whether the session is absent or registered under another lease token cannot be told apart: both are a 404.",
        ),
    };
    let mut operation = OperationBuilder::new()
        .operation_id(Some(action.as_str()))
        .summary(Some(summary))
        .description(Some(description))
        .request_body(request_body(action));
    for parameter in parameters(action) {
        operation = operation.parameter(parameter);
    }
    operation = operation.security(if action.is_open() {
        SecurityRequirement::default()
    } else {
        SecurityRequirement::new("token", [""; 0])
    });
    operation = operation.response(success(action).0.as_str(), success(action).1);
    for (status, description) in faults(action) {
        operation = operation.response(status.as_str(), problem(action, status, description));
    }
    operation.build()
}

fn parameters(action: Action) -> Vec<Parameter> {
    let parameter = |name, place, required, description| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(required)
            .description(Some(description))
    };
    if action == Action::List {
        let limit = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .minimum(Some(1))
            .maximum(Some(MAX_LIMIT))
            .default(Some(DEFAULT_LIMIT.get().into()));
        let limit = parameter(
            "limit",
            ParameterIn::Query,
            Required::False,
            "How many sessions to aim for.",
        )
        .schema(Some(limit));
        let page = parameter(
            "page",
            ParameterIn::Query,
            Required::False,
            "The page; the first one if it is left out.",
        )
        .schema(Some(reference::<schemas::PageToken>()));
        return vec![limit.build(), page.build()];
    }
    let mut parameters = Vec::new();
    if action.path().contains("{id}") {
        let id = parameter(
            "id",
            ParameterIn::Path,
            Required::True,
            "The session's id, percent-encoded; a / in it is written as %2F.",
        );
        parameters.push(id.schema(Some(reference::<schemas::SessionId>())).build());
    }
    if action.is_change() {
        let (required, description) = match action {
            Action::Register => (
                Required::False,
                "The lease token to register under; one is minted if it is left out.",
            ),
            _ => (
                Required::True,
                "The lease token under which the session was registered.",
            ),
        };
        let token = parameter("lease-token", ParameterIn::Header, required, description);
        parameters.push(
            token
                .schema(Some(reference::<schemas::LeaseToken>()))
                .build(),
        );
    }
    parameters
}

fn request_body(action: Action) -> Option<RequestBody> {
    let schema = match action {
        Action::Register => reference::<Registration>(),
        Action::Renew => reference::<Renewal>(),
        Action::Describe | Action::List | Action::Get | Action::Deregister => return None,
    };
    let body = RequestBodyBuilder::new()
        .required(Some(Required::True))
        .content("application/json", Content::new(Some(schema)));
    Some(body.build())
}

fn success(action: Action) -> (StatusCode, Response) {
    let (status, description, schema) = match action {
        Action::Describe => {
            let object = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Object));
            let schema = RefOr::T(Schema::from(object));
            (StatusCode::OK, "An OpenAPI 3.1 document.", Some(schema))
        }
        Action::List => (StatusCode::OK, "A page.", Some(named("SessionPage").into())),
        Action::Get => (
            StatusCode::OK,
            "The session.",
            Some(named("Session").into()),
        ),
        Action::Register => (
            StatusCode::OK,
            "The session as it is registered now.",
            Some(named("Session").into()),
        ),
        Action::Renew => (
            StatusCode::OK,
            "When the session expires now.",
            Some(named("Renewed").into()),
        ),
        Action::Deregister => (StatusCode::NO_CONTENT, "The session is removed.", None),
    };
    let mut response = ResponseBuilder::new().description(description);
    if let Some(schema) = schema {
        response = response.content("application/json", Content::new(Some(schema)));
    }
    if action == Action::Register {
        response = response.header("lease-token", minted());
    }
    if action == Action::Get {
        response = response.header("age", age());
    }
    (status, common_headers(response).build())
}

/// What else an action is answered with, and why.
fn faults(action: Action) -> Vec<(StatusCode, &'static str)> {
    let mut faults = vec![
        (
            StatusCode::BAD_REQUEST,
            "The request is not one that is described here: `malformed_request`, with the `parameter` at fault.",
        ),
        (StatusCode::URI_TOO_LONG, "`uri_too_long`: more than 8 KiB."),
    ];
    if action.is_open() {
        return faults;
    }
    faults.extend([
        (
            StatusCode::UNAUTHORIZED,
            "`unauthorized`: there is no bearer token, or none that is good. Nothing else of the request was looked at.",
        ),
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            "`internal_error`: the resolver failed; its log tells why.",
        ),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "`store_unavailable` or `timeout`: try again later.",
        ),
    ]);
    if action.is_change() {
        faults.push((
            StatusCode::FORBIDDEN,
            "`read_only_token`: the token may not change sessions.",
        ));
    }
    if action.takes_body() {
        faults.extend([
            (
                StatusCode::REQUEST_TIMEOUT,
                "`body_timeout`: the body did not arrive in time.",
            ),
            (
                StatusCode::PAYLOAD_TOO_LARGE,
                "`body_too_long`: more than 64 KiB.",
            ),
            (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "`not_json`: the body is not application/json, or is compressed.",
            ),
        ]);
    }
    match action {
        Action::Get => faults.push((
            StatusCode::NOT_FOUND,
            "`unknown`: there is no session of this id.",
        )),
        Action::Register => faults.push((
            StatusCode::CONFLICT,
            "`already_exists`: a live session of this id is registered under another lease token.",
        )),
        Action::Renew => faults.push((
            StatusCode::CONFLICT,
            "`lease_lost`: there is no live session of this id under this lease token.",
        )),
        Action::Deregister => faults.push((
            StatusCode::NOT_FOUND,
            "`no_such_lease`: there is no session of this id under this lease token.",
        )),
        Action::Describe | Action::List => {}
    }
    faults
}

fn problem(action: Action, status: StatusCode, description: &str) -> Response {
    let mut response = ResponseBuilder::new().description(description).content(
        "application/problem+json",
        Content::new(Some(named("Problem"))),
    );
    if status == StatusCode::UNAUTHORIZED {
        response = response.header("www-authenticate", header(constant("Bearer"), "", true));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response = response.header("retry-after", header(constant("1"), "In seconds.", true));
    }
    if action == Action::Register && status.is_server_error() {
        response = response.header("lease-token", minted());
    }
    common_headers(response).build()
}

fn common_headers(response: ResponseBuilder) -> ResponseBuilder {
    let request_id = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .min_length(Some(1))
        .max_length(Some(128))
        .pattern(Some("^[!-~]+$"))
        .build();
    response
        .header("cache-control", header(constant("no-store"), "", true))
        .header(
            "x-request-id",
            header(request_id, "Names the request in the resolver's log.", true),
        )
}

fn age() -> Header {
    let seconds = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Integer))
        .minimum(Some(0));
    header(
        Schema::from(seconds),
        "How old that is, in seconds; only where the store fails and a cache shows what it held.",
        false,
    )
}

fn minted() -> Header {
    header(
        reference::<schemas::LeaseToken>(),
        "The lease token that was minted; only where the request has none.",
        false,
    )
}

fn header(schema: impl Into<RefOr<Schema>>, description: &str, always: bool) -> Header {
    HeaderBuilder::new()
        .schema(Some(schema.into()))
        .description((!description.is_empty()).then_some(description))
        .extensions(always.then(|| Extensions::from_iter([("required", true)])))
        .build()
}

fn constant(text: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some([text]))
        .build()
}

fn components() -> utoipa::openapi::Components {
    let mut schemas = Vec::new();
    <Registration as ToSchema>::schemas(&mut schemas);
    <Renewal as ToSchema>::schemas(&mut schemas);
    ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .schema_from::<Registration>()
        .schema_from::<Renewal>()
        .schema_from::<schemas::PageToken>()
        .schema_from::<schemas::LeaseToken>()
        .schema("Session", session())
        .schema(
            "SessionPage",
            closed()
                .property("sessions", ArrayBuilder::new().items(named("Session")))
                .required("sessions")
                .property("next_page", reference::<schemas::PageToken>()),
        )
        .schema(
            "Renewed",
            closed()
                .property("expires_at_ms", reference::<schemas::ExpiresAtMs>())
                .required("expires_at_ms"),
        )
        .schema("Problem", problem_schema())
        .security_scheme(
            "token",
            SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(HttpAuthScheme::Bearer)
                    .description(Some("A token of the resolver's token file."))
                    .build(),
            ),
        )
        .build()
}

/// The fields of a registration, with the id and without `ttl_ms`; those that
/// have a default are always there.
fn session() -> Object {
    let RefOr::T(Schema::Object(mut session)) = Registration::schema() else {
        return Object::default();
    };
    session.description = Some("A session, as it is registered.".to_owned());
    session.properties.remove("ttl_ms");
    session
        .properties
        .insert("id".to_owned(), reference::<schemas::SessionId>().into());
    session.required = ["id", "host", "web_url_path", "state", "expires_at_ms"]
        .map(str::to_owned)
        .into();
    session
}

fn problem_schema() -> ObjectBuilder {
    let text = |description| {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .description(Some(description))
    };
    let status = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Integer))
        .minimum(Some(400))
        .maximum(Some(599));
    closed()
        .description(Some(
            "A problem document (RFC 9457); the type that is left out is about:blank.",
        ))
        .property("title", text("The status in words."))
        .required("title")
        .property("status", status)
        .required("status")
        .property("detail", text("A sentence for people."))
        .required("detail")
        .property(
            "reason",
            text("A stable word for programs.").pattern(Some("^[a-z_]+$")),
        )
        .required("reason")
        .property(
            "parameter",
            text("The part of the request that is at fault."),
        )
}

/// An object without other properties than those named.
fn closed() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Object))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

fn reference<T: ToSchema>() -> Ref {
    named(&T::name())
}

fn named(name: &str) -> Ref {
    Ref::from_schema_name(name)
}
