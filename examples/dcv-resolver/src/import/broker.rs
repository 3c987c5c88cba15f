//! The sessions of a Session Manager Broker, as its API describes them.
//!
//! Source: DescribeSessions and DescribeServers in the Amazon DCV Session Manager
//! Developer Guide, and the OpenAPI document of the DCV Access Console.

use std::path::Path;

use dcv_resolver_core::{Expiry, Host, SessionId, SessionRecord};
use serde_json::Value;

use super::lenient::{field, port, text};
use crate::failure::Failure;
use crate::output;

/// The sessions of a broker.
#[derive(Debug)]
pub(super) struct BrokerSessions {
    /// Those that are READY. They never expire.
    pub(super) ready: Vec<SessionRecord>,
    /// The ids of the others, which have no server yet, or none that can be
    /// reached.
    pub(super) left_out: Vec<String>,
    /// Whether the file is one page of several.
    pub(super) is_one_page: bool,
}

/// Makes records of the sessions that are READY.
///
/// What a session says about its server is completed from `servers`, the output of
/// DescribeServers and its path.
pub(super) fn records(
    path: &Path,
    sessions: &Value,
    servers: Option<(&Path, Vec<u8>)>,
) -> Result<BrokerSessions, Failure> {
    let servers = match servers {
        Some((path, text)) => parse_servers(path, &text)?,
        None => Vec::new(),
    };
    let is_one_page = has_next_page(sessions);
    let sessions = field(sessions, "Sessions").and_then(Value::as_array);
    let (mut ready, mut left_out) = (Vec::new(), Vec::new());
    for (index, session) in sessions.into_iter().flatten().enumerate() {
        let place = format!("{}: Sessions[{index}]", path.display());
        let id = text(session, "Id").unwrap_or_default();
        if text(session, "State") != Some("READY") {
            left_out.push(id.to_owned());
            continue;
        }
        let record = record(id, session, &servers);
        ready.push(record.map_err(|error| Failure::negative(format!("{place}: {error}")))?);
    }
    Ok(BrokerSessions {
        ready,
        left_out,
        is_one_page,
    })
}

/// Returns whether the broker has more than it put into this answer.
fn has_next_page(answer: &Value) -> bool {
    text(answer, "NextToken").is_some_and(|token| !token.is_empty())
}

fn parse_servers(path: &Path, text: &[u8]) -> Result<Vec<Value>, Failure> {
    let parsed: Option<Value> = serde_json::from_slice(text).ok();
    match parsed.as_ref().and_then(|answer| field(answer, "Servers")) {
        Some(Value::Array(servers)) if parsed.as_ref().is_some_and(has_next_page) => {
            output::warn(format_args!(
                "{} is one page of several, since it has a NextToken; {} servers are in it",
                path.display(),
                servers.len(),
            ));
            Ok(servers.clone())
        }
        Some(Value::Array(servers)) => Ok(servers.clone()),
        _ => Err(Failure::negative(format!(
            "{} is not the output of DescribeServers; expected a JSON object with an array \"Servers\"",
            path.display()
        ))),
    }
}

fn record(id: &str, session: &Value, servers: &[Value]) -> Result<SessionRecord, String> {
    let session_id = SessionId::new(id).map_err(|error| format!("Id: {error}"))?;
    let of_session = field(session, "Server").unwrap_or(&Value::Null);
    let server_id = of_session.as_str().or_else(|| text(of_session, "Id"));
    let described = servers
        .iter()
        .find(|server| server_id.is_some() && text(server, "Id") == server_id);
    // DescribeServers is the more complete one.
    let server: Vec<_> = described.into_iter().chain([of_session]).collect();
    let unknown_server = |what: &str| {
        format!(
            "session {id:?}: its server has no {what}; give --servers FILE with the output of DescribeServers, which contains it"
        )
    };

    let names = ["DefaultDnsName", "Hostname", "Ip"];
    let host = names
        .iter()
        .find_map(|name| server.iter().find_map(|server| text(server, name)))
        .ok_or_else(|| unknown_server("DefaultDnsName, Hostname or Ip"))?;
    let host = Host::new(host).map_err(|error| format!("session {id:?}: {host:?}: {error}"))?;
    let http = server.iter().find_map(|server| endpoint(server, "HTTP"));
    let quic = server.iter().find_map(|server| endpoint(server, "QUIC"));
    let http_port = http
        .and_then(|endpoint| port(endpoint, "Port"))
        // Before there were endpoints.
        .or_else(|| server.iter().find_map(|server| port(server, "Port")));
    let quic_port = quic.and_then(|endpoint| port(endpoint, "Port"));
    if http_port.is_none() && quic_port.is_none() {
        return Err(unknown_server("endpoint with a port"));
    }
    let paths = http.into_iter().chain(server.iter().copied());
    let mut paths = paths.filter_map(|place| text(place, "WebUrlPath"));
    let web_url_path = paths
        .next()
        .unwrap_or_default()
        .parse()
        .map_err(|error| format!("session {id:?}: WebUrlPath: {error}"))?;
    SessionRecord::builder(session_id, host, Expiry::Never)
        .http_port(http_port)
        .quic_port(quic_port)
        .web_url_path(web_url_path)
        .owner(text(session, "Owner"))
        .build()
        .map_err(|error| format!("session {id:?}: {error}"))
}

