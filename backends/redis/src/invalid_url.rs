//! [`InvalidUrl`]: why a string is not the URL of a Redis store.

/// An error that occurs when a string is not the URL of a Redis store. It
/// quotes no part of the URL, since it may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidUrl {
    #[error(
        "a Redis URL starts with redis://, rediss://, redis+unix://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://"
    )]
    Scheme,
    #[error("a Redis URL needs a host after the ://, such as redis://127.0.0.1:6379")]
    NoHost,
    #[error(
        "redis:// accepts only one host; use redis+sentinel:// or redis+cluster:// for several"
    )]
    SeveralHosts,
    #[error(
        "a host in the URL is not of the form name, name:port or [ipv6]:port; an @, /, ? or # in a password must be written as %40, %2F, %3F or %23"
    )]
    Host,
    #[error("a port in the URL is not a number from 1 to 65535")]
    Port,
    #[error(
        "the URL of a Unix socket has an absolute path and no host, such as redis+unix:///run/redis.sock?db=0"
    )]
    SocketPath,
    #[error(
        "a user name in the URL needs a password: redis://user:password@host, or ?password_file=PATH"
    )]
    UserWithoutPassword,
    #[error(
        "sentinel_username in the URL needs a password: sentinel_password, or sentinel_password_file=PATH"
    )]
    SentinelUserWithoutPassword,
    #[error("the URL has a % that does not begin valid percent-encoded UTF-8; write % as %25")]
    Escape,
    #[error("the path of the URL is not a database number, such as redis://host:6379/0")]
    Database,
    #[error("a sentinel URL needs the name of the service: redis+sentinel://host:26379/mymaster")]
    NoService,
    #[error(
        "a cluster URL must not have a path, since a cluster has only database 0; remove the path"
    )]
    ClusterDatabase,
    #[error("unknown parameter in the URL: expected one of {}", PARAMETERS)]
    Parameter,
    #[error("the URL sets {0} twice, as a parameter or in another part; set it once")]
    Twice(&'static str),
    #[error("the parameter {0} of the URL is not a number of milliseconds, from 1 to 3600000")]
    Milliseconds(&'static str),
    #[error("the parameter protocol of the URL is neither resp2 nor resp3")]
    Protocol,
    #[error("{0} in the URL needs TLS; use rediss://, rediss+sentinel:// or rediss+cluster://")]
    NeedsTls(&'static str),
    #[error("the URL has only one of certificate_file and key_file; set both")]
    HalfIdentity,
    #[error("{0} in the URL is for sentinels; use redis+sentinel:// or rediss+sentinel://")]
    NeedsSentinels(&'static str),
}

/// The parameters of a URL.
pub(crate) const PARAMETERS: &str = "ca_file, certificate_file, connect_timeout_ms, database (db), key_file, key_prefix, password (pass), password_file, protocol, response_timeout_ms, sentinel_password, sentinel_password_file, sentinel_username, username (user)";
