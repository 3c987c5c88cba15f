//! [`SessionState`]: the state of a session.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The state of a session, in the terms of the Session Manager Broker.
///
/// Only a [`Ready`](Self::Ready) session is resolved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
// Derived, the error would quote any text, as it is.
#[serde(rename_all = "SCREAMING_SNAKE_CASE", try_from = "String")]
#[non_exhaustive]
pub enum SessionState {
    /// The DCV server is setting the session up.
    Creating,
    /// Clients can connect.
    #[default]
    Ready,
    /// The DCV server is tearing the session down.
    Deleting,
    /// The agent that reports on the session has lost contact with it.
    Unknown,
}

impl SessionState {
    /// Returns the state as it is written in files and stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Ready => "READY",
            Self::Deleting => "DELETING",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SessionState {
    type Err = InvalidSessionState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "CREATING" => Ok(Self::Creating),
            "READY" => Ok(Self::Ready),
            "DELETING" => Ok(Self::Deleting),
            "UNKNOWN" => Ok(Self::Unknown),
            _ => Err(InvalidSessionState),
        }
    }
}

impl TryFrom<String> for SessionState {
    type Error = InvalidSessionState;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// An error that occurs when a string is not the name of a [`SessionState`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a session state is CREATING, READY, DELETING or UNKNOWN, in capitals")]
#[non_exhaustive]
pub struct InvalidSessionState;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_has_one_spelling_everywhere() {
        for state in [
            SessionState::Creating,
            SessionState::Ready,
            SessionState::Deleting,
            SessionState::Unknown,
        ] {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        assert_eq!("ready".parse::<SessionState>(), Err(InvalidSessionState));
    }

    #[test]
    fn unknown_state_is_not_quoted() {
        let error = serde_json::from_str::<SessionState>(r#""RE\u001bDY""#).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&InvalidSessionState.to_string()),
            "{error}"
        );
    }
}
