//! [`SessionSearch`]: which sessions `/sessions` is asked for.

use std::borrow::Cow;

use dcv_resolver_core::escape::escaped;
use dcv_resolver_core::{PageToken, SessionId, SessionRecord};
use dcv_resolver_http::percent::decode_query;

use crate::ops_error::OpsError;

/// The longest part of a parameter's name that is quoted.
const MAX_QUOTED_BYTES: usize = 64;

/// Which sessions of which store.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SessionSearch {
    /// `None` for the first that lists its sessions.
    pub(crate) store: Option<String>,
    /// `None` for the first page.
    pub(crate) page: Option<PageToken>,
    /// In lower case; empty for every session.
    text: String,
}

impl SessionSearch {
    /// Reads the query `store=…&page=…&search=…`, in which each may be left out.
    ///
    /// # Errors
    ///
    /// [`OpsError::Malformed`], which names the parameter at fault.
    pub(crate) fn parse(raw: Option<&str>) -> Result<Self, OpsError> {
        let mut search = Self::default();
        let mut known = Vec::new();
        let pairs = raw.unwrap_or_default().split('&');
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = match name {
                "store" => "store",
                "page" => "page",
                "search" => "search",
                other => {
                    let name = escaped(other, MAX_QUOTED_BYTES).into_owned();
                    let detail =
                        format!("unknown query parameter \"{name}\"; use store, page and search");
                    return Err(malformed(name, detail));
                }
            };
            if known.contains(&name) {
                let detail = format!("{name} is given more than once; give it once");
                return Err(malformed(name, detail));
            }
            known.push(name);
            let value = decode_query(value).map_err(|error| malformed(name, error.to_string()))?;
            match name {
                "store" => search.store = Some(value.into_owned()),
                "page" => search.page = Some(PageToken::new(value)),
                _ if value.len() > SessionId::MAX_BYTES => {
                    let detail = "search has at most 256 bytes, as the longest session id has";
                    return Err(malformed(name, detail));
                }
                _ => search.text = value.to_lowercase(),
            }
        }
        Ok(search)
    }

    /// Returns whether the id, the id on the DCV server, the host or the owner
    /// contains the text, in any case.
    pub(crate) fn matches(&self, record: &SessionRecord) -> bool {
        if self.text.is_empty() {
            return true;
        }
        let contains = |text: &str| text.to_lowercase().contains(&self.text);
        contains(record.id().as_str())
            || contains(record.target_id().as_str())
            || contains(record.host().as_str())
            || record.owner().is_some_and(contains)
    }
}

pub(crate) fn malformed(
    parameter: impl Into<Cow<'static, str>>,
    detail: impl Into<Cow<'static, str>>,
) -> OpsError {
    OpsError::Malformed {
        parameter: parameter.into(),
        detail: detail.into(),
    }
}
