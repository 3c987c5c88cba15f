//! The macros that generate the tests of the batteries.

/// Generates one test for each rule, in one module for each battery.
///
/// Batteries are `read`, `list`, `registry`, `import`, `durability`, `shared`,
/// `outage`, `outage_registry`, `changes` and `changes_registry`; the type is the
/// backend's [`Fixture`](crate::Fixture). Attributes in front are added to every
/// test:
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
///
/// A battery whose trait the store does not implement causes one compile error.
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
    (read $($rest:tt)+) => { $crate::__battery! { (read __read_rules) $($rest)+ } };
    (list $($rest:tt)+) => { $crate::__battery! { (list __list_rules) $($rest)+ } };
    (registry $($rest:tt)+) => { $crate::__battery! { (registry __registry_rules) $($rest)+ } };
    (import $($rest:tt)+) => { $crate::__battery! { (import __import_rules) $($rest)+ } };
    (durability $($rest:tt)+) => {
        $crate::__battery! { (durability __durability_rules) $($rest)+ }
    };
    (shared $($rest:tt)+) => { $crate::__battery! { (shared __shared_rules) $($rest)+ } };
    (outage $($rest:tt)+) => { $crate::__battery! { (outage __outage_rules) $($rest)+ } };
    (outage_registry $($rest:tt)+) => {
        $crate::__battery! { (outage_registry __outage_registry_rules) $($rest)+ }
    };
    (changes $($rest:tt)+) => { $crate::__battery! { (changes __changes_rules) $($rest)+ } };
    (changes_registry $($rest:tt)+) => {
        $crate::__battery! { (changes_registry __changes_registry_rules) $($rest)+ }
    };
    (($battery:ident $rules:ident) $attributes:tt [$fixture:ty]) => {
        #[cfg(test)]
        mod $battery {
            #[allow(unused_imports)]
            use super::*;

            // The only call that needs the battery's trait, so that a store
            // without it is one error and not one for each test.
            fn check(rule: &str) {
                $crate::$battery::check::<$fixture>(rule);
            }

            $crate::$rules! { ($crate::__tests) $attributes }
        }
    };
    ($unknown:ident $($rest:tt)+) => {
        ::core::compile_error!(::core::concat!(
            "unknown battery `",
            ::core::stringify!($unknown),
            "`; expected read, list, registry, import, durability, shared, outage, ",
            "outage_registry, changes or changes_registry"
        ));
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($attributes:tt $($rule:ident)*) => {
        $($crate::__test! { $attributes $rule })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __test {
    ([$($attribute:tt)*] $rule:ident) => {
        #[::core::prelude::v1::test]
        $($attribute)*
        fn $rule() {
            check(::core::stringify!($rule));
        }
    };
}

/// Defines the function `check` of a battery for fixtures of the given trait.
macro_rules! check {
    ([$($bound:tt)+] $($rule:ident)*) => {
        /// Checks the rule named `rule` on a new fixture, as each test of
        /// [`conformance!`](crate::conformance) does.
        ///
        /// # Panics
        ///
        /// When the rule is broken, takes longer than two minutes, or is not
        /// one of this battery.
        pub fn check<F: $($bound)+>(rule: &str) {
            match rule {
                $(stringify!($rule) => crate::run::run::<F>($rule::<F>),)*
                unknown => panic!("there is no rule {unknown} in this battery"),
            }
        }
    };
}
pub(crate) use check;
