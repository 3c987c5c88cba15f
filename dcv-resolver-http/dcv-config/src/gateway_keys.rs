//! [`UnknownKey`]: a key that a gateway does not know.

/// A key or a section that is not in the gateway's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownKey {
    /// The section; `None` if the section itself is unknown.
    pub section: Option<String>,
    /// The key, or the name of the section.
    pub key: String,
    /// The documented keys of the section, or the documented sections if the
    /// section itself is unknown.
    pub known: &'static [&'static str],
}

const SECTIONS: &[&str] = &[
    "resolver",
    "gateway",
    "dcv",
    "web-resources",
    "health-check",
    "log",
    "metrics-reporter-statsd",
];

/// The keys of the sections that matter to the path of a connection.
///
/// Source: Amazon DCV Connection Gateway Administrator Guide, "Configuration
/// file reference"; `quic-establish-timeout` is in its release notes.
const KEYS: [(&str, &[&str]); 4] = [
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
        "gateway",
        &[
            "web-listen-endpoints",
            "quic-listen-endpoints",
            "web-port",
            "quic-port",
            "bind-addr",
            "cert-file",
            "cert-key-file",
            "ciphers-tls",
            "minimum-tls-version",
            "graceful-shutdown-timeout",
            "tcp-idle-timeout",
            "quic-idle-timeout",
            "tcp-max-connections",
            "quic-max-connections",
            "enable-tcp-connections-stats",
            "enable-quic-connections-stats",
            "quic-establish-timeout",
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

pub(crate) fn unknown_keys(table: &toml::Table) -> Vec<UnknownKey> {
    let mut unknown = Vec::new();
    for (section, value) in table {
        if !SECTIONS.contains(&section.as_str()) {
            unknown.push(UnknownKey {
                section: None,
                key: section.clone(),
                known: SECTIONS,
            });
        }
        let Some((_, known)) = KEYS.iter().find(|(name, _)| name == section) else {
            continue;
        };
        let keys = value.as_table().into_iter().flat_map(toml::Table::keys);
        let keys = keys.filter(|key| !known.contains(&key.as_str()));
        unknown.extend(keys.map(|key| UnknownKey {
            section: Some(section.clone()),
            key: key.clone(),
            known,
        }));
    }
    unknown
}

#[cfg(test)]
mod tests {
    use crate::gateway_config::GatewayConfig;

    #[test]
    fn key_that_is_not_documented_is_listed() {
        let text = "[resolver]\nca_file = \"a\"\nurl = \"b\"\nciphers-tls = []\n\
                    [gateway]\nquic-establish-timeout = 1\nweb-ports = 1\n\
                    [web_resources]\nurl = \"c\"\n[log]\nlevel = \"info\"\n";
        let config = GatewayConfig::parse(text).unwrap();
        let unknown = config.unknown_keys.iter();
        let mut found: Vec<_> = unknown
            .map(|it| (it.section.as_deref(), &*it.key))
            .collect();
        found.sort_unstable();
        let expected = [
            (None, "web_resources"),
            (Some("gateway"), "web-ports"),
            (Some("resolver"), "ca_file"),
        ];
        assert_eq!(found, expected);
        let of_resolver = config.unknown_keys.iter().find(|it| it.key == "ca_file");
        assert!(of_resolver.unwrap().known.contains(&"ca-file"));
    }
}
