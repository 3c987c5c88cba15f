//! What a command of the guide prints.

/// A command, and the lines that follow it in the guide.
pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) output: String,
}

/// The commands of a `console` block. A line that ends in a backslash goes on in
/// the next one.
pub(crate) fn steps(console: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for line in console.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step {
                command: command.to_owned(),
                output: String::new(),
            }),
            (None, Some(step)) if goes_on => step.command.extend(["\n", line]),
            (None, Some(step)) => step.output.extend([line, "\n"]),
            (None, None) => panic!("{line:?} follows no command: `$ ` begins one"),
        }
        goes_on = (goes_on || line.starts_with("$ ")) && line.ends_with('\\');
    }
    steps
}

/// Whether a command printed what the guide says: `…` stands for any text, and
/// the widths of columns do not count.
pub(crate) fn is_printed(expected: &str, printed: &str) -> bool {
    let (expected, printed) = (words(expected), words(printed));
    let mut parts = expected.split('…').map(str::trim);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    true
}

fn words(text: &str) -> String {
    let lines = text.lines().map(str::split_whitespace);
    let lines = lines.map(|words| words.collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[test]
fn output_is_compared_in_full() {
    assert!(is_printed("a  b\nc", "a b\nc\n"));
    assert!(is_printed("a …\nd", "a b\nc\nd"));
    assert!(is_printed("…", "anything"));
    for (expected, printed) in [("a", "a\nb"), ("a … d", "a b c"), ("b", "a b"), ("a", "")] {
        assert!(!is_printed(expected, printed), "{expected:?} {printed:?}");
    }
}

#[test]
fn command_over_several_lines_is_one() {
    let steps = steps("$ a \\\n    b\nprinted\n$ c\n");
    assert_eq!(steps.len(), 2);
    assert_eq!(steps[0].command, "a \\\n    b");
    assert_eq!(steps[0].output, "printed\n");
}
