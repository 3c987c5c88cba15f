//! [`most_likely`]: the cause among all hops.

use crate::hop::{Finding, Hop, HopKind};

/// Returns the most likely cause: that of the first hop of the path that fails,
/// because those behind it depend on it. If none fails, that of the first hop
/// with a warning.
///
/// A hop that is checked over the network shows only a symptom if the hop that
/// knows the reason fails as well. The resolver's explanation knows why the
/// answer is 404, and fails only if it agrees with that answer. The DCV
/// server's configuration knows why a WebSocket is refused.
#[must_use]
pub fn most_likely(hops: &[Hop]) -> Option<&Finding> {
    let failed = || hops.iter().filter(|hop| hop.is_failed());
    let first = match failed().min_by_key(|hop| hop.kind) {
        Some(first) => first,
        None => hops.iter().find(|hop| hop.finding.is_some())?,
    };
    let reason = reason_of(first.kind);
    let explaining = failed().find(|hop| Some(hop.kind) == reason);
    explaining.unwrap_or(first).finding.as_ref()
}

/// Returns the hop that knows why `symptom` fails.
const fn reason_of(symptom: HopKind) -> Option<HopKind> {
    match symptom {
        HopKind::AnswerHttp | HopKind::AnswerQuic => Some(HopKind::Explanation),
        HopKind::ServerPage | HopKind::ServerWebSocket => Some(HopKind::ServerConfig),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(hops: &[Hop]) -> Option<&str> {
        most_likely(hops).map(|finding| finding.cause.as_str())
    }

    fn fail(kind: HopKind) -> Hop {
        Hop::fail(kind, kind.as_str(), "change it")
    }

    #[test]
    fn first_hop_that_fails_is_the_cause() {
        let hops = [
            Hop::warn(HopKind::Proxy, "a proxy", "change it"),
            fail(HopKind::ServerPort),
            fail(HopKind::ResolverPort),
            fail(HopKind::ServerConfig),
        ];
        assert_eq!(cause(&hops), Some("resolver's port"));
    }

    #[test]
    fn explanation_precedes_the_answer_that_it_explains() {
        let hops = [fail(HopKind::AnswerHttp), fail(HopKind::Explanation)];
        assert_eq!(cause(&hops), Some("resolver's explanation"));
        assert_eq!(cause(&hops[..1]), Some("answer for HTTP"));
    }

    #[test]
    fn configuration_of_the_server_precedes_what_it_refuses() {
        for symptom in [HopKind::ServerPage, HopKind::ServerWebSocket] {
            let hops = [fail(symptom), fail(HopKind::ServerConfig)];
            assert_eq!(cause(&hops), Some("DCV server's configuration"));
        }
        let hops = [fail(HopKind::ServerPort), fail(HopKind::ServerConfig)];
        assert_eq!(cause(&hops), Some("DCV server's TCP port"));
    }

    #[test]
    fn warning_is_the_cause_if_nothing_fails() {
        let hops = [
            Hop::ok(HopKind::Link, "session console"),
            Hop::note(HopKind::ServerUdpPort, "cannot be known"),
            Hop::warn(HopKind::Proxy, "a proxy", "change it"),
        ];
        assert_eq!(cause(&hops), Some("a proxy"));
        assert_eq!(cause(&hops[..2]), None);
    }
}
