//! The cell of a user: all properties that lists filter by, in one number.

use systemprompt_users_domain::{Roles, User, UserFilter, UserRole, UserStatus, UserTally};

/// The cell of `user`.
pub(super) fn of(user: &User) -> i16 {
    number(&UserTally::of(user))
}

/// Whether users of `cell` are anonymous.
pub(super) fn is_anonymous(cell: i16) -> bool {
    tally(cell, 0).is_some_and(|tally| tally.roles.is_anonymous())
}

/// The cells of all users that meet `filter`, its two time ranges aside. At most 48.
pub(super) fn matching(filter: &UserFilter) -> Vec<i16> {
    all().filter(|(_, tally)| tally.matches(filter)).map(|(cell, _)| cell).collect()
}

/// The cells of active users that hold the role admin.
pub(super) fn active_admins() -> Vec<i16> {
    let filter = UserFilter {
        statuses: vec![UserStatus::Active],
        roles: vec![UserRole::Admin],
        ..UserFilter::default()
    };
    matching(&filter)
}

/// Every cell there can be.
pub(super) fn every() -> Vec<i16> {
    all().map(|(cell, _)| cell).collect()
}

/// What the users of `cell` share; `None` when no user can be in it.
pub(super) fn tally(cell: i16, count: u64) -> Option<UserTally> {
    all().find(|(known, _)| *known == cell).map(|(_, tally)| UserTally { count, ..tally })
}

/// As the column `cell` of the table `users` is generated.
fn number(tally: &UserTally) -> i16 {
    let status = match tally.status {
        UserStatus::Active => 0,
        UserStatus::Suspended => 4,
        UserStatus::Deleted => 8,
    };
    i16::from(tally.roles.bits()) * 12
        + status
        + i16::from(tally.email_verified) * 2
        + i16::from(tally.is_bot)
}

fn all() -> impl Iterator<Item = (i16, UserTally)> {
    // What `Roles` accepts, so that a role that is added later needs no change here.
    let roles = (0..=u8::MAX).filter_map(|bits| Roles::from_bits(bits).ok());
    roles.flat_map(|roles| {
        UserStatus::ALL.into_iter().flat_map(move |status| {
            [(false, false), (false, true), (true, false), (true, true)].into_iter().map(
                move |(email_verified, is_bot)| {
                    let tally = UserTally { status, roles, email_verified, is_bot, count: 0 };
                    (number(&tally), tally)
                },
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_combinations_share_a_cell() {
        let cells = every();
        assert_eq!(cells.len(), 48);
        assert_eq!(cells.iter().collect::<BTreeSet<_>>().len(), 48);
    }

    #[test]
    fn the_ordinary_filter_leaves_out_visitors_and_the_deleted() {
        assert_eq!(matching(&UserFilter::default()).len(), 24);
        assert_eq!(active_admins().len(), 8);
    }
}
