//! `RedisLine` keeps every promise of the port, on one server and on a cluster.

use crate::servers::{RedisFactory, Server};

/// Fans of a crowd. Places cost a round trip's share each, and the cases of one run share two processors. The whole
/// hundred thousand is in `instances`, with optimisation.
const CROWD: u64 = 50_000;
const CROWD_ON_A_CLUSTER: u64 = 10_000;

mod on_one_server {
    use super::*;

    frontrow_testkit::line_suite!(RedisFactory::on(Server::single(), CROWD));
}

mod on_a_cluster {
    use super::*;

    frontrow_testkit::line_suite!(RedisFactory::on(Server::cluster(), CROWD_ON_A_CLUSTER));
}

/// Rooms that the version before has made, each fan in a field of their own: they are served to their end.
mod with_former_rooms {
    use super::*;

    /// The rooms that the suite uses, but for a few of a case of many.
    const FORMER: u32 = 4;

    frontrow_testkit::line_suite!(
        RedisFactory::on(Server::single(), CROWD_ON_A_CLUSTER).with_former_rooms(FORMER)
    );
}
