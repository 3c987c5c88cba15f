//! Reads the lines of a token file.

use std::fmt;
use std::sync::Arc;

use dcv_resolver_authorize::Scope;
use dcv_resolver_core::{Host, InvalidHost, SessionId};
use subtle::{ConditionallySelectable, ConstantTimeEq};

use crate::role::{InvalidRole, Role};

/// A shorter token could be guessed, or may be a password.
const MIN_TOKEN_BYTES: usize = 32;
/// Far beyond any token, and well within the header of a request.
const MAX_TOKEN_BYTES: usize = 1024;
const MAX_NAME_BYTES: usize = 64;
/// Every token is compared with every other, and with the token of each
/// request.
const MAX_TOKENS: usize = 1_000;

/// The tokens of one file.
#[derive(Debug)]
pub(crate) struct TokenFile(Vec<Entry>);

/// A token with its name, its role and its limits.
pub(crate) struct Entry {
    pub(crate) name: Arc<str>,
    pub(crate) role: Role,
    pub(crate) scope: Scope,
    token: Box<[u8]>,
}

/// Without the token.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("name", &self.name)
            .field("role", &self.role)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// An error that occurs when the content of a token file is invalid.
///
/// The message names what was expected but quotes nothing: if a column is
/// missing or misplaced, any word on the line may be the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTokens {
    /// The file holds no token.
    #[error(
        "the file holds no token; write lines of NAME read-only|read-write|operator TOKEN, or delete the file to revoke every token"
    )]
    Empty,
    /// The file holds too many tokens.
    #[error(
        "line {line}: the file holds more than {MAX_TOKENS} tokens; remove those that are not used"
    )]
    TooMany {
        /// The line of the first token that is too many.
        line: usize,
    },
    /// A line is invalid.
    #[error("line {line}: {source}")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        source: InvalidTokenLine,
    },
}

/// An error that occurs when a line of a token file is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTokenLine {
    /// The line does not have three words, which limits may follow.
    #[error("expected NAME read-only|read-write|operator TOKEN, found {words} {}", if *words == 1 { "word" } else { "words" })]
    Words {
        /// The number of words.
        words: usize,
    },
    /// The line is not UTF-8.
    #[error("expected text in UTF-8; save the file as UTF-8, not as UTF-16")]
    NotUtf8,
    /// The name is too long or has other characters.
    #[error("a name is 1 to {MAX_NAME_BYTES} letters, digits, '-', '_' or '.'")]
    Name,
    /// The second word is not a role.
    #[error("the second word is the role: {0}")]
    Role(#[source] InvalidRole),
    /// The token is too short, too long, or has other characters.
    #[error(
        "a token is {MIN_TOKEN_BYTES} to {MAX_TOKEN_BYTES} visible ASCII characters; generate one with openssl rand -hex 32"
    )]
    Token,
    /// A word after the token is not a limit.
    #[error(
        "expected only ids=PATTERN or hosts=PATTERN after the token, where PATTERN is an id or a host in which * stands for any characters"
    )]
    Limit,
    /// A pattern of hosts is not one host, and has no `*`.
    #[error("the pattern after hosts= has no * and is not a host: {0}")]
    LimitHost(#[source] InvalidHost),
    /// Another line has the same name.
    #[error("the name is already used in line {first}; give each token a name of its own")]
    RepeatedName {
        /// The other line.
        first: usize,
    },
    /// Another line has the same token.
    #[error("the token is already used in line {first}; give each name a token of its own")]
    RepeatedToken {
        /// The other line.
        first: usize,
    },
}

impl TokenFile {
    pub(crate) const NONE: Self = Self(Vec::new());

