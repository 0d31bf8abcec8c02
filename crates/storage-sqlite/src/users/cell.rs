//! Cells: what a filter asks for beside times, as one number, as the column `cell` of `users` computes it.

use systemprompt_users_domain::{
    Roles, StorageResult, UserFilter, UserRole, UserStatus, UserTally,
};

use crate::error::other;

/// The cell of users of these properties.
pub(crate) fn cell(tally: &UserTally) -> i64 {
    let status = match tally.status {
        UserStatus::Active => 0,
        UserStatus::Suspended => 32,
        UserStatus::Deleted => 64,
    };
    status
        + i64::from(tally.roles.bits()) * 4
        + i64::from(tally.email_verified) * 2
        + i64::from(tally.is_bot)
}

/// The properties of the users of a cell, `count` of them.
pub(crate) fn tally(number: i64, count: u64) -> StorageResult<UserTally> {
    every_tally()
        .find(|tally| cell(tally) == number)
        .map(|tally| UserTally { count, ..tally })
        .ok_or_else(|| other(format!("{number} is no cell of users")))
}

/// The cells whose users meet the conditions of `filter`, its two time ranges aside.
pub(crate) fn cells(filter: &UserFilter) -> Vec<i64> {
    every_tally().filter(|tally| tally.matches(filter)).map(|tally| cell(&tally)).collect()
}

/// Every cell there can be.
pub(crate) fn all_cells() -> Vec<i64> {
    every_tally().map(|tally| cell(&tally)).collect()
}

fn every_tally() -> impl Iterator<Item = UserTally> {
    let every_role = UserRole::ALL.into_iter().filter_map(|role| Roles::new([role]).ok());
    let highest = every_role.fold(0, |bits, roles| bits | roles.bits());
    let every_roles = (1..=highest).filter_map(|bits| Roles::from_bits(bits).ok());
    every_roles.flat_map(|roles| {
        UserStatus::ALL.into_iter().flat_map(move |status| {
            [(false, false), (false, true), (true, false), (true, true)].map(
                move |(email_verified, is_bot)| UserTally {
                    status,
                    roles,
                    email_verified,
                    is_bot,
                    count: 1,
                },
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use systemprompt_users_domain::{AnonymousScope, UserScope};

    use super::*;

    #[test]
    fn each_cell_is_one_set_of_properties() {
        let cells = all_cells();
        assert_eq!(cells.iter().collect::<BTreeSet<_>>().len(), cells.len());
        assert_eq!(cells.len(), 3 * 4 * 4);
        for number in cells {
            assert_eq!(cell(&tally(number, 7).unwrap()), number);
        }
        assert!(tally(1, 1).is_err(), "nobody is without a role");
    }

    #[test]
    fn a_filter_is_a_list_of_cells() {
        let anybody = UserFilter {
            scope: UserScope::All,
            anonymous: AnonymousScope::Include,
            ..UserFilter::default()
        };
        assert_eq!(cells(&anybody), all_cells());
        assert_eq!(cells(&UserFilter::default()).len(), 2 * 3 * 4, "live and registered");
        let nobody = UserFilter { statuses: vec![UserStatus::Deleted], ..UserFilter::default() };
        assert!(cells(&nobody).is_empty());
    }
}
