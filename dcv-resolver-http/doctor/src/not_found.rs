//! [`NotFoundReason`]: why a session was not found, as a cause and a change.

use std::net::IpAddr;

use dcv_resolver_core::escape::escaped;
use dcv_resolver_core::{SessionId, Transport};

use crate::hop::{Hop, HopKind};

const MAX_TEXT_BYTES: usize = 256;

/// Why a session was not found, as far as the resolver says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NotFoundReason {
    /// The machine-readable word.
    pub(crate) reason: Option<String>,
    /// A sentence.
    pub(crate) detail: Option<String>,
    /// A similar id, and in what it is similar.
    pub(crate) suggestion: Option<(String, String)>,
}

impl NotFoundReason {
    /// Returns the hop that fails for this reason.
    pub(crate) fn hop(
        &self,
        kind: HopKind,
        session: &SessionId,
        transport: Transport,
        client_ip: Option<IpAddr>,
    ) -> Hop {
        let id = escaped(session.as_str(), MAX_TEXT_BYTES);
        let detail = self.detail.as_deref().unwrap_or("no reason was given");
        let detail = escaped(detail, MAX_TEXT_BYTES);
        let (cause, change) = match self.reason.as_deref() {
            Some("unknown") => {
                let cause = format!("the resolver knows no session {id:?}");
                return self.unknown(kind, cause);
            }
            Some("expired") => (
                format!("the lease of session {id:?} was not renewed: {detail}"),
                "check what registers the session on its DCV server, or register it again"
                    .to_owned(),
            ),
            Some("not_ready") => (
                format!("session {id:?} is not ready for clients: {detail}"),
                "wait until it is READY, or register it with that state".to_owned(),
            ),
            Some("transport_not_offered") => (
                format!("session {id:?} is registered without a port for {transport}"),
                format!("register it with a port for {transport}"),
            ),
            Some("denied") => {
                let client =
                    client_ip.map_or_else(|| "an unknown address".to_owned(), |ip| ip.to_string());
                (
                    format!("a policy denies session {id:?} to a client at {client}: {detail}"),
                    "allow the client's network; if the address is that of a load balancer, list it in `load_balancers` of [policy.client_networks], and let the load balancer preserve client addresses".to_owned(),
                )
            }
            Some("no_such_path") => (
                "the resolver does not know the path of the request".to_owned(),
                "end the url of [resolver] before /resolveSession, which the gateway appends"
                    .to_owned(),
            ),
            _ => {
                let cause = format!("the resolver answers 404 for session {id:?}: {detail}");
                return self.unknown(kind, cause);
            }
        };
        Hop::fail(kind, cause, change)
    }

    fn unknown(&self, kind: HopKind, cause: String) -> Hop {
        match &self.suggestion {
            Some((similar, match_kind)) => {
                let similar = escaped(similar, MAX_TEXT_BYTES);
                Hop::fail(
                    kind,
                    format!("{cause} (did you mean {similar:?}, {match_kind}?)"),
                    format!("put {similar:?} after '#' in the link"),
                )
            }
            None => Hop::fail(
                kind,
                cause,
                "check the id in the link, capitals included, and whether the session is registered",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(reason: Option<&str>, suggestion: Option<(&str, &str)>) -> String {
        let owned = |text: &str| text.to_owned();
        let not_found = NotFoundReason {
            reason: reason.map(owned),
            detail: Some("a detail\n".to_owned()),
            suggestion: suggestion.map(|(id, kind)| (owned(id), owned(kind))),
        };
        let session = "Console".parse().unwrap();
        let client_ip = Some("198.51.100.7".parse().unwrap());
        let hop = not_found.hop(HopKind::AnswerHttp, &session, Transport::Http, client_ip);
        hop.finding.unwrap().to_string()
    }

    #[test]
    fn each_reason_has_its_change() {
        for (reason, expected) in [
            (Some("unknown"), "whether the session is registered"),
            (Some("expired"), "register it again"),
            (Some("not_ready"), "READY"),
            (Some("transport_not_offered"), "with a port for HTTP"),
            (Some("denied"), "load_balancers"),
            (Some("no_such_path"), "/resolveSession"),
            (None, "answers 404"),
        ] {
            let text = finding(reason, None);
            assert!(text.contains(expected), "{text}");
            assert!(!text.contains('\n'), "{text}");
        }
        assert!(finding(Some("denied"), None).contains("198.51.100.7"));
    }

    #[test]
    fn similar_id_is_what_to_change() {
        let text = finding(
            Some("unknown"),
            Some(("console", "with different capitalization")),
        );
        assert!(
            text.contains("did you mean \"console\", with different capitalization?"),
            "{text}"
        );
        assert!(text.contains("put \"console\" after '#'"), "{text}");
    }
}
