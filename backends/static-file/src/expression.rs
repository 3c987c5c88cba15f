//! [`compile`]: regular expressions over ids, and [`parse`]: what they match.

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

/// Compiles an expression that matches whole ids.
///
/// The expression works on bytes and without Unicode: `\d` is a digit of a port
/// and of a host, and the Unicode tables stay out of the program.
pub(crate) fn compile(text: &str) -> Result<Regex, regex::Error> {
    let compile = |text: &str| RegexBuilder::new(text).unicode(false).build();
    // It must also be valid alone: `a)|(b` is an expression only inside a
    // group.
    compile(text)?;
    compile(&format!(r"\A(?:{text})\z"))
}

/// Parses an expression that can be [compiled](compile).
pub(crate) fn parse(text: &str) -> Option<Hir> {
    let mut parser = ParserBuilder::new();
    let parsed = parser.unicode(false).utf8(false).build().parse(text);
    parsed.ok()
}

/// Returns what the group of this number matches: nothing as well, where it need not
/// take part. 0 is the whole expression.
pub(crate) fn group(expression: &Hir, number: usize) -> Option<Hir> {
    if number == 0 {
        return Some(expression.clone());
    }
    let or_nothing = |group: Hir| Hir::alternation(vec![group, Hir::empty()]);
    match expression.kind() {
        HirKind::Capture(capture) if usize::try_from(capture.index) == Ok(number) => {
            Some((*capture.sub).clone())
        }
        HirKind::Capture(capture) => group(&capture.sub, number),
        HirKind::Repetition(repetition) => match repetition.min {
            0 => group(&repetition.sub, number).map(or_nothing),
            _ => group(&repetition.sub, number),
        },
        HirKind::Concat(parts) => parts.iter().find_map(|part| group(part, number)),
        HirKind::Alternation(parts) => {
            let found = parts.iter().find_map(|part| group(part, number));
            found.map(or_nothing)
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group_of(expression: &str, number: usize) -> Option<Hir> {
        group(&parse(expression).unwrap(), number)
    }

    #[test]
    fn group_is_found_by_its_number() {
        let expression = r"(?:a)\((?<host>[^()\]]+(b(?i:c)))\)(?P<last>.*)";
        for (number, expected) in [
            (0, Some(expression)),
            (1, Some(r"[^()\]]+(b(?i:c))")),
            (3, Some(".*")),
            (4, None),
        ] {
            let expected = expected.and_then(parse).map(|hir| hir.to_string());
            let found = group_of(expression, number).map(|hir| hir.to_string());
            assert_eq!(found, expected, "{number}");
        }
    }

    #[test]
    fn group_that_need_not_take_part_matches_nothing_as_well() {
        for expression in ["(a)?b", "(?:(a)b)*", "(a)|b"] {
            assert_eq!(group_of(expression, 1), parse("a|"), "{expression}");
        }
        assert_eq!(group_of("(?:(a)b)+", 1), parse("a"));
    }
}
