//! [`Problem`]: the schema of a problem document.

#![expect(dead_code, reason = "this type only describes another")]

use utoipa::ToSchema;

/// A problem document (RFC 9457); the type that is left out is about:blank.
// As `dcv_resolver_http::ProblemDocument` writes it.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Problem {
    /// The status in words.
    title: String,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// A sentence for people.
    detail: String,
    /// A stable word for programs.
    #[schema(pattern = "^[a-z_]+$")]
    reason: String,
    /// The part of the request that is invalid.
    #[schema(value_type = String, required = false)]
    parameter: Option<String>,
}
