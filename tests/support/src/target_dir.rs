//! [`target_dir`]: the one folder of a checkout that tests write to.

use std::env;
use std::path::PathBuf;

/// Returns cargo's target folder, in which the calling test was built.
#[must_use]
pub fn target_dir() -> PathBuf {
    // Not beside the manifest: `CARGO_TARGET_DIR` may name any folder, and the
    // checkout may be read-only.
    let test = env::current_exe().unwrap();
    let profile_deps_and_name = 3;
    let folder = test.ancestors().nth(profile_deps_and_name);
    folder
        .expect("cargo builds tests in TARGET/PROFILE/deps")
        .to_owned()
}
