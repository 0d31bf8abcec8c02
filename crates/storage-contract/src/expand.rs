//! The macros that make tests of the list of cases.

/// Makes one test of each rule. Takes the path of an async function that makes a fresh, empty storage and
/// whatever has to live as long: `async fn fresh() -> (impl Storage, impl Sized)`.
#[macro_export]
macro_rules! storage_contract {
    ($fresh:path) => {
        use $fresh as __fresh_storage;

        $crate::__for_each_case!($crate::__tests);
    };
}

/// One test for each case of the list.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($($group:ident { $($name:ident)* })*) => {
        $(mod $group {
            $(#[test]
            fn $name() {
                $crate::run(super::__fresh_storage, $crate::case::$group::$name);
            })*
        })*
    };
}
