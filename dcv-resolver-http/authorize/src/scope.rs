//! [`Scope`]: the sessions that a caller is limited to.

use dcv_resolver_core::{Host, SessionId};

/// The sessions that a caller is limited to: by their ids, by the hosts that
/// they lead to, or by both. By default, a caller is limited by neither.
///
/// In a pattern, `*` stands for any number of characters, dots included, and
/// every other character for itself. Ids are compared byte for byte, hosts
/// without regard to case.
///
/// ```
/// use dcv_resolver_authorize::Scope;
///
/// let scope = Scope::default().with_ids("*@ws-17.dcv.example").with_hosts("ws-17.dcv.example");
/// assert!(scope.allows_id(&"console@ws-17.dcv.example".parse()?));
/// assert!(!scope.allows_id(&"console@ws-18.dcv.example".parse()?));
/// assert!(scope.allows_host(&"WS-17.dcv.example".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    ids: Vec<Box<str>>,
    hosts: Vec<Box<str>>,
}

impl Scope {
    /// Limits the caller to ids that match `pattern` or a pattern that was
    /// added before.
    #[must_use]
    pub fn with_ids(mut self, pattern: &str) -> Self {
        self.ids.push(pattern.into());
        self
    }

    /// Limits the caller to hosts that match `pattern` or a pattern that was
    /// added before. An address may be written in any form.
    #[must_use]
    pub fn with_hosts(mut self, pattern: &str) -> Self {
        let canonical: Option<Host> = pattern.parse().ok();
        let pattern = canonical.as_ref().map_or(pattern, Host::as_str);
        self.hosts.push(pattern.to_ascii_lowercase().into());
        self
    }

    /// Returns whether the caller is limited at all.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        !self.ids.is_empty() || !self.hosts.is_empty()
    }

    /// Returns whether the caller is limited to some hosts.
    #[must_use]
    pub fn is_limited_to_hosts(&self) -> bool {
        !self.hosts.is_empty()
    }

    /// Returns whether the caller may use a session of this id.
    #[must_use]
    pub fn allows_id(&self, id: &SessionId) -> bool {
        allows(&self.ids, id.as_str())
    }

    /// Returns whether the caller may use a session that leads to this host.
    #[must_use]
    pub fn allows_host(&self, host: &Host) -> bool {
        allows(&self.hosts, &host.as_str().to_ascii_lowercase())
    }
}

fn allows(patterns: &[Box<str>], text: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, text))
}

/// Returns whether `text` is what `pattern` describes.
///
/// Each part between two `*` is searched once, from left to right, where it
/// comes first: that leaves the most room for those that follow.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        match text.find(part) {
            Some(position) => text = &text[position + part.len()..],
            None => return false,
        }
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_stands_for_any_characters() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a", "A", false),
            ("*", "a", true),
            ("a*", "a", true),
            ("a*", "ab", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a*b*b", "ab", false),
            ("a*bc*c", "abc", false),
            ("a*bc*c", "abcbc", true),
            ("**", "a", true),
            ("ü*", "ü☃", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn each_kind_is_limited_by_itself() {
        let id: SessionId = "a".parse().unwrap();
        let host: Host = "2001:db8::7".parse().unwrap();
        let none = Scope::default();
        assert!(!none.is_limited() && none.allows_id(&id) && none.allows_host(&host));
        let ids = Scope::default().with_ids("b").with_ids("c");
        assert!(ids.is_limited() && !ids.allows_id(&id) && ids.allows_host(&host));
        let hosts = Scope::default().with_hosts("h").with_hosts("2001:DB8:0::7");
        assert!(hosts.is_limited() && hosts.allows_id(&id) && hosts.allows_host(&host));
        let network = Scope::default().with_hosts("2001:DB8::*");
        assert!(network.allows_host(&host) && !network.allows_host(&"h".parse().unwrap()));
    }
}
