//! [`Template`]: text with the groups of a regular expression in it.

use std::str::Utf8Error;

use regex::bytes::{Captures, Regex};
use regex_syntax::hir::Hir;

use crate::expression::group;

/// Text in which `{name}` stands for what a group matched.
#[derive(Debug)]
pub(crate) struct Template {
    text: Box<str>,
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Text(Box<str>),
    /// By its number.
    Group(usize),
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidTemplate {
    #[error("a brace has no counterpart; {{name}} stands for the group (?<name>…) of `match`")]
    UnpairedBrace,
    #[error("`match` has no group {0:?}; {{0}} is the whole id, {{1}} the first group")]
    NoSuchGroup(String),
}

impl Template {
    /// Parses `text`, whose groups are those of `regex`, by name or by number.
    pub(crate) fn parse(text: &str, regex: &Regex) -> Result<Self, InvalidTemplate> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(brace) = rest.find(['{', '}']) {
            let (before, group) = rest.split_at(brace);
            let (name, after) = group
                .strip_prefix('{')
                .and_then(|group| group.split_once('}'))
                .ok_or(InvalidTemplate::UnpairedBrace)?;
            let number = number_of(name, regex)
                .ok_or_else(|| InvalidTemplate::NoSuchGroup(name.to_owned()))?;
            pieces.extend([Piece::Text(before.into()), Piece::Group(number)]);
            rest = after;
        }
        pieces.push(Piece::Text(rest.into()));
        let text = text.into();
        Ok(Self { text, pieces })
    }

    /// Creates a template without groups.
    pub(crate) fn constant(text: String) -> Self {
        let pieces = vec![Piece::Text(text.as_str().into())];
        let text = text.into();
        Self { text, pieces }
    }

    /// Returns the string for one match. A group that did not take part in it
    /// is empty.
    ///
    /// Fails if a group contains only a part of a character, since the
    /// expression matches byte by byte: a string with a replacement character
    /// could be the same for two ids.
    pub(crate) fn expand(&self, captures: &Captures<'_>) -> Result<String, Utf8Error> {
        let mut expanded = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => expanded.push_str(text),
                Piece::Group(number) => {
                    let group = captures
                        .get(*number)
                        .map_or(&b""[..], |group| group.as_bytes());
                    expanded.push_str(str::from_utf8(group)?);
                }
            }
        }
        Ok(expanded)
    }

    /// Returns the text as it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns what the template stands for, in ids that `expression` matches. Each
    /// group counts for itself, as if it could match anything beside the others.
    pub(crate) fn language(&self, expression: &Hir) -> Option<Hir> {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => Some(Hir::literal(text.as_bytes())),
            Piece::Group(number) => group(expression, *number),
        });
        Some(Hir::concat(pieces.collect::<Option<_>>()?))
    }

    /// Returns the text if it has no group.
    pub(crate) fn as_constant(&self) -> Option<&str> {
        matches!(self.pieces[..], [Piece::Text(_)]).then_some(&*self.text)
    }
}

fn number_of(name: &str, regex: &Regex) -> Option<usize> {
    let by_name = regex.capture_names().position(|known| known == Some(name));
    by_name.or_else(|| {
        name.parse()
            .ok()
            .filter(|number| *number < regex.captures_len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(pattern: &str, template: &str, text: &str) -> Result<String, InvalidTemplate> {
        let regex = Regex::new(pattern).unwrap();
        let captures = regex.captures(text.as_bytes()).unwrap();
        Template::parse(template, &regex).map(|template| template.expand(&captures).unwrap())
    }

    #[test]
    fn groups_are_replaced_by_name_and_by_number() {
        for (template, expected) in [
            ("", ""),
            ("ws.dcv.example", "ws.dcv.example"),
            ("{host}", "ws-17"),
            ("{host}.dcv.example", "ws-17.dcv.example"),
            ("{2}@{1}", "ann@ws-17"),
            ("{0}{0}", "ws-17/annws-17/ann"),
            ("<{gone}>", "<>"),
        ] {
            let expanded = expand("(?<host>[^/]+)/([a-z]+)(?<gone>x)?", template, "ws-17/ann");
            assert_eq!(expanded.as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn invalid_template_is_refused() {
        for template in ["{", "}", "{1", "1}", "a{1}}", "{{1}}"] {
            assert!(expand("(a)", template, "a").is_err(), "{template}");
        }
        for name in ["", "2", "name", "-1", " 1"] {
            let expanded = expand("(a)", &format!("{{{name}}}"), "a");
            assert_eq!(expanded, Err(InvalidTemplate::NoSuchGroup(name.to_owned())));
        }
    }
}
