//! [`blocks`]: finds every block of a PEM file.
//!
//! The parser of rustls skips what it does not recognize, so it would silently
//! drop a certificate whose BEGIN is not at the start of its line, or follows a
//! byte order mark. Here each BEGIN is a block or an error.

use std::fmt;

/// Where a block is in its file. Displays as `block 2 (line 31)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PemBlock {
    /// The position among the blocks of the file, counted from 1.
    pub number: usize,
    /// The line of its BEGIN, counted from 1.
    pub line: usize,
}

impl fmt::Display for PemBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {} (line {})", self.number, self.line)
    }
}

/// A block: what is between BEGIN and END.
pub(super) struct Block {
    pub(super) place: PemBlock,
    /// In upper case.
    pub(super) label: String,
    /// The lines between, each with a line feed.
    pub(super) body: Vec<u8>,
}

/// Why a file cannot be divided into blocks. Quotes nothing of the file, which
/// may be a key.
pub(super) struct Malformed {
    pub(super) place: PemBlock,
    pub(super) reason: &'static str,
}

const DASHES: &[u8] = b"-----";

/// Returns all blocks.
///
/// Text between them is skipped, and so are lines that begin with `#`. A block
/// may begin on the line where the last one ends, as in files that were joined
/// where one had no line end: there is only one way to read that.
pub(super) fn blocks(bytes: &[u8]) -> Result<Vec<Block>, Malformed> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (line, text) in (1..).zip(lines(bytes)) {
        let mut rest = text.trim_ascii();
        while !rest.is_empty() {
            let number = found.len() + 1;
            let here = PemBlock { number, line };
            match &mut open {
                None => match begin(rest) {
                    Ok(None) => break,
                    Ok(Some((label, after))) => {
                        rest = after;
                        open = Some(Block {
                            place: here,
                            label,
                            body: Vec::new(),
                        });
                    }
                    Err(reason) => {
                        return Err(Malformed {
                            place: here,
                            reason,
                        });
                    }
                },
                Some(block) => {
                    let at = find(rest, DASHES).unwrap_or(rest.len());
                    let (body, marker) = rest.split_at(at);
                    block.body.extend_from_slice(body);
                    block.body.push(b'\n');
                    if marker.is_empty() {
                        break;
                    }
                    rest = end(marker, &block.label).map_err(|reason| Malformed {
                        place: block.place,
                        reason,
                    })?;
                    found.extend(open.take());
                }
            }
        }
    }
    match open {
        None => Ok(found),
        Some(block) => Err(Malformed {
            place: block.place,
            reason: "it has no END line",
        }),
    }
}

/// Splits at line feeds, carriage returns, and both together.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|&byte| byte == b'\n').flat_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.split(|&byte| byte == b'\r')
    })
}

/// Returns the label of a BEGIN and what follows on its line, or `None` for
/// text.
fn begin(text: &[u8]) -> Result<Option<(String, &[u8])>, &'static str> {
    if text.starts_with(b"#") {
        return Ok(None);
    }
    match marker(text) {
        Some((Kind::Begin, label, rest)) => Ok(Some((label, rest))),
        Some((Kind::End, ..)) => Err("there is an END line without a BEGIN line"),
        None if is_like_marker(text) => {
            Err("a BEGIN or END line must begin and end with exactly five hyphens")
        }
        None => match find(&text.to_ascii_uppercase(), b"-----BEGIN ") {
            Some(_) => Err("there is text in front of its BEGIN"),
            None => Ok(None),
        },
    }
}

/// Returns what follows the END of a block with this label.
fn end<'a>(text: &'a [u8], label: &str) -> Result<&'a [u8], &'static str> {
    match marker(text) {
        Some((Kind::End, other, rest)) if other == label => Ok(rest),
        Some((Kind::End, ..)) => Err("its BEGIN and END lines have different labels"),
        Some((Kind::Begin, ..)) => Err("it has no END line before the next BEGIN line"),
        None => Err("a BEGIN or END line must begin and end with exactly five hyphens"),
    }
}

enum Kind {
    Begin,
    End,
}

/// Parses `-----BEGIN LABEL-----` or `-----END LABEL-----` at the start of
/// `text`, and returns the rest.
fn marker(text: &[u8]) -> Option<(Kind, String, &[u8])> {
    let text = text.strip_prefix(DASHES)?;
    let is = |word: &[u8]| {
        let start = text.get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let (kind, length) = if is(b"BEGIN ") {
        (Kind::Begin, 6)
    } else if is(b"END ") {
        (Kind::End, 4)
    } else {
        return None;
    };
    let text = text.get(length..)?;
    let at = find(text, DASHES)?;
    let (label, rest) = text.split_at(at);
    let label = label.trim_ascii().to_ascii_uppercase();
    let label = String::from_utf8(label).ok()?;
    // A longer label is a key whose line has lost its hyphens.
    let is_label = (1..=64).contains(&label.len()) && !label.contains('-');
    is_label.then_some((kind, label, rest.get(DASHES.len()..)?.trim_ascii()))
}

/// Returns whether a line was meant as BEGIN or END: it has too few or too many
/// hyphens, or the dashes that word processors put in their place.
fn is_like_marker(text: &[u8]) -> bool {
    let is_dash = |c: char| matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    let text = String::from_utf8_lossy(text);
    let words = text.trim_start_matches(|c| is_dash(c) || c == ' ');
    let dashes = text.len() - words.len();
    dashes >= 2
        && text.starts_with(is_dash)
        && (words.starts_with("BEGIN ") || words.starts_with("END "))
        && (text.starts_with("-----") || text.ends_with(is_dash))
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
