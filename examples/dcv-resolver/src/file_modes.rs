//! Warns about files that every user of the machine may read or write.
//!
//! The group is left alone: services and Kubernetes share secrets by group.

use std::path::Path;

use crate::config::{Config, Tls};
use crate::store_url::StoreUrl;

/// Returns a warning for each file of a configuration, and for `file`, the
/// configuration itself.
pub(crate) fn warnings(config: &Config, file: Option<&Path>) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(file) = file {
        let holds_password = config.stores.iter().any(|store| store.url.has_password());
        let secret = holds_password.then_some("the password of a store");
        warnings.extend(warning(file, secret));
    }
    for tls in config.tls.iter().chain(&config.ops.tls) {
        warnings.extend(of_tls(tls));
    }
    if let Some(admin) = &config.admin {
        warnings.extend(of_tokens(&admin.tokens_file));
    }
    for store in &config.stores {
        if let Ok(StoreUrl::File(path)) = store.url.parse() {
            warnings.extend(warning(&path, None));
        }
        let upstream_key = store.upstream.iter().filter_map(|it| it.key_file.as_ref());
        for path in upstream_key {
            warnings.extend(warning(path, Some("a private key")));
        }
        if let Some(redis) = &store.redis {
            let key = redis.key_file.iter().map(|path| (path, "a private key"));
            let passwords = redis
                .password_file
                .iter()
                .chain(&redis.sentinel_password_file);
            let passwords = passwords.map(|path| (path, "the password of a store"));
            for (path, secret) in key.chain(passwords) {
                warnings.extend(warning(path, Some(secret)));
            }
        }
    }
    warnings
}

/// Returns a warning for each of the TLS files.
pub(crate) fn of_tls(tls: &Tls) -> Vec<String> {
    let certificates = [&tls.certificate_file]
        .into_iter()
        .chain(&tls.client_ca_file);
    let public = certificates.filter_map(|path| warning(path, None));
    let key = of_key(&tls.key_file);
    public.chain(key).collect()
}

/// Returns a warning for the file of a private key.
pub(crate) fn of_key(path: &Path) -> Option<String> {
    warning(path, Some("a private key"))
}

/// Returns a warning for the file of the bearer tokens.
pub(crate) fn of_tokens(path: &Path) -> Option<String> {
    warning(path, Some("bearer tokens"))
}

/// Returns a warning if everyone may read the database, which shows where every
/// session is, with the files that SQLite keeps beside it.
pub(crate) fn of_database(path: &Path) -> Option<String> {
    (mode(path)? & READ != 0).then(|| {
        format!(
            "every user of this machine may read {path}; run `chmod o-rwx {path}*`",
            path = path.display()
        )
    })
}

/// The bits of users other than the owner and its group.
const READ: u32 = 0o4;
const WRITE: u32 = 0o2;

/// Returns a warning if everyone may write the file, or read the secret in it.
fn warning(path: &Path, secret: Option<&str>) -> Option<String> {
    let mode = mode(path)?;
    let (done, bits) = match (secret.is_some() && mode & READ != 0, mode & WRITE != 0) {
        (true, true) => ("read and write", "rw"),
        (true, false) => ("read", "r"),
        (false, true) => ("write", "w"),
        (false, false) => return None,
    };
    let holds = secret.map_or_else(String::new, |secret| format!(", which holds {secret}"));
    let path = path.display();
    Some(format!(
        "every user of this machine can {done} {path}{holds} (mode {mode:04o}); run 'chmod o-{bits} {path}'"
    ))
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    Some(path.metadata().ok()?.permissions().mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}
