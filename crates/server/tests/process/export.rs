//! Sales as a table, from a store that is sold from.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::json;

use crate::client::{Person, http, on_sale_titled};
use crate::crowd::{Crowd, PRICE};
use crate::sale::audit;
use crate::server::{Server, frontrow};

fn export(folder: &Path, more: &[&str]) -> Output {
    frontrow(folder).args(["export", "sales"]).args(more).output().expect("the binary runs")
}

/// The table that an export prints, as lines of cells, by the rules of RFC 4180.
fn table(output: &Output) -> Vec<Vec<String>> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::str::from_utf8(&output.stdout).expect("UTF-8");
    let (mut lines, mut line, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut before) = (false, ' ');
    for c in text.chars() {
        match c {
            '"' if quoted => quoted = false,
            '"' => {
                // A quote right behind one that has closed is one of the text.
                if before == '"' {
                    cell.push('"');
                }
                quoted = true;
            }
            ',' if !quoted => line.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                assert_eq!(before, '\r', "lines end with CRLF");
                line.push(std::mem::take(&mut cell));
                lines.push(std::mem::take(&mut line));
            }
            _ => cell.push(c),
        }
        before = c;
    }
    assert!(cell.is_empty() && line.is_empty(), "the last line has its end");
    lines
}

/// The sum of a column.
fn sum(table: &[Vec<String>], name: &str) -> i64 {
    let at = column(table, name);
    let amounts = table[1..].iter().filter(|line| !line[at].is_empty());
    amounts.map(|line| line[at].parse::<i64>().expect("a number")).sum()
}

fn column(table: &[Vec<String>], name: &str) -> usize {
    table[0].iter().position(|column| column == name).expect("a column")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sale_is_a_line_and_the_sums_are_those_of_the_audit() {
    let data = tempfile::tempdir().expect("folder");
    let folder = data.path();
    let server = Server::start(folder, &[]);
    let client = http();
    let operator = Person::new(&server, &client, "operator", "operator");
    let first = on_sale_titled(&operator, "=HYPERLINK(\"http://evil.example\")", 2_000, PRICE, 300).await;
    let second = on_sale_titled(&operator, "밤의 노래, \"live\"", 10, PRICE, 300).await;
    let fan = Person::new(&server, &client, "fan", "fan");
    fan.charge(100_000).await.expect(200);
    let mut ids = Vec::new();
    for seats in [&[1, 2][..], &[3], &[4]] {
        let held = fan.hold(&format!("hold {seats:?}"), second.1, seats).await.expect(201);
        ids.push(held["reservationId"].as_str().expect("an id").to_owned());
        if seats != [4] {
            fan.pay(&format!("pay {seats:?}"), &ids[ids.len() - 1]).await.expect(201);
        }
    }
    let back = json!({"percent": 50, "reason": "ill"});
    operator.post(&format!("/admin/reservations/{}/refund", ids[1]), "back", back).await.expect(200);

    // While others buy: more than a page, and nobody waits for it.
    let crowd = Crowd::begin(&server, &client, first.1, 16);
    crowd.goes_on(1_800).await;
    let before = crowd.told();
    let meanwhile = table(&export(folder, &[]));
    let told = crowd.end().await;
    assert!(before.len() > 550, "more than one page");
    let id = column(&meanwhile, "reservation_id");
    let mut seen: Vec<&str> = meanwhile[1..].iter().map(|line| line[id].as_str()).collect();
    assert!(before.keys().all(|id| seen.contains(&id.as_str())), "what was paid before is in it");
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count, "nothing twice");

    let all = table(&export(folder, &[]));
    let figures = audit(folder);
    assert_eq!(all.len() - 1, told.len() + 2, "what is held is no sale");
    assert_eq!(figures["confirmed"], sum(&all, "amount") - sum(&all, "refunded") - sum(&all, "fee"));
    assert_eq!(figures["reservations"]["confirmed"], told.len() + 1);
    assert_eq!((sum(&all, "refunded"), sum(&all, "fee")), (PRICE / 2, PRICE / 2));

    let of_second = table(&export(folder, &["--concert", &second.0.to_string()]));
    assert_eq!(of_second.len(), 3);
    let line = of_second.iter().find(|line| line[id] == ids[0]).expect("the first of them");
    let cell = |name: &str| line[column(&of_second, name)].as_str();
    assert_eq!((cell("concert"), cell("seats"), cell("seat_count")), ("밤의 노래, \"live\"", "1; 2", "2"));
    assert_eq!((cell("status"), cell("amount"), cell("currency")), ("confirmed", "2000", "KRW"));
    assert_eq!((cell("refunded_at"), cell("refunded"), cell("fee")), ("", "", ""));
    let of_first = table(&export(folder, &["--schedule", &first.1.to_string()]));
    let title = &of_first[1][column(&of_first, "concert")];
    assert_eq!(title, "'=HYPERLINK(\"http://evil.example\")", "no formula");
    // A refund counts at its own time as well.
    let paid_at = line[column(&all, "paid_at")].clone();
    let from_then = table(&export(folder, &["--concert", &second.0.to_string(), "--since", &paid_at]));
    assert_eq!(from_then.len(), 3);
    let until_then = table(&export(folder, &["--concert", &second.0.to_string(), "--until", &paid_at]));
    assert_eq!(until_then.len(), 1, "before the first of them there is nothing");

    // Into a file: only its owner reads it, and nothing is written over.
    let file = folder.join("sales.csv");
    let to = file.display().to_string();
    assert!(export(folder, &["--to", &to, "--bom"]).status.success());
    let bytes = std::fs::read(&file).expect("a file");
    assert!(bytes.starts_with("\u{feff}reservation_id,".as_bytes()));
    assert_eq!(std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    for (more, why) in [
        (&["--to", to.as_str()][..], "is not written over"),
        (&["--concert", "99"], "there is no concert 99"),
        (&["--schedule", "99"], "there is no schedule 99"),
        (&["--since", "yesterday"], "2026-09-01T00:00:00+09:00"),
        (&["--since", "2026-01-02T00:00:00Z", "--until", "2026-01-01T00:00:00Z"], "has to be before"),
    ] {
        let output = export(folder, more);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{why}: {said}");
    }
    server.stop();
}
