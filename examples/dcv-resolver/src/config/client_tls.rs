//! [`inconsistencies`]: contradictions among the TLS files of a store.

use std::path::PathBuf;

/// Returns which files contradict each other or the URL, and why. `needed_scheme`
/// is the one that the URL must have instead, if it has none with TLS.
pub(super) fn inconsistencies(
    ca_file: &Option<PathBuf>,
    certificate_file: &Option<PathBuf>,
    key_file: &Option<PathBuf>,
    needed_scheme: Option<&str>,
) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    if let Some(scheme) = needed_scheme {
        for (key, file) in [
            ("ca_file", ca_file),
            ("certificate_file", certificate_file),
            ("key_file", key_file),
        ] {
            if file.is_some() {
                let problem = format!("`{key}` needs TLS; use a URL with {scheme} instead");
                found.push((key, problem));
            }
        }
    }
    match (certificate_file, key_file) {
        (Some(_), None) => found.push((
            "certificate_file",
            "`certificate_file` needs `key_file`, the key of the certificate".to_owned(),
        )),
        (None, Some(_)) => found.push((
            "key_file",
            "`key_file` needs `certificate_file`, the certificate of the key".to_owned(),
        )),
        _ => {}
    }
    found
}
