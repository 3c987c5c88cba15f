use std::fmt::Write;

use dcv_resolver_core::ResolveRequest;
use dcv_resolver_http::ResolveQuery;

use crate::message;
use crate::query_oracle::{self, ClientIp};

/// The query of a resolve request: agrees with a second reader, and reads back
/// the request that it read.
pub fn query(data: &[u8]) {
    let Ok(raw) = std::str::from_utf8(data) else {
        return;
    };
    let read = ResolveQuery::parse(Some(raw));
    match (&read, query_oracle::read(raw)) {
        (Ok(query), Ok(asked)) => {
            let request = query.request();
            assert_eq!(*request.session_id(), asked.session_id);
            assert_eq!(request.transport(), asked.transport);
            match asked.client_ip {
                ClientIp::None => assert_eq!(request.client_ip(), None),
                ClientIp::Plain(address) => assert_eq!(request.client_ip(), Some(address)),
                // It is an address or not, and never both.
                ClientIp::Other => assert_eq!(
                    request.client_ip().is_none(),
                    query.invalid_client_ip().is_some()
                ),
            }
            let again = encode(request);
            let again = ResolveQuery::parse(Some(&again)).expect("it was encoded correctly");
            assert_eq!(again.request(), request);
            assert_eq!(again.invalid_client_ip(), None);
        }
        (Err(error), Err(parameter)) => {
            assert_eq!(error.parameter(), parameter);
            message::check(&error.to_string());
        }
        (Ok(query), Err(parameter)) => panic!("{query:?} despite {parameter}"),
        (Err(error), Ok(_)) => panic!("{error}"),
    }
}

/// Writes a request with every byte of its values percent-encoded.
fn encode(request: &ResolveRequest) -> String {
    let mut query = format!("transport={}&sessionId=", request.transport());
    for byte in request.session_id().as_str().bytes() {
        write!(query, "%{byte:02x}").unwrap();
    }
    if let Some(address) = request.client_ip() {
        write!(query, "&clientIpAddress={address}").unwrap();
    }
    query
}
