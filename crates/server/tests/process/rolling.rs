//! New versions come one server at a time, behind the real nginx, while fans buy: nobody notices.

use std::time::Duration;

use crate::client::{http, on_sale};
use crate::cluster::{Cluster, until};
use crate::crowd::{Crowd, PRICE};
use crate::deploy::Nginx;

/// Fans who buy all the time.
const FANS: usize = 16;

/// Whether nginx and the servers behind it answer.
async fn is_up(nginx: &Nginx) -> bool {
    http().get(nginx.url("/health/ready")).send().await.is_ok_and(|answer| answer.status().is_success())
}

/// How many requests nginx has had answered by one of the servers at once, without asking the other.
fn answered_by(nginx: &Nginx, cluster: &Cluster, at: usize) -> usize {
    let address = format!(" {} ", cluster.servers[at].0.address);
    nginx.log().lines().filter(|line| line.contains("\" 20") && line.contains(&address)).count()
}

/// Two servers behind nginx, a concert on sale, and fans who buy there.
async fn busy(own: &[(&str, &str)]) -> (Cluster, Nginx, Crowd) {
    let cluster = Cluster::start_with(2, &[("FRONTROW__HTTP__DRAIN_SECONDS", "1")]).await;
    let nginx = Nginx::start_with(&cluster, own);
    until("nginx answers", || is_up(&nginx)).await;
    let base = nginx.url("/api/v1");
    let operator = cluster.person(0, "operator", "operator").over(&base);
    let (_, schedule) = on_sale(&operator, 50_000, PRICE, 300).await;
    let names = (0..FANS).map(|number| format!("buyer {number}"));
    let crowd = Crowd::of(names, schedule, |name| cluster.person(0, name, "fan").over(&base));
    crowd.goes_on(100).await;
    (cluster, nginx, crowd)
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_replaced_one_by_one_and_no_request_is_lost() {
    let (mut cluster, nginx, crowd) = busy(&[]).await;
    for at in [0, 1] {
        cluster.replace(at).await;
        // nginx leaves one that it has missed out for a while; the next is replaced when this one is asked again.
        let answered = || answered_by(&nginx, &cluster, at);
        let before = answered();
        until("nginx asks it again", || async { answered() > before + 20 }).await;
        crowd.goes_on(100).await;
    }
    let (bought, wrong) = crowd.end_in_any_way().await;
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", nginx.log());
    let figures = cluster.audit();
    assert_eq!(figures["reservations"]["confirmed"], bought.len(), "what was answered, and nothing else");
}

/// The control: a server that is killed, behind an nginx that asks nobody else, is noticed by those who buy.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_behind_an_nginx_that_asks_nobody_else_is_noticed() {
    let (cluster, _nginx, crowd) =
        busy(&[("proxy_next_upstream error timeout non_idempotent", "proxy_next_upstream off")]).await;
    cluster.kill(0);
    tokio::time::timeout(Duration::from_secs(20), crowd.goes_wrong()).await.expect("somebody was told so");
    let (bought, wrong) = crowd.end_in_any_way().await;
    assert!(wrong.iter().any(|what| what.contains("502")), "{wrong:#?}");
    let figures = cluster.audit();
    let confirmed = figures["reservations"]["confirmed"].as_u64().expect("a number");
    assert!(confirmed >= bought.len() as u64, "what was answered is there all the same");
}
