//! [`compile`]: regular expressions over ids, and [`group`]: their groups as text.

use std::convert::Infallible;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{self, Ast, Span, Visitor};

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

/// Returns the text of the group of this number; 0 is the whole expression.
pub(crate) fn group(expression: &str, number: usize) -> Option<&str> {
    if number == 0 {
        return Some(expression);
    }
    let ast = Parser::new().parse(expression).ok()?;
    let span = ast::visit(
        &ast,
        GroupFinder {
            number,
            found: None,
        },
    )
    .ok()??;
    expression.get(span.start.offset..span.end.offset)
}

/// Finds what is between the parentheses of a group.
struct GroupFinder {
    number: usize,
    found: Option<Span>,
}

impl Visitor for GroupFinder {
    type Output = Option<Span>;
    type Err = Infallible;

    fn finish(self) -> Result<Self::Output, Self::Err> {
        Ok(self.found)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Self::Err> {
        if let Ast::Group(group) = ast
            && let Some(index) = group.capture_index()
            && usize::try_from(index) == Ok(self.number)
        {
            self.found = Some(*group.ast.span());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::group;

    #[test]
    fn group_is_found_by_its_number() {
        let expression = r"(?:a)\((?<host>[^()\]]+(b(?i:c)))\)(?P<last>.*)";
        for (number, expected) in [
            (0, Some(expression)),
            (1, Some(r"[^()\]]+(b(?i:c))")),
            (2, Some("b(?i:c)")),
            (3, Some(".*")),
            (4, None),
        ] {
            assert_eq!(group(expression, number), expected, "{number}");
        }
    }

    #[test]
    fn parenthesis_in_a_comment_is_no_group() {
        let expression = "(?x)a # (\n(b)";
        assert!(super::compile(expression).is_ok());
        assert_eq!(group(expression, 1), Some("b"));
    }

    #[test]
    fn bracket_that_comes_first_in_a_class_does_not_end_it() {
        for class in ["[]()]", "[^](]"] {
            let expression = format!("{class}(a)(b)");
            assert!(super::compile(&expression).is_ok(), "{class}");
            assert_eq!(group(&expression, 2), Some("b"), "{class}");
        }
    }
}
