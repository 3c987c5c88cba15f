//! [`check`]: what holds for every error of the configuration files of DCV.

use dcv_resolver_dcv_config::InvalidConfig;

use crate::message;

/// Checks that an error names a line of `text` and quotes no value.
pub(crate) fn check(error: &InvalidConfig, text: &str) {
    let (InvalidConfig::NotText { line }
    | InvalidConfig::NotToml { line, .. }
    | InvalidConfig::Line { line }
    | InvalidConfig::NoSection { line }
    | InvalidConfig::Value { line, .. }) = error
    else {
        panic!("{error}");
    };
    assert!((1..=text.split('\n').count()).contains(line), "{error}");
    let message = error.to_string();
    message::check(&message);
    // Every value of the files in the corpus that may be a secret has it.
    assert!(!message.contains("tr0ub4dor"), "{message}");
}
