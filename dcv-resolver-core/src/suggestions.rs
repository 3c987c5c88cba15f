//! [`Suggestion`]: "did you mean …?", a session similar to the requested one.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapidfuzz::distance::osa;
use serde::Serialize;

use crate::{SessionId, SessionRecord};

/// A session similar to the requested one: by its id, its name on the DCV
/// server, its host or its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Suggestion {
    /// The id of the similar session.
    pub session_id: SessionId,
    /// The store that holds it.
    pub store: String,
    /// How it matches, as the end of a sentence.
    pub match_kind: &'static str,
}

/// How a stored session resembles the requested one, ordered from the most to
/// the least similar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Likeness {
    /// The ids are equal without spaces at their ends.
    Spaces,
    /// The ids are equal without the link around the requested one.
    Link,
    /// The ids are equal except for capitalization.
    Case,
    /// The ids have the same letters and digits.
    Punctuation,
    /// The ids differ by this number of edits.
    Typing { edits: usize },
    /// The requested id is the session's name on its DCV server.
    TargetId,
    /// One id begins or ends with the other, and is longer by this number of
    /// bytes.
    Part { longer: usize },
    /// The requested id is the name of the session's server.
    Server,
    /// The requested id is the name of the session's owner.
    Owner,
}

impl Likeness {
    fn as_sentence(self) -> &'static str {
        match self {
            Self::Spaces => "without spaces at its ends",
            Self::Link => "without the link or the URL around it",
            Self::Case => "with different capitalization",
            Self::Punctuation => "with different punctuation",
            Self::Typing { .. } => "which is spelled similarly",
            Self::TargetId => "which has this name on its DCV server",
            Self::Part { .. } => "which begins or ends the same way",
            Self::Server => "which is on the server of this name",
            Self::Owner => "whose owner has this name",
        }
    }
}

/// An id that no store holds, prepared once for all comparisons.
pub(crate) struct SearchKey<'a> {
    text: &'a str,
    /// Without the link around it and without spaces.
    bare: &'a str,
    /// The same in small letters.
    lower: String,
    /// Of those, the letters and digits.
    plain: String,
    typing: Option<TypedId>,
}

impl<'a> SearchKey<'a> {
    pub(crate) fn new(id: &'a SessionId) -> Self {
        let text = id.as_str();
        let bare = without_link(text).trim();
        let lower = bare.to_lowercase();
        Self {
            text,
            bare,
            plain: plain(&lower).collect(),
            typing: TypedId::new(&lower),
            lower,
        }
    }

    /// Returns other spellings of the id, without looking at any listing.
    pub(crate) fn other_spellings(&self) -> Vec<SessionId> {
        let mut spellings: Vec<SessionId> = Vec::new();
        for text in [
            self.text.trim(),
            self.bare,
            &self.lower,
            &self.bare.to_uppercase(),
        ] {
            if text != self.text
                && let Ok(id) = SessionId::new(text)
                && !spellings.contains(&id)
            {
                spellings.push(id);
            }
        }
        spellings
    }

    /// Returns how the session of `record` resembles the requested one, or
    /// `None` if it does not.
    pub(crate) fn likeness(&self, record: &SessionRecord) -> Option<Likeness> {
        let held = record.id().as_str();
        if self.bare.is_empty() {
            return None;
        }
        if self.text.trim() == held {
            return Some(Likeness::Spaces);
        }
        if self.bare == held {
            return Some(Likeness::Link);
        }
        let held = held.to_lowercase();
        if self.lower == held {
            return Some(Likeness::Case);
        }
        if !self.plain.is_empty() && plain(&held).eq(self.plain.chars()) {
            return Some(Likeness::Punctuation);
        }
        let typing = self.typing.as_ref();
        typing
            .and_then(|typed| typed.likeness(&held))
            .or_else(|| (record.target_id().as_str() == self.bare).then_some(Likeness::TargetId))
            .or_else(|| part(&self.lower, &held))
            .or_else(|| is_server(&self.lower, record).then_some(Likeness::Server))
            .or_else(|| (record.owner() == Some(self.bare)).then_some(Likeness::Owner))
    }
}

/// A short id, prepared for the search for ids that are a few edits away.
struct TypedId {
    letters: usize,
    tolerated_edits: usize,
    /// Compares in time proportional to the length of the other id.
    comparator: osa::BatchComparator<char>,
}

