//! Parses URLs of a Redis server, its sentinels, or its cluster.
//!
//! A general URL parser accepts one host only.

use crate::credentials::{Credentials, Password};
use crate::invalid_url::InvalidRedisUrl;
use crate::topology::{Endpoint, Node, Topology};
use crate::url_parameters::{Parameters, ParsedUrl, database_number, decode};

pub(crate) fn parse(url: &str) -> Result<ParsedUrl, InvalidRedisUrl> {
    let (scheme, rest) = url.split_once(':').ok_or(InvalidRedisUrl::Scheme)?;
    let (kind, tls) = parse_scheme(scheme)?;
    if rest.contains('#') {
        return Err(InvalidRedisUrl::Host);
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let parameters = Parameters::parse(query)?;
    let (topology, credentials, database) = match kind {
        Kind::Unix => (Topology::Single(parse_socket(rest)?), None, None),
        kind => {
            let rest = rest.strip_prefix("//").ok_or(InvalidRedisUrl::Scheme)?;
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let (credentials, hosts) = match authority.rsplit_once('@') {
                Some((user_info, hosts)) => (Some(parse_credentials(user_info)?), hosts),
                None => (None, authority),
            };
            let (topology, database) = parse_hosts(kind, hosts, path)?;
            (topology, credentials, database)
        }
    };
    parameters.complete(topology, tls, credentials.unwrap_or_default(), database)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Single,
    Unix,
    Sentinel,
    Cluster,
}

/// Returns what the URL leads to, and whether with TLS.
fn parse_scheme(scheme: &str) -> Result<(Kind, bool), InvalidRedisUrl> {
    if scheme == "unix" {
        return Ok((Kind::Unix, false));
    }
    let kind = ["redis", "valkey"]
        .iter()
        .find_map(|name| scheme.strip_prefix(name));
    let kind = kind.ok_or(InvalidRedisUrl::Scheme)?;
    let (kind, tls) = match kind.strip_prefix('s') {
        Some(kind) => (kind, true),
        None => (kind, false),
    };
    match (kind, tls) {
        ("", _) => Ok((Kind::Single, tls)),
        ("+unix", false) => Ok((Kind::Unix, tls)),
        ("+sentinel", _) => Ok((Kind::Sentinel, tls)),
        ("+cluster", _) => Ok((Kind::Cluster, tls)),
        _ => Err(InvalidRedisUrl::Scheme),
    }
}

/// Parses `///run/redis.sock` and `/run/redis.sock`.
fn parse_socket(text: &str) -> Result<Endpoint, InvalidRedisUrl> {
    let path = text.strip_prefix("//").unwrap_or(text);
    if !path.starts_with('/') || path.starts_with("//") || path.len() == 1 {
        return Err(InvalidRedisUrl::SocketPath);
    }
    Ok(Endpoint::Unix(decode(path)?.into()))
}

/// Parses hosts and path, which may name the database.
fn parse_hosts(
    kind: Kind,
    hosts: &str,
    path: &str,
) -> Result<(Topology, Option<i64>), InvalidRedisUrl> {
    let default_port = if kind == Kind::Sentinel { 26379 } else { 6379 };
    let nodes = parse_nodes(hosts, default_port)?;
    match kind {
        Kind::Sentinel => {
            let (service, database) = path.split_once('/').unwrap_or((path, ""));
            if service.is_empty() {
                return Err(InvalidRedisUrl::NoService);
            }
            let topology = Topology::Sentinel {
                sentinels: nodes,
                service: decode(service)?,
            };
            Ok((topology, parse_database(database)?))
        }
        Kind::Cluster if path.is_empty() => Ok((Topology::Cluster { seeds: nodes }, None)),
        Kind::Cluster => Err(InvalidRedisUrl::ClusterDatabase),
        Kind::Single | Kind::Unix => {
            let [node] = <[Node; 1]>::try_from(nodes).map_err(|_| InvalidRedisUrl::SeveralHosts)?;
            let topology = Topology::Single(Endpoint::Tcp(node));
            Ok((topology, parse_database(path)?))
        }
    }
}

/// Parses `user:password`, `:password` and `user`, whose password may be among the
/// parameters.
fn parse_credentials(text: &str) -> Result<Credentials, InvalidRedisUrl> {
    let (username, password) = match text.split_once(':') {
        Some((username, password)) => (username, Some(Password::Text(decode(password)?))),
        None => (text, None),
    };
    let username = decode(username)?;
    Ok(Credentials {
        username: (!username.is_empty()).then_some(username),
        password,
    })
}

fn parse_nodes(hosts: &str, default_port: u16) -> Result<Vec<Node>, InvalidRedisUrl> {
    if hosts.is_empty() {
        return Err(InvalidRedisUrl::NoHost);
    }
    hosts
        .split(',')
        .map(|text| parse_node(text, default_port))
        .collect()
}

fn parse_node(text: &str, default_port: u16) -> Result<Node, InvalidRedisUrl> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or(InvalidRedisUrl::Host)?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(InvalidRedisUrl::Host);
            }
            (
                host,
                if rest.is_empty() {
                    None
                } else {
                    Some(rest.strip_prefix(':').ok_or(InvalidRedisUrl::Host)?)
                },
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
    if host.is_empty() || !host.chars().all(allowed) {
        return Err(InvalidRedisUrl::Host);
    }
    let port = match port {
        None => default_port,
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(InvalidRedisUrl::Port)?,
    };
    Ok(Node {
        host: host.to_owned(),
        port,
    })
}

