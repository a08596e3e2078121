//! The box office as whole evenings: the best seats, refunds, the door, what is kept back, and what is called off.

use frontrow_testkit::bounded;
use frontrow_testkit::memory::MemoryFactory;
use frontrow_testkit::scenario;

fn check(text: &str) {
    bounded(scenario::check(MemoryFactory::new(), text));
}

#[test]
fn the_best_seats_are_held_together_and_what_is_told_is_held() {
    check(
        "
        schedule hall seats 6
        fan alice
        fan bob
        fan carol
        best alice 2 -> r1
        seats alice r1 -> 1,2
        hold bob 4 -> r2
        map -> hhahaa
        # Three are left, and no three of them together.
        best carol 3 -> not together
        best carol 3 apart -> r3
        map -> hhhhhh
        best bob 1 -> sold out 0 left
        cancel carol r3 -> cancelled
        best bob 4 -> limit 4 has 1
        best bob 2 grade GOLD -> unknown grade
        best bob 0 -> no seats
        best bob 21 -> more than 20 seats
        audit -> clean
        ",
    );
}

#[test]
fn bug_20_the_last_pair_and_the_last_seat_can_be_sold() {
    check(
        "
        schedule hall seats 3
        fan alice
        fan bob
        best alice 2 -> r1
        best bob 1 -> r2
        map -> hhh
        best bob 1 -> sold out 0 left
        audit -> clean
        ",
    );
}

#[test]
fn bug_8_the_best_are_found_among_lapsed_holds_while_the_job_stands_still() {
    check(
        "
        schedule hall seats 4 hold 300
        fan alice
        fan bob
        fan carol
        best alice 4 -> r1
        wait 299s
        best bob 2 -> sold out 0 left
        wait 1s
        best bob 2 -> r2
        best carol 2 -> r3
        map -> hhhh
        audit -> clean
        ",
    );
}

#[test]
fn a_repeat_of_the_best_is_the_same_seats() {
    check(
        "
        schedule hall seats 9
        fan alice
        fan bob
        best alice 2 key k -> r1
        best bob 2 -> r2
        best alice 2 key k -> r1 again
        best alice 3 key k -> key reused
        restart
        best alice 2 key k -> r1 again
        map -> hhhhaaaaa
        audit -> clean
        ",
    );
}

#[test]
fn seats_are_given_back_as_the_policy_says_and_the_fee_is_kept() {
    check(
        "
        schedule hall seats 4 price 50000 refunds 696:100,24:70
        fan alice 200000
        fan bob
        hold alice 1,2 -> r1
        pay alice r1 -> paid 100000
        hold alice 3 -> r2
        pay alice r2 -> paid 50000
        hold alice 4 -> r3
        pay alice r3 -> paid 50000
        cancel bob r1 -> not found
        cancel alice r1 -> refunded 100000 of 100000
        cancel alice r1 -> refunded 100000 of 100000
        balance alice -> 100000
        tickets alice r1 ->
        # Its seats are for others at once.
        map -> aass
        hold bob 1,2 -> r4
        # A day later the first row has passed.
        wait 86400s
        cancel alice r2 -> refunded 35000 of 50000
        balance alice -> 135000
        # Until a day before, and not a moment longer.
        wait 2419200s
        cancel alice r3 -> no refund
        cancel alice r2 -> refunded 35000 of 50000
        payments alice -> completed 50000,refunded 50000,refunded 100000
        audit -> clean
        ",
    );
}

#[test]
fn without_a_policy_only_staff_gives_back() {
    check(
        "
        schedule hall seats 2 price 50000
        fan alice 100000
        hold alice 1 -> r1
        refund r1 -> not paid
        pay alice r1 -> paid 50000
        cancel alice r1 -> no refund
        refund r1 33 key k -> refunded 16500 of 50000
        refund r1 33 key k -> refunded 16500 of 50000 again
        # Once is all.
        refund r1 100 -> refunded 16500 of 50000
        balance alice -> 66500
        show alice r1 -> refunded
        hold alice 1 -> r2
        pay alice r2 -> paid 50000
        refund r2 0 -> refunded 0 of 50000
        balance alice -> 16500
        map -> aa
        audit -> clean
        ",
    );
}

