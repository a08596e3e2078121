//! What every store must do.
//!
//! Each case is an `async fn` that takes a [`StoreFactory`](crate::StoreFactory) and is named once, in the table
//! below. The table makes both the list [`CASES`] and the macro [`store_suite!`](crate::store_suite), which
//! stamps a test for each. There is nothing else to register, and nothing that an adapter can leave out.
//!
//! Cases come from the promises in `frontrow_application::store` and from what was seen to break in real systems:
//! [`lessons`] are named after their numbers there. A race has a *control* beside it: the same race without the
//! guard, which must show the failure, or the race proves nothing.

pub mod attempts;
pub mod audits;
pub mod bench;
pub mod box_office;
pub mod bugs;
pub mod commits;
pub mod delivery;
pub mod draws;
pub mod guards;
pub mod keys;
pub mod lessons;
pub mod line;
pub mod lists;
pub mod logs;
pub mod messages;
pub mod model;
pub mod picks;
pub mod races;
pub mod records;
pub mod refund_audits;
pub mod refunds;
pub mod sales;
pub mod sold_out;
pub mod staff;
pub mod times;
pub mod versions;

macro_rules! cases {
    (($d:tt) $($module:ident: $($name:ident)*;)*) => {
        /// All cases, as `module::case`.
        pub const CASES: &[&str] = &[$($(concat!(stringify!($module), "::", stringify!($name))),*),*];

        /// Stamps a test for every case of the conformance suite. The expression makes a
        /// [`StoreFactory`](crate::StoreFactory) with an empty store of its own; it runs once a case.
        ///
        /// ```ignore
        /// frontrow_testkit::store_suite!(SqliteFactory::new());
        /// ```
        #[macro_export]
        macro_rules! store_suite {
            ($d factory:expr) => {
                $(mod $module {
                    #[allow(unused_imports, reason = "the expression may need what the caller has in scope")]
                    use super::*;

                    $(
                        #[test]
                        fn $name() {
                            $crate::bounded($crate::conformance::$module::$name($d factory));
                        }
                    )*
                })*
            };
        }
    };
}