impl TypedId {
    /// Returns `None` for an id that is too long to have been typed, or empty.
    fn new(lower: &str) -> Option<Self> {
        const MAX_LETTERS: usize = 64;

        let letters = lower.chars().count();
        (1..=MAX_LETTERS).contains(&letters).then(|| Self {
            letters,
            tolerated_edits: (letters / 4).clamp(1, 3),
            comparator: osa::BatchComparator::new(lower.chars()),
        })
    }

    fn likeness(&self, held: &str) -> Option<Likeness> {
        // Each edit changes the number of letters by one at most.
        if self.letters.abs_diff(held.chars().count()) > self.tolerated_edits {
            return None;
        }
        let edits = self.comparator.distance(held.chars());
        // If every letter differs, it is a different id, not a mistyped one.
        (edits <= self.tolerated_edits && edits < self.letters)
            .then_some(Likeness::Typing { edits })
    }
}

/// Compares ids that are truncated, or that have a path or the rest of a link
/// around them. Short ids often begin the same by chance.
fn part(asked: &str, held: &str) -> Option<Likeness> {
    const MIN_BYTES: usize = 4;

    let (short, long) = if asked.len() < held.len() {
        (asked, held)
    } else {
        (held, asked)
    };
    let alike = long.starts_with(short) || long.ends_with(short);
    (alike && short.len() >= MIN_BYTES).then(|| Likeness::Part {
        longer: long.len() - short.len(),
    })
}

/// Returns whether `asked` is the host of the record, with its domain or without.
fn is_server(asked: &str, record: &SessionRecord) -> bool {
    let host = record.host().as_str();
    let Some((name, domain)) = host.split_at_checked(asked.len()) else {
        return false;
    };
    name.eq_ignore_ascii_case(asked)
        && (domain.is_empty() || domain.starts_with('.') && !is_address(asked))
}

/// Returns whether it may be the beginning of an address, which names no server.
fn is_address(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

fn plain(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| c.is_alphanumeric())
}

/// Returns the id in a link or a part of one: after `#`, where the gateway
/// expects it, or after `sessionId=`, where people write it and the gateway
/// ignores it.
fn without_link(text: &str) -> &str {
    const PARAMETER: &str = "sessionid=";

    let (page, fragment) = text.rsplit_once('#').unwrap_or((text, ""));
    let text = if fragment.is_empty() { page } else { fragment };
    // Lower-casing ASCII does not move any byte.
    let value = (text.to_ascii_lowercase().find(PARAMETER))
        .and_then(|start| text.get(start + PARAMETER.len()..));
    match value {
        Some(value) => value.split('&').next().unwrap_or(value),
        None => text,
    }
}

/// Collects the nearest few of all that are compared.
#[derive(Default)]
pub(crate) struct Nearest(BTreeMap<(Likeness, SessionId), Arc<str>>);

impl Nearest {
    pub(crate) fn compare(
        &mut self,
        key: &SearchKey<'_>,
        record: &SessionRecord,
        store: &Arc<str>,
    ) {
        const SHOWN: usize = 5;

        if let Some(likeness) = key.likeness(record) {
            self.0
                .entry((likeness, record.id().clone()))
                .or_insert_with(|| Arc::clone(store));
            if self.0.len() > SHOWN {
                self.0.pop_last();
            }
        }
    }

