//! Reads the lines of a token file.

use std::fmt;

use subtle::{ConditionallySelectable, ConstantTimeEq};

use super::role::{InvalidRole, Principal, Role};

/// A shorter token might be guessed, or is a password in a token's place.
const MIN_TOKEN_BYTES: usize = 32;
/// Far beyond any token, and well within the header of a request.
const MAX_TOKEN_BYTES: usize = 1024;
const MAX_NAME_BYTES: usize = 64;
/// Each is compared with each, and with what every request carries.
const MAX_TOKENS: usize = 1_000;

/// The tokens of one file.
#[derive(Debug)]
pub(super) struct TokenFile(Vec<Entry>);

struct Entry {
    holder: Principal,
    token: Box<[u8]>,
}

/// Without the token.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entry").field(&self.holder).finish()
    }
}

/// What is wrong with a file's content.
///
/// Says what was expected and quotes nothing: where a column is missing or
/// misplaced, any word on the line may be the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTokens {
    /// There is no token in it.
    #[error(
        "the file holds no token; a line is NAME read-only|read-write TOKEN, and deleting the file takes every token back"
    )]
    None,
    /// There are too many.
    #[error(
        "line {line}: the file holds more than {MAX_TOKENS} tokens; remove those that are not used"
    )]
    TooMany {
        /// Where the first stands that is too many.
        line: usize,
    },
    /// There is a mistake in a line.
    #[error("line {line}: {fault}")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// The mistake.
        fault: InvalidTokenLine,
    },
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTokenLine {
    /// The line is not three words.
    #[error("expected NAME read-only|read-write TOKEN, found {words} {}", if *words == 1 { "word" } else { "words" })]
    Words {
        /// How many there are.
        words: usize,
    },
    /// The line is not UTF-8.
    #[error("expected text in UTF-8")]
    NotUtf8,
    /// The name will not do.
    #[error("a name is 1 to 64 letters, digits, '-', '_' or '.'")]
    Name,
    /// The role is none.
    #[error("the second word is the role: {0}")]
    Role(#[source] InvalidRole),
    /// The token will not do.
    #[error(
        "a token is {MIN_TOKEN_BYTES} to {MAX_TOKEN_BYTES} visible ASCII characters; openssl rand -hex 32 makes one"
    )]
    Token,
    /// The name stands further up.
    #[error("the name is that of line {first} already")]
    RepeatedName {
        /// Where.
        first: usize,
    },
    /// The token stands further up.
    #[error("the token is that of line {first} already; each name has a token of its own")]
    RepeatedToken {
        /// Where.
        first: usize,
    },
}

impl TokenFile {
    pub(super) const NONE: Self = Self(Vec::new());

    /// Reads a file: the first mistake from top to bottom is the error.
    pub(super) fn parse(content: &[u8]) -> Result<Self, InvalidTokens> {
        let mut entries: Vec<(usize, Entry)> = Vec::new();
        for (line, text) in (1..).zip(content.split(|&byte| byte == b'\n')) {
            let fault = |fault| InvalidTokens::Line { line, fault };
            let Some(entry) = parse_line(text).map_err(fault)? else {
                continue;
            };
            for (first, other) in &entries {
                let first = *first;
                if other.holder.name() == entry.holder.name() {
                    return Err(fault(InvalidTokenLine::RepeatedName { first }));
                }
                if other.token == entry.token {
                    return Err(fault(InvalidTokenLine::RepeatedToken { first }));
                }
            }
            if entries.len() == MAX_TOKENS {
                return Err(InvalidTokens::TooMany { line });
            }
            entries.push((line, entry));
        }
        if entries.is_empty() {
            return Err(InvalidTokens::None);
        }
        Ok(Self(entries.into_iter().map(|(_, entry)| entry).collect()))
    }

