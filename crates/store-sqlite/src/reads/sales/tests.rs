//! How SQLite goes about these queries: a schedule at a time, from its window on, and by the index alone.

use super::*;
use crate::reads::query_plan;

#[test]
fn payments_are_read_by_their_index_alone() {
    for sql in [TAKINGS, BY_MINUTE, BEST_SELLING, LAST_SALE] {
        let plan = query_plan(sql);
        assert!(plan.contains("SEARCH payment USING COVERING INDEX payment_by_schedule"), "{sql}\n{plan}");
        assert!(!plan.contains("SCAN payment") && !plan.contains("SCAN refund"), "{sql}\n{plan}");
    }
}

#[test]
fn windows_begin_where_they_are_in_the_index() {
    for sql in [BY_MINUTE, BEST_SELLING] {
        let plan = query_plan(sql);
        assert!(plan.contains("payment_by_schedule (schedule_id=? AND at>?)"), "{sql}\n{plan}");
    }
}

#[test]
fn claims_are_read_by_schedule_and_refunds_by_payment() {
    let plan = query_plan(TAKEN);
    assert!(plan.contains("SEARCH claim USING PRIMARY KEY (schedule_id=?)"), "{plan}");
    for sql in [BEST_SELLING, LAST_SALE] {
        let plan = query_plan(sql);
        assert!(plan.contains("SEARCH refund USING PRIMARY KEY (payment_id=?)"), "{sql}\n{plan}");
    }
    let plan = query_plan(TAKINGS);
    assert!(plan.contains("SEARCH refund USING COVERING INDEX refund_by_schedule"), "{plan}");
}