/// Returns the first endpoint of a protocol.
fn endpoint<'a>(server: &'a Value, protocol: &str) -> Option<&'a Value> {
    let endpoints = field(server, "Endpoints")?.as_array()?;
    let has_protocol = |endpoint: &&Value| {
        text(endpoint, "Protocol").is_some_and(|it| it.eq_ignore_ascii_case(protocol))
    };
    endpoints.iter().find(has_protocol)
}

#[cfg(test)]
mod tests {
    use dcv_resolver_core::Transport;
    use serde_json::json;

    use super::*;

    fn import(sessions: &Value, servers: Option<&Value>) -> Result<BrokerSessions, String> {
        let servers =
            servers.map(|servers| (Path::new("servers.json"), servers.to_string().into()));
        records(Path::new("sessions.json"), sessions, servers).map_err(|error| error.to_string())
    }

    /// A session with this server, as DescribeSessions prints it.
    fn session(id: &str, state: &str, server: &Value) -> Value {
        json!({"Id": id, "Name": "cad", "Owner": "ann", "Server": server, "Type": "VIRTUAL",
            "State": state, "CreationTime": "2026-01-02T03:04:05.678Z", "NumOfConnections": 0})
    }

    fn server() -> Value {
        json!({"Id": "srv-1", "Ip": "192.0.2.17", "Hostname": "ws-17",
        "DefaultDnsName": "ws-17.dcv.example", "Port": "8443", "WebUrlPath": "/old",
        "Endpoints": [
            {"IpAddress": "192.0.2.17", "Port": 9443, "WebUrlPath": "/dcv", "Protocol": "HTTP"},
            {"IpAddress": "192.0.2.17", "Port": 8443, "WebUrlPath": "/", "Protocol": "HTTP"},
            {"IpAddress": "192.0.2.17", "Port": 9444, "WebUrlPath": "", "Protocol": "QUIC"},
        ]})
    }

    #[test]
    fn ready_sessions_get_the_endpoints_of_their_server() {
        let sessions = json!({"Sessions": [
            session("a", "READY", &server()),
            session("b", "CREATING", &json!(null)),
            session("c", "UNKNOWN", &server()),
            {"Id": "d", "Server": server()},
        ], "NextToken": null});
        let sessions = import(&sessions, None).unwrap();
        assert_eq!(sessions.left_out, ["b", "c", "d"]);
        assert!(!sessions.is_one_page);
        assert_eq!(sessions.ready.len(), 1);
        let record = &sessions.ready[0];
        assert_eq!(record.id().as_str(), "a");
        assert_eq!(record.host().as_str(), "ws-17.dcv.example");
        assert_eq!(record.port(Transport::Http), Some(9443));
        assert_eq!(record.port(Transport::Quic), Some(9444));
        assert_eq!(record.web_url_path().as_str(), "/dcv");
        assert_eq!(record.owner(), Some("ann"));
    }

    #[test]
    fn one_page_of_several_is_recognized() {
        for (token, is_one_page) in [("", false), ("AAE", true)] {
            let sessions = json!({"Sessions": [], "NextToken": token});
            assert_eq!(import(&sessions, None).unwrap().is_one_page, is_one_page);
        }
    }

    #[test]
    fn server_is_completed_from_describe_servers() {
        let servers = json!({"Servers": [
            {"Id": "srv-0", "DefaultDnsName": "ws-0.dcv.example", "Port": "1"},
            server(),
        ]});
        for of_session in [json!({"Id": "srv-1", "Ip": "192.0.2.99"}), json!("srv-1")] {
            let sessions = json!({"Sessions": [session("a", "READY", &of_session)]});
            let records = import(&sessions, Some(&servers)).unwrap().ready;
            assert_eq!(records[0].host().as_str(), "ws-17.dcv.example");
            assert_eq!(records[0].port(Transport::Http), Some(9443));
        }
    }

    #[test]
    fn documentation_drift_is_tolerated() {
        let server = json!({"id": "srv-1", "hostname": "ws-17.dcv.example", "port": "8443",
            "defaultDnsName": "", "endpoints": [{"port": 9444, "protocol": "quic"}]});
        let sessions = json!({"Sessions": [{"id": "a", "server": server, "state": "READY"}]});
        let records = import(&sessions, None).unwrap().ready;
        assert_eq!(records[0].host().as_str(), "ws-17.dcv.example");
        assert_eq!(records[0].port(Transport::Http), Some(8443));
        assert_eq!(records[0].port(Transport::Quic), Some(9444));
        assert_eq!(records[0].web_url_path().as_str(), "/");
    }

    #[test]
    fn what_is_missing_is_named() {
        let of = |server: Value| json!({"Sessions": [session("a", "READY", &server)]});
        for (sessions, expected) in [
            (
                of(json!({"Id": "srv-1"})),
                "Sessions[0]: session \"a\": its server has no DefaultDnsName, Hostname or Ip; give --servers FILE",
            ),
            (
                of(json!({"Ip": "192.0.2.17"})),
                "its server has no endpoint with a port; give --servers FILE",
            ),
            (
                of(json!({"Hostname": "a b", "Port": "1"})),
                "session \"a\": \"a b\": ",
            ),
            (
                json!({"Sessions": [{"State": "READY"}]}),
                "Id: a session id must not be empty",
            ),
        ] {
            let error = import(&sessions, None).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let error = import(&of(server()), Some(&json!([]))).unwrap_err();
        assert!(
            error.starts_with("servers.json is not the output of DescribeServers"),
            "{error}"
        );
    }
}
