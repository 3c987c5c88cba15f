//! "Did you mean …?": ids that look like the one that was asked for.

use crate::SessionId;

/// How an id that is held looks like the one asked for. Nearer ones come
/// first in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Likeness {
    /// Without spaces at the ends.
    Spaces,
    /// Without the link around it.
    Link,
    /// In other capitals.
    Case,
    /// After so many edits.
    Typing { edits: usize },
}

impl Likeness {
    pub(crate) fn as_sentence(self) -> &'static str {
        match self {
            Self::Spaces => "without spaces at its ends",
            Self::Link => "the id alone, as it stands behind '#' in a link",
            Self::Case => "in other capitals",
            Self::Typing { .. } => "spelled nearly alike",
        }
    }
}

/// What `asked` may have been meant to be, without looking at what is held.
pub(crate) fn other_spellings(asked: &SessionId) -> Vec<SessionId> {
    let asked = asked.as_str();
    let bare = without_link(asked).trim();
    let mut spellings: Vec<SessionId> = Vec::new();
    for text in [
        asked.trim(),
        bare,
        &bare.to_lowercase(),
        &bare.to_uppercase(),
    ] {
        if text != asked
            && let Ok(id) = SessionId::new(text)
            && !spellings.contains(&id)
        {
            spellings.push(id);
        }
    }
    spellings
}

/// How `held` looks like `asked`; `None` where it does not.
pub(crate) fn likeness(asked: &str, held: &str) -> Option<Likeness> {
    // Comparing takes the product of both lengths, and nobody types so much.
    const MAX_TYPED_BYTES: usize = 64;

    let bare = without_link(asked).trim();
    if asked.trim() == held {
        return Some(Likeness::Spaces);
    }
    if bare == held {
        return Some(Likeness::Link);
    }
    if bare.len() > MAX_TYPED_BYTES || held.len() > MAX_TYPED_BYTES {
        return None;
    }
    let (bare, held) = (bare.to_lowercase(), held.to_lowercase());
    let edits = strsim::osa_distance(&bare, &held);
    let tolerated = (bare.chars().count() / 4).clamp(1, 3);
    match edits {
        0 => Some(Likeness::Case),
        1.. if edits <= tolerated => Some(Likeness::Typing { edits }),
        _ => None,
    }
}

/// The id in a link or a piece of one: behind `#`, as the gateway wants it, or
/// behind `sessionId=`, as people write it and the gateway does not.
fn without_link(text: &str) -> &str {
    if let Some((_, fragment)) = text.rsplit_once('#') {
        return fragment;
    }
    match text.split_once("sessionId=") {
        Some((_, value)) => value.split('&').next().unwrap_or(value),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_mistakes_are_recognised() {
        for (asked, held, expected) in [
            ("console ", "console", Likeness::Spaces),
            ("?sessionId=console", "console", Likeness::Link),
            ("#console", "console", Likeness::Link),
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
            ("consloe", "console", Likeness::Typing { edits: 1 }),
            ("i-0abd", "i-0abc", Likeness::Typing { edits: 1 }),
        ] {
            assert_eq!(likeness(asked, held), Some(expected), "{asked:?}");
        }
    }

    #[test]
    fn what_does_not_look_alike_is_not_suggested() {
        for (asked, held) in [
            ("console", "desktop"),
            ("ab", "cd"),
            ("console", &"console".repeat(20)),
            (&"a".repeat(100), &"a".repeat(101)),
        ] {
            assert_eq!(likeness(asked, held), None, "{asked:?}");
        }
    }

    #[test]
    fn nearer_ids_come_first() {
        let mut order = [
            Likeness::Typing { edits: 2 },
            Likeness::Typing { edits: 1 },
            Likeness::Case,
            Likeness::Link,
            Likeness::Spaces,
        ];
        order.sort();
        assert!(matches!(
            order,
            [Likeness::Spaces, .., Likeness::Typing { edits: 2 }]
        ));
    }

    #[test]
    fn other_spellings_need_no_listing() {
        let of = |asked: &str| -> Vec<String> {
            other_spellings(&asked.parse().unwrap())
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
