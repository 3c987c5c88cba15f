//! [`SessionQuery`]: the session id in the query of a request.

use form_urlencoded::Serializer;

const SESSION_ID: &str = "sessionId";

/// The query of a request, with and without the client's session id.
#[derive(Debug)]
pub(super) struct SessionQuery<'a>(&'a str);

impl<'a> SessionQuery<'a> {
    pub(super) const fn new(query: &'a str) -> Self {
        Self(query)
    }

    /// Returns the session id. A client without one may send it empty.
    pub(super) fn session_id(&self) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.0.as_bytes());
        let (_, id) = pairs.find(|(name, _)| name == SESSION_ID)?;
        Some(id.into_owned())
    }

    /// Returns the query with another session id.
    pub(super) fn with_session_id(&self, id: &str) -> String {
        let pairs = form_urlencoded::parse(self.0.as_bytes()).map(|(name, value)| {
            let value = if name == SESSION_ID { id.into() } else { value };
            (name, value)
        });
        Serializer::new(String::new()).extend_pairs(pairs).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_found_and_replaced_and_the_rest_stays() {
        let query = SessionQuery::new("authToken=a%26b&sessionId=i-0abc%2B1&x=");
        assert_eq!(query.session_id().unwrap(), "i-0abc+1");
        assert_eq!(
            query.with_session_id("a b"),
            "authToken=a%26b&sessionId=a+b&x="
        );
        assert_eq!(SessionQuery::new("sessionid=ann").session_id(), None);
        assert_eq!(SessionQuery::new("sessionId=").session_id().unwrap(), "");
    }
}
