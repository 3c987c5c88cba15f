use std::fmt::{Debug, Display};
use std::net::IpAddr;
use std::str::FromStr;

use axum::http::Uri;
use dcv_resolver_core::escape::escaped;
use dcv_resolver_core::{Host, Network, SessionId, Timestamp, WebUrlPath};

use crate::message;

/// The small values of a session, each from the whole input: what is accepted
/// follows the rules, and displays as what it was read from.
pub fn host_and_id(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    session_id(text);
    host(text);
    web_url_path(text);
    if let Some(network) = read_back::<Network>(text) {
        let text = network.to_string();
        let address = text.split('/').next().unwrap_or_default();
        assert!(network.contains(address.parse().unwrap()));
    }
    if let Some(time) = read::<Timestamp>(text) {
        // The display has milliseconds, as the time has.
        assert_eq!(time.to_string().parse::<Timestamp>().ok(), Some(time));
    }
    let shown = escaped(text, 64);
    assert!(shown.len() <= 64 && !shown.contains(char::is_control));
}

fn session_id(text: &str) {
    let is_valid = (1..=256).contains(&text.len()) && !text.contains(char::is_control);
    let id = read_back::<SessionId>(text);
    assert_eq!(id.is_some(), is_valid);
    assert!(id.is_none_or(|id| id.as_str() == text));
}

fn host(text: &str) {
    let Some(host) = read_back::<Host>(text) else {
        return;
    };
    match host.as_str().parse::<IpAddr>() {
        Ok(address) => {
            assert_eq!(text.parse(), Ok(address));
            let address = address.to_canonical();
            assert!(!address.is_unspecified() && !address.is_multicast());
        }
        Err(_) => {
            assert_eq!(host.as_str(), text);
            // Anything else could lead the gateway to another port or path.
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            assert!(text.chars().all(is_name));
            let uri: Uri = format!("https://{text}:8443/").parse().unwrap();
            assert_eq!(uri.host(), Some(text));
            assert_eq!(uri.port_u16(), Some(8443));
        }
    }
}

fn web_url_path(text: &str) {
    let Some(path) = read_back::<WebUrlPath>(text) else {
        return;
    };
    let expected = if text.is_empty() { "/" } else { text };
    assert_eq!(path.as_str(), expected);
    let uri: Uri = format!("https://ws-17.dcv.example{path}").parse().unwrap();
    assert_eq!(uri.path(), expected);
    assert_eq!(uri.query(), None);
}

/// Reads a text, and what its value displays as.
fn read_back<T>(text: &str) -> Option<T>
where
    T: FromStr<Err: Display> + Display + PartialEq + Debug,
{
    let value = read::<T>(text)?;
    let again = value.to_string().parse::<T>().ok();
    assert_eq!(again.as_ref(), Some(&value));
    Some(value)
}

fn read<T: FromStr<Err: Display>>(text: &str) -> Option<T> {
    text.parse::<T>()
        .map_err(|error| message::check(&error.to_string()))
        .ok()
}