    /// Parses a file. The error is the first one from top to bottom.
    pub(crate) fn parse(content: &[u8]) -> Result<Self, InvalidTokens> {
        let mut entries: Vec<(usize, Entry)> = Vec::new();
        for (line, text) in (1..).zip(content.split(|&byte| byte == b'\n')) {
            let invalid = |source| InvalidTokens::Line { line, source };
            let Some(entry) = parse_line(text).map_err(invalid)? else {
                continue;
            };
            for (first, other) in &entries {
                let first = *first;
                if other.name == entry.name {
                    return Err(invalid(InvalidTokenLine::RepeatedName { first }));
                }
                if other.token == entry.token {
                    return Err(invalid(InvalidTokenLine::RepeatedToken { first }));
                }
            }
            if entries.len() == MAX_TOKENS {
                return Err(InvalidTokens::TooMany { line });
            }
            entries.push((line, entry));
        }
        if entries.is_empty() {
            return Err(InvalidTokens::Empty);
        }
        Ok(Self(entries.into_iter().map(|(_, entry)| entry).collect()))
    }

    /// Returns the entry of `token`.
    ///
    /// Every token is compared, even after a match, and tokens of equal length
    /// are compared to the end. So the time depends only on the number of
    /// tokens and their lengths.
    pub(crate) fn find(&self, token: &[u8]) -> Option<&Entry> {
        let mut found = u64::MAX;
        for (position, entry) in (0..).zip(&self.0) {
            found.conditional_assign(&position, entry.token.ct_eq(token));
        }
        let found = usize::try_from(found).ok()?;
        self.0.get(found)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Returns the token of a line, or `None` for an empty line or a comment.
fn parse_line(line: &[u8]) -> Result<Option<Entry>, InvalidTokenLine> {
    let line = str::from_utf8(line).map_err(|_| InvalidTokenLine::NotUtf8)?;
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    if words.first().is_none_or(|word| word.starts_with('#')) {
        return Ok(None);
    }
    let [name, role, token, ref limits @ ..] = words[..] else {
        return Err(InvalidTokenLine::Words { words: words.len() });
    };
    // Words without a key are more likely a comment than a limit.
    if limits.iter().any(|limit| !limit.contains('=')) {
        return Err(InvalidTokenLine::Words { words: words.len() });
    }
    if !is_name(name) {
        return Err(InvalidTokenLine::Name);
    }
    let role: Role = role.parse().map_err(InvalidTokenLine::Role)?;
    if !is_token(token) {
        return Err(InvalidTokenLine::Token);
    }
    Ok(Some(Entry {
        name: name.into(),
        role,
        scope: parse_limits(limits)?,
        token: token.as_bytes().into(),
    }))
}

/// Refuses a pattern that could never match: a mistake in it would look like a
/// token that does not work.
fn parse_limits(words: &[&str]) -> Result<Scope, InvalidTokenLine> {
    let mut scope = Scope::default();
    for word in words {
        let (key, pattern) = word.split_once('=').ok_or(InvalidTokenLine::Limit)?;
        let has_star = pattern.contains('*');
        scope = match key {
            "ids" if has_star || SessionId::new(pattern).is_ok() => scope.with_ids(pattern),
            "hosts" if has_star && pattern.bytes().all(is_in_host_patterns) => {
                scope.with_hosts(pattern)
            }
            "hosts" if !has_star && !pattern.is_empty() => {
                let host: Host = pattern.parse().map_err(InvalidTokenLine::LimitHost)?;
                scope.with_hosts(host.as_str())
            }
            _ => return Err(InvalidTokenLine::Limit),
        };
    }
    Ok(scope)
}

fn is_in_host_patterns(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"*-_.:".contains(&byte)
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
    const LIMIT: &str = "line 2: expected only ids=PATTERN or hosts=PATTERN after the token, where PATTERN is an id or a host in which * stands for any characters";
    const LONG: &str = "tr0ub4dor-aaaaaaaaaaaaaaaaaaaaaaaaaa-and-longer";

    fn error(content: &str) -> String {
        TokenFile::parse(content.as_bytes())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn every_token_of_a_file_is_found() {
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
            let entry = file.find(token.as_bytes()).unwrap();
            assert_eq!((&*entry.name, entry.role), (name, role));
        }
    }

    #[test]
    fn token_is_limited_by_the_words_after_it() {
        let content = format!(
            "agent read-write {A} ids=ws-17-* hosts=2001:DB8::7 ids=console hosts=*.DCV.example\nall operator {B}"
        );
        let file = TokenFile::parse(content.as_bytes()).unwrap();
        let scope = Scope::default()
            .with_ids("ws-17-*")
            .with_ids("console")
            .with_hosts("2001:db8::7")
            .with_hosts("*.dcv.example");
        assert_eq!(file.find(A.as_bytes()).unwrap().scope, scope);
        assert_eq!(file.find(B.as_bytes()).unwrap().scope, Scope::default());
    }

    #[test]
    fn only_a_whole_token_is_found() {
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
            assert!(file.find(token).is_none());
        }
        assert!(TokenFile::NONE.find(b"").is_none());
    }

    #[test]
    fn error_names_the_line_and_quotes_nothing() {
        for (line, expected) in [
            (
                A,
                "line 2: expected NAME read-only|read-write|operator TOKEN, found 1 word",
            ),
            (
                "a read-only",
                "line 2: expected NAME read-only|read-write|operator TOKEN, found 2 words",
            ),
            (
                &format!("a read-only {A} # mine"),
                "line 2: expected NAME read-only|read-write|operator TOKEN, found 5 words",
            ),
            (
                &format!("a read-only {A} ids=a # mine=yours"),
                "line 2: expected NAME read-only|read-write|operator TOKEN, found 6 words",
            ),
            (&format!("a read-only {A} ids="), LIMIT),
            (&format!("a read-only {A} host=tr0ub4dor"), LIMIT),
            (&format!("a read-only {A} hosts="), LIMIT),
            (&format!("a read-only {A} hosts=https://*"), LIMIT),
            (
                &format!("a read-only {A} hosts=tr0ub4dor:8443"),
                "line 2: the pattern after hosts= has no * and is not a host: a host is a bare DNS name or IP address; the port has a field of its own",
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
                "line 2: the second word is the role: a role is read-only, read-write or operator",
            ),
            (
                &format!("a readonly {A}"),
                "line 2: the second word is the role: a role is read-only, read-write or operator; did you mean read-only?",
            ),
            (
                "a read-only tr0ub4dor",
                "line 2: a token is 32 to 1024 visible ASCII characters; generate one with openssl rand -hex 32",
            ),
            (
                &format!("a read-only {A}é"),
                "line 2: a token is 32 to 1024 visible ASCII characters; generate one with openssl rand -hex 32",
            ),
            (
                &format!("first read-only {A}"),
                "line 2: the name is already used in line 1; give each token a name of its own",
            ),
            (
                &format!("a read-only {B}"),
                "line 2: the token is already used in line 1; give each name a token of its own",
            ),
        ] {
            let error = error(&format!("first read-write {B}\n{line}\nagain ?\n"));
            assert_eq!(error, expected);
            assert!(!error.contains("tr0ub4dor"), "{error}");
        }
        let not_utf8 = TokenFile::parse(b"# a\n\xff").unwrap_err();
        assert_eq!(
            not_utf8.to_string(),
            "line 2: expected text in UTF-8; save the file as UTF-8, not as UTF-16"
        );
    }

    #[test]
    fn file_without_a_token_is_refused() {
        for content in ["", "\n\n", "# nothing yet\n"] {
            assert!(error(content).starts_with("the file holds no token"));
        }
    }

    #[test]
    fn debug_shows_names_and_no_token() {
        let content = format!("agents read-write {A}");
        let file = TokenFile::parse(content.as_bytes()).unwrap();
        let shown = format!("{file:?}");
        assert!(
            shown.contains("agents") && !shown.contains("tr0ub4dor"),
            "{shown}"
        );
    }

    #[test]
    fn more_than_a_thousand_tokens_are_refused() {
        let line = |number| format!("agent-{number} read-only {A}{number:05}\n");
        let thousand: String = (0..MAX_TOKENS).map(line).collect();
        assert_eq!(TokenFile::parse(thousand.as_bytes()).unwrap().len(), 1_000);
        assert_eq!(
            error(&(thousand + &line(MAX_TOKENS))),
            "line 1001: the file holds more than 1000 tokens; remove those that are not used"
        );
    }
}
