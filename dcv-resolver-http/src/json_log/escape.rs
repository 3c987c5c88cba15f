//! Text as a JSON string.

use std::fmt;

/// Appends `text` between quotes.
pub(crate) fn push_string(line: &mut String, text: &str) {
    line.push('"');
    push_escaped(line, text);
    line.push('"');
}

/// Appends what `value` displays between quotes.
pub(crate) fn push_displayed(line: &mut String, value: fmt::Arguments<'_>) {
    line.push('"');
    // Whoever cannot display himself to the end has said what he could.
    let _displayed = fmt::write(&mut Escaping(line), value);
    line.push('"');
}

/// Escapes whatever is written.
struct Escaping<'a>(&'a mut String);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        push_escaped(self.0, text);
        Ok(())
    }
}

fn push_escaped(line: &mut String, text: &str) {
    if is_harmless(text) {
        line.push_str(text);
    } else {
        push_piecewise(line, text);
    }
}

/// Whether nothing of `text` has to be escaped, as is so for nearly every text.
///
/// Eight bytes at a time; where they do not come out even, some of them are
/// looked at twice, which is cheaper than one by one.
fn is_harmless(text: &str) -> bool {
    let bytes = text.as_bytes();
    if let Some(last) = bytes.last_chunk::<8>() {
        let (words, _) = bytes.as_chunks::<8>();
        return are_harmless(*last) && words.iter().all(|word| are_harmless(*word));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let [a, b, c, d] = *first;
        let [e, f, g, h] = *last;
        return are_harmless([a, b, c, d, e, f, g, h]);
    }
    bytes.iter().all(|&byte| escape(byte).is_none())
}

/// All of them at once: a subtraction sets the highest bit of a byte that was
/// smaller than what is subtracted, and it counts where it was not set before.
const fn are_harmless(bytes: [u8; 8]) -> bool {
    const fn all(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }

    let word = u64::from_ne_bytes(bytes);
    let control = word.wrapping_sub(all(b' '));
    let quote = (word ^ all(b'"')).wrapping_sub(all(1));
    let backslash = (word ^ all(b'\\')).wrapping_sub(all(1));
    (control | quote | backslash) & !word & all(0x80) == 0
}

#[cold]
fn push_piecewise(line: &mut String, text: &str) {
    let mut rest = text;
    while let Some((at, escape)) = first_escape(rest) {
        line.push_str(&rest[..at]);
        match escape {
            Escape::Letter(letter) => line.extend(['\\', letter]),
            Escape::Number(byte) => {
                let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
                line.push_str("\\u00");
                line.extend([digit(byte >> 4), digit(byte & 0xf)]);
            }
        }
        rest = &rest[at + 1..];
    }
    line.push_str(rest);
}

/// Where the first byte is that has to be escaped, and how. It is ASCII, and so
/// a character of its own.
fn first_escape(text: &str) -> Option<(usize, Escape)> {
    let mut escapes = text.bytes().map(escape).enumerate();
    escapes.find_map(|(at, escape)| Some((at, escape?)))
}

/// What stands behind a backslash.
#[derive(Debug, Clone, Copy)]
enum Escape {
    Letter(char),
    Number(u8),
}

const fn escape(byte: u8) -> Option<Escape> {
    match byte {
        b'"' => Some(Escape::Letter('"')),
        b'\\' => Some(Escape::Letter('\\')),
        b'\n' => Some(Escape::Letter('n')),
        b'\r' => Some(Escape::Letter('r')),
        b'\t' => Some(Escape::Letter('t')),
        0..=0x1f => Some(Escape::Number(byte)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn as_string(text: &str) -> String {
        let mut line = String::new();
        push_string(&mut line, text);
        line
    }

    fn as_displayed(value: fmt::Arguments<'_>) -> String {
        let mut line = String::new();
        push_displayed(&mut line, value);
        line
    }

    #[test]
    fn each_byte_is_escaped_wherever_it_stands_and_however_long_the_text_is() {
        for length in 1..40 {
            for at in 0..length {
                for byte in 0..=0x7f_u8 {
                    let mut text = vec![b'x'; length];
                    text[at] = byte;
                    let text = String::from_utf8(text).unwrap();
                    let read: String = serde_json::from_str(&as_string(&text)).unwrap();
                    assert_eq!(read, text);
                }
            }
        }
    }

    #[test]
    fn what_fails_to_display_itself_ends_where_it_failed() {
        struct Broken;
        impl fmt::Display for Broken {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("half\n")?;
                Err(fmt::Error)
            }
        }
        assert_eq!(as_displayed(format_args!("{Broken} more")), r#""half\n""#);
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_it_was(text: String, piece in "[\"\\\\\n\r\t\0\u{1f} -~é☃𐍈]*") {
            for text in [&text, &piece, &format!("{text}{piece}"), &format!("{piece}{text}")] {
                let written = as_string(text);
                prop_assert_eq!(&serde_json::from_str::<String>(&written).unwrap(), text);
                prop_assert_eq!(as_displayed(format_args!("{text}")), written);
            }
        }

        #[test]
        fn pieces_are_escaped_as_the_whole_is(a: String, b in "[\"\\\\\n -~]*", c: char) {
            let whole = format!("{a}{b}{c}");
            prop_assert_eq!(as_displayed(format_args!("{a}{b}{c}")), as_string(&whole));
        }
    }
}
