//! What the store has sent, explained and run again.

use std::time::Instant;

use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, Row as _};

/// Seconds after which a statement is given up.
const GIVEN_UP_SECONDS: u32 = 30;
/// Kinds of statements of one query that are explained.
const EXPLAINED_MAX: usize = 3;

/// Where EXPLAIN says which table, which access, which index, how many rows and what besides.
const EXPLAINED: [usize; 5] = [2, 3, 5, 8, 9];

/// A connection past the store.
pub(crate) struct Plain(MySqlConnection);

/// The server's log of what it is asked.
pub(crate) struct Log;

impl Log {
    pub(crate) async fn begin(plain: &mut Plain) -> Self {
        plain.run("SET GLOBAL general_log = OFF").await;
        plain.run("TRUNCATE TABLE mysql.general_log").await;
        plain.run("SET GLOBAL general_log = ON").await;
        Self
    }

    /// Every query since, in order.
    pub(crate) async fn end(self, plain: &mut Plain) -> Vec<String> {
        plain.run("SET GLOBAL general_log = OFF").await;
        let sql = "SELECT CAST(argument AS CHAR CHARACTER SET utf8mb4) FROM mysql.general_log \
                   WHERE command_type = 'Query' ORDER BY event_time";
        let rows = sqlx::raw_sql(sql).fetch_all(&mut plain.0).await.expect("the log can be read");
        let statements = rows.iter().map(|row| row.get_unchecked::<String, _>(0));
        let asked = statements.filter(|sql| sql.starts_with("SELECT") && !sql.contains("general_log"));
        asked.flat_map(|packet| split(&packet)).collect()
    }
}

impl Plain {
    pub(crate) async fn connect(url: &str) -> Self {
        Self(MySqlConnection::connect(url).await.expect("the database is there"))
    }

    pub(crate) async fn run(&mut self, sql: &str) {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.0).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// One number.
    pub(crate) async fn number(&mut self, sql: &str) -> i64 {
        let row = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_one(&mut self.0).await;
        row.unwrap_or_else(|error| panic!("{sql}: {error}")).get_unchecked(0)
    }

    /// How long the statements take together in milliseconds without the names of indexes in them, or that they take too
    /// long.
    pub(crate) async fn time_without_hints(&mut self, statements: &[String]) -> String {
        let begun = Instant::now();
        for sql in statements {
            let left = f64::from(GIVEN_UP_SECONDS) - begun.elapsed().as_secs_f64();
            if left <= 0.0 {
                return format!("> {GIVEN_UP_SECONDS},000");
            }
            let sql = format!("SET STATEMENT max_statement_time={left:.1} FOR {}", without_hints(sql));
            if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.0).await {
                assert!(error.to_string().contains("max_statement_time"), "{error}");
                return format!("> {GIVEN_UP_SECONDS},000");
            }
        }
        format!("{:.1}", begun.elapsed().as_secs_f64() * 1_000.0)
    }

    /// Rows of a table: how the server goes about the first statements of a query.
    pub(crate) async fn explain(&mut self, indexes: &str, name: &str, statements: &[String]) -> String {
        let mut table = String::new();
        let mut seen = Vec::new();
        for sql in statements {
            let shape = shape(sql);
            if seen.contains(&shape) || seen.len() == EXPLAINED_MAX {
                continue;
            }
            seen.push(shape);
            let sql = if indexes == "without" { without_hints(sql) } else { sql.clone() };
            let explain = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN {sql}"))).fetch_all(&mut self.0).await;
            for row in explain.expect("it can be explained") {
                let column = |place: usize| {
                    let text: Option<String> = row.get_unchecked(place);
                    text.unwrap_or_else(|| "-".to_owned())
                };
                let cells = EXPLAINED.map(column);
                table.extend([format!("| {name} | {indexes} | {} |\n", cells.join(" | "))]);
            }
        }
        table
    }
}

/// The statement without the indexes that it names.
fn without_hints(sql: &str) -> String {
    let mut rest = sql;
    let mut plain = String::new();
    while let Some((before, after)) = rest.split_once("FORCE INDEX (") {
        plain += before;
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    plain + rest
}

/// The statements of a packet.
fn split(packet: &str) -> Vec<String> {
    let mut parts = packet.split(";SELECT ");
    let first = parts.next().map(str::to_owned);
    first.into_iter().chain(parts.map(|rest| format!("SELECT {rest}"))).collect()
}

/// What statements have in common that ask the same for other keys.
fn shape(sql: &str) -> String {
    let words = sql.split([' ', ',', '(', ')']);
    words.filter(|word| word.chars().all(|letter| letter.is_alphabetic() || letter == '_')).collect()
}
