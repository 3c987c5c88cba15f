//! [`InvalidRedisUrl`]: why a string is not the URL of a Redis store.

/// An error that occurs when a string is not the URL of a Redis store. The
/// message does not quote the string, which may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRedisUrl {
    /// The scheme is unknown or missing.
    #[error(
        "a Redis URL starts with redis://, rediss://, redis+unix://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://"
    )]
    Scheme,
    /// The URL has no host.
    #[error("a Redis URL needs a host after the ://, such as redis://127.0.0.1:6379")]
    NoHost,
    /// The URL of one server has several hosts.
    #[error(
        "redis:// accepts only one host; use redis+sentinel:// or redis+cluster:// for several"
    )]
    SeveralHosts,
    /// A host is neither a name nor an address.
    #[error(
        "a host in the URL is not of the form name, name:port or [ipv6]:port; an @, /, ? or # in a password must be written as %40, %2F, %3F or %23"
    )]
    Host,
    /// A port is not a number from 1 to 65535.
    #[error("a port in the URL is not a number from 1 to 65535")]
    Port,
    /// The path of a Unix socket is not absolute.
    #[error(
        "the URL of a Unix socket has an absolute path and no host, such as redis+unix:///run/redis.sock?db=0"
    )]
    SocketPath,
    /// There is a user without a password.
    #[error(
        "a user name in the URL needs a password: redis://user:password@host, or ?password_file=PATH"
    )]
    UserWithoutPassword,
    /// There is a user of the sentinels without a password.
    #[error(
        "sentinel_username in the URL needs a password: sentinel_password, or sentinel_password_file=PATH"
    )]
    SentinelUserWithoutPassword,
    /// A `%` begins no escape, or the decoded bytes are not UTF-8.
    #[error("the URL has a % that does not begin valid percent-encoded UTF-8; write % as %25")]
    Escape,
    /// The path is not the number of a database.
    #[error("the path of the URL is not a database number, such as redis://host:6379/0")]
    Database,
    /// The URL of sentinels does not name the service.
    #[error("a sentinel URL needs the name of the service: redis+sentinel://host:26379/mymaster")]
    NoService,
    /// The URL of a cluster names a database.
    #[error(
        "a cluster URL must not have a path, since a cluster has only database 0; remove the path"
    )]
    ClusterDatabase,
    /// A parameter does not exist, or has no value.
    #[error("unknown parameter in the URL: expected one of {}", PARAMETERS)]
    UnknownParameter,
    /// The setting of this name is set twice.
    #[error("the URL sets {0} twice, as a parameter or in another part; set it once")]
    Repeated(&'static str),
    /// The parameter of this name is not a number of milliseconds.
    #[error("the parameter {0} of the URL is not a number of milliseconds, from 1 to 3600000")]
    NotMilliseconds(&'static str),
    /// The protocol is unknown.
    #[error("the parameter protocol of the URL is neither resp2 nor resp3")]
    Protocol,
    /// The parameter of this name has no effect without TLS.
    #[error("{0} in the URL needs TLS; use rediss://, rediss+sentinel:// or rediss+cluster://")]
    NeedsTls(&'static str),
    /// There is a certificate without its key, or a key without its certificate.
    #[error("the URL has only one of certificate_file and key_file; set both")]
    IncompleteKeyPair,
    /// The parameter of this name has no effect without sentinels.
    #[error("{0} in the URL is for sentinels; use redis+sentinel:// or rediss+sentinel://")]
    NeedsSentinels(&'static str),
}

/// The parameters of a URL.
const PARAMETERS: &str = "ca_file, certificate_file, connect_timeout_ms, database (db), key_file, key_prefix, password (pass), password_file, protocol, response_timeout_ms, sentinel_password, sentinel_password_file, sentinel_username, username (user)";
