//! [`Resource`] and [`Action`]: which paths there are, and what can be done
//! there. The router and the OpenAPI document are both made from this table.

use axum::http::Method;

/// What a path leads to. An id is still percent-encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource<'a> {
    Document,
    Sessions,
    Session { id: &'a str },
    Renewal { id: &'a str },
}

/// What a request wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Describe,
    List,
    Get,
    Register,
    Renew,
    Deregister,
}

impl<'a> Resource<'a> {
    pub(super) fn of(path: &'a str) -> Option<Self> {
        match path.strip_prefix("/v1/")? {
            "openapi.json" => Some(Self::Document),
            "sessions" => Some(Self::Sessions),
            path => {
                // A `/` that belongs to the id is written as %2F.
                let mut segments = path.strip_prefix("sessions/")?.split('/');
                match (segments.next()?, segments.next(), segments.next()) {
                    (id, None, None) => Some(Self::Session { id }),
                    (id, Some("renew"), None) => Some(Self::Renewal { id }),
                    _ => None,
                }
            }
        }
    }

    pub(super) const fn actions(self) -> &'static [Action] {
        match self {
            Self::Document => &[Action::Describe],
            Self::Sessions => &[Action::List],
            Self::Session { .. } => &[Action::Get, Action::Register, Action::Deregister],
            Self::Renewal { .. } => &[Action::Renew],
        }
    }

    /// What `method` does here.
    pub(super) fn action(self, method: &Method) -> Option<Action> {
        let actions = self.actions().iter().copied();
        actions.into_iter().find(|action| action.method() == method)
    }

    /// The methods that do something here, for `Allow`.
    pub(super) fn allow(self) -> String {
        let methods: Vec<_> = self
            .actions()
            .iter()
            .map(|action| action.method())
            .collect();
        let methods: Vec<_> = methods.iter().map(Method::as_str).collect();
        methods.join(", ")
    }
}

impl Action {
    pub(super) const ALL: [Self; 6] = [
        Self::Describe,
        Self::List,
        Self::Get,
        Self::Register,
        Self::Renew,
        Self::Deregister,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::List => "list",
            Self::Get => "get",
            Self::Register => "register",
            Self::Renew => "renew",
            Self::Deregister => "deregister",
        }
    }

    pub(super) const fn method(self) -> Method {
        match self {
            Self::Describe | Self::List | Self::Get => Method::GET,
            Self::Register => Method::PUT,
            Self::Renew => Method::POST,
            Self::Deregister => Method::DELETE,
        }
    }

    /// The path, as OpenAPI writes it.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Describe => "/v1/openapi.json",
            Self::List => "/v1/sessions",
            Self::Get | Self::Register | Self::Deregister => "/v1/sessions/{id}",
            Self::Renew => "/v1/sessions/{id}/renew",
        }
    }

    /// Whether it changes a session: then it takes a token that may write, and
    /// is audited.
    pub(super) const fn is_change(self) -> bool {
        match self {
            Self::Describe | Self::List | Self::Get => false,
            Self::Register | Self::Renew | Self::Deregister => true,
        }
    }

    /// Whether there is a JSON body to read.
    pub(super) const fn takes_body(self) -> bool {
        matches!(self, Self::Register | Self::Renew)
    }

    /// Whether it is done for everybody, without a token.
    pub(super) const fn is_open(self) -> bool {
        matches!(self, Self::Describe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_under_its_own_path_and_method() {
        for action in Action::ALL {
            let path = action.path().replace("{id}", "console");
            let resource = Resource::of(&path).unwrap();
            assert_eq!(resource.action(&action.method()), Some(action), "{path}");
        }
    }

    #[test]
    fn paths_are_read_to_the_byte() {
        for (path, resource) in [
            ("/v1/sessions/", Some(Resource::Session { id: "" })),
            (
                "/v1/sessions/a%2Fb",
                Some(Resource::Session { id: "a%2Fb" }),
            ),
            (
                "/v1/sessions/renew",
                Some(Resource::Session { id: "renew" }),
            ),
            ("/v1/sessions//renew", Some(Resource::Renewal { id: "" })),
            ("/v1/sessions/a/renew/", None),
            ("/v1/sessions/a/Renew", None),
            ("/v1/sessions/a/b", None),
            ("/v1/sessions/a/", None),
            ("/v1", None),
            ("/v1/", None),
            ("/v1//sessions", None),
            ("/v1/sessionsx", None),
            ("/v2/sessions", None),
        ] {
            assert_eq!(Resource::of(path), resource, "{path}");
        }
    }

    #[test]
    fn allow_names_the_methods() {
        let session = Resource::Session { id: "a" };
        assert_eq!(session.allow(), "GET, PUT, DELETE");
    }
}
