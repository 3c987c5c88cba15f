//! What may be shown of a server's error.
//!
//! A server that does not know a command quotes the arguments that it was sent,
//! among them passwords and lease tokens. Proxies do so with words of their own.

use std::cmp::Reverse;

/// Servers explain themselves in one sentence.
const MAX_CHARS: usize = 200;

/// Shorter arguments (numbers, subcommands) are not secrets, and occur in any
/// sentence.
const MIN_SECRET_BYTES: usize = 4;

/// Returns `text` up to the first argument that it quotes, without any of the
/// `arguments` that were sent, and in one line.
pub(crate) fn without_arguments<'a>(
    text: &str,
    arguments: impl IntoIterator<Item = &'a [u8]>,
) -> String {
    // Redis: `unknown command 'EVALSHA', with args beginning with: …`.
    let quoted = ["args beginning with", "arguments:", "args:"];
    let end = quoted.iter().filter_map(|words| text.find(words)).min();
    let text = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
    let text = text.trim_end_matches([' ', ',']);
    let text = text.strip_suffix(", with").unwrap_or(text);
    let mut text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let arguments = arguments.into_iter().map(str::from_utf8);
    let mut arguments: Vec<_> = arguments
        .filter_map(Result::ok)
        .filter(|argument| argument.len() >= MIN_SECRET_BYTES)
        .collect();
    // One may be part of another.
    arguments.sort_by_key(|argument| Reverse(argument.len()));
    for argument in arguments {
        text = text.replace(argument, "…");
    }
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        without_arguments(
            text,
            ["7", "tr0ub4dor", "key:tr0ub4dor two"].map(str::as_bytes),
        )
    }

    #[test]
    fn arguments_are_not_shown() {
        for (text, expected) in [
            (
                "unknown command 'EVALSHA', with args beginning with: 'c0ffee' '1' 'tr0ub' ",
                "unknown command 'EVALSHA'",
            ),
            (
                "unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `tr0ub`, ",
                "unknown command `HELLO`",
            ),
            (
                "syntax error near tr0ub4dor at byte 7",
                "syntax error near … at byte 7",
            ),
            (
                "no permission for 'key:tr0ub4dor two'",
                "no permission for '…'",
            ),
            ("two\r\nlines", "two  lines"),
            ("", ""),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn long_text_is_truncated() {
        let text = "ä".repeat(MAX_CHARS + 1);
        assert_eq!(shown(&text), format!("{}…", "ä".repeat(MAX_CHARS)));
    }
}
