//! [`meant`]: keys of a gateway's configuration that are nearly right.

use dcv_resolver_dcv_config::UnknownKey;
use strsim::osa_distance;

/// Returns the key that was probably meant: one that differs in spelling only, or in
/// two characters.
pub(crate) fn meant(unknown: &UnknownKey) -> Option<&'static str> {
    let plain = unknown.key.to_ascii_lowercase().replace('_', "-");
    let known = unknown.known.iter();
    let distances = known.map(|known| (osa_distance(&plain, known), *known));
    let (distance, nearest) = distances.min()?;
    (distance <= 2 && nearest.len() > 3).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use dcv_resolver_dcv_config::GatewayConfig;

    use super::*;

    #[test]
    fn key_that_is_nearly_right_is_found() {
        let text = "[resolver]\nca_file = \"a\"\ntls-stict = false\nurl = \"b\"\nu = 1\n\
                    [gateway]\nweb-listen-endpoint = []\n\
                    [dcv]\nnew-setting = 1\n[web_resources]\n[log]\nlevel = \"info\"\n";
        let config = GatewayConfig::parse(text).unwrap();
        let unknown = config.unknown_keys.iter();
        let found = unknown.filter_map(|it| Some((&*it.key, meant(it)?)));
        let mut found: Vec<_> = found.collect();
        found.sort_unstable();
        let expected = [
            ("ca_file", "ca-file"),
            ("tls-stict", "tls-strict"),
            ("web-listen-endpoint", "web-listen-endpoints"),
            ("web_resources", "web-resources"),
        ];
        assert_eq!(found, expected);
    }
}