#[test]
fn a_ticket_opens_the_door_once() {
    check(
        "
        schedule hall seats 3 price 50000 refunds 0:100
        schedule other seats 3
        fan alice 150000
        hold alice 1,2 -> r1
        scan r1 1 -> no ticket
        pay alice r1 -> paid 100000
        scan r1 1 door 2 -> wrong schedule
        scan r1 1 door 1 key k -> admitted 1
        scan r1 1 door 1 key k -> admitted 1 again
        scan r1 1 door 1 -> used
        scan r1 2 -> admitted 2
        # Nobody gives back a seat that somebody sits on.
        cancel alice r1 -> ticket used
        refund r1 -> ticket used
        hold alice 3 -> r2
        pay alice r2 -> paid 50000
        cancel alice r2 -> refunded 50000 of 50000
        scan r2 3 -> void
        restart
        scan r1 1 -> used
        audit -> clean
        ",
    );
}

#[test]
fn seats_are_kept_back_all_or_none() {
    check(
        "
        schedule hall seats 8
        fan alice 400000
        hold alice 4 -> r1
        block 3-5 -> taken 4
        map -> aaahaaaa
        block 1,2,7-8 key k -> 4
        block 1,2,7-8 key k -> 4 again
        map -> bbahaabb
        hold alice 2,3 -> taken 2
        best alice 3 -> not together
        # What is kept back already is not counted.
        block 1-3 -> 1
        pay alice r1 -> paid 50000
        release 1-4 -> taken 4
        release 1-3 -> 3
        release 1-3 -> 0
        release grade STANDARD -> 2
        map -> aaasaaaa
        block grade GOLD -> no such seats
        block 9 -> unknown 9
        left -> 7
        audit -> clean
        ",
    );
}

#[test]
fn a_lapsed_hold_is_no_reason_against_keeping_a_seat_back() {
    check(
        "
        schedule hall seats 2 hold 300
        fan alice
        hold alice 1 -> r1
        wait 300s
        block 1 -> 1
        expire -> 1
        map -> ba
        show alice r1 -> expired
        audit -> clean
        ",
    );
}

#[test]
fn the_box_office_sells_what_fans_cannot_have() {
    check(
        "
        schedule hall seats 6 price 50000 fan-seats 1 opens 3600
        fan alice 60000
        fan bob
        block 1-3
        hold alice 4 -> not open
        sell alice 1,4 wallet -> taken 1
        sell alice 4,5 wallet -> declined 60000 of 100000
        map -> bbbaaa
        sell alice 4 wallet -> r1
        balance alice -> 10000
        sell bob 1,2 free from-blocked key k -> r2
        sell bob 1,2 free from-blocked key k -> r2 again
        sell bob 5 cash -> r3
        balance bob -> 0
        payments bob -> completed 50000,completed 0
        tickets bob r2 -> 1,2
        map -> ssbssa
        sell bob 7 cash -> unknown 7
        # What was paid in cash goes back into the wallet.
        refund r3 80 -> refunded 40000 of 50000
        balance bob -> 40000
        refund r2 -> refunded 0 of 0
        map -> aabsaa
        audit -> clean
        ",
    );
}

#[test]
fn what_is_called_off_is_paid_back_whole_and_nothing_more_is_sold() {
    check(
        "
        schedule hall seats 5 price 50000
        fan alice 200000
        fan bob 50000
        hold alice 1,2 -> r1
        pay alice r1 -> paid 100000
        hold alice 3 -> r2
        hold bob 4 -> r3
        pay bob r3 -> paid 50000
        scan r3 4 -> admitted 4
        sell bob 5 cash -> r4
        call-off
        hold bob 5 -> closed
        sell bob 5 free -> closed
        refund r4 10 -> refunded 50000 of 50000
        pay alice r2 -> not pending
        scan r1 1 -> void
        extend alice r2 -> not pending
        # Whoever is quicker than the job gets the same, also by a hand that would give less.
        cancel alice r1 -> refunded 100000 of 100000
        restart
        withdraw -> 2
        withdraw -> 0
        show alice r2 -> cancelled
        show bob r3 -> refunded
        balance alice -> 200000
        balance bob -> 100000
        map -> aaaaa
        hold bob 5 -> closed
        call-off
        audit -> clean
        ",
    );
}
