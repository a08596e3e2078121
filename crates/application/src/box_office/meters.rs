//! What the box office counts. Handles are resolved once: a group of one command is not to look for names.

use std::time::Duration;

use frontrow_domain::event::Event;
use metrics::{Counter, Histogram, counter, histogram};

use super::Priority;
use crate::group::Group;

pub(super) struct Meters {
    commands: Histogram,
    seconds: Histogram,
    shed: [Counter; Priority::COUNT],
    late: Counter,
    events: [Counter; Event::TYPES.len()],
}

impl Meters {
    pub(super) fn new() -> Self {
        let of = |priority: Priority| counter!("frontrow_commands_shed_total", "priority" => priority.name());
        Self {
            commands: histogram!("frontrow_group_commands"),
            seconds: histogram!("frontrow_group_commit_seconds"),
            shed: Priority::ALL.map(of),
            late: counter!("frontrow_commands_late_total"),
            events: Event::TYPES.map(|name| counter!("frontrow_events_committed_total", "type" => name)),
        }
    }

    /// A command found its queue full.
    pub(super) fn shed(&self, priority: Priority) {
        self.shed[priority as usize].increment(1);
    }

    /// So many commands were dropped past their deadline.
    pub(super) fn late(&self, commands: usize) {
        if commands > 0 {
            self.late.increment(u64::try_from(commands).unwrap_or(u64::MAX));
        }
    }

    /// A group was committed.
    pub(super) fn committed(&self, group: &Group, took: Duration) {
        self.commands.record(group.len() as f64);
        self.seconds.record(took.as_secs_f64());
        self.late(group.late());
        for (counter, &count) in self.events.iter().zip(&group.news().events) {
            if count > 0 {
                counter.increment(u64::from(count));
            }
        }
    }

    /// A try to commit a group failed. Seldom, so the name is looked for.
    pub(super) fn failed(reason: &'static str) {
        counter!("frontrow_group_failures_total", "reason" => reason).increment(1);
    }
}
