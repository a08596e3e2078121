//! A Redis Cluster of a test's own, of which it may kill nodes and move slots.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use frontrow_testkit::clock::Dice;
use frontrow_waiting_redis::RedisSettings;
use parking_lot::Mutex;
use std::hash::{BuildHasher as _, RandomState};
use tempfile::TempDir;

use crate::own::until;
use crate::tls::Authority;

/// How far the port of a node's bus is from its own.
const BUS: u16 = 10_000;

/// A cluster of a test's own.
pub(crate) struct OwnCluster {
    nodes: Vec<Node>,
    authority: Option<Arc<Authority>>,
    _folder: TempDir,
}

struct Node {
    port: u16,
    process: Mutex<Option<Child>>,
}

/// What a node says of one that it knows.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) port: u16,
    is_master: bool,
    has_failed: bool,
    slots: Vec<(u16, u16)>,
}

/// Ports for so many nodes and their buses, all below those that outgoing connections take.
fn free_ports(count: usize) -> Vec<u16> {
    let mut dice = Dice::new(RandomState::new().hash_one(std::process::id()));
    let mut ports = Vec::new();
    while ports.len() < count {
        let port = 10_240 + u16::try_from(dice.below(12_000)).expect("small");
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if !ports.contains(&port) && is_free(port) && is_free(port + BUS) {
            ports.push(port);
        }
    }
    ports
}

impl OwnCluster {
    /// So many masters with so many replicas each.
    pub(crate) async fn start(masters: usize, replicas: usize) -> Self {
        Self::start_with(masters, replicas, None).await
    }

    /// The same, with TLS when there is somebody to vouch for the nodes.
    pub(crate) async fn start_with(
        masters: usize,
        replicas: usize,
        authority: Option<Arc<Authority>>,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let ports = free_ports(masters * (1 + replicas));
        let nodes = ports.iter().map(|port| {
            let data = folder.path().join(port.to_string());
            std::fs::create_dir(&data).expect("a folder can be made");
            let mut command = Command::new("redis-server");
            let number = port.to_string();
            match &authority {
                None => command.args(["--port", &number]),
                Some(authority) => command
                    .args(["--port", "0", "--tls-port", &number, "--tls-cluster", "yes"])
                    .args(authority.arguments()),
            };
            command
                .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--cluster-enabled", "yes"])
                .args(["--cluster-node-timeout", "1000", "--cluster-replica-validity-factor", "0"])
                .args(["--repl-diskless-sync-delay", "0", "--dir"])
                .arg(&data)
                .stdout(Stdio::null());
            let process = command.spawn().expect("redis-server is installed: make services does that");
            Node { port: *port, process: Mutex::new(Some(process)) }
        });
        let cluster = Self { nodes: nodes.collect(), authority, _folder: folder };
        for port in &ports {
            until("a node answers", || async { cluster.ask(*port, &["PING"]) == "PONG" }).await;
        }
        let mut create = cluster.client();
        create.args(["--cluster", "create"]).args(ports.iter().map(|port| format!("127.0.0.1:{port}")));
        create.args(["--cluster-replicas", &replicas.to_string(), "--cluster-yes"]);
        let made = create.output().expect("redis-cli runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        let known = format!("cluster_known_nodes:{}", ports.len());
        for port in &ports {
            until("the cluster is whole", || async {
                let info = cluster.ask(*port, &["CLUSTER", "INFO"]);
                let role = cluster.ask(*port, &["INFO", "replication"]);
                let follows = role.contains("role:master") || role.contains("master_link_status:up");
                info.contains("cluster_state:ok") && info.contains(&known) && follows
            })
            .await;
        }
        cluster
    }

    fn client(&self) -> Command {
        let mut command = Command::new("redis-cli");
        if let Some(authority) = &self.authority {
            command.args(authority.of_client());
        }
        command.stdin(Stdio::null());
        command
    }

    /// Asks one node something; the answer as text.
    pub(crate) fn ask(&self, port: u16, words: &[&str]) -> String {
        let output =
            self.client().args(["-p", &port.to_string()]).args(words).output().expect("redis-cli runs");
        String::from_utf8_lossy(&output.stdout).trim().replace('\r', "")
    }

    /// The address of all nodes.
    pub(crate) fn url(&self, scheme: &str) -> String {
        let mut url = format!("{scheme}://");
        for (place, node) in self.nodes.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            let _ = write!(url, "{comma}127.0.0.1:{}", node.port);
        }
        url
    }

    /// The settings of an instance in earnest, without TLS.
    pub(crate) fn settings(&self) -> RedisSettings {
        RedisSettings::new(&self.url("redis+cluster")).expect("an address")
    }

    /// What a node that runs knows of all.
    pub(crate) fn known(&self) -> Vec<Known> {
        let running = self.nodes.iter().find(|node| node.process.lock().is_some()).expect("one runs");
        let said = self.ask(running.port, &["CLUSTER", "NODES"]);
        let read = |line: &str| {
            let words: Vec<_> = line.split(' ').collect();
            let port = words[1].split('@').next()?.rsplit(':').next()?.parse().ok()?;
            let slots = words[8..].iter().filter_map(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                Some((first.parse().ok()?, last.parse().ok()?))
            });
            let flags = words[2];
            let has_failed = flags.split(',').any(|flag| flag == "fail");
            let (id, is_master) = (words[0].to_owned(), flags.contains("master"));
            Some(Known { id, port, is_master, has_failed, slots: slots.collect() })
        };
        said.lines().filter_map(read).collect()
    }

    /// The slot of a key.
    pub(crate) fn slot_of(&self, key: &str) -> u16 {
        let slot = self.ask(self.nodes[0].port, &["CLUSTER", "KEYSLOT", key]);
        slot.parse().expect("a number")
    }

    /// The master that serves a slot; nothing while none does.
    pub(crate) fn master_of(&self, slot: u16) -> Option<Known> {
        let serves = |node: &Known| node.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot));
        self.known().into_iter().find(|node| node.is_master && !node.has_failed && serves(node))
    }

    /// Masters that do not serve a slot.
    pub(crate) fn other_masters(&self, slot: u16) -> Vec<Known> {
        let serves = |node: &Known| node.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot));
        let masters = self.known().into_iter().filter(|node| node.is_master && !node.has_failed);
        masters.filter(|node| !serves(node)).collect()
    }

    /// Ends a node without notice.
    pub(crate) fn kill(&self, port: u16) {
        let node = self.nodes.iter().find(|node| node.port == port).expect("a node of ours");
        let mut process = node.process.lock().take().expect("it runs");
        process.kill().expect("it can be ended");
        process.wait().expect("it ends");
    }
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        for node in &self.nodes {
            if let Some(mut process) = node.process.lock().take() {
                let _ = process.kill();
                let _ = process.wait();
            }
        }
    }
}
