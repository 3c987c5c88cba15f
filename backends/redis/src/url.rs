//! Parses URLs of a Redis server, its sentinels, or its cluster.
//!
//! A general URL parser accepts one host only.

use percent_encoding::percent_decode_str;

use crate::topology::{Credentials, Node, Topology};

/// The parts of a URL.
#[derive(Debug)]
pub(crate) struct ParsedUrl {
    pub(crate) topology: Topology,
    pub(crate) tls: bool,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) database: i64,
    pub(crate) key_prefix: Option<String>,
}

/// Why a text is not the URL of a Redis store. It quotes no part of the URL, since
/// it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidUrl {
    #[error(
        "a Redis URL starts with redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://"
    )]
    Scheme,
    #[error("a Redis URL needs a host after the ://, such as redis://127.0.0.1:6379")]
    NoHost,
    #[error("redis:// takes one host; use redis+sentinel:// or redis+cluster:// for several")]
    SeveralHosts,
    #[error(
        "a host in the URL is not of the form name, name:port or [ipv6]:port; an @, /, ? or # in a password must be written as %40, %2F, %3F or %23"
    )]
    Host,
    #[error("a port in the URL is not a number from 1 to 65535")]
    Port,
    #[error("a user name in the URL needs a password: redis://user:password@host")]
    UserWithoutPassword,
    #[error("the URL has a percent sign that does not start a valid escape of UTF-8")]
    Escape,
    #[error("the path of the URL is not a database number, such as redis://host:6379/0")]
    Database,
    #[error("a sentinel URL needs the name of the service: redis+sentinel://host:26379/mymaster")]
    NoService,
    #[error("a cluster URL takes no path: a cluster has only database 0")]
    ClusterDatabase,
    #[error("unknown parameter in the URL: only key_prefix is allowed")]
    Parameter,
}

pub(crate) fn parse(url: &str) -> Result<ParsedUrl, InvalidUrl> {
    let (scheme, rest) = url.split_once("://").ok_or(InvalidUrl::Scheme)?;
    let (scheme, tls) = match scheme.strip_prefix("rediss") {
        Some(kind) => (kind, true),
        None => (
            scheme.strip_prefix("redis").ok_or(InvalidUrl::Scheme)?,
            false,
        ),
    };
    if !["", "+sentinel", "+cluster"].contains(&scheme) {
        return Err(InvalidUrl::Scheme);
    }
    if rest.contains('#') {
        return Err(InvalidUrl::Host);
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (credentials, hosts) = match authority.rsplit_once('@') {
        Some((user_info, hosts)) => (Some(parse_credentials(user_info)?), hosts),
        None => (None, authority),
    };
    let default_port = if scheme == "+sentinel" { 26379 } else { 6379 };
    let nodes = parse_nodes(hosts, default_port)?;

    let (topology, database) = match scheme {
        "+sentinel" => {
            let (service, database) = path.split_once('/').unwrap_or((path, ""));
            if service.is_empty() {
                return Err(InvalidUrl::NoService);
            }
            let service = decode(service)?;
            (
                Topology::Sentinel {
                    sentinels: nodes,
                    service,
                },
                parse_database(database)?,
            )
        }
        "+cluster" if path.is_empty() => (Topology::Cluster { seeds: nodes }, 0),
        "+cluster" => return Err(InvalidUrl::ClusterDatabase),
        _ => {
            let [node] = <[Node; 1]>::try_from(nodes).map_err(|_| InvalidUrl::SeveralHosts)?;
            (Topology::Single(node), parse_database(path)?)
        }
    };
    Ok(ParsedUrl {
        topology,
        tls,
        credentials,
        database,
        key_prefix: parse_query(query)?,
    })
}

fn parse_credentials(text: &str) -> Result<Credentials, InvalidUrl> {
    let (username, password) = text
        .split_once(':')
        .ok_or(InvalidUrl::UserWithoutPassword)?;
    let username = decode(username)?;
    Ok(Credentials {
        username: (!username.is_empty()).then_some(username),
        password: decode(password)?,
    })
}

fn parse_nodes(hosts: &str, default_port: u16) -> Result<Vec<Node>, InvalidUrl> {
    if hosts.is_empty() {
        return Err(InvalidUrl::NoHost);
    }
    hosts
        .split(',')
        .map(|text| parse_node(text, default_port))
        .collect()
}

fn parse_node(text: &str, default_port: u16) -> Result<Node, InvalidUrl> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or(InvalidUrl::Host)?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(InvalidUrl::Host);
            }
            (
                host,
                if rest.is_empty() {
                    None
                } else {
                    Some(rest.strip_prefix(':').ok_or(InvalidUrl::Host)?)
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
        return Err(InvalidUrl::Host);
    }
    let port = match port {
        None => default_port,
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(InvalidUrl::Port)?,
    };
    Ok(Node {
        host: host.to_owned(),
        port,
    })
}

