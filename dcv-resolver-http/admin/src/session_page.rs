//! [`ListQuery`] and [`SessionPage`]: the request and the response of a listing.

use std::num::NonZeroUsize;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use dcv_resolver_core::{Page, PageToken};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::admin_error::AdminError;
use crate::query::{pairs, put_once, unknown};
use crate::schemas;
use crate::session::Session;

const DEFAULT_LIMIT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99);
/// Some 300 KiB of ordinary records.
const MAX_LIMIT: usize = 1_000;

/// Which page to return.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// How many sessions to aim for.
    #[param(value_type = usize, required = false, minimum = 1, maximum = 1000, default = 100)]
    pub(crate) limit: NonZeroUsize,
    /// The page; the first one if it is left out.
    #[param(value_type = schemas::PageToken, required = false)]
    pub(crate) page: Option<PageToken>,
}

/// A page of sessions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionPage {
    sessions: Vec<Session>,
    /// What is wrong with stored sessions that cannot be read, which are named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    unreadable: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schemas::PageToken, required = false)]
    next_page: Option<String>,
}

impl From<Page> for SessionPage {
    fn from(page: Page) -> Self {
        Self {
            sessions: page.records.into_iter().map(Session).collect(),
            unreadable: (page.unreadable.iter())
                .map(|error| error.chain().to_string())
                .collect(),
            next_page: page.next.map(|token| token.as_str().to_owned()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for ListQuery {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AdminError> {
        Self::parse(parts.uri.query())
    }
}

impl ListQuery {
    fn parse(raw: Option<&str>) -> Result<Self, AdminError> {
        let mut limit = None;
        let mut page = None;
        for (name, value) in pairs(raw)? {
            match &*name {
                "limit" => put_once("limit", &mut limit, parse_limit(&value)?)?,
                "page" => put_once("page", &mut page, parse_page(&value)?)?,
                _ => return Err(unknown(&name, "use limit and page")),
            }
        }
        Ok(Self {
            limit: limit.unwrap_or(DEFAULT_LIMIT),
            page,
        })
    }
}

fn parse_limit(text: &str) -> Result<NonZeroUsize, AdminError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| text.parse().ok())
        .flatten()
        .filter(|limit: &NonZeroUsize| limit.get() <= MAX_LIMIT)
        .ok_or_else(|| {
            AdminError::malformed(
                "limit",
                format!("limit must be a number from 1 to {MAX_LIMIT}"),
            )
        })
}

/// No store's token is empty or has control characters. Only the store can
/// check the rest.
fn parse_page(text: &str) -> Result<PageToken, AdminError> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err(AdminError::malformed(
            "page",
            "page must be the next_page of another page; leave it out for the first page",
        ));
    }
    Ok(PageToken::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &str) -> (usize, Option<String>) {
        let query = ListQuery::parse(Some(raw)).unwrap();
        let page = query.page.map(|page| page.as_str().to_owned());
        (query.limit.get(), page)
    }

    #[test]
    fn both_parameters_are_optional() {
        for raw in ["", "&", "&&"] {
            assert_eq!(parse(raw), (100, None));
        }
        assert_eq!(parse("limit=1"), (1, None));
        assert_eq!(
            parse("page=a+b%2Bc%26&limit=1000"),
            (1000, Some("a b+c&".to_owned()))
        );
    }

    #[test]
    fn invalid_query_names_the_parameter() {
        for (raw, parameter, detail) in [
            ("limit=0", "limit", "limit must be a number from 1 to 1000"),
            (
                "limit=1001",
                "limit",
                "limit must be a number from 1 to 1000",
            ),
            ("limit=+5", "limit", "limit must be a number from 1 to 1000"),
            ("limit", "limit", "limit must be a number from 1 to 1000"),
            (
                "limit=99999999999999999999",
                "limit",
                "limit must be a number from 1 to 1000",
            ),
            (
                "limit=1&limit=1",
                "limit",
                "limit is given more than once; give it once",
            ),
            (
                "page=",
                "page",
                "page must be the next_page of another page; leave it out for the first page",
            ),
            (
                "page=%0a",
                "page",
                "page must be the next_page of another page; leave it out for the first page",
            ),
            ("page=%zz", "page", "the query is not percent-encoded UTF-8"),
            ("page=%ff", "page", "the query is not percent-encoded UTF-8"),
            (
                "Limit=5",
                "Limit",
                "unknown query parameter \"Limit\"; use limit and page",
            ),
            (
                "a%0ab",
                "a\\nb",
                "unknown query parameter \"a\\nb\"; use limit and page",
            ),
        ] {
            match ListQuery::parse(Some(raw)).unwrap_err() {
                AdminError::Malformed {
                    parameter: at,
                    detail: found,
                } => {
                    assert_eq!((&*at, &*found), (parameter, detail), "{raw}");
                }
                other => panic!("{raw}: {other:?}"),
            }
        }
    }
}
