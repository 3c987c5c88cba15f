//! The macro that makes tests of the batteries.

/// Makes one test a rule, in a module a battery; and each rule once more
/// through an `Arc<dyn …>`.
///
/// Batteries are `read`, `list`, `registry`, `import`, `durability` and `shared`; the
/// type is the backend's [`Fixture`](crate::Fixture). Attributes in front go
/// to every test:
///
/// ```
/// # use dcv_resolver_conformance::Fixture;
/// # use dcv_resolver_core::{MemoryStore, SessionRecord};
/// # struct ServerFixture;
/// # impl Fixture for ServerFixture {
/// #     type Store = MemoryStore;
/// #     async fn new() -> Self { Self }
/// #     async fn seed(&self, _: &[SessionRecord]) {}
/// #     async fn open(&self) -> MemoryStore { MemoryStore::new() }
/// # }
/// dcv_resolver_conformance::conformance!(
///     #[ignore = "needs a server"]
///     read, list, registry, import, durability, shared;
///     ServerFixture
/// );
/// ```
#[macro_export]
macro_rules! conformance {
    ($(#[$attribute:meta])* $($battery:ident),+ $(,)?; $fixture:ty) => {
        $crate::__batteries! { [$(#[$attribute])*] [$fixture] $($battery)+ }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __batteries {
    ($attributes:tt $fixture:tt $($battery:ident)+) => {
        $($crate::__battery! { $battery $attributes $fixture })+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __battery {
    (read $attributes:tt $fixture:tt) => {
        $crate::__battery! { read __read_rules DynStore $attributes $fixture }
    };
    (list $attributes:tt $fixture:tt) => {
        $crate::__battery! { list __list_rules DynListing $attributes $fixture }
    };
    (registry $attributes:tt $fixture:tt) => {
        $crate::__battery! { registry __registry_rules DynRegistry $attributes $fixture }
    };
    (import $attributes:tt $fixture:tt) => {
        $crate::__battery! { import __import_rules DynImport $attributes $fixture }
    };
    (durability $attributes:tt $fixture:tt) => {
        $crate::__battery! { durability __durability_rules DynRegistry $attributes $fixture }
    };
    (shared $attributes:tt $fixture:tt) => {
        $crate::__battery! { shared __shared_rules DynRegistry $attributes $fixture }
    };
    ($battery:ident $rules:ident $dynamic:ident $attributes:tt [$fixture:ty]) => {
        mod $battery {
            #[allow(unused_imports)]
            use super::*;

            $crate::$rules! { ($crate::__tests) [$battery $attributes [$fixture]] }

            mod through_arc_dyn {
                #[allow(unused_imports)]
                use super::*;

                $crate::$rules! { ($crate::__tests) [$battery $attributes [$crate::$dynamic<$fixture>]] }
            }
        }
    };
    ($unknown:ident $attributes:tt $fixture:tt) => {
        ::core::compile_error!(::core::concat!(
            "there is no battery `",
            ::core::stringify!($unknown),
            "`; there are read, list, registry, import, durability and shared"
        ));
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ([$battery:ident [$($attribute:tt)*] $fixture:tt] $rule:ident $($rules:ident)*) => {
        $crate::__test! { $battery [$($attribute)*] $fixture $rule }
        $crate::__tests! { [$battery [$($attribute)*] $fixture] $($rules)* }
    };
    ([$battery:ident $attributes:tt $fixture:tt]) => {};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __test {
    ($battery:ident [$($attribute:tt)*] [$fixture:ty] $rule:ident) => {
        #[::core::prelude::v1::test]
        $($attribute)*
        fn $rule() {
            $crate::run::<$fixture, _>($crate::$battery::$rule);
        }
    };
}
