//! [`Verdict`]: what an `auth-token-verifier` says about a token.

/// What an `auth-token-verifier` says about a token.
///
/// Source: *Amazon DCV Administrator Guide*, "Using external authentication": an
/// element `auth` whose attribute `result` is `yes`, with a child `username`, or
/// `no`, with a child `message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The token is this user's.
    Yes { username: String },
    /// The token is refused.
    No { message: String },
}

impl Verdict {
    /// Reads the body of an answer, or says which rule it breaks.
    pub(crate) fn parse(xml: &str) -> Result<Self, String> {
        let document = roxmltree::Document::parse(xml)
            .map_err(|error| format!("its answer is not XML: {error}"))?;
        let auth = document.root_element();
        if !auth.has_tag_name("auth") {
            let name = auth.tag_name().name();
            return Err(format!("its answer is <{name}>; expected <auth>"));
        }
        let text_of = |name: &str| {
            let child = auth.children().find(|child| child.has_tag_name(name));
            child.and_then(|child| child.text()).map(str::to_owned)
        };
        match auth.attribute("result") {
            Some("yes") => match text_of("username") {
                Some(username) => Ok(Self::Yes { username }),
                None => Err("it says yes without a <username>".to_owned()),
            },
            Some("no") => Ok(Self::No {
                message: text_of("message").unwrap_or_default(),
            }),
            _ => Err("the attribute `result` of <auth> is neither yes nor no".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_needs_a_user_and_no_needs_nothing() {
        let yes = |username: &str| Verdict::Yes {
            username: username.to_owned(),
        };
        let no = |message: &str| Verdict::No {
            message: message.to_owned(),
        };
        for (xml, verdict) in [
            (
                "<auth result=\"yes\"><username>ann</username></auth>",
                Some(yes("ann")),
            ),
            (
                "<?xml version=\"1.0\"?>\n<auth result='yes'>\n <username>A&amp;B\\ann</username>\n</auth>",
                Some(yes("A&B\\ann")),
            ),
            (
                "<auth result=\"no\"><message>expired</message></auth>",
                Some(no("expired")),
            ),
            ("<auth result=\"no\"/>", Some(no(""))),
            ("<auth result=\"yes\"/>", None),
            ("<auth result=\"yes\"><username/></auth>", None),
            ("<auth result=\"YES\"><username>ann</username></auth>", None),
            ("<auth><username>ann</username></auth>", None),
            ("<html/>", None),
            ("yes", None),
            ("", None),
        ] {
            assert_eq!(Verdict::parse(xml).ok(), verdict, "{xml}");
        }
    }
}