fn parse_database(path: &str) -> Result<i64, InvalidUrl> {
    match path {
        "" => Ok(0),
        number => number
            .parse::<u16>()
            .map(i64::from)
            .map_err(|_| InvalidUrl::Database),
    }
}

fn parse_query(query: &str) -> Result<Option<String>, InvalidUrl> {
    match query.split_once('=') {
        None if query.is_empty() => Ok(None),
        Some(("key_prefix", prefix)) if !prefix.contains('&') => decode(prefix).map(Some),
        _ => Err(InvalidUrl::Parameter),
    }
}

fn decode(text: &str) -> Result<String, InvalidUrl> {
    let escapes_are_whole = text
        .split('%')
        .skip(1)
        .all(|rest| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()));
    if !escapes_are_whole {
        return Err(InvalidUrl::Escape);
    }
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| InvalidUrl::Escape)?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(host: &str, port: u16) -> Node {
        Node {
            host: host.to_owned(),
            port,
        }
    }

    #[test]
    fn url_of_a_single_server_has_defaults() {
        let url = parse("redis://cache.example").unwrap();
        assert_eq!(url.topology, Topology::Single(node("cache.example", 6379)));
        assert!(!url.tls && url.credentials.is_none() && url.database == 0);

        let url = parse("rediss://[2001:db8::1]:7000/3").unwrap();
        assert_eq!(url.topology, Topology::Single(node("2001:db8::1", 7000)));
        assert!(url.tls);
        assert_eq!(url.database, 3);
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        let url = parse("redis://ann:p%40ss%2Fw%3Atr0ub4dor@192.0.2.1").unwrap();
        let credentials = url.credentials.unwrap();
        assert_eq!(credentials.username.as_deref(), Some("ann"));
        assert_eq!(credentials.password, "p@ss/w:tr0ub4dor");
        let url = parse("redis://:tr0ub4dor@192.0.2.1").unwrap();
        assert_eq!(url.credentials.unwrap().username, None);
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
        assert_eq!((url.tls, url.database), (true, 2));
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
    fn error_says_what_is_wrong_without_the_password() {
        for (url, expected) in [
            ("http://tr0ub4dor@h", InvalidUrl::Scheme),
            ("redis:tr0ub4dor", InvalidUrl::Scheme),
            ("redisx://tr0ub4dor", InvalidUrl::Scheme),
            ("redis://", InvalidUrl::NoHost),
            ("redis://:tr0ub4dor@", InvalidUrl::NoHost),
            ("redis://:tr0ub4dor@a,b", InvalidUrl::SeveralHosts),
            ("redis://:tr0ub4dor@a b", InvalidUrl::Host),
            ("redis://:tr0ub4dor@:6379", InvalidUrl::Host),
            ("redis://[::g]:1", InvalidUrl::Host),
            ("redis://:tr0ub4dor#x@a", InvalidUrl::Host),
            ("redis://:tr0ub4dor@a:0", InvalidUrl::Port),
            ("redis://:tr0ub4dor@a:65536", InvalidUrl::Port),
            ("redis://:tr0ub4dor/x@a", InvalidUrl::Host),
            ("redis://tr0ub4dor@a", InvalidUrl::UserWithoutPassword),
            ("redis://:tr0ub4dor%@a", InvalidUrl::Escape),
            ("redis://:tr0ub4dor%ff@a", InvalidUrl::Escape),
            ("redis://:tr0ub4dor@a/x", InvalidUrl::Database),
            ("redis://:tr0ub4dor@a/-1", InvalidUrl::Database),
            ("redis+sentinel://:tr0ub4dor@a", InvalidUrl::NoService),
            (
                "redis+cluster://:tr0ub4dor@a/1",
                InvalidUrl::ClusterDatabase,
            ),
            ("redis://a?password=tr0ub4dor", InvalidUrl::Parameter),
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
