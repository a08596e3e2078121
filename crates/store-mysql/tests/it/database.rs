//! A database of its own for a test, on the server that `FRONTROW_TEST_MYSQL_URL` names.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use frontrow_application::Clock;
use frontrow_store_mysql::{MysqlStore, Options};
use sqlx::mysql::{MySqlConnectOptions, MySqlRow};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection};

/// Where the server is.
#[expect(clippy::disallowed_methods, reason = "the one thing that these tests are told from outside")]
pub(crate) fn server() -> String {
    std::env::var("FRONTROW_TEST_MYSQL_URL").expect(
        "these tests need a MySQL or MariaDB server: run `make services`, or `eval \"$(deploy/dev/services env)\"` \
         and then the tests; FRONTROW_TEST_MYSQL_URL says where it is, as mysql://root@127.0.0.1:port",
    )
}

/// A database that goes with the test.
pub(crate) struct Database {
    name: String,
}

/// Sixteen random digits, from the seed that the system gives every hash map: runs that went wrong leave databases behind.
fn draw() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

impl Database {
    /// Makes one.
    pub(crate) fn new() -> Self {
        let this = Self { name: format!("frontrow_test_{}", draw()) };
        on_server(&format!("CREATE DATABASE {}", this.name));
        this
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        let server = server();
        format!("{}/{}", server.trim_end_matches('/'), self.name)
    }

    /// Its address by way of another port.
    pub(crate) fn url_by(&self, port: u16) -> String {
        let options: MySqlConnectOptions = server().parse().expect("an address");
        self.url().replace(&format!(":{}", options.get_port()), &format!(":{port}"))
    }

    /// Opens the store, as an instance of its own.
    pub(crate) fn open(&self, clock: Arc<dyn Clock>) -> Arc<MysqlStore> {
        wait_for(MysqlStore::open(Options::new(&self.url(), clock))).expect("the store opens")
    }

    /// What a plain client of SQL gets, or what it is told.
    pub(crate) async fn client(&self, sql: &str) -> Result<Vec<MySqlRow>, sqlx::Error> {
        let mut connection = MySqlConnection::connect(&self.url()).await?;
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await;
        connection.close().await?;
        rows
    }
}

/// Has the server do something, from wherever a test is.
fn on_server(sql: &str) {
    let sql = sql.to_owned();
    let server = server();
    let done = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("the system can start a runtime").block_on(async {
            let mut connection = MySqlConnection::connect(&server).await?;
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
            connection.close().await
        })
    });
    done.join().expect("it does not panic").expect("the server does it");
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            on_server(&format!("DROP DATABASE {}", self.name));
        }
    }
}

/// Waits for something from a test that does not wait itself, but runs where others can.
pub(crate) fn wait_for<T>(work: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}
