//! The rules of the product as whole evenings. What other systems got wrong is in the testkit's `lessons` and
//! `bugs`, which every store runs; here is what is left to say of the use cases.

use frontrow_testkit::bounded;
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::scenario;

fn check(text: &str) {
    bounded(scenario::check(MemoryFactory::new(), text));
}

#[test]
fn a_ticket_is_sold_end_to_end() {
    check(
        "
        schedule hall seats 5 price 50000 hold 300
        fan alice 120000
        version -> 1
        hold alice 2,1 -> r1
        show alice r1 -> pending 300s
        map -> hhaaa
        left -> 3
        version -> 2
        tickets alice r1 ->
        pay alice r1 -> paid 100000
        show alice r1 -> confirmed
        tickets alice r1 -> 1,2
        balance alice -> 20000
        map -> ssaaa
        version -> 3
        reservations alice -> r1
        payments alice -> completed 100000
        restart
        map -> ssaaa
        version -> 3
        show alice r1 -> confirmed
        tickets alice r1 -> 1,2
        audit -> clean
        ",
    );
}

#[test]
fn seats_are_held_all_or_none() {
    check(
        "
        schedule hall seats 5
        fan alice
        fan bob
        hold alice 2,3 -> r1
        hold bob 1,2,3,4 -> taken 2,3
        map -> ahhaa
        hold bob 1,4 -> r2
        map -> hhhha
        hold bob 6 -> unknown 6
        hold bob 0 -> unknown 0
        hold bob 5,7,9 -> unknown 7,9
        hold bob 5,5 -> twice 5
        hold bob 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21 -> more than 20 seats
        map -> hhhha
        reservations bob -> r2
        audit -> clean
        ",
    );
}

#[test]
fn too_little_balance_declines_and_keeps_the_hold() {
    check(
        "
        schedule hall seats 2 price 50000 hold 300
        fan alice 20000
        hold alice 1 -> r1
        pay alice r1 key k1 -> declined 20000 of 50000
        show alice r1 -> pending 300s
        balance alice -> 20000
        payments alice -> insufficient_balance
        # Only success is kept under a key: after charging, the same request goes through.
        charge alice 30000 key c1 -> 50000
        charge alice 30000 key c1 -> 50000 again
        pay alice r1 key k1 -> paid 50000
        pay alice r1 key k1 -> paid 50000 again
        payments alice -> completed 50000,insufficient_balance
        balance alice -> 0
        audit -> clean
        ",
    );
}

#[test]
fn a_decline_does_not_end_the_one_extension() {
    check(
        "
        schedule hall seats 2 price 50000 hold 300 extension 300
        fan alice 20000
        fan bob 50000
        hold alice 1 -> r1
        wait 299s
        pay alice r1 -> declined 20000 of 50000
        extend alice r1 -> r1 301s
        wait 300s
        hold bob 1 -> taken 1
        charge alice 30000 -> 50000
        pay alice r1 -> paid 50000
        map -> sa
        audit -> clean
        ",
    );
}

#[test]
fn what_costs_nothing_is_paid_with_nothing() {
    check(
        "
        schedule hall seats 2 price 0
        fan alice
        hold alice 1,2 -> r1
        pay alice r1 -> paid 0
        balance alice -> 0
        tickets alice r1 -> 1,2
        audit -> clean
        ",
    );
}

#[test]
fn a_sale_has_a_window_and_can_be_paused() {
    check(
        "
        schedule hall seats 3 price 50000 hold 300 opens 60 closes 600
        fan alice 100000
        hold alice 1 -> not open
        wait 59s
        hold alice 1 -> not open
        wait 1s
        hold alice 1 -> r1
        pause
        hold alice 2 -> paused
        # What is held can be paid and extended while the sale is paused.
        extend alice r1 -> r1 600s
        pay alice r1 -> paid 50000
        resume
        wait 539s
        hold alice 2 -> r2
        wait 1s
        hold alice 3 -> closed
        # A hold outlives the window.
        pay alice r2 -> paid 50000
        map -> ssa
        audit -> clean
        ",
    );
}