fn parse_database(path: &str) -> Result<Option<i64>, InvalidRedisUrl> {
    match path {
        "" => Ok(None),
        number => database_number(number).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::protocol::RedisProtocol;

    fn node(host: &str, port: u16) -> Node {
        Node {
            host: host.to_owned(),
            port,
        }
    }

    fn single(host: &str, port: u16) -> Topology {
        Topology::Single(Endpoint::Tcp(node(host, port)))
    }

    #[test]
    fn url_of_a_single_server_has_defaults() {
        let url = parse("redis://cache.example").unwrap();
        assert_eq!(url.topology, single("cache.example", 6379));
        assert!(url.tls.is_none() && url.database == 0);
        assert_eq!(url.credentials, Credentials::default());

        let url = parse("rediss://[2001:db8::1]:7000/3").unwrap();
        assert_eq!(url.topology, single("2001:db8::1", 7000));
        assert!(url.tls.is_some());
        assert_eq!(url.database, 3);
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        let url = parse("redis://ann:p%40ss%2Fw%3Atr0ub4dor@192.0.2.1").unwrap();
        assert_eq!(url.credentials.username.as_deref(), Some("ann"));
        let password = Password::Text("p@ss/w:tr0ub4dor".to_owned());
        assert_eq!(url.credentials.password, Some(password));
        let url = parse("redis://:tr0ub4dor@192.0.2.1").unwrap();
        assert_eq!(url.credentials.username, None);
    }

    #[test]
    fn url_of_sentinels_has_a_service() {
        let url =
            parse("rediss+sentinel://u:tr0ub4dor@a.example,b.example:7001/my%20master/2").unwrap();
        assert_eq!(
            url.topology,
            Topology::Sentinel {
                sentinels: vec![node("a.example", 26379), node("b.example", 7001)],
                service: "my master".to_owned(),
            }
        );
        assert_eq!((url.tls.is_some(), url.database), (true, 2));
    }

    #[test]
    fn url_of_a_cluster_has_seeds() {
        let url = parse("redis+cluster://a.example:1,b.example:2?key_prefix=x%3A").unwrap();
        assert_eq!(
            url.topology,
            Topology::Cluster {
                seeds: vec![node("a.example", 1), node("b.example", 2)]
            }
        );
        assert_eq!(url.key_prefix.as_deref(), Some("x:"));
    }

    #[test]
    fn unix_socket_has_two_forms_and_parameters() {
        for url in [
            "redis+unix:///run/redis%20a.sock?db=3&user=ann&pass=tr0ub4dor",
            "unix:/run/redis a.sock?database=3&username=ann&password=tr0ub4dor",
        ] {
            let url = parse(url).unwrap();
            let socket = Endpoint::Unix("/run/redis a.sock".into());
            assert_eq!(url.topology, Topology::Single(socket));
            assert_eq!(url.database, 3);
            assert_eq!(url.credentials.username.as_deref(), Some("ann"));
            let password = Password::Text("tr0ub4dor".to_owned());
            assert_eq!(url.credentials.password, Some(password));
        }
    }

    #[test]
    fn valkey_is_another_name_of_redis() {
        for (url, tls) in [
            ("valkey://a.example:1", false),
            ("valkeys://a.example:1", true),
        ] {
            let url = parse(url).unwrap();
            assert_eq!(url.topology, single("a.example", 1));
            assert_eq!(url.tls.is_some(), tls);
        }
    }

    #[test]
    fn parameters_are_the_settings() {
        let url = parse(
            "rediss+sentinel://a.example/mymaster?username=ann&password_file=/run/p\
             &sentinel_username=s&sentinel_password=tr0ub4dor%26&ca_file=ca.pem\
             &certificate_file=c.pem&key_file=k.pem&protocol=resp2&connect_timeout_ms=700\
             &response_timeout_ms=900&db=4",
        )
        .unwrap();
        assert_eq!(url.credentials.username.as_deref(), Some("ann"));
        assert_eq!(
            url.credentials.password,
            Some(Password::File("/run/p".into()))
        );
        assert_eq!(url.sentinel_credentials.username.as_deref(), Some("s"));
        let password = Password::Text("tr0ub4dor&".to_owned());
        assert_eq!(url.sentinel_credentials.password, Some(password));
        let tls = format!("{:?}", url.tls);
        for file in ["ca.pem", "c.pem", "k.pem"] {
            assert!(tls.contains(file), "{tls}");
        }
        assert_eq!(url.protocol, Some(RedisProtocol::Resp2));
        assert_eq!(url.connect_timeout, Some(Duration::from_millis(700)));
        assert_eq!(url.response_timeout, Some(Duration::from_millis(900)));
        assert_eq!(url.database, 4);
    }

    #[test]
    fn user_and_password_may_be_in_different_parts() {
        let file = Password::File("/run/p".into());
        let text = Password::Text("tr0ub4dor".to_owned());
        for (url, password) in [
            ("redis://ann@a?password_file=/run/p", file),
            ("redis://ann@a?password=tr0ub4dor", text.clone()),
            ("redis://:tr0ub4dor@a?username=ann", text),
        ] {
            let credentials = parse(url).unwrap().credentials;
            assert_eq!(credentials.username.as_deref(), Some("ann"), "{url}");
            assert_eq!(credentials.password, Some(password), "{url}");
        }
    }

    #[test]
    fn error_says_what_is_wrong_without_the_password() {
        for (url, expected) in [
            ("http://tr0ub4dor@h", InvalidRedisUrl::Scheme),
            ("redis:tr0ub4dor", InvalidRedisUrl::Scheme),
            ("redisx://tr0ub4dor", InvalidRedisUrl::Scheme),
            ("redis://", InvalidRedisUrl::NoHost),
            ("redis://:tr0ub4dor@", InvalidRedisUrl::NoHost),
            ("redis://:tr0ub4dor@a,b", InvalidRedisUrl::SeveralHosts),
            ("redis://:tr0ub4dor@a b", InvalidRedisUrl::Host),
            ("redis://:tr0ub4dor@:6379", InvalidRedisUrl::Host),
            ("redis://[::g]:1", InvalidRedisUrl::Host),
            ("redis://:tr0ub4dor#x@a", InvalidRedisUrl::Host),
            ("redis://:tr0ub4dor@a:0", InvalidRedisUrl::Port),
            ("redis://:tr0ub4dor@a:65536", InvalidRedisUrl::Port),
            ("redis://:tr0ub4dor/x@a", InvalidRedisUrl::Host),
            ("redis://tr0ub4dor@a", InvalidRedisUrl::UserWithoutPassword),
            ("redis://:tr0ub4dor%@a", InvalidRedisUrl::Escape),
            ("redis://:tr0ub4dor%ff@a", InvalidRedisUrl::Escape),
            ("redis://:tr0ub4dor@a/x", InvalidRedisUrl::Database),
            ("redis://:tr0ub4dor@a/-1", InvalidRedisUrl::Database),
            ("redis+sentinel://:tr0ub4dor@a", InvalidRedisUrl::NoService),
            (
                "redis+cluster://:tr0ub4dor@a/1",
                InvalidRedisUrl::ClusterDatabase,
            ),
            (
                "redis://a?passwd=tr0ub4dor",
                InvalidRedisUrl::UnknownParameter,
            ),
            (
                "redis://:tr0ub4dor@a?pass=tr0ub4dor",
                InvalidRedisUrl::Repeated("password"),
            ),
            (
                "redis+sentinel://a/m?sentinel_password=tr0ub4dor&sentinel_password_file=b",
                InvalidRedisUrl::Repeated("sentinel_password"),
            ),
            (
                "redis://tr0ub4dor@a?user=b&pass=c",
                InvalidRedisUrl::Repeated("username"),
            ),
            ("redis://a/1?db=1", InvalidRedisUrl::Repeated("database")),
            ("redis://a?protocol=tr0ub4dor", InvalidRedisUrl::Protocol),
            (
                "redis://a?connect_timeout_ms=0",
                InvalidRedisUrl::NotMilliseconds("connect_timeout_ms"),
            ),
            (
                "redis://a?ca_file=tr0ub4dor",
                InvalidRedisUrl::NeedsTls("ca_file"),
            ),
            (
                "rediss://a?key_file=tr0ub4dor",
                InvalidRedisUrl::IncompleteKeyPair,
            ),
            (
                "redis://a?user=tr0ub4dor",
                InvalidRedisUrl::UserWithoutPassword,
            ),
            (
                "redis+sentinel://a/m?sentinel_username=tr0ub4dor",
                InvalidRedisUrl::SentinelUserWithoutPassword,
            ),
            (
                "redis://a?sentinel_password=tr0ub4dor",
                InvalidRedisUrl::NeedsSentinels("sentinel_password"),
            ),
            ("redis+cluster://a?db=1", InvalidRedisUrl::ClusterDatabase),
            ("redis+unix://tr0ub4dor/run/s", InvalidRedisUrl::SocketPath),
            ("unix:tr0ub4dor", InvalidRedisUrl::SocketPath),
            ("rediss+unix:///run/tr0ub4dor", InvalidRedisUrl::Scheme),
        ] {
            let error = parse(url).unwrap_err();
            assert_eq!(error, expected, "{url}");
            assert!(!format!("{error} {error:?}").contains("tr0ub4dor"));
        }
    }

    #[test]
    fn display_shows_addresses_only() {
        for (url, shown) in [
            ("redis://u:tr0ub4dor@[2001:db8::1]", "[2001:db8::1]:6379"),
            (
                "redis+sentinel://:tr0ub4dor@a.example,b.example:1/mymaster",
                "mymaster of the sentinels a.example:26379, b.example:1",
            ),
            (
                "redis+cluster://:tr0ub4dor@a.example",
                "the cluster of a.example:6379",
            ),
        ] {
            assert_eq!(parse(url).unwrap().topology.to_string(), shown);
        }
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics(text in ".*") {
            let _ = parse(&format!("redis+sentinel://{text}"));
            let _ = parse(&text);
        }
    }
}
