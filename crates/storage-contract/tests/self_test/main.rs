//! The suite can fail: a storage that breaks one rule does not pass the case of that rule.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod broken;

use std::panic::{AssertUnwindSafe, catch_unwind};

use systemprompt_users_contract::{Subject, case, run};

use broken::{BrokenStorage, Fault};

/// Checks that the case passes on a storage that keeps the rules, and fails on one with this fault.
#[track_caller]
fn check(fault: Fault, case: impl AsyncFnOnce(Subject) + Copy) {
    run(async || (BrokenStorage::new(None), ()), case);
    let failed = catch_unwind(AssertUnwindSafe(|| {
        run(async || (BrokenStorage::new(Some(fault)), ()), case);
    }));
    assert!(failed.is_err(), "{fault:?} passes");
}

#[test]
fn a_lost_commit_is_noticed() {
    check(Fault::LosesCommits, case::units::a_commit_shows_everything_at_once);
    check(Fault::LosesCommits, case::users_find::every_field_comes_back);
    check(Fault::LosesCommits, case::jobs::a_due_run_starts_once);
}

#[test]
fn a_change_while_reading_is_noticed() {
    check(Fault::WritesWhileReading, case::units::a_unit_for_reading_refuses_changes_of_users);
    check(Fault::WritesWhileReading, case::units::a_unit_for_reading_refuses_changes_of_sessions);
    check(Fault::WritesWhileReading, case::units::a_unit_for_reading_refuses_every_other_change);
    check(Fault::WritesWhileReading, case::lagging::a_lagging_unit_refuses_changes);
}

#[test]
fn a_lock_that_does_not_hold_is_noticed() {
    check(Fault::WaitsForNobody, case::locking::one_unit_decides_on_admins);
    check(Fault::WaitsForNobody, case::locking::a_locked_user_is_seen_as_committed_last);
    check(Fault::WaitsForNobody, case::locking::nobody_changes_a_user_that_is_locked);
    check(Fault::WaitsForNobody, case::races::of_two_facts_for_one_place_one_is_stale);
}

#[test]
fn an_ignored_version_is_noticed() {
    check(Fault::IgnoresVersions, case::users_update::any_other_version_is_stale);
    check(Fault::IgnoresVersions, case::users_update::one_stale_user_holds_all_back);
    check(Fault::IgnoresVersions, case::races::of_two_changes_from_one_version_one_is_stale);
}

#[test]
fn an_update_of_only_some_is_noticed() {
    check(Fault::UpdatesSome, case::users_update::one_stale_user_holds_all_back);
    check(Fault::UpdatesSome, case::users_update::two_of_one_batch_do_not_get_one_email);
}

#[test]
fn a_hidden_conflict_is_noticed() {
    check(Fault::HidesConflicts, case::users_insert::a_taken_email_is_a_conflict);
    check(Fault::HidesConflicts, case::users_insert::keys_clash_inside_one_batch_too);
    check(Fault::HidesConflicts, case::races::one_email_is_given_to_one);
}

#[test]
fn an_email_named_before_a_name_is_noticed() {
    let case = case::users_update::of_a_taken_name_and_email_the_name_is_named;
    check(Fault::EmailFirst, case);
}

#[test]
fn a_revived_session_is_noticed() {
    check(Fault::RevivesSessions, case::session_ends::a_touch_does_not_revive_what_has_expired);
    check(Fault::RevivesSessions, case::session_ends::a_touch_never_goes_back);
}

#[test]
fn users_lost_between_two_pages_are_noticed() {
    check(Fault::LosesTies, case::lists::pages_of_any_size_join_without_a_seam);
    check(Fault::LosesTies, case::lists::a_walk_by_activity_loses_nobody);
}

#[test]
fn an_ignored_condition_is_noticed() {
    check(Fault::IgnoresBots, case::lists::every_filter_means_what_it_matches);
    check(Fault::IgnoresBots, case::counts::every_filter_is_counted_as_it_matches);
}

#[test]
fn wildcards_in_a_search_are_noticed() {
    check(Fault::KnowsWildcards, case::search::wildcards_and_quotes_are_themselves);
}

#[test]
fn a_count_that_lags_is_noticed() {
    check(Fault::CountsOnce, case::counts::counts_follow_every_change);
    check(Fault::CountsOnce, case::races::counts_are_exact_after_many_units_at_once);
}

#[test]
fn an_idle_visitor_with_a_live_session_is_noticed() {
    check(Fault::ForgetsSessions, case::idle_anonymous::a_live_session_holds_a_visitor);
}

#[test]
fn a_ban_out_of_order_is_noticed() {
    check(Fault::WidestFirst, case::ban_lists::every_network_around_a_target_covers_it);
    check(Fault::LeadersOnly, case::ban_lists::an_origin_counts_behind_another_that_leads);
    check(Fault::LeadersOnly, case::ban_lists::bans_of_an_origin_have_a_fact_of_it_in_force);
}

#[test]
fn a_missed_event_is_noticed() {
    check(Fault::MissesEvents, case::late_events::an_event_that_commits_late_is_not_missed);
    check(Fault::MissesEvents, case::late_events::a_reader_beside_many_writers_misses_none);
    check(Fault::MissesEvents, case::events::reading_goes_on_behind_a_position);
}

#[test]
fn a_job_that_runs_twice_is_noticed() {
    check(Fault::StartsTwice, case::jobs::a_due_run_starts_once);
    check(Fault::StartsTwice, case::races::one_host_starts_a_run);
    check(Fault::TakesOverEarly, case::jobs::a_run_is_taken_over_only_after_its_lease);
}

#[test]
fn an_alarm_that_rings_once_is_noticed() {
    check(Fault::RingsOnce, case::signals::a_commit_rings_whoever_comes_to_wait_later);
}

#[test]
fn a_link_a_request_or_a_key_that_two_get_is_noticed() {
    check(Fault::GivesLinksTwice, case::sign_in_links::a_link_is_taken_once_with_every_field);
    check(Fault::GivesLinksTwice, case::sign_in_links::of_two_at_once_one_gets_it);
    check(Fault::BeginsTwice, case::idempotency::a_request_begins_once);
    check(Fault::BeginsTwice, case::idempotency::of_two_at_once_one_takes_over);
    check(Fault::IgnoresKeyVersions, case::api_keys::any_other_version_is_stale);
    check(Fault::IgnoresKeyVersions, case::api_keys::of_two_changes_from_one_version_one_is_stale);
}
