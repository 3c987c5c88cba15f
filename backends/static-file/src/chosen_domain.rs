//! [`is_chosen_by_client`]: whether a client decides in which domain a host is.

use regex_syntax::hir::literal::{ExtractKind, Extractor, Literal, Seq};
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

/// How many beginnings or endings of a host are compared. `(?i)` doubles them with
/// each letter.
const MAX_LITERALS: usize = 4096;

/// Returns whether a client may decide in which domain a host is: `host` matches the
/// hosts that ids lead to, and these have neither their last two labels in common
/// nor, if they are addresses, the first part. A few alternatives, such as `eu|us`,
/// were chosen by the author of the expression. A host of one label is a name in the
/// site's own domain.
pub(crate) fn is_chosen_by_client(host: &Hir) -> bool {
    let has_parts = can_contain(host, b'.') || can_contain(host, b':');
    has_parts && !has_domain(host) && !has_network(host)
}

fn has_domain(host: &Hir) -> bool {
    let is_fixed = |ending: &Literal| ending.is_exact() || ends_with_domain(ending);
    // Without a list, a host can end with anything.
    let endings = literals(ExtractKind::Suffix, host);
    endings
        .literals()
        .is_some_and(|each| each.iter().all(is_fixed))
}

/// Returns whether the last two labels are whole. Below a private top-level domain,
/// such as `lan`, every host is of one owner. A host that ends in a number is an
/// address, so its end is no domain.
fn ends_with_domain(ending: &Literal) -> bool {
    let text = String::from_utf8_lossy(ending.as_bytes()).to_ascii_lowercase();
    let mut labels = text.rsplit('.');
    let last = labels.next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
    match labels.count() {
        0 => false,
        1 => PRIVATE.contains(&last),
        _ => !is_number,
    }
}

/// Returns whether each host is an address, and their first part is the same.
fn has_network(host: &Hir) -> bool {
    let is_address = (0..=u8::MAX)
        .filter(|byte| can_contain(host, *byte))
        .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'));
    let beginnings = literals(ExtractKind::Prefix, host);
    let is_whole = |beginning: &Literal| {
        let mut bytes = beginning.as_bytes().iter();
        bytes.any(|byte| matches!(byte, b'.' | b':'))
    };
    is_address
        && beginnings
            .literals()
            .is_some_and(|each| each.iter().all(is_whole))
}

fn literals(kind: ExtractKind, host: &Hir) -> Seq {
    let mut extractor = Extractor::new();
    extractor.kind(kind).limit_total(MAX_LITERALS);
    extractor.extract(host)
}

fn can_contain(hir: &Hir, byte: u8) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.contains(&byte),
        HirKind::Class(Class::Bytes(class)) => {
            let mut ranges = class.ranges().iter();
            ranges.any(|range| (range.start()..=range.end()).contains(&byte))
        }
        HirKind::Class(Class::Unicode(class)) => {
            let mut ranges = class.ranges().iter();
            ranges.any(|range| (range.start()..=range.end()).contains(&char::from(byte)))
        }
        HirKind::Repetition(repetition) => can_contain(&repetition.sub, byte),
        HirKind::Capture(capture) => can_contain(&capture.sub, byte),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().any(|part| can_contain(part, byte))
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
            (r"ws[12]\.com", false),
            (r".*\.lan", false),
            (r"(?i)WS-\d+\.INTERNAL", false),
            // No host.
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
            (r"\d+\.\d+\.0\.1", true),
            (r"10\.\d+\.0\.1", false),
            (r"10\.\d+\.\d+\.\d+", false),
            (r"10\.[\d.]+", false),
            (r"192\.0\.2\.\d+", false),
            (r"\d+", false),
            (r"2001:db8::[0-9a-f]+", false),
            (r"2001:db8:[0-9a-f:]+", false),
        ] {
            let host_hir = parse(host).unwrap();
            assert_eq!(is_chosen_by_client(&host_hir), is_chosen, "{host}");
        }
    }
}
