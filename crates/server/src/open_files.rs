//! How many files the process may have open. Every connection is one, and where the system starts processes with a
//! limit of 1,024 a sale would be over after a thousand open streams.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are no connections: the database with its log and readers, the log of the server, what the runtime
/// needs, and connections that go out.
const OTHERS: u64 = 256;

/// Raises the limit to what the system lets this process have, and answers how many of so many connections there is
/// room for.
pub(crate) fn room_for(connections: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let limit = match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::debug!(%error, "the limit of open files could not be raised");
            current
        }
    };
    let room = room_within(limit, connections);
    if room < connections {
        tracing::warn!(
            limit,
            connections = room,
            "fewer connections than http.max_connections, since the process may not open more files: raise the hard \
             limit (ulimit -Hn, LimitNOFILE)"
        );
    }
    room
}

/// At least one connection is tried, whatever the limit.
fn room_within(limit: Option<u64>, connections: usize) -> usize {
    let room = limit.map_or(u64::MAX, |limit| limit.saturating_sub(OTHERS).max(1));
    usize::try_from(room).unwrap_or(usize::MAX).min(connections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_other_files() {
        assert_eq!(room_within(None, 20_000), 20_000, "no limit");
        assert_eq!(room_within(Some(65_536), 20_000), 20_000);
        assert_eq!(room_within(Some(1_024), 20_000), 768);
        assert_eq!(room_within(Some(20), 20_000), 1);
    }

    #[test]
    fn the_limit_is_as_high_as_it_may_be() {
        assert!(room_for(1) == 1);
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
