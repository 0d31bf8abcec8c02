//! The list of all cases, and a function for each to run it by hand.

/// Hands the list of all cases to another macro. It stands here once.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_case {
    ($then:path) => {
        $then! {
            admins {
                only_active_admins_count
                all_but_those_named_count
                admins_come_and_go
            }
            allow_list {
                a_network_is_allowed_once
                exactly_that_network_is_taken_off
                every_field_comes_back
                the_list_is_by_text_page_by_page
                networks_around_a_target_are_found_narrowest_first
            }
            api_keys {
                nothing_is_found_for_nothing
                unknown_keys_are_left_out_and_doubles_are_one
                every_field_comes_back
                a_taken_id_or_prefix_is_a_conflict
                one_prefix_is_given_to_one
                an_update_replaces_all_but_the_last_use
                any_other_version_is_stale
                of_two_changes_from_one_version_one_is_stale
                the_list_is_made_last_first_page_by_page
                a_touch_moves_only_the_last_use_and_never_back
                many_are_touched_at_once
            }
            ban_lists {
                every_network_around_a_target_covers_it
                what_was_lifted_or_has_lapsed_covers_nothing
                bans_in_force_are_listed_begun_last_first
                bans_begun_at_once_are_listed_by_id
                bans_in_force_are_counted_to_the_microsecond
                what_is_not_committed_is_not_counted
                bans_of_an_origin_have_a_fact_of_it_in_force
                pages_of_an_origin_join_without_a_seam
                an_origin_counts_behind_another_that_leads
                an_origin_from_before_a_lift_does_not_count
                bans_over_longest_are_removed_first
                a_removal_leaves_the_others
                a_ban_is_over_when_it_is_lifted_or_ends
                a_target_can_be_banned_anew_after_its_removal
            }
            bans {
                nothing_is_found_for_nothing
                every_field_comes_back
                exactly_these_targets_are_found_in_force_or_over
                a_ledger_goes_on
                a_fact_that_does_not_follow_is_stale
                one_stale_ledger_makes_the_batch_stale
                a_history_is_read_by_pages_newest_first
                a_large_import_is_one_batch
                associations_move_to_another_user
            }
            counts {
                an_empty_storage_counts_nobody
                every_filter_is_counted_as_it_matches
                an_end_finer_than_what_is_stored_is_the_next_whole_one
                a_tally_names_what_users_share
                counts_follow_every_change
                what_is_refused_or_dropped_counts_nowhere
                a_unit_counts_its_own_changes
                hours_begin_and_end_to_the_microsecond
                sign_ups_are_by_day_of_live_registered_users
                days_that_end_before_they_begin_are_none
            }
            events {
                an_empty_log_reads_as_nothing
                every_kind_comes_back
                a_large_batch_is_appended_in_order
                events_are_read_in_the_order_of_appending
                reading_goes_on_behind_a_position
                a_dropped_unit_logs_nothing
                the_list_is_newest_first_and_filtered
                events_about_a_user_are_counted
                old_events_are_removed_oldest_first
                an_event_of_that_moment_stays
                positions_are_not_used_again
            }
            haystacks {
                few_bans_in_force_among_many_over
                few_users_of_a_kind_among_many
                few_users_of_a_kind_among_many_that_match
                few_live_sessions_among_many_over
                few_idle_visitors_behind_many_that_are_held
            }
            idempotency {
                a_request_begins_once
                a_unit_sees_what_it_began
                an_answer_is_given_again
                the_first_answer_stays
                unknown_requests_are_passed_over
                another_request_under_the_key_is_told
                a_lock_that_is_past_is_taken_over
                what_is_forgotten_begins_anew
                of_two_at_once_one_begins
                of_two_at_once_one_takes_over
                of_many_at_once_one_begins
                those_begun_first_are_removed_first
            }
            idle_anonymous {
                only_active_visitors_without_a_hold_are_listed
                idle_is_before_that_moment
                a_visitor_seen_since_stays
                a_live_session_holds_a_visitor
                an_expired_session_holds_nobody
                a_session_idle_for_too_long_holds_nobody
                a_session_not_yet_idle_for_too_long_holds
                an_ended_session_holds_nobody
                one_live_session_among_others_holds
                a_session_of_another_holds_nobody
                the_list_goes_on_behind_a_cursor
            }
            jobs {
                whatever_a_job_ends_with_is_stored
                a_due_run_starts_once
                a_refused_start_leaves_the_unit_usable
                other_jobs_times_and_triggers_start
                every_field_comes_back
                a_run_is_taken_over_only_after_its_lease
                the_oldest_run_is_taken_over_first
                a_renewed_lease_holds
                only_the_host_and_attempt_that_hold_it_renew
                the_same_host_s_older_attempt_is_refused
                a_run_ends_once
                an_end_keeps_the_renewed_lease
                lists_are_begun_last_first_and_filtered
                the_latest_scheduled_time_is_known
                ended_runs_go_but_the_latest_scheduled_stays
            }
            lagging {
                a_lagging_unit_sees_what_is_committed
                a_lagging_unit_waits_for_nobody
                a_lagging_unit_refuses_changes
            }
            late_events {
                an_event_that_commits_late_is_not_missed
                a_reader_that_begins_at_the_last_position_misses_none
                an_event_of_a_dropped_unit_holds_no_reader_up
                a_reader_beside_many_writers_misses_none
            }
            lists {
                an_empty_storage_lists_nobody
                ordinarily_live_registered_users_are_listed
                every_filter_means_what_it_matches
                every_order_breaks_ties_by_id
                pages_of_any_size_join_without_a_seam
                pages_of_a_filtered_list_join_without_a_seam
                one_microsecond_is_enough_for_an_order
                names_are_in_the_order_of_their_bytes
                a_walk_by_creation_loses_nobody
                a_walk_by_creation_upwards_loses_nobody
                a_walk_by_activity_loses_nobody
                a_walk_by_name_loses_nobody
            }
            locking {
                one_unit_decides_on_admins
                one_unit_decides_on_bans
                one_unit_decides_on_a_fingerprint
                a_held_key_may_be_asked_for_again
                waiting_too_long_is_told_as_unavailable
                a_wait_that_was_given_up_holds_nothing
                locked_users_are_found_as_others_are
                a_locked_user_is_seen_as_committed_last
                a_dropped_unit_lets_go_of_its_users
                a_user_that_was_purged_meanwhile_is_not_locked
                nobody_changes_a_user_that_is_locked
                a_user_that_was_let_go_unchanged_is_not_stale
                a_lock_brings_what_was_committed_since_the_unit_began
                no_change_under_a_lock_is_lost
                locks_in_any_order_never_wait_for_each_other
                of_two_last_admins_one_stays
            }
            order_of_locks {
                a_purge_takes_ledgers_in_the_order_of_ids
                a_purge_takes_sessions_in_the_order_of_ids
                associations_move_in_the_order_of_ledgers
            }
            purge {
                deleted_users_are_purgeable_when_their_time_has_come
                a_restored_user_is_not_purgeable
                nothing_and_unknown_users_purge_nothing
                a_user_named_twice_is_purged_once
                users_of_any_status_are_purged
                sessions_go_with_their_user
                ban_facts_stay_without_the_user
                users_merged_into_it_lose_the_reference
                a_purge_frees_every_key
                events_stay_after_a_purge
                many_are_purged_at_once
            }
            races {
                one_email_is_given_to_one
                one_name_is_given_to_one
                one_token_is_given_to_one
                of_many_who_want_one_email_one_gets_it
                an_update_to_a_taken_email_is_a_conflict_at_once_too
                of_two_changes_from_one_version_one_is_stale
                one_session_token_is_given_to_one
                one_host_starts_a_run
                one_host_takes_a_run_over
                of_many_hosts_one_takes_a_run_over
                a_run_that_is_taken_over_is_not_finished_by_the_first
                of_two_facts_for_one_place_one_is_stale
                a_target_gets_one_ledger
                counts_are_exact_after_many_units_at_once
            }
            search {
                an_empty_storage_finds_nobody
                what_nobody_holds_is_not_found
                all_four_fields_are_looked_at
                wildcards_and_quotes_are_themselves
                one_and_two_letters_are_found
                accents_count_and_case_does_not
                letters_outside_of_the_latin_script_are_found
                the_longest_query_is_a_query
                the_smallest_prefix_ranks_a_user
                pages_cross_from_prefix_to_substring
                a_search_keeps_to_its_filter
                pages_of_a_filtered_search_join_without_a_seam
                a_search_follows_changes
                a_walk_through_a_search_loses_nobody
            }
            session_ends {
                nothing_ends_for_nothing
                those_not_ended_are_ended_and_told
                all_of_these_users_are_ended
                one_may_be_spared
                a_unit_sees_what_it_ended
                any_number_of_sessions_may_be_named
                a_touch_moves_the_last_activity
                a_touch_never_goes_back
                a_touch_in_time_keeps_it_from_idling
                a_touch_does_not_revive_what_was_idle_too_long
                a_touch_does_not_revive_what_has_expired
                a_touch_just_before_the_expiry_counts
                a_touch_leaves_what_was_ended
                many_are_touched_at_once
                surplus_sessions_are_those_not_used_lately
            }
            session_upkeep {
                all_sessions_move_to_another_user
                activity_counts_what_is_open_as_live
                what_has_run_out_is_ended_when_it_ran_out
                those_over_longest_are_ended_first
                sessions_of_users_of_any_status_run_out
                a_touch_puts_off_the_end
                those_ended_longest_are_removed_first
                a_removed_session_frees_its_token
            }
            sessions {
                nothing_is_found_for_nothing
                unknown_sessions_are_left_out_and_doubles_are_one
                every_field_comes_back
                a_taken_id_or_token_is_a_conflict
                a_conflict_leaves_the_unit_usable
                a_token_finds_the_session_with_its_user
                lists_hold_what_is_live_by_the_one_rule
                pages_of_one_join_without_a_seam
                pages_of_four_join_without_a_seam
                a_suspended_user_has_no_live_session
            }
            signals {
                a_commit_rings_whoever_waits
                a_commit_rings_whoever_comes_to_wait_later
                what_rang_is_committed
                every_kind_that_changes_decisions_rings
                everybody_is_rung
                who_gave_up_waiting_misses_nothing
            }
            sign_in_links {
                a_link_is_taken_once_with_every_field
                an_expired_link_is_none
                a_taken_token_is_a_conflict
                a_link_of_nobody_is_refused
                of_two_at_once_one_gets_it
                who_gives_it_up_leaves_it_to_the_other
                of_many_at_once_one_gets_it
                links_go_with_their_user
                those_expired_first_are_removed_first
            }
            ties {
                sessions_that_run_out_at_once_end_by_id
                sessions_ended_at_once_go_by_id
                runs_ended_at_once_go_by_id
                links_expired_at_once_go_by_the_hash_of_their_token
                requests_begun_at_once_go_by_key
            }
            units {
                a_dropped_unit_leaves_nothing
                a_unit_sees_its_own_changes
                a_commit_shows_everything_at_once
                a_reader_waits_for_no_lock
                each_commit_is_visible_at_once
                units_for_reading_do_not_shut_each_other_out
                units_may_be_dropped_again_and_again
                of_many_units_at_once_each_gets_its_turn
                a_unit_for_reading_refuses_changes_of_users
                a_unit_for_reading_refuses_changes_of_sessions
                a_unit_for_reading_refuses_every_other_change
            }
            users_find {
                nothing_is_found_for_nothing
                unknown_ids_are_left_out
                an_id_given_twice_counts_once
                every_field_comes_back
                any_number_of_users_may_be_named
                users_of_any_status_are_found_by_id
                ids_at_both_ends_are_ids_like_others
            }
            users_insert {
                nothing_is_inserted_for_nothing
                a_taken_id_is_a_conflict
                a_taken_name_is_a_conflict_in_any_spelling
                a_taken_email_is_a_conflict
                a_taken_token_is_a_conflict
                of_several_taken_keys_the_first_is_named
                keys_clash_inside_one_batch_too
                a_user_that_was_refused_takes_no_key
                keys_clash_with_the_unit_s_own_inserts
                deleted_users_free_name_and_email
                a_deleted_user_comes_in_beside_the_live_one
                users_without_an_email_do_not_clash
                a_large_batch_is_answered_in_its_order
            }
            users_lookup {
                emails_find_live_users
                names_find_live_users_in_any_spelling
                letters_with_and_without_an_accent_are_two_names
                wildcards_in_a_name_are_themselves
                the_user_of_an_email_deleted_last_is_found
                the_user_of_a_name_deleted_last_is_found
                live_users_are_not_found_among_the_deleted
                a_token_finds_its_user_of_any_status
                a_token_that_was_given_up_finds_nobody
                a_fingerprint_finds_the_active_visitor_created_last
                a_suspended_visitor_is_not_found_by_fingerprint
            }
            users_touch {
                a_touch_moves_only_the_last_activity
                a_touch_never_goes_back
                unknown_users_are_passed_over
                of_several_touches_of_one_user_the_latest_counts
                a_touch_makes_no_change_stale
                lists_follow_a_touch
            }
            users_update {
                nothing_is_updated_for_nothing
                every_field_is_replaced
                a_promoted_visitor_keeps_its_id
                any_other_version_is_stale
                an_unknown_user_is_stale
                one_stale_user_holds_all_back
                one_unknown_user_holds_all_back
                a_name_of_a_live_user_is_a_conflict
                an_email_of_a_live_user_is_a_conflict
                of_a_taken_name_and_email_the_name_is_named
                two_of_one_batch_do_not_get_one_email
                two_of_one_batch_do_not_get_one_name
                a_user_may_spell_its_name_anew
                a_name_of_a_deleted_user_is_free
                a_restored_user_conflicts_with_whom_took_its_keys
                lookups_follow_an_update
                a_delete_frees_name_and_email_inside_the_unit
                a_large_batch_is_updated_at_once
                an_update_is_taken_from_the_unit_s_own_version
            }
        }
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
