//! What every waiting room must do, and every journal of the embedded one.
//!
//! Three suites, each a table of cases that are named once, as in [`conformance`](super):
//! - [`line_suite!`](crate::line_suite): the promises of the port `WaitingRoom`. Its cases see nothing but the port
//!   and a [`LineFactory`](crate::line::LineFactory).
//! - [`embedded_suite!`](crate::embedded_suite): what the embedded line tells while its journal is slow, refuses,
//!   or fails without a word. Its cases see the journal as well.
//! - [`journal_suite!`](crate::journal_suite): what a journal of the embedded line keeps.
//!
//! A check that could miss what it looks for has a control in [`controls`]: a line that breaks the promise.

pub mod ahead;
pub mod bench;
pub mod cap;
pub mod checks;
pub mod closing;
pub mod controls;
pub mod crowds;
pub mod ending;
pub mod evening;
pub mod fail_over;
pub mod joining;
pub mod journal;
pub mod kept;
pub mod lessons;
pub mod lobby;
pub mod lobby_journal;
pub mod lobby_model;
pub mod long_line;
pub mod model;
pub mod order;
pub mod passes;
pub mod presence;
pub mod rate;
pub mod refused;
pub mod sessions;
pub mod telling;
pub mod unknown;

macro_rules! suite {
    (($d:tt) $(#[$about:meta])* $suite:ident, $cases:ident: $($module:ident: $($name:ident)*;)*) => {
        /// All cases of that suite, as `module::case`.
        pub const $cases: &[&str] =
            &[$($(concat!(stringify!($module), "::", stringify!($name))),*),*];

        $(#[$about])*
        #[macro_export]
        macro_rules! $suite {
            ($d factory:expr) => {
                $(mod $module {
                    #[allow(unused_imports, reason = "the expression may need what the caller has in scope")]
                    use super::*;

                    $(
                        #[test]
                        fn $name() {
                            $crate::bounded($crate::conformance::line::$module::$name($d factory));
                        }
                    )*
                })*
            };
        }
    };
}

suite! { ($)
    /// Stamps a test for every case about the port `WaitingRoom`. The expression makes a
    /// [`LineFactory`](crate::line::LineFactory) with an empty line of its own; it runs once a case.
    ///
    /// ```ignore
    /// frontrow_testkit::line_suite!(EmbeddedFactory::new(MemoryJournal::new()));
    /// ```
    line_suite, LINE_CASES:
    joining:
        places_are_numbered_in_order_of_arrival
        joining_again_gives_the_same_place
        sixty_four_devices_at_the_same_instant_are_one_fan
        a_fan_who_hangs_up_has_one_place
        a_newcomer_is_refused_with_the_reason
        a_fan_with_a_place_gets_it_whoever_may_join
        after_the_end_of_a_place_joining_makes_a_new_one_at_the_end
        after_a_session_ran_out_joining_needs_no_tick
        a_number_is_given_out_once
        a_fan_may_stand_in_the_lines_of_two_concerts;
    ahead:
        ahead_is_exact_while_others_leave
        ahead_is_exact_while_others_are_let_in_and_skipped
        a_place_never_gets_worse
        a_state_never_goes_back
        figures_are_the_places_counted
        the_head_of_an_empty_line_is_the_next_number;
    order:
        fans_are_let_in_in_order_of_arrival
        leaving_and_joining_anew_goes_to_the_end
        returners_go_first_in_their_old_order
        joining_again_is_a_return
        a_return_makes_nobodys_place_worse
        a_returner_who_is_gone_again_holds_nobody_up
        a_skipped_fan_waits_for_their_own_return;
    cap:
        no_more_are_let_in_than_the_cap_admits
        the_cap_holds_through_an_evening
        a_lowered_cap_throws_nobody_out
        a_freed_slot_goes_on_at_the_next_tick
        a_slot_is_freed_once
        ticks_at_the_same_moment_share_cap_and_rate;
    rate:
        no_sliding_second_is_above_the_rate
        the_rate_holds_across_pauses
        the_rate_holds_across_restarts_and_crashes
        a_low_rate_holds_across_a_crash
        a_changed_rate_binds_at_the_next_tick
        unused_rate_is_not_saved_up
        what_the_cap_held_back_is_not_saved_up
        the_rate_holds_when_the_clock_is_set_back
        the_rate_holds_when_the_clock_is_set_back_across_a_crash
        the_rate_holds_when_the_clock_jumps_ahead
        the_shown_speed_is_that_of_the_last_ten_seconds
        d16_instances_share_cap_and_rate;
    sessions:
        a_fan_who_is_let_in_has_a_session
        a_session_ends_on_the_dot_whatever_the_fan_does
        a_called_fan_who_does_not_come_is_a_no_show
        a_fan_who_comes_in_the_last_moment_has_come
        the_claim_time_waits_for_the_next_question
        a_changed_session_length_binds_new_sessions_only
        the_claim_time_counts_from_readiness
        a_session_that_ran_out_in_an_outage_is_over
        a_clock_set_back_across_a_crash_makes_no_session_longer;
    presence:
        a_fan_who_is_gone_is_skipped_when_their_turn_comes
        a_silent_fan_is_there_to_the_end_of_the_minute
        nobody_is_skipped_before_their_turn
        nobody_is_skipped_while_the_rate_is_used_up
        skipping_costs_neither_rate_nor_cap
        only_the_fan_gives_a_sign_of_life
        a_fan_is_there_for_twice_what_they_were_told
        absence_counts_from_readiness
        a_restart_brings_no_skipped_fan_back
        a_fan_who_is_let_in_need_not_ask
        everybody_is_told_when_to_ask_again
        bug_23_absent_fans_do_not_slow_the_line;
    ending:
        a_place_is_ended_once_for_a_reason
        ending_again_changes_nothing
        a_session_that_ran_out_is_not_ended_by_anything_else
        a_payment_ends_only_the_entry_named
        how_far_sessions_were_ended_is_kept
        old_places_are_forgotten_and_nothing_else;
    passes:
        a_pass_opens_its_own_place_only
        an_unknown_pass_is_nothing
        the_door_is_open_to_whoever_is_let_in
        bug_26_the_pass_of_an_ended_place_opens_nothing
        looking_finds_the_newest_place;
    closing:
        a_held_room_keeps_all_places
        sessions_end_in_a_held_room
        closing_ends_everybody_in_line
        a_reopened_line_takes_newcomers_behind
        a_closing_survives_a_crash
        a_line_is_closed_again_for_whoever_came_since
        nobody_stays_in_a_closed_line;
    lobby:
        fans_in_the_lobby_stand_in_no_line
        joining_the_lobby_again_gives_the_same_place
        the_line_has_the_order_in_which_it_was_drawn
        a_pass_from_the_lobby_stays_good_in_the_line
        whoever_has_left_gets_no_number
        latecomers_follow_in_order_of_arrival
        after_the_draw_newcomers_join_the_line
        an_empty_lobby_is_drawn_at_once
        every_step_can_be_repeated
        a_clock_set_back_across_a_crash_takes_nobody_out_of_a_draw
        a_crash_between_two_steps_changes_nothing
        a_crowd_is_drawn_in_chunks
        a_crash_among_the_latecomers_doubles_nobody
        joins_during_the_draw_overtake_nobody
        closing_a_line_ends_its_lobby
        lobbies_of_two_concerts_are_drawn_apart;
    lobby_model:
        whatever_happens_meanwhile_the_line_is_what_was_drawn;
    telling:
        whoever_is_let_in_is_to_be_told_of
        what_was_told_is_told_no_more
        a_crash_loses_nobody_and_parts_nobody
        the_forgotten_are_told_of_first
        lines_are_told_of_apart;
    fail_over:
        places_in_every_state_survive
        the_line_goes_on_after_a_crash
        a_new_place_after_a_session_ran_out_survives_a_crash
        bug_24_every_joiner_keeps_one_number
        a_crash_changes_nothing_that_was_shown;
    lessons:
        d11_ten_minutes_of_waiting_keep_the_order
        bug_27_two_lines_do_not_touch_each_other
        bug_28_what_an_operator_changes_shows_at_the_next_tick;
    crowds:
        a_crowd_at_the_door_is_numbered_in_its_order
        d10_ranks_are_exact_with_a_crowd_behind;
    controls:
        control_swapped_numbers_are_inversions
        control_a_line_that_forgets_its_fans_gives_them_two_places
        control_a_line_that_ignores_the_cap_goes_beyond_it
        control_a_line_that_ignores_the_rate_is_too_fast;
    model:
        every_step_agrees_with_a_sorted_list;
}

suite! { ($)
    /// Stamps a test for every case about the embedded line and its journal. The expression makes a
    /// [`JournalSource`](crate::line::JournalSource) with an empty journal of its own; it runs once a case.
    embedded_suite, EMBEDDED_CASES:
    kept:
        a_place_is_answered_once_it_is_kept
        a_place_is_shown_to_nobody_before_it_is_kept
        an_admission_shows_once_it_is_kept
        an_admission_that_a_crash_took_back_was_not_told
        an_end_moves_others_once_it_is_kept
        skips_and_closings_show_once_they_are_kept
        a_fan_seen_while_being_skipped_has_come_back
        calls_on_their_way_count_for_the_cap
        a_leave_behind_a_call_ends_the_session
        a_closing_ends_who_was_in_line_when_it_was_decided
        a_close_keeps_what_came_before
        a_stopping_line_keeps_nothing_that_it_refused;
    refused:
        a_refused_join_leaves_no_place
        a_refused_join_hides_no_older_place
        a_refused_admission_lets_nobody_in
        a_refused_end_changes_nothing
        places_are_told_while_nothing_is_kept
        absence_counts_from_the_end_of_an_outage
        joining_again_while_the_first_is_refused_tells_of_no_lost_place
        a_call_on_a_refused_place_costs_no_slot
        nobody_overtakes_a_refused_call
        an_end_of_a_refused_place_stops_nothing
        a_session_whose_end_is_refused_keeps_its_slot
        an_old_session_is_over_once_whatever_is_refused
        what_is_shown_is_what_is_kept
        an_evening_behind_the_door
        bug_24_joins_cut_off_by_a_crash_keep_what_was_answered
        a_refused_place_in_the_lobby_was_never_there
        a_refused_step_of_a_draw_is_taken_again;
    unknown:
        an_unknown_outcome_that_did_not_happen
        an_unknown_outcome_that_did_happen
        a_journal_that_panics_ends_the_line_closed
        after_unknown_outcomes_everybody_has_one_place;
    long_line:
        a_long_line_is_exact_from_the_start;
}

suite! { ($)
    /// Stamps a test for every case about a journal of the embedded line. The expression makes a
    /// [`JournalSource`](crate::line::JournalSource) with an empty journal of its own; it runs once a case.
    journal_suite, JOURNAL_CASES:
    journal:
        places_read_as_they_were_written
        a_batch_is_applied_in_its_order
        a_refused_batch_leaves_nothing
        a_move_of_no_place_in_line_refuses_its_batch
        what_ended_long_ago_is_left_out
        whoever_is_not_told_of_is_neither_left_out_nor_forgotten
        used_numbers_are_known_whatever_is_left_out
        marks_read_as_they_were_written
        an_empty_batch_is_taken
        forgetting_goes_in_steps
        a_closed_line_is_forgotten;
    lobby_journal:
        draws_read_as_they_were_written
        a_draw_never_goes_back
        a_lobby_that_was_drawn_is_empty
        a_lobby_has_numbers_of_its_own_whatever_is_left_out
        whoever_has_left_during_a_draw_is_neither_left_out_nor_forgotten
        a_lobby_is_no_part_of_a_line_that_is_closed;
}
