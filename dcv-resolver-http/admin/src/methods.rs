//! [`Methods`]: the methods that are allowed at a path.

use std::fmt;

use axum::http::{HeaderValue, Method};

/// The methods that are allowed at a path. Displays as the value of `Allow`.
#[derive(Debug)]
pub(crate) struct Methods(Vec<Method>);

impl Methods {
    #[expect(clippy::expect_used, reason = "names of methods are a header value")]
    pub(crate) fn to_header(&self) -> HeaderValue {
        HeaderValue::try_from(self.to_string()).expect("names of methods are a header value")
    }
}

impl FromIterator<Method> for Methods {
    fn from_iter<I: IntoIterator<Item = Method>>(methods: I) -> Self {
        Self(methods.into_iter().collect())
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, method) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{method}")?;
        }
        Ok(())
    }
}