    pub(crate) fn into_suggestions(self) -> Vec<Suggestion> {
        let nearest = self.0.into_iter();
        nearest
            .map(|((likeness, session_id), store)| Suggestion {
                session_id,
                store: store.to_string(),
                match_kind: likeness.as_sentence(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Expiry;

    fn held(id: &str) -> SessionRecord {
        let host = "ws-17.dcv.example".parse().unwrap();
        SessionRecord::builder(id.parse().unwrap(), host, Expiry::Never)
            .http_port(8443)
            .owner("ann")
            .target_id("display-1".parse::<SessionId>().unwrap())
            .build()
            .unwrap()
    }

    fn likeness(asked: &str, held: &SessionRecord) -> Option<Likeness> {
        SearchKey::new(&asked.parse().unwrap()).likeness(held)
    }

    #[test]
    fn usual_typing_errors_are_recognised() {
        for (asked, id, expected) in [
            ("console ", "console", Likeness::Spaces),
            ("?sessionId=console", "console", Likeness::Link),
            ("sessionid=console", "console", Likeness::Link),
            ("#console", "console", Likeness::Link),
            ("#sessionId=console", "console", Likeness::Link),
            ("?sessionId=console#", "console", Likeness::Link),
            (
                "https://gw.example:8443/?sessionId=console&x=1",
                "console",
                Likeness::Link,
            ),
            (
                "https://gw.example:8443/?authToken=t#console",
                "console",
                Likeness::Link,
            ),
            ("Console", "console", Likeness::Case),
            ("console", "Console", Likeness::Case),
            ("#CONSOLE ", "console", Likeness::Case),
            ("\"console\"", "console", Likeness::Punctuation),
            ("/console", "console", Likeness::Punctuation),
            ("console\u{200b}", "console", Likeness::Punctuation),
            (
                "0F8FAD5BD9CB469FA16570867728950E",
                "0f8fad5b-d9cb-469f-a165-70867728950e",
                Likeness::Punctuation,
            ),
            ("consloe", "console", Likeness::Typing { edits: 1 }),
            ("consle", "console", Likeness::Typing { edits: 1 }),
            ("i-0abd", "i-0abc", Likeness::Typing { edits: 1 }),
            // A Cyrillic letter, of two bytes.
            ("сonsole", "console", Likeness::Typing { edits: 1 }),
            ("console%20", "console", Likeness::Part { longer: 3 }),
            (
                "#console?transport=auto",
                "console",
                Likeness::Part { longer: 15 },
            ),
            ("desktop", "ws-17/desktop", Likeness::Part { longer: 6 }),
            (
                "0f8fad5b",
                "0f8fad5b-d9cb-469f-a165-70867728950e",
                Likeness::Part { longer: 28 },
            ),
            ("display-1", "i-0abc", Likeness::TargetId),
            ("WS-17", "i-0abc", Likeness::Server),
            ("ws-17.dcv.example", "i-0abc", Likeness::Server),
            ("ann", "i-0abc", Likeness::Owner),
        ] {
            assert_eq!(likeness(asked, &held(id)), Some(expected), "{asked:?}");
        }
    }

    #[test]
    fn dissimilar_id_is_not_suggested() {
        for (asked, id) in [
            ("console", "desktop"),
            ("ab", "cd"),
            ("ab", "abcdef"),
            ("ws-1", "i-0abc"),
            ("#", "/"),
            ("-", "."),
            ("consoles", "console-4711"),
            (&format!("{}b", "a".repeat(99)), &"a".repeat(101)),
        ] {
            assert_eq!(likeness(asked, &held(id)), None, "{asked:?}");
        }
    }

    #[test]
    fn start_of_an_address_matches_no_server() {
        let builder = held("i-0abc")
            .to_builder()
            .host("192.0.2.7".parse().unwrap());
        let record = builder.build().unwrap();
        assert_eq!(likeness("192", &record), None);
        assert_eq!(likeness("192.0.2.7", &record), Some(Likeness::Server));
    }

    #[test]
    fn nearest_few_are_kept_in_order() {
        let asked = "console".parse().unwrap();
        let asked = SearchKey::new(&asked);
        let mut nearest = Nearest::default();
        for id in [
            "console-12",
            "console-1",
            "console1",
            "CONSOLE",
            "consoles",
            "Console",
            "con-sole",
        ] {
            nearest.compare(&asked, &held(id), &"store".into());
        }
        let ids: Vec<_> = nearest
            .into_suggestions()
            .into_iter()
            .map(|near| near.session_id.to_string())
            .collect();
        assert_eq!(
            ids,
            ["CONSOLE", "Console", "con-sole", "console1", "consoles"]
        );
    }

    #[test]
    fn other_spellings_need_no_listing() {
        let of = |asked: &str| -> Vec<String> {
            SearchKey::new(&asked.parse().unwrap())
                .other_spellings()
                .iter()
                .map(ToString::to_string)
                .collect()
        };
        assert_eq!(
            of("?sessionId=Ann "),
            ["?sessionId=Ann", "Ann", "ann", "ANN"]
        );
        assert_eq!(of("console"), ["CONSOLE"]);
        assert!(of("#").is_empty());
    }
}
