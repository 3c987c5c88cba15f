//! [`is_chosen_by_client`]: whether a client decides in which domain a host is.

use std::collections::BTreeSet;

use regex_syntax::hir::{Class, Hir, HirKind};

/// Top-level domains in which no one can register a name: those of RFC 6761, of RFC
/// 6762 with its appendix G, and `internal`, which ICANN has reserved.
const PRIVATE: [&str; 11] = [
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localhost",
    "private",
    "test",
];

/// How many choices of a client are listed. Beyond, it chooses freely.
const MAX_CHARACTERS: usize = 8;
const MAX_ENDINGS: usize = 100;

/// As long as a host can be.
const MAX_REPETITIONS: u32 = 253;

/// Returns whether a client decides in which domain a host is: `host` matches the
/// hosts that ids lead to, and leaves open one of their last two labels, or each
/// part of an address.
///
/// A few choices, such as `eu|us`, were made by the author of the expression. Below
/// a private top-level domain, such as `lan`, every host is of one owner.
pub(crate) fn is_chosen_by_client(host: &Hir) -> bool {
    let start = BTreeSet::from([Ending::default()]);
    before(start, host).iter().any(Ending::is_chosen)
}

/// The last labels of a name, or parts of an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Ending {
    /// The last one first, up to the one that is read: at most three of a name, of
    /// which the third shows that the others are whole.
    labels: Vec<Label>,
    /// What is between them: `.`, or `:` in an IPv6 address. One with `::` is left
    /// out: a client that can write that can write all of its parts.
    separator: Option<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    /// In lower case.
    Is(String),
    AnyNumber,
    Any,
}

/// What can be at a place of a host.
#[derive(Debug)]
enum Choice {
    Separator(u8),
    Part(Label),
}

/// Returns how a host can end in which these endings follow what `hir` matches: hosts
/// are read from the end.
fn before(endings: BTreeSet<Ending>, hir: &Hir) -> BTreeSet<Ending> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => endings,
        HirKind::Literal(literal) => {
            let bytes = literal.0.iter().rev();
            bytes.fold(endings, |endings, &byte| extended(&endings, &[byte]))
        }
        HirKind::Class(class) => extended(&endings, &ascii(class)),
        HirKind::Capture(capture) => before(endings, &capture.sub),
        HirKind::Concat(parts) => parts.iter().rev().fold(endings, before),
        HirKind::Alternation(parts) => {
            let each = parts.iter().map(|part| before(endings.clone(), part));
            listed(each.flatten().collect())
        }
        HirKind::Repetition(repetition) => {
            let min = repetition.min.min(MAX_REPETITIONS);
            let max = repetition.max.unwrap_or(MAX_REPETITIONS);
            let required = |endings, _| before(endings, &repetition.sub);
            let mut endings = (0..min).fold(endings, required);
            for _ in min..max.min(MAX_REPETITIONS) {
                let once_more = before(endings.clone(), &repetition.sub);
                let known = endings.len();
                endings.extend(once_more);
                if endings.len() == known {
                    break;
                }
                endings = listed(endings);
            }
            endings
        }
    }
}

/// Returns the endings with one of these bytes before them.
fn extended(endings: &BTreeSet<Ending>, bytes: &[u8]) -> BTreeSet<Ending> {
    let choices = choices(bytes);
    let extended = endings
        .iter()
        .flat_map(|ending| choices.iter().filter_map(|choice| ending.after(choice)));
    listed(extended.collect())
}

/// Leaves labels open if there are too many endings.
fn listed(endings: BTreeSet<Ending>) -> BTreeSet<Ending> {
    if endings.len() <= MAX_ENDINGS {
        return endings;
    }
    let open = |mut ending: Ending| {
        for label in &mut ending.labels {
            if !label.is_empty() {
                *label = Label::open(label.is_number());
            }
        }
        ending
    };
    endings.into_iter().map(open).collect()
}

/// Returns what these bytes can be in a host; the others are in no host.
fn choices(bytes: &[u8]) -> Vec<Choice> {
    let separators = bytes.iter().filter(|byte| matches!(byte, b'.' | b':'));
    let in_label: BTreeSet<u8> = bytes
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        .map(u8::to_ascii_lowercase)
        .collect();
    let parts = if in_label.len() > MAX_CHARACTERS {
        vec![Label::open(in_label.iter().all(u8::is_ascii_digit))]
    } else {
        let each = in_label
            .into_iter()
            .map(|byte| char::from(byte).to_string());
        each.map(Label::Is).collect()
    };
    let separators = separators.map(|&byte| Choice::Separator(byte));
    separators
        .chain(parts.into_iter().map(Choice::Part))
        .collect()
}

fn ascii(class: &Class) -> Vec<u8> {
    let contains = |byte: &u8| match class {
        Class::Bytes(class) => {
            let mut ranges = class.ranges().iter();
            ranges.any(|range| (range.start()..=range.end()).contains(byte))
        }
        Class::Unicode(class) => {
            let mut ranges = class.ranges().iter();
            ranges.any(|range| (range.start()..=range.end()).contains(&char::from(*byte)))
        }
    };
    (0..=0x7F).filter(contains).collect()
}

