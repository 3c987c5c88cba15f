//! [`IdTemplate`]: the ids under which sessions are registered.

use std::fmt;
use std::str::FromStr;

use dcv_resolver_core::{Host, InvalidSessionId, SessionId};

/// A template that makes the id that clients request from the id on the DCV
/// server.
///
/// Ids are unique on one DCV server only: each Windows server has a `console`.
/// `{session}` stands for the id on the server and `{host}` for the server's
/// host. The default is `{session}`.
///
/// Put a character between the two that no host contains, such as `@`. With
/// `{host}-{session}`, the session `17-console` on `ws` has the same id as
/// `console` on `ws-17`, and a user who may create a session on one server can
/// take the id of a session on the other. A host contains no `@`, so the last
/// `@` in an id marks the end of the session's own id.
///
/// ```
/// use dcv_resolver_agent::IdTemplate;
///
/// let template: IdTemplate = "{session}@{host}".parse()?;
/// let id = template.apply(&"ws-17.dcv.example".parse()?, "console")?;
/// assert_eq!(id.as_str(), "console@ws-17.dcv.example");
///
/// assert!("desktop".parse::<IdTemplate>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTemplate(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Host,
    Session,
}

/// An error that occurs when a string is not an [`IdTemplate`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidIdTemplate {
    /// A brace is not part of a placeholder.
    #[error("expected {{session}} or {{host}} at byte {offset_bytes}")]
    Placeholder {
        /// Where the brace is.
        offset_bytes: usize,
    },
    /// Every session of every server would have the same id.
    #[error("expected {{session}}, {{host}} or both, such as {{session}}@{{host}}")]
    Constant,
}

impl IdTemplate {
    /// Returns the id of the session `session` on `host`.
    ///
    /// # Errors
    ///
    /// [`InvalidSessionId`], when the result is not a session id, such as one
    /// that is too long.
    pub fn apply(&self, host: &Host, session: &str) -> Result<SessionId, InvalidSessionId> {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text,
            Part::Host => host.as_str(),
            Part::Session => session,
        });
        SessionId::new(parts.collect::<String>())
    }
}

impl Default for IdTemplate {
    fn default() -> Self {
        Self(vec![Part::Session])
    }
}

impl FromStr for IdTemplate {
    type Err = InvalidIdTemplate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const PLACEHOLDERS: [(&str, Part); 2] =
            [("{session}", Part::Session), ("{host}", Part::Host)];
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let placeholder = PLACEHOLDERS
                .iter()
                .find_map(|(name, part)| Some((rest.strip_prefix(name)?, part)));
            if let Some((behind, part)) = placeholder {
                parts.push(part.clone());
                rest = behind;
                continue;
            }
            match rest.find(['{', '}']).unwrap_or(rest.len()) {
                0 => {
                    let offset_bytes = text.len() - rest.len();
                    return Err(InvalidIdTemplate::Placeholder { offset_bytes });
                }
                end => {
                    let (literal, behind) = rest.split_at(end);
                    parts.push(Part::Text(literal.to_owned()));
                    rest = behind;
                }
            }
        }
        if parts.iter().all(|part| matches!(part, Part::Text(_))) {
            return Err(InvalidIdTemplate::Constant);
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for IdTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Host => f.write_str("{host}"),
            Part::Session => f.write_str("{session}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_replaced_and_text_is_kept() {
        let host = "ws-17.dcv.example".parse().unwrap();
        for (template, expected) in [
            ("{session}", "console"),
            ("{host}", "ws-17.dcv.example"),
            (
                "site-a/{host}/{session}!",
                "site-a/ws-17.dcv.example/console!",
            ),
            ("{session}{session}", "consoleconsole"),
        ] {
            let template: IdTemplate = template.parse().unwrap();
            let id = template.apply(&host, "console").unwrap();
            assert_eq!(id.as_str(), expected);
            assert_eq!(template.to_string().parse(), Ok(template));
        }
        assert_eq!(IdTemplate::default(), "{session}".parse().unwrap());
    }

    #[test]
    fn braces_of_the_id_are_not_placeholders() {
        let host = "ws-17.dcv.example".parse().unwrap();
        let id = IdTemplate::default().apply(&host, "{host}").unwrap();
        assert_eq!(id.as_str(), "{host}");
    }

    #[test]
    fn invalid_template_is_rejected_with_its_place() {
        let at = |offset_bytes| InvalidIdTemplate::Placeholder { offset_bytes };
        for (text, error) in [
            ("", InvalidIdTemplate::Constant),
            ("desktop", InvalidIdTemplate::Constant),
            ("{session}-{name}", at(10)),
            ("{Session}", at(0)),
            ("{session}}", at(9)),
            ("a{", at(1)),
        ] {
            assert_eq!(text.parse::<IdTemplate>(), Err(error), "{text}");
        }
    }
}
