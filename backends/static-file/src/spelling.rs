//! Suggests a name that may have been meant.

/// Returns the end of a message about `unknown`: `; did you mean \`…\`?`, or
/// nothing when no name is similar.
pub(crate) fn hint<'a>(unknown: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    const SIMILAR: f64 = 0.8;
    // Comparing takes time proportional to the product of both lengths, and no
    // name is that long.
    const MAX_BYTES: usize = 64;
    if unknown.len() > MAX_BYTES {
        return String::new();
    }
    let plain = plain(unknown);
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&plain, &self::plain(name)), name))
        .filter(|(similarity, _)| *similarity > SIMILAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}

/// `http_port` and `HttpPort` are the same word.
fn plain(name: &str) -> String {
    name.replace(['_', '-'], "").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_suggested_and_others_are_not() {
        let names = ["host", "http_port", "quic_port", "web_url_path"];
        for (unknown, hint) in [
            ("hots", "; did you mean `host`?"),
            ("HttpPort", "; did you mean `http_port`?"),
            ("quick-port", "; did you mean `quic_port`?"),
            ("weburlpath", "; did you mean `web_url_path`?"),
            ("colour", ""),
            ("", ""),
        ] {
            assert_eq!(super::hint(unknown, names), hint, "{unknown:?}");
        }
        assert_eq!(hint(&"host".repeat(100), names), "");
    }
}
