//! [`mistyped`]: keys of a gateway's configuration that are nearly right.

use strsim::osa_distance;

/// A key that the gateway ignores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MistypedKey {
    pub(crate) section: String,
    pub(crate) key: String,
    /// The key that was probably meant.
    pub(crate) meant: &'static str,
}

/// The keys of the sections that matter to the path of a connection.
///
/// Source: Amazon DCV Connection Gateway Administrator Guide, "Configuration
/// file reference".
const KNOWN: [(&str, &[&str]); 3] = [
    (
        "resolver",
        &[
            "url",
            "ca-file",
            "tls-strict",
            "cert-file",
            "cert-key-file",
            "ciphers-tls",
            "minimum-tls-version",
            "http-establish-timeout",
        ],
    ),
    (
        "dcv",
        &[
            "ca-file",
            "tls-strict",
            "ciphers-tls",
            "minimum-tls-version",
            "enable-tcp-connections-stats",
            "enable-quic-connections-stats",
        ],
    ),
    (
        "web-resources",
        &[
            "url",
            "local-resources-path",
            "local-resources-http-headers",
            "ca-file",
            "tls-strict",
            "ciphers-tls",
            "minimum-tls-version",
            "http-establish-timeout",
        ],
    ),
];

/// Returns keys and sections that are not known, but nearly. Those that resemble
/// nothing may be of a later version.
pub(crate) fn mistyped(text: &str) -> Vec<MistypedKey> {
    let table: toml::Table = toml::from_str(text).unwrap_or_default();
    let sections = KNOWN.map(|(section, _)| section);
    let mut found = Vec::new();
    for (name, value) in &table {
        let Some((_, keys)) = KNOWN.iter().find(|(section, _)| section == name) else {
            found.extend(nearest(name, &sections).map(|meant| MistypedKey {
                section: String::new(),
                key: name.clone(),
                meant,
            }));
            continue;
        };
        let unknown = value.as_table().into_iter().flat_map(toml::Table::keys);
        for key in unknown.filter(|key| !keys.contains(&key.as_str())) {
            found.extend(nearest(key, keys).map(|meant| MistypedKey {
                section: name.clone(),
                key: key.clone(),
                meant,
            }));
        }
    }
    found
}

/// Returns the name that differs in spelling only, or in two characters.
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let plain = name.to_ascii_lowercase().replace('_', "-");
    let distances = known
        .iter()
        .map(|known| (osa_distance(&plain, known), *known));
    let (distance, nearest) = distances.min()?;
    (distance <= 2 && nearest.len() > 3).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_that_is_nearly_right_is_found() {
        let text = "[resolver]\nca_file = \"a\"\ntls-stict = false\nurl = \"b\"\n\
                    [dcv]\nnew-setting = 1\n[web_resources]\n[log]\nlevel = \"info\"\n";
        let found: Vec<_> = mistyped(text)
            .into_iter()
            .map(|it| (it.section, it.key, it.meant))
            .collect();
        let expected = [
            ("resolver", "ca_file", "ca-file"),
            ("resolver", "tls-stict", "tls-strict"),
            ("", "web_resources", "web-resources"),
        ];
        let expected =
            expected.map(|(section, key, meant)| (section.to_owned(), key.to_owned(), meant));
        assert_eq!(found, expected);
    }
}
