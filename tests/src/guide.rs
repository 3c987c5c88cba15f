//! The code in the guide compiles and runs. This package is not published, so it
//! may include files from outside of its folder.

#[doc = include_str!("../../docs/guide/src/write-a-policy.md")]
struct WriteAPolicy;

#[doc = include_str!("../../docs/guide/src/embed-it.md")]
struct EmbedIt;

#[doc = include_str!("../../docs/guide/src/unit-test-it.md")]
struct UnitTestIt;