cases! { ($)
    commits:
        nothing_is_visible_before_the_commit
        a_refused_command_leaves_nothing_and_the_others_stand
        a_panicking_command_leaves_nothing_and_the_others_stand
        records_and_events_land_together_or_not_at_all
        one_row_that_the_store_refuses_undoes_the_whole_group
        commands_of_a_group_see_each_other_in_order
        a_command_gets_what_it_asks_for
        a_command_that_asks_for_ever_fails_alone
        a_group_that_changes_nothing_is_committed
        what_was_committed_survives_a_reopening;
    records:
        accounts_read_as_they_were_written
        addresses_are_keys_of_their_bytes
        identities_are_keys_of_their_bytes
        logins_read_as_they_were_written
        wallets_read_as_they_were_written
        counters_read_as_they_were_written
        concerts_read_as_they_were_written
        schedules_and_plans_read_as_they_were_written
        claims_read_as_they_were_written
        reservations_read_as_they_were_written
        ledgers_read_as_they_were_written
        payments_read_as_they_were_written
        tickets_read_as_they_were_written
        outcomes_read_as_they_were_written;
    versions:
        events_read_as_they_were_written
        row_versions_move_with_every_change;
    guards:
        a_seat_has_one_claim
        a_claim_is_changed_only_by_who_has_seen_its_holder
        a_reservation_is_paid_once
        ids_are_used_once
        a_ledger_number_is_used_once
        a_key_an_address_and_an_identity_are_used_once
        a_balance_is_never_negative
        a_row_that_has_moved_on_is_not_overwritten;
    races:
        two_holders_of_one_seat_are_one
        control_two_holders_of_one_seat_without_the_check
        seat_sets_in_opposite_order_all_finish
        a_wallet_counts_every_charge
        control_a_wallet_with_stale_balances_loses_charges
        one_key_sent_by_many_has_one_effect
        control_a_key_that_is_looked_up_first_has_many_effects;
    keys:
        a_repeated_key_shows_what_was_kept
        a_key_with_another_request_is_refused
        a_refusal_keeps_nothing
        a_key_is_free_again_after_a_day
        a_key_counts_across_midnight
        upkeep_drops_old_keys_and_nothing_else;
    times:
        a_group_is_never_decided_before_its_schedule
        a_hold_is_decided_after_the_lock
        the_map_has_the_version_of_its_schedule
        a_clock_that_jumps_back_does_not_stop_the_sale
        a_clock_that_jumps_back_does_not_fool_the_audit;
    lists:
        lapsed_holds_come_oldest_first
        reservations_come_newest_first_in_pages
        reservations_are_filtered_by_status_and_concert
        a_fan_has_something_pending_until_its_end
        entries_and_payments_come_newest_first_in_pages
        concerts_come_by_booking_start_in_pages
        concerts_are_found_by_their_text
        schedules_come_in_order_of_start
        concerts_with_rooms_come_in_order
        session_ends_come_by_position
        what_is_not_there_is_nothing
        a_store_has_one_epoch;
    logs:
        events_come_in_order_whatever_the_partition
        what_is_read_on_from_is_missed_by_nobody
        old_events_go_and_their_positions_are_not_used_again;
    picks:
        seats_that_have_changed_are_known_and_no_others
        without_a_version_all_claims_are_known
        the_oldest_version_of_a_group_counts
        a_plan_that_was_replaced_leaves_no_gap
        changes_that_were_cleaned_are_made_up_for
        an_old_map_and_what_changed_make_the_present_one
        what_was_missed_of_a_map_is_read_as_of_one_moment
        claims_of_lapsed_holds_are_known
        claims_that_had_lapsed_have_lapsed_when_the_clock_goes_back
        a_refusal_is_given_only_after_a_look_at_lapsed_holds;
    refunds:
        refunds_read_as_they_were_written
        a_payment_is_refunded_once
        tickets_are_loaded_by_reservation
        a_seat_of_a_reservation_has_one_ticket
        a_ticket_that_has_moved_on_is_not_overwritten
        admissions_count_tickets
        drawings_read_as_they_were_written
        half_a_refund_is_none;
    draws:
        drawn_orders_read_as_they_were_written
        a_place_in_a_drawn_order_is_kept_once
        a_part_and_how_much_is_kept_land_together
        drawn_orders_that_do_not_add_up_are_found;
    box_office:
        reservations_are_found_by_whatever_is_known
        reservations_of_staff_come_in_pages_without_gap_or_repeat
        live_reservations_of_a_schedule_come_in_order
        a_reservation_is_found_in_the_state_that_it_is_in
        accounts_are_found_by_their_text
        changed_accounts_are_told_from_the_others
        schedules_that_were_called_off_come_in_order;
    sales:
        takings_are_the_sum_of_payments_and_refunds
        sales_come_by_minute
        what_sells_best_comes_first
        the_last_sale_is_one_that_stands
        seats_that_are_taken_are_counted_by_schedule;
    sold_out:
        selling_out_is_told_once_by_all_instances_and_again_after_a_refund
        telling_races_refunds_and_sales;
    staff:
        staff_actions_read_as_they_were_written
        staff_actions_come_newest_first_in_pages
        a_refused_command_leaves_no_line
        a_line_is_written_once_and_never_over_another;
    audits:
        an_evening_audits_clean
        planted_claims_are_found
        planted_reservations_are_found
        planted_payments_are_found
        planted_ledgers_are_found
        a_missing_payment_is_found
        a_missing_debit_is_found
        a_payment_of_another_amount_is_found
        a_payment_by_another_fan_is_found
        a_missing_ticket_is_found
        a_ticket_for_another_seat_is_found
        audits_come_in_slices;
    refund_audits:
        an_evening_of_refunds_audits_clean
        planted_refunds_are_found;
    model:
        every_answer_is_that_of_the_model;
    lessons:
        d1_a_paid_seat_stays_sold_whatever_the_clock_does
        d2_an_unpaid_seat_is_free_at_the_end_of_its_hold
        d3_a_hundred_expired_at_once_are_a_hundred_free
        d5_a_cancelled_seat_is_sold_again
        d6_paying_again_charges_once
        d7_nobody_touches_what_is_not_theirs
        d9b_two_hundred_charges_add_up
        d12_a_failed_commit_moves_neither_money_nor_seat
        d13_copies_of_one_key_have_one_effect
        d15_a_thousand_contenders_have_one_winner_and_clean_conflicts;
    bugs:
        bug_1_the_last_seat_has_one_winner
        bug_1_control_checking_first_sells_the_last_seat_twice
        bug_2_paying_races_expiring
        bug_2_holding_races_cancelling
        bug_2_extending_races_holding
        bug_3_a_buyer_who_comes_before_the_commit_loses
        bug_3_control_a_lock_released_early_sells_twice
        bug_5_every_kind_of_claim_is_counted
        bug_6_a_count_below_zero_is_refused_not_hidden
        bug_7_counts_equal_the_rows
        bug_7_control_a_count_kept_beside_the_rows_drifts
        bug_8_an_expired_hold_is_free_without_any_job
        bug_9_extending_for_ever_ends_at_the_cap;
}
