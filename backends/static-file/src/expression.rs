//! [`compile`]: regular expressions over ids, and [`group`]: their groups as text.

use regex::bytes::{Regex, RegexBuilder};

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

/// Returns the expression of the group of this number; 0 is the whole expression.
///
/// The expression is valid. The crate regex-syntax would parse it into a tree that
/// has no text; here the text is all that is needed.
pub(crate) fn group(expression: &str, number: usize) -> Option<&str> {
    if number == 0 {
        return Some(expression);
    }
    // The starts of the groups that are open, with their numbers; 0 without one.
    let mut open = Vec::new();
    let mut count = 0;
    let mut class_depth = 0_usize;
    let mut characters = expression.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => _ = characters.next(),
            '[' => {
                class_depth += 1;
                // A bracket that comes first is a character of the class.
                characters.next_if(|&(_, next)| next == '^');
                characters.next_if(|&(_, next)| next == ']');
            }
            ']' => class_depth = class_depth.saturating_sub(1),
            _ if class_depth > 0 => {}
            '(' => {
                let after = expression.get(at + 1..)?;
                let name = after
                    .strip_prefix("?P<")
                    .or_else(|| after.strip_prefix("?<"));
                let start = match name {
                    Some(name) => expression.len() - name.split_once('>')?.1.len(),
                    None => at + 1,
                };
                if name.is_some() || !after.starts_with('?') {
                    count += 1;
                    open.push((start, count));
                } else {
                    open.push((start, 0));
                }
            }
            ')' => {
                let (start, closed) = open.pop()?;
                if closed == number {
                    return expression.get(start..at);
                }
            }
            _ => {}
        }
    }
    None
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
    fn bracket_that_comes_first_in_a_class_does_not_end_it() {
        for class in ["[]()]", "[^](]"] {
            let expression = format!("{class}(a)(b)");
            assert!(super::compile(&expression).is_ok(), "{class}");
            assert_eq!(group(&expression, 2), Some("b"), "{class}");
        }
    }
}
