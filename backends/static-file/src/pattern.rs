//! [`SessionPattern`]: sessions that are derived from their ids.

use std::error::Error;
use std::fmt;
use std::num::NonZeroU16;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use dcv_resolver_core::{
    Expiry, InvalidRecord, SessionId, SessionRecord, StoreError, StoreErrorKind,
};
use regex::bytes::{Captures, Regex};

use crate::chosen_domain::is_chosen_by_client;
use crate::diagnostic::Quoted;
use crate::expression;
use crate::template::Template;

/// Sessions that are derived from their ids: one table of `[[patterns]]` in a
/// session file.
///
/// Displays as `path:line`, the place of the table in the file.
#[derive(Debug)]
pub struct SessionPattern {
    pub(crate) path: Arc<Path>,
    pub(crate) line: usize,
    pub(crate) expression: Box<str>,
    /// Matches whole ids only.
    pub(crate) regex: Regex,
    pub(crate) host: Template,
    pub(crate) target_id: Option<Template>,
    pub(crate) http_port: Option<Template>,
    pub(crate) quic_port: Option<Template>,
    pub(crate) web_url_path: Option<Template>,
}

impl SessionPattern {
    /// Returns the regular expression of `match`.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// Returns the template of `host` as it is written in the file, such as
    /// `ws-{n}.dcv.example`.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.as_str()
    }

    /// Returns the session with this id, or `None` if the pattern does not
    /// match it. The session never expires.
    ///
    /// # Errors
    ///
    /// `CorruptRecord`, if what the pattern makes of the id is not a session,
    /// for example because its host is invalid. The source names the place in
    /// the file.
    pub fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let Some(captures) = self.regex.captures(id.as_str().as_bytes()) else {
            return Ok(None);
        };
        let record = self.record(id, &captures).map_err(|invalid| {
            StoreError::new("static_file", StoreErrorKind::CorruptRecord).with_source(invalid)
        })?;
        Ok(Some(record))
    }

    /// Returns whether the pattern makes a session of this id, or fails to.
    pub(crate) fn matches(&self, id: &SessionId) -> bool {
        self.regex.is_match(id.as_str().as_bytes())
    }

    /// Returns whether a client can be sent to any domain: what it writes in an id
    /// decides in which one the host is.
    fn leads_to_any_domain(&self) -> bool {
        let expression = expression::parse(&self.expression);
        let host = expression.and_then(|expression| self.host.language(&expression));
        host.is_some_and(|host| is_chosen_by_client(&host))
    }

    #[expect(clippy::expect_used, reason = "see the message")]
    fn record(
        &self,
        id: &SessionId,
        captures: &Captures<'_>,
    ) -> Result<SessionRecord, InvalidField> {
        let host = self.parse("host", &self.host, captures)?;
        let target_id = self.parse_given("target_id", self.target_id.as_ref(), captures)?;
        let http_port = self.parse_given("http_port", self.http_port.as_ref(), captures)?;
        let quic_port = self.parse_given("quic_port", self.quic_port.as_ref(), captures)?;
        let web_url_path =
            self.parse_given("web_url_path", self.web_url_path.as_ref(), captures)?;
        let record = SessionRecord::builder(id.clone(), host, Expiry::Never)
            .target_id(target_id)
            .http_port(http_port.map(Port::number))
            .quic_port(quic_port.map(Port::number))
            .web_url_path(web_url_path.unwrap_or_default())
            .build();
        Ok(record.expect("a pattern has a port, and no port is 0"))
    }

    fn parse_given<T: FromStr<Err: Error + Send + Sync + 'static>>(
        &self,
        field: &'static str,
        template: Option<&Template>,
        captures: &Captures<'_>,
    ) -> Result<Option<T>, InvalidField> {
        template
            .map(|template| self.parse(field, template, captures))
            .transpose()
    }

    fn parse<T: FromStr<Err: Error + Send + Sync + 'static>>(
        &self,
        field: &'static str,
        template: &Template,
        captures: &Captures<'_>,
    ) -> Result<T, InvalidField> {
        let invalid = |value: &str, source: Box<dyn Error + Send + Sync>| InvalidField {
            place: self.to_string(),
            field,
            value: value.to_owned(),
            source,
        };
        let value = template
            .expand(captures)
            .map_err(|error| invalid("", error.into()))?;
        value
            .parse()
            .map_err(|error: T::Err| invalid(&value, error.into()))
    }
}

/// Returns a warning of each pattern that leads to any domain.
pub(crate) fn warnings(patterns: &[SessionPattern]) -> Vec<String> {
    let open = patterns
        .iter()
        .filter(|pattern| pattern.leads_to_any_domain());
    open.map(|pattern| {
        let (host, expression) = (pattern.host(), pattern.expression());
        format!(
            "{pattern}: with host {host:?} and match {expression:?}, a client can reach any host by naming its domain in an id; end the host with a domain of your own, such as \"{host}.dcv.example\", or match only your own hosts"
        )
    })
    .collect()
}

impl fmt::Display for SessionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.line)
    }
}

/// Why the pattern at `place` makes no session of an id that it matches.
#[derive(Debug, thiserror::Error)]
#[error("{place}: this pattern makes `{field}` {} from the id", Quoted(value))]
struct InvalidField {
    place: String,
    field: &'static str,
    value: String,
    source: Box<dyn Error + Send + Sync>,
}

/// A port as text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Port(NonZeroU16);

impl Port {
    fn number(self) -> u16 {
        self.0.get()
    }
}

impl FromStr for Port {
    type Err = InvalidRecord;

    fn from_str(text: &str) -> Result<Self, InvalidRecord> {
        // The standard library accepts a sign.
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let port = text.parse().ok().filter(|_| is_number);
        port.map(Self).ok_or(InvalidRecord::PortZero)
    }
}
