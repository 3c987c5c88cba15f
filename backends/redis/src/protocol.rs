//! [`RedisProtocol`]: how commands and replies are written.

use std::fmt;
use std::str::FromStr;

use redis::ProtocolVersion;

/// The version of the Redis protocol, for
/// [`RedisConfig::protocol`](crate::RedisConfig::protocol).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisProtocol {
    /// RESP2, which every server and proxy understands. Changes cannot be
    /// watched with it.
    Resp2,
    /// RESP3, for servers since Redis 6.
    Resp3,
}

/// An error that occurs when a string is not the name of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected resp2 or resp3")]
#[non_exhaustive]
pub struct InvalidRedisProtocol;

impl RedisProtocol {
    /// Returns the name, such as `resp3`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resp2 => "resp2",
            Self::Resp3 => "resp3",
        }
    }

    pub(crate) fn version(self) -> ProtocolVersion {
        match self {
            Self::Resp2 => ProtocolVersion::RESP2,
            Self::Resp3 => ProtocolVersion::RESP3,
        }
    }
}

impl fmt::Display for RedisProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RedisProtocol {
    type Err = InvalidRedisProtocol;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "resp2" | "2" => Ok(Self::Resp2),
            "resp3" | "3" => Ok(Self::Resp3),
            _ => Err(InvalidRedisProtocol),
        }
    }
}
