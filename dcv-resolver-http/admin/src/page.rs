//! [`PageQuery`] and [`SessionPage`]: a page of a listing, asked for and given.

use std::borrow::Cow;
use std::num::NonZeroUsize;

use dcv_resolver_core::{Page, PageToken, SessionRecord};
use serde::Serialize;

use super::fault::Fault;
use dcv_resolver_core::escape::escaped;
use dcv_resolver_http::percent::decode_query;

pub(super) const DEFAULT_LIMIT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99);
/// Some 300 KiB of ordinary records.
pub(super) const MAX_LIMIT: usize = 1_000;

/// How much of a parameter's name is repeated.
const MAX_QUOTED_BYTES: usize = 64;

/// Which page is asked for.
#[derive(Debug)]
pub(super) struct PageQuery {
    pub(super) limit: NonZeroUsize,
    pub(super) page: Option<PageToken>,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(super) struct SessionPage {
    sessions: Vec<SessionRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<String>,
}

impl From<Page> for SessionPage {
    fn from(page: Page) -> Self {
        Self {
            sessions: page.records,
            next_page: page.next.map(|token| token.as_str().to_owned()),
        }
    }
}

impl PageQuery {
    /// Reads the query string, as strictly as that of a resolve request, and
    /// refuses what it does not know.
    pub(super) fn parse(raw: Option<&str>) -> Result<Self, Fault> {
        let mut limit = None;
        let mut page = None;
        for (name, value) in pairs(raw)? {
            match &*name {
                "limit" => once("limit", &mut limit, read_limit(&value)?)?,
                "page" => once("page", &mut page, read_page(&value)?)?,
                _ => return Err(unknown(&name, "limit and page are known here")),
            }
        }
        Ok(Self {
            limit: limit.unwrap_or(DEFAULT_LIMIT),
            page,
        })
    }
}

/// For everything but a listing.
pub(super) fn expect_no_query(raw: Option<&str>) -> Result<(), Fault> {
    match pairs(raw)?.first() {
        None => Ok(()),
        Some((name, _)) => Err(unknown(name, "there are none here")),
    }
}

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

fn pairs(raw: Option<&str>) -> Result<Vec<Pair<'_>>, Fault> {
    let pairs = raw.unwrap_or_default().split('&');
    pairs
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = |text| {
                decode_query(text).map_err(|_| {
                    let detail = "the query is not percent-encoded UTF-8";
                    Fault::malformed(quoted(name), detail)
                })
            };
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect()
}

fn once<T>(name: &'static str, slot: &mut Option<T>, value: T) -> Result<(), Fault> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Fault::malformed(
            name,
            format!("{name} is given more than once; it must be given once"),
        )),
    }
}

fn unknown(name: &str, known: &str) -> Fault {
    let name = quoted(name);
    let detail = format!("there is no query parameter \"{name}\"; {known}");
    Fault::malformed(name, detail)
}

fn quoted(name: &str) -> String {
    escaped(name, MAX_QUOTED_BYTES).into_owned()
}

fn read_limit(text: &str) -> Result<NonZeroUsize, Fault> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| text.parse().ok())
        .flatten()
        .filter(|limit: &NonZeroUsize| limit.get() <= MAX_LIMIT)
        .ok_or_else(|| {
            Fault::malformed("limit", format!("limit is a number from 1 to {MAX_LIMIT}"))
        })
}

/// No store's token is empty or has control characters; only the store knows
/// more.
fn read_page(text: &str) -> Result<PageToken, Fault> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err(Fault::malformed(
            "page",
            "page is what the next_page of another page says; leave it out for the first page",
        ));
    }
    Ok(PageToken::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &str) -> (usize, Option<String>) {
        let query = PageQuery::parse(Some(raw)).unwrap();
        let page = query.page.map(|page| page.as_str().to_owned());
        (query.limit.get(), page)
    }

    #[test]
    fn both_parameters_may_be_left_out() {
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
    fn the_parameter_at_fault_is_named() {
        for (raw, parameter, detail) in [
            ("limit=0", "limit", "limit is a number from 1 to 1000"),
            ("limit=1001", "limit", "limit is a number from 1 to 1000"),
            ("limit=+5", "limit", "limit is a number from 1 to 1000"),
            ("limit", "limit", "limit is a number from 1 to 1000"),
            (
                "limit=99999999999999999999",
                "limit",
                "limit is a number from 1 to 1000",
            ),
            (
                "limit=1&limit=1",
                "limit",
                "limit is given more than once; it must be given once",
            ),
            (
                "page=",
                "page",
                "page is what the next_page of another page says; leave it out for the first page",
            ),
            (
                "page=%0a",
                "page",
                "page is what the next_page of another page says; leave it out for the first page",
            ),
            ("page=%zz", "page", "the query is not percent-encoded UTF-8"),
            ("page=%ff", "page", "the query is not percent-encoded UTF-8"),
            (
                "Limit=5",
                "Limit",
                "there is no query parameter \"Limit\"; limit and page are known here",
            ),
            (
                "a%0ab",
                "a\\nb",
                "there is no query parameter \"a\\nb\"; limit and page are known here",
            ),
        ] {
            match PageQuery::parse(Some(raw)).unwrap_err() {
                Fault::Malformed {
                    parameter: at,
                    detail: told,
                } => {
                    assert_eq!((&*at, &*told), (parameter, detail), "{raw}");
                }
                other => panic!("{raw}: {other:?}"),
            }
        }
    }
}
