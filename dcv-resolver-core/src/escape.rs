//! Makes untrusted text safe to display: in a log line, in a problem document,
//! on a terminal.

use std::borrow::Cow;

/// Returns `text` with every character that is not plainly visible written as
/// `\u{…}`, truncated to `max_bytes`. Truncated text ends in `…`.
///
/// It escapes control characters (including line ends and ANSI sequences),
/// bidirectional and other format characters, line and paragraph separators,
/// spaces other than U+0020, combining marks, letters and symbols without a
/// visible glyph, private and unassigned characters, and the backslash. Two
/// different strings therefore never look the same unless they are truncated.
///
/// Text that needs no escaping is borrowed. The function returns a string, not
/// a `Display` wrapper, because a log's formatter quotes a `str` but prints a
/// `Display` value without quotes, and a space in an id could then forge the
/// next field.
///
/// ```
/// use dcv_resolver_core::escape::escaped;
///
/// assert_eq!(escaped("console", 64), "console");
/// assert_eq!(escaped("a\nlevel=INFO", 64), r"a\nlevel=INFO");
/// assert_eq!(escaped("abcdefg", 6), "abc…");
/// ```
#[must_use]
pub fn escaped(text: &str, max_bytes: usize) -> Cow<'_, str> {
    let is_all_plain = is_plain_ascii(text) || text.chars().all(is_plain);
    if text.len() <= max_bytes && is_all_plain {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len().min(max_bytes));
    // Where to truncate so that the `…` fits in as well.
    let mut cut_at = 0;
    for character in text.chars() {
        if is_plain(character) {
            shown.push(character);
        } else {
            push_escape(&mut shown, character);
        }
        if shown.len() > max_bytes {
            shown.truncate(cut_at);
            if CUT.len_utf8() <= max_bytes {
                shown.push(CUT);
            }
            break;
        }
        if shown.len() + CUT.len_utf8() <= max_bytes {
            cut_at = shown.len();
        }
    }
    Cow::Owned(shown)
}

/// Returns `text` with every character that is not plainly visible written as
/// `\u{…}`, except line ends and backslashes.
///
/// Use it for text that consists of trusted lines with untrusted words in them.
///
/// ```
/// use dcv_resolver_core::escape::escaped_lines;
///
/// assert_eq!(escaped_lines("store: yes\npolicy: \u{1b}[2J"), "store: yes\npolicy: \\u{1b}[2J");
/// ```
#[must_use]
pub fn escaped_lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_plain(character) || matches!(character, '\n' | '\\') {
            shown.push(character);
        } else {
            push_escape(&mut shown, character);
        }
    }
    shown
}

const CUT: char = '…';

/// The Hangul fillers and the blank Braille pattern. Unicode classifies them as
/// letters and a symbol, so `escape_debug` leaves them, but they are displayed
/// as nothing.
const BLANK: [char; 5] = ['\u{115f}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{ffa0}'];

fn push_escape(shown: &mut String, character: char) {
    if BLANK.contains(&character) {
        shown.extend(character.escape_unicode());
    } else {
        shown.extend(character.escape_debug());
    }
}

/// Returns whether all of `text` is plain ASCII. Most text is, and this check
/// is much faster than looking at each character. Every log line escapes some
/// text.
fn is_plain_ascii(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| {
        plain & matches!(byte, b' '..=b'~') & (byte != b'\\')
    })
}

/// Returns whether the character is shown as it is. Quotes are: code that puts
/// the text between quotes escapes them itself.
fn is_plain(character: char) -> bool {
    matches!(character, '"' | '\'')
        || (character.escape_debug().len() == 1 && !BLANK.contains(&character))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ascii_check_agrees_with_the_check_by_character() {
        for byte in 0..=0x7f_u8 {
            let character = char::from(byte);
            let text = character.to_string();
            assert_eq!(is_plain_ascii(&text), is_plain(character), "{character:?}");
        }
    }

    #[test]
    fn plain_text_is_borrowed() {
        for text in ["", "console", "a b", "Ünïcode ☃ 机", "it's \"quoted\""] {
            assert!(matches!(escaped(text, 64), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn invisible_characters_are_escaped() {
        let invisible = "\0\x1b\r\n\t\u{7f}\u{85}\u{a0}\u{ad}\u{200b}\u{200e}\u{200f}\u{2028}\u{2029}\
            \u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}\u{e000}\u{e0001}\
            \u{115f}\u{1160}\u{2800}\u{3164}\u{ffa0}";
        for character in invisible.chars() {
            let shown = escaped(&format!("a{character}b"), 64).into_owned();
            assert!(shown.starts_with("a\\") && shown.ends_with('b'), "{shown}");
            assert!(shown.is_ascii(), "{shown}");
        }
    }

    #[test]
    fn backslash_is_escaped_so_that_escapes_cannot_be_forged() {
        assert_eq!(escaped("\u{202e}", 64), r"\u{202e}");
        assert_eq!(escaped(r"\u{202e}", 64), r"\\u{202e}");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(escaped("abcdef", 6), "abcdef");
        assert_eq!(escaped("abcdefg", 6), "abc…");
        assert_eq!(escaped("ééé", 5), "é…");
        assert_eq!(escaped("ab\u{202e}", 6), "ab…");
        assert_eq!(escaped("a\n", 3), r"a\n");
    }

    #[test]
    fn escaped_lines_keeps_line_ends() {
        let text = "a \"\\u{1b}\"\n  b: \u{1b}[2J\r\u{202e}c";
        assert_eq!(
            escaped_lines(text),
            "a \"\\u{1b}\"\n  b: \\u{1b}[2J\\r\\u{202e}c"
        );
    }

    proptest! {
        #[test]
        fn different_texts_are_escaped_differently(a in "\\PC*|[\\\\u{}0-9a-f\u{202e}\u{1b}]*", b in "[\\\\u{}0-9a-f\u{202e}\u{1b}]*") {
            prop_assert_eq!(a == b, escaped(&a, 4096) == escaped(&b, 4096));
        }

        #[test]
        fn escaped_text_stays_within_max_bytes(text in any::<String>(), max_bytes in 0_usize..40) {
            prop_assert!(escaped(&text, max_bytes).len() <= max_bytes);
        }
    }
}