    /// Whose `token` it is.
    ///
    /// Each token is compared, the matching one does not end it, and two of
    /// equal length are compared to their end: the time tells the number of
    /// tokens and their lengths, and nothing of what they are.
    pub(super) fn holder_of(&self, token: &[u8]) -> Option<&Principal> {
        let mut found = u64::MAX;
        for (position, entry) in (0..).zip(&self.0) {
            found.conditional_assign(&position, entry.token.ct_eq(token));
        }
        let found = usize::try_from(found).ok()?;
        self.0.get(found).map(|entry| &entry.holder)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The token of a line; `None` for an empty line or a comment.
fn parse_line(line: &[u8]) -> Result<Option<Entry>, InvalidTokenLine> {
    let line = str::from_utf8(line).map_err(|_| InvalidTokenLine::NotUtf8)?;
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    if words.first().is_none_or(|word| word.starts_with('#')) {
        return Ok(None);
    }
    let [name, role, token] = words[..] else {
        return Err(InvalidTokenLine::Words { words: words.len() });
    };
    if !is_name(name) {
        return Err(InvalidTokenLine::Name);
    }
    let role: Role = role.parse().map_err(InvalidTokenLine::Role)?;
    if !is_token(token) {
        return Err(InvalidTokenLine::Token);
    }
    Ok(Some(Entry {
        holder: Principal::new(name, role),
        token: token.as_bytes().into(),
    }))
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn is_token(text: &str) -> bool {
    (MIN_TOKEN_BYTES..=MAX_TOKEN_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "tr0ub4dor-aaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "tr0ub4dor-bbbbbbbbbbbbbbbbbbbbbbbbbb";
    const LONG: &str = "tr0ub4dor-aaaaaaaaaaaaaaaaaaaaaaaaaa-and-longer";

    fn error(content: &str) -> String {
        TokenFile::parse(content.as_bytes())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn each_token_is_found_wherever_it_stands() {
        let content = format!(
            "# for people\r\n\r\nagents read-write {A}\r\n\tgrafana  read-only\t{B} \n #x\nlong read-only {LONG}"
        );
        let file = TokenFile::parse(content.as_bytes()).unwrap();
        assert_eq!(file.len(), 3);
        for (token, name, role) in [
            (A, "agents", Role::ReadWrite),
            (B, "grafana", Role::ReadOnly),
            (LONG, "long", Role::ReadOnly),
        ] {
            let holder = file.holder_of(token.as_bytes()).unwrap();
            assert_eq!((holder.name(), holder.role()), (name, role));
        }
    }

    #[test]
    fn nothing_but_a_whole_token_is_one() {
        let content = format!("agents read-write {A}\nlong read-only {LONG}");
        let file = TokenFile::parse(content.as_bytes()).unwrap();
        let mut nearly = A.as_bytes().to_vec();
        *nearly.last_mut().unwrap() ^= 1;
        for token in [
            &b""[..],
            &A.as_bytes()[1..],
            &A.as_bytes()[..A.len() - 1],
            &LONG.as_bytes()[..LONG.len() - 1],
            &nearly,
            B.as_bytes(),
            b"agents",
        ] {
            assert_eq!(file.holder_of(token), None);
        }
        assert_eq!(TokenFile::NONE.holder_of(b""), None);
    }

    #[test]
    fn a_mistake_is_told_by_its_line() {
        for (line, expected) in [
            (
                A,
                "line 2: expected NAME read-only|read-write TOKEN, found 1 word",
            ),
            (
                "a read-only",
                "line 2: expected NAME read-only|read-write TOKEN, found 2 words",
            ),
            (
                &format!("a read-only {A} # mine"),
                "line 2: expected NAME read-only|read-write TOKEN, found 5 words",
            ),
            (
                &format!("a:b read-only {A}"),
                "line 2: a name is 1 to 64 letters, digits, '-', '_' or '.'",
            ),
            (
                &format!("{} read-only {A}", "n".repeat(65)),
                "line 2: a name is 1 to 64 letters, digits, '-', '_' or '.'",
            ),
            (
                &format!("{A} a read-only"),
                "line 2: the second word is the role: a role is read-only or read-write",
            ),
            (
                &format!("a admin {A}"),
                "line 2: the second word is the role: a role is read-only or read-write",
            ),
            (
                "a read-only tr0ub4dor",
                "line 2: a token is 32 to 1024 visible ASCII characters; openssl rand -hex 32 makes one",
            ),
            (
                &format!("a read-only {A}é"),
                "line 2: a token is 32 to 1024 visible ASCII characters; openssl rand -hex 32 makes one",
            ),
            (
                &format!("first read-only {A}"),
                "line 2: the name is that of line 1 already",
            ),
            (
                &format!("a read-only {B}"),
                "line 2: the token is that of line 1 already; each name has a token of its own",
            ),
        ] {
            let error = error(&format!("first read-write {B}\n{line}\nagain ?\n"));
            assert_eq!(error, expected);
            assert!(!error.contains("tr0ub4dor"), "{error}");
        }
        let not_utf8 = TokenFile::parse(b"# a\n\xff").unwrap_err();
        assert_eq!(not_utf8.to_string(), "line 2: expected text in UTF-8");
    }

    #[test]
    fn a_file_without_a_token_is_a_mistake() {
        for content in ["", "\n\n", "# nothing yet\n"] {
            assert!(error(content).starts_with("the file holds no token"));
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let content = format!("agents read-write {A}");
        let file = TokenFile::parse(content.as_bytes()).unwrap();
        let shown = format!("{file:?}");
        assert!(
            shown.contains("agents") && !shown.contains("tr0ub4dor"),
            "{shown}"
        );
    }

    #[test]
    fn a_thousand_tokens_are_enough() {
        let line = |number| format!("agent-{number} read-only {A}{number:05}\n");
        let thousand: String = (0..MAX_TOKENS).map(line).collect();
        assert_eq!(TokenFile::parse(thousand.as_bytes()).unwrap().len(), 1_000);
        assert_eq!(
            error(&(thousand + &line(MAX_TOKENS))),
            "line 1001: the file holds more than 1000 tokens; remove those that are not used"
        );
    }
}
