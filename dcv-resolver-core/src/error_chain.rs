//! [`ErrorChain`]: an error and its sources on one line.

use std::error::Error;
use std::fmt;

/// A wrapper that displays an error and every source below it on one line, joined
/// by `: `.
///
/// Some errors quote their source in their own message. Such a source is omitted,
/// so that no text is repeated.
///
/// ```
/// use std::io;
///
/// use dcv_resolver_core::ErrorChain;
///
/// let source = io::Error::from(io::ErrorKind::ConnectionRefused);
/// let error = io::Error::other(source);
/// assert_eq!(ErrorChain::new(&error).to_string(), "connection refused");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ErrorChain<'a>(&'a (dyn Error + 'static));

impl<'a> ErrorChain<'a> {
    /// Creates a wrapper that displays `error` and its sources.
    #[must_use]
    pub const fn new(error: &'a (dyn Error + 'static)) -> Self {
        Self(error)
    }
}

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.to_string();
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            if !shown.contains(&text) {
                shown = format!("{shown}: {text}");
            }
            source = error.source();
        }
        f.write_str(&shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{message}")]
    struct Link {
        message: &'static str,
        source: Option<Box<Self>>,
    }

    /// Returns the chain of errors with these messages, the first on top.
    fn shown(messages: &[&'static str]) -> String {
        let error = messages.iter().rev().fold(None, |source, message| {
            Some(Box::new(Link { message, source }))
        });
        ErrorChain::new(&error.unwrap()).to_string()
    }

    #[test]
    fn every_source_is_shown() {
        assert_eq!(shown(&["a failed"]), "a failed");
        assert_eq!(
            shown(&["a failed", "b failed", "c failed"]),
            "a failed: b failed: c failed"
        );
    }

    #[test]
    fn source_that_the_error_above_quotes_is_left_out() {
        assert_eq!(
            shown(&["a failed: b failed", "b failed", "c failed"]),
            "a failed: b failed: c failed"
        );
        assert_eq!(shown(&["a failed", "a failed"]), "a failed");
        // Also before a remedy.
        assert_eq!(
            shown(&["a failed: b failed; try c", "b failed"]),
            "a failed: b failed; try c"
        );
    }
}