#[test]
fn one_fan_has_so_many_seats_of_a_schedule() {
    check(
        "
        schedule one seats 9 price 50000 hold 300 fan-seats 4
        schedule two seats 9 price 50000 hold 300 fan-seats 4
        fan alice 1000000
        hold alice 1,2,3 -> r1
        hold alice 4,5 -> limit 4 has 3
        hold alice 4 -> r2
        hold alice 5 -> limit 4 has 4
        hold alice 1,2,3,4 at two -> r3
        hold alice 1,2,3,4,5 at two -> limit 4 has 4
        pay alice r1 -> paid 150000
        wait 300s
        # Three are paid, one has lapsed.
        hold alice 5,6 -> limit 4 has 3
        hold alice 5 -> r4
        cancel alice r4 -> cancelled
        hold alice 6 -> r5
        audit -> clean
        ",
    );
}

#[test]
fn who_lets_ten_holds_go_waits_a_minute() {
    check(
        "
        schedule one seats 9 price 50000 hold 300
        schedule two seats 9 price 50000 hold 300
        fan alice 1000000
        hold alice 1 -> r1
        cancel alice r1
        hold alice 1 -> r2
        cancel alice r2
        hold alice 1 -> r3
        cancel alice r3
        hold alice 1 -> r4
        cancel alice r4
        hold alice 1 -> r5
        cancel alice r5
        hold alice 1 -> r6
        cancel alice r6
        hold alice 1 -> r7
        cancel alice r7
        hold alice 1 -> r8
        cancel alice r8
        hold alice 1 -> r9
        cancel alice r9
        hold alice 1 -> r10
        cancel alice r10
        hold alice 1 -> pausing
        hold alice 1 at two -> r11
        wait 59s
        hold alice 1 -> pausing
        wait 1s
        hold alice 1 -> r12
        ",
    );
}

#[test]
fn charges_keep_to_the_policy() {
    check(
        "
        fan alice
        charge alice 999 -> invalid amount
        charge alice 1000 -> 1000
        charge alice 1000001 -> invalid amount
        charge alice 1000000 -> 1001000
        charge alice 0 -> invalid amount
        charge alice -1000 -> invalid amount
        fan bob 10000000
        charge bob 1000 -> balance limit
        charge bob 1000 key k1 -> balance limit
        balance bob -> 10000000
        # A refusal keeps nothing, so another request may come with its key.
        charge alice 2000 key k1 -> 1003000
        charge alice 3000 key k1 -> key reused
        balance alice -> 1003000
        audit -> clean
        ",
    );
}

#[test]
fn a_repeat_shows_the_hold_as_it_was() {
    check(
        "
        schedule hall seats 5 price 50000 hold 300
        fan alice 100000
        hold alice 1,2 key k1 -> r1
        pay alice r1 -> paid 100000
        hold alice 1,2 key k1 -> r1 again
        hold alice 3 key k1 -> key reused
        wait 86399s
        hold alice 1,2 key k1 -> r1 again
        wait 1s
        hold alice 1,2 key k1 -> taken 1,2
        restart
        hold alice 3 key k1 -> r2
        hold alice 3 key k1 -> r2 again
        # What can no longer be refused for itself is still told to have another request.
        hold alice 4,4 key k1 -> key reused
        audit -> clean
        ",
    );
}

#[test]
fn log_ins_last_while_they_are_refreshed_and_end_when_a_token_comes_twice() {
    check(
        "
        fan alice
        fan bob
        log-in alice -> welcome
        log-in alice with wrong-password -> Refused(InvalidCredentials)
        log-in bob -> welcome
        refresh alice -> renewed
        # The answer may have been lost on the way: the one before the newest counts for a minute.
        refresh alice older 1 -> renewed
        wait 59s
        refresh alice older 1 -> renewed
        wait 1s
        refresh alice older 1 -> ended
        # And with it everything that descends from this log-in.
        refresh alice -> ended
        wait 2591939s
        refresh bob -> renewed
        wait 2592000s
        refresh bob -> ended
        ",
    );
}

#[test]
fn a_fan_sees_what_is_theirs_newest_first() {
    check(
        "
        schedule hall seats 9 price 50000 hold 300
        fan alice 1000000
        fan bob 1000000
        hold alice 1 -> r1
        hold bob 2 -> r2
        wait 1s
        hold alice 3 -> r3
        reservations alice -> r3,r1
        reservations bob -> r2
        pay alice r1 -> paid 50000
        pay alice r3 -> paid 50000
        hold alice 4,5 -> r4
        payments alice -> completed 50000,completed 50000
        reservations alice -> r4,r3,r1
        ",
    );
}
