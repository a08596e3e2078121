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
