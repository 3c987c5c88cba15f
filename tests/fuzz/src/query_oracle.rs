//! [`read`]: a query as its documentation has it, read in the simplest way.

use std::net::IpAddr;

use dcv_resolver_core::{SessionId, Transport};

/// What a query asks for.
pub(crate) struct Asked {
    pub(crate) session_id: SessionId,
    pub(crate) transport: Transport,
    pub(crate) client_ip: ClientIp,
}

/// The client's address in a query.
pub(crate) enum ClientIp {
    /// There is none, or an empty one.
    None,
    /// It is written in the form in which the standard library reads it.
    Plain(IpAddr),
    /// It is written in another form, which may be an address or not.
    Other,
}

/// Returns what `raw` asks for, or the parameter at fault: decoded if it can be.
pub(crate) fn read(raw: &str) -> Result<Asked, String> {
    let (mut id, mut transport, mut client_ip) = (None, None, None);
    for pair in raw.split('&') {
        let (raw_name, raw_value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(raw_name).ok_or(raw_name)?;
        let value = decode(raw_value);
        if name == "clientIpAddress" {
            let address = match value.as_deref() {
                Some("") => ClientIp::None,
                Some(text) => text.parse().map_or(ClientIp::Other, ClientIp::Plain),
                None => ClientIp::Other,
            };
            put_once(&name, &mut client_ip, Ok(address))?;
            continue;
        }
        let value = value.ok_or_else(|| name.clone())?;
        match &*name {
            "sessionId" => put_once(&name, &mut id, SessionId::new(value).map_err(drop))?,
            "transport" => put_once(&name, &mut transport, value.parse().map_err(drop))?,
            _ => {}
        }
    }
    Ok(Asked {
        session_id: id.ok_or("sessionId")?,
        transport: transport.unwrap_or(Transport::Http),
        client_ip: client_ip.unwrap_or(ClientIp::None),
    })
}

fn put_once<T>(name: &str, slot: &mut Option<T>, value: Result<T, ()>) -> Result<(), String> {
    if slot.is_some() {
        return Err(name.to_owned());
    }
    *slot = Some(value.map_err(|()| name.to_owned())?);
    Ok(())
}

/// Decodes a name or a value; `None` if it cannot be decoded.
fn decode(raw: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = raw.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                rest = &rest[2..];
                u8::from_str_radix(digits, 16).ok()?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}
