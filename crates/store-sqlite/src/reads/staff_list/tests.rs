//! How SQLite goes about these queries: by an index, in its order, and never through all there is.

use super::*;
use crate::reads::query_plan;

#[test]
fn every_run_is_read_in_the_order_of_its_index() {
    for sql in [OF_STATE, HELD, LIVE, OF_FAN_IN_SCHEDULE, NEXT_SCHEDULE] {
        let plan = query_plan(sql);
        assert!(plan.starts_with("SEARCH reservation USING"), "{sql}\n{plan}");
        assert!(!plan.contains("B-TREE"), "{sql}\n{plan}");
    }
}

#[test]
fn ids_come_from_the_index_alone() {
    for sql in [OF_STATE, LIVE, OF_FAN, OF_FAN_IN_SCHEDULE, NEXT_SCHEDULE] {
        let plan = query_plan(sql);
        assert!(plan.contains("COVERING INDEX"), "{sql}\n{plan}");
    }
}

#[test]
fn lapsed_holds_are_found_by_their_end() {
    let plan = query_plan(LAPSED);
    assert!(plan.contains("SEARCH reservation USING INDEX reservation_pending (state_at<?)"), "{plan}");
}
