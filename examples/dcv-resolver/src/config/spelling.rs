//! "Did you mean …?"

/// Returns the name that is nearest to `unknown`, if one is near, and no other
/// is as near.
///
/// Shared words count first, and more if few names have them: `cert-key-file`
/// means `key_file`, although its letters are more like `certificate_file`.
pub(crate) fn nearest<'a>(
    unknown: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // No name is this long, and a comparison takes time in proportion to the
    // product of both lengths.
    const MAX_BYTES: usize = 64;
    if unknown.len() > MAX_BYTES {
        return None;
    }
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    let words: Vec<_> = names.iter().map(|name| words(name)).collect();
    let unknown = self::words(unknown);
    let mut near: Vec<_> = (names.iter().zip(&words))
        .map(|(name, own)| {
            let shared = shared(&unknown, own, &words);
            (shared, likeness(&unknown.concat(), &own.concat()), *name)
        })
        .filter(|(shared, likeness, _)| *shared >= 1.0 || *likeness >= NEAR)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
    match &near[..] {
        [first, second, ..] if first.0 == second.0 && first.1 == second.1 => None,
        [first, ..] => Some(first.2),
        [] => None,
    }
}

const NEAR: f64 = 0.8;

/// Splits a name at `-`, `_` and capitals.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        let is_separator = matches!(c, '-' | '_' | '.' | ' ');
        if is_separator || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut()
            && !is_separator
        {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns how many words of `name` are in `unknown`. A word counts for less if
/// more names have it, and for half as much if only its beginning is the same, as
/// `cert` for `certificate`.
fn shared(unknown: &[String], name: &[String], all: &[Vec<String>]) -> f64 {
    let is_start = |word: &str, of: &str| word.len() > 2 && of.starts_with(word);
    let shared = name.iter().map(|word| {
        let names = all.iter().filter(|name| name.contains(word)).count();
        let weight = 1.0 / names.max(1) as f64;
        if unknown.contains(word) {
            weight
        } else if unknown
            .iter()
            .any(|it| is_start(it, word) || is_start(word, it))
        {
            weight / 2.0
        } else {
            0.0
        }
    });
    shared.sum()
}

fn likeness(unknown: &str, name: &str) -> f64 {
    // In a short word, two swapped letters weigh too much.
    let one_slip = name.len() > 2 && strsim::osa_distance(unknown, name) == 1;
    let likeness = strsim::jaro_winkler(unknown, name);
    if one_slip {
        likeness.max(NEAR)
    } else {
        likeness
    }
}

/// Joins as in `a, b or c`.
pub(super) fn one_of<S: AsRef<str>>(names: &[S]) -> String {
    match names {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", first.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_returns_only_near_names() {
        let names = ["listen", "tls", "log", "time_budget_ms"];
        for (unknown, near) in [
            ("lisen", Some("listen")),
            ("tsl", Some("tls")),
            ("logs", Some("log")),
            ("TimeBudgetMs", Some("time_budget_ms")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(unknown, names), near, "{unknown:?}");
        }
        assert_eq!(nearest(&"listen".repeat(100), names), None);
        assert_eq!(nearest("b", ["a"]), None);
    }

    #[test]
    fn rarest_shared_word_decides() {
        let tls = ["certificate_file", "key_file", "client_ca_file"];
        let limits = [
            "max_connections",
            "max_in_flight",
            "header_read_timeout_ms",
            "idle_timeout_ms",
            "write_timeout_ms",
        ];
        for (names, unknown, near) in [
            (&tls[..], "cert-key-file", Some("key_file")),
            (&tls, "cert-file", Some("certificate_file")),
            (&tls, "certificate", Some("certificate_file")),
            (&tls, "ca-file", Some("client_ca_file")),
            (&tls, "key", Some("key_file")),
            (&tls, "keyFile", Some("key_file")),
            (&limits, "max_connection", Some("max_connections")),
            (&limits, "idle_ms", Some("idle_timeout_ms")),
            (
                &limits,
                "read_header_timeout_ms",
                Some("header_read_timeout_ms"),
            ),
            (&["agents-1", "agents-2"], "agents-3", None),
        ] {
            assert_eq!(nearest(unknown, names.iter().copied()), near, "{unknown}");
        }
    }
}
