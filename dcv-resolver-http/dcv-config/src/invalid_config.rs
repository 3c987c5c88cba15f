//! [`InvalidConfig`]: what is wrong in a configuration file.

/// An error that occurs when the content of a configuration file is invalid. The
/// message names the line, counted from 1, and says what to do. It quotes no value,
/// which may be a URL with a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// The file is not UTF-8.
    #[error("line {line}: not UTF-8 text; save the file as UTF-8")]
    NotText {
        /// The first line that is not.
        line: usize,
    },
    /// The file of a gateway is not TOML.
    #[error("line {line}: {message}; correct the line")]
    NotToml {
        /// The line.
        line: usize,
        /// What the parser expected there.
        message: String,
    },
    /// A line of `dcv.conf` is neither a section nor a setting nor a comment.
    #[error(
        "line {line}: neither [section] nor key=value nor a comment; correct the line, or put # in front of it"
    )]
    Line {
        /// The line.
        line: usize,
    },
    /// A setting in `dcv.conf` is in no section.
    #[error("line {line}: a setting before the first section; put its [section] above it")]
    NoSection {
        /// The line.
        line: usize,
    },
    /// A setting has a value of another type, or out of range.
    #[error("line {line}: {key} has an invalid value; write {expected}")]
    Value {
        /// The line.
        line: usize,
        /// The setting, or "a setting" within a list of several lines.
        key: String,
        /// What is valid, such as "true or false".
        expected: String,
    },
}