impl Default for Ending {
    fn default() -> Self {
        Self {
            labels: vec![Label::EMPTY],
            separator: None,
        }
    }
}

impl Ending {
    /// Returns the ending after `choice`, unless no host ends so.
    fn after(&self, choice: &Choice) -> Option<Self> {
        let mut ending = self.clone();
        let whole = if ending.is_name() { 2 } else { 8 };
        if ending.labels.len() > whole {
            return Some(ending);
        }
        match choice {
            Choice::Part(part) => {
                let label = ending.labels.pop()?;
                ending.labels.push(part.followed_by(&label));
            }
            &Choice::Separator(separator) => {
                let is_other = ending.separator.is_some_and(|it| it != separator);
                let is_whole = ending.labels.len() == if separator == b'.' { 4 } else { 8 };
                if is_other || is_whole || ending.labels.last()?.is_empty() {
                    return None;
                }
                ending.separator = Some(separator);
                ending.labels.push(Label::EMPTY);
            }
        }
        Some(ending)
    }

    /// Returns whether it is of a name: the last label of an IPv4 address is a
    /// number.
    fn is_name(&self) -> bool {
        self.separator != Some(b':') && !self.labels.first().is_some_and(Label::is_number)
    }

    fn is_chosen(&self) -> bool {
        let is_open = |label: &Label| !matches!(label, Label::Is(_));
        match (&self.labels[..], self.separator) {
            (labels, Some(b':')) => labels.iter().all(is_open),
            ([a, b, c, d], _) if !self.is_name() => [a, b, c, d].into_iter().all(is_open),
            ([last, second, ..], _) if self.is_name() => {
                let is_private = matches!(last, Label::Is(text) if PRIVATE.contains(&&**text));
                let is_whole = !last.is_empty() && !second.is_empty();
                is_whole && !is_private && (is_open(last) || is_open(second))
            }
            _ => false,
        }
    }
}

impl Label {
    const EMPTY: Self = Self::Is(String::new());

    fn open(is_number: bool) -> Self {
        if is_number {
            Self::AnyNumber
        } else {
            Self::Any
        }
    }

    fn followed_by(&self, rest: &Self) -> Self {
        match (self, rest) {
            (Self::Is(one), Self::Is(other)) => Self::Is(format!("{one}{other}")),
            (one, Self::Is(empty)) if empty.is_empty() => one.clone(),
            (one, other) => Self::open(one.is_number() && other.is_number()),
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    fn is_number(&self) -> bool {
        match self {
            Self::Is(text) => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()),
            Self::AnyNumber => true,
            Self::Any => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::parse;

    #[test]
    fn domain_is_chosen_where_a_client_writes_one_of_the_last_two_labels() {
        for (host, is_chosen) in [
            (".*", true),
            (r"ws-.*", true),
            (r"ws-\d+(\..*)?", true),
            (r"[A-Z0-9.-]+", true),
            (r"[a-z]+\.[a-z]+", true),
            (r"ws-17\.[a-z]{2,63}", true),
            (r"[a-z0-9-]+\.com", true),
            (r"ws-\d+\.com", true),
            (r".*example\.com", true),
            (r"(?:[a-c]+\.)+(?:aa|bb|cc)+", true),
            (r"(?u)\w+\.\w+", true),
            // One label is a name of the site's own domain.
            (r"ws-\d+", false),
            (r"[a-c]+", false),
            (r"[a-z0-9-]+", false),
            (r".*\.dcv\.example", false),
            (r".*\.example\.com", false),
            (r"[a-z]+\.(?:eu|us)\.dcv\.com", false),
            (r"ws\.(?:one|two)\.com", false),
            (r"ws-\d+(?:\.example\.com)?", false),
            (r"ws[12]\.com", false),
            (r".*\.lan", false),
            (r"(?i)WS-\d+\.INTERNAL", false),
            // No host.
            (r".*\.", false),
            (r"[a-z]+@[a-z]+", false),
            (r"[a-z]+/dcv\.example", false),
            ("", false),
        ] {
            let host_hir = parse(host).unwrap();
            assert_eq!(is_chosen_by_client(&host_hir), is_chosen, "{host}");
        }
    }

    #[test]
    fn address_is_chosen_where_a_client_writes_every_part_of_it() {
        for (host, is_chosen) in [
            (r"[\d.]+", true),
            (r"\d+\.\d+\.\d+\.\d+", true),
            (r"(?:\d{1,3}\.){3}\d{1,3}", true),
            (r"[0-9a-f:]+", true),
            (r"10\.\d+\.\d+\.\d+", false),
            (r"10\.[\d.]+", false),
            (r"192\.0\.2\.\d+", false),
            (r"\d+", false),
            (r"\d+\.\d+", false),
            (r"2001:db8::[0-9a-f]+", false),
            (r"2001:db8:[0-9a-f:]+", false),
        ] {
            let host_hir = parse(host).unwrap();
            assert_eq!(is_chosen_by_client(&host_hir), is_chosen, "{host}");
        }
    }
}
