//! "Did you mean …?"

/// Returns the name that is nearest to `unknown`, if one is near.
pub(super) fn nearest<'a>(
    unknown: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const NEAR: f64 = 0.8;
    // No name is this long, and a comparison takes time in proportion to the
    // product of both lengths.
    const MAX_BYTES: usize = 64;
    if unknown.len() > MAX_BYTES {
        return None;
    }
    let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    let unknown = plain(unknown);
    // In a short word, two swapped letters weigh too much.
    let one_slip = |name: &str| name.len() > 2 && strsim::osa_distance(&unknown, name) == 1;
    names
        .into_iter()
        .map(|name| (plain(name), name))
        .map(
            |(plain, name)| match strsim::jaro_winkler(&unknown, &plain) {
                nearness if nearness <= NEAR && one_slip(&plain) => (NEAR, name),
                nearness => (nearness, name),
            },
        )
        .filter(|(nearness, _)| *nearness >= NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
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
}
