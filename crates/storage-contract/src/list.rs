//! The list of all cases, and the macro that makes tests of them.

/// Makes one test of each rule. Takes the path of an async function that makes a fresh, empty storage and
/// whatever has to live as long: `async fn fresh() -> (impl Storage, impl Sized)`.
#[macro_export]
macro_rules! storage_contract {
    ($fresh:path) => {
        use $fresh as __fresh_storage;

        $crate::__for_each_case!($crate::__tests);
    };
}

/// Hands the list of all cases to another macro. It stands here once.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_case {
    ($then:path) => {
        $then! {
            users_find {
                nothing_is_found_for_nothing
                unknown_ids_are_left_out
                an_id_given_twice_counts_once
                every_field_comes_back
                users_of_any_status_are_found_by_id
                ids_at_both_ends_are_ids_like_others
            }
            units {
                a_dropped_unit_leaves_nothing
                a_unit_sees_its_own_changes
                nobody_sees_changes_before_the_commit
                a_commit_is_visible_at_once
            }
        }
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

macro_rules! declare {
    ($($group:ident { $($name:ident)* })*) => {
        /// Every case by its name, to run one by hand.
        pub mod case {
            $(#[doc = concat!("The cases of the group `", stringify!($group), "`.")]
            pub mod $group {
                $(#[doc = concat!("`", stringify!($name), "`")]
                pub async fn $name(subject: $crate::Subject) {
                    crate::cases::$group::$name(subject).await;
                })*
            })*
        }
    };
}

__for_each_case!(declare);
