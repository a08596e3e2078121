//! A database for a while: for a rehearsal, which takes it away again. It never touches one that has anything in it.

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};

use crate::error::OpenError;
use crate::schema;

/// A database that nobody else uses, until [`MysqlScratch::drop_all`].
#[derive(Clone)]
pub struct MysqlScratch {
    options: MySqlConnectOptions,
    url: String,
    name: String,
    /// Whether it was not there before.
    is_made: bool,
}

impl MysqlScratch {
    /// The database that the address names, or one of the name `otherwise` where it names none. Makes it when it is not
    /// there. Refuses one with tables.
    pub async fn make(url: &str, otherwise: &str) -> Result<Self, OpenError> {
        if !url.starts_with("mysql://") && !url.starts_with("mariadb://") {
            return Err(OpenError::Address("it begins with something else".to_owned()));
        }
        let url = with_database(&url.replacen("mariadb://", "mysql://", 1), otherwise);
        let (options, name) = schema::options(&url)?;
        let mut connection =
            options.clone().database("information_schema").connect().await.map_err(failed)?;
        let of_name = |sql: &'static str| sqlx::query(sql).bind(&name);
        let found = of_name("SELECT COUNT(*) FROM SCHEMATA WHERE SCHEMA_NAME = ?");
        let is_made = found
            .fetch_one(&mut connection)
            .await
            .and_then(|row| row.try_get::<i64, _>(0))
            .map_err(failed)?
            == 0;
        let tables = of_name("SELECT COUNT(*) FROM TABLES WHERE TABLE_SCHEMA = ?");
        let tables: i64 =
            tables.fetch_one(&mut connection).await.and_then(|row| row.try_get(0)).map_err(failed)?;
        if tables > 0 {
            return Err(OpenError::InUse { database: name, tables });
        }
        if is_made {
            run(&mut connection, format!("CREATE DATABASE {}", quoted(&name))).await?;
        }
        connection.close().await.map_err(failed)?;
        Ok(Self { options, url, name, is_made })
    }

    /// Its address, with its name.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes away what was made: the database, or its tables where it was there before.
    pub async fn drop_all(&self) -> Result<(), OpenError> {
        let mut connection = self.options.clone().connect().await.map_err(failed)?;
        if self.is_made {
            run(&mut connection, format!("DROP DATABASE {}", quoted(&self.name))).await?;
        } else {
            let sql = "SELECT CAST(TABLE_NAME AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?";
            let rows = sqlx::query(sql).bind(&self.name).fetch_all(&mut connection).await.map_err(failed)?;
            // They refer to each other.
            run(&mut connection, "SET SESSION foreign_key_checks = 0".to_owned()).await?;
            for row in rows {
                let table: String = row.try_get(0).map_err(failed)?;
                run(&mut connection, format!("DROP TABLE {}", quoted(&table))).await?;
            }
        }
        connection.close().await.map_err(failed)
    }
}

async fn run(connection: &mut MySqlConnection, sql: String) -> Result<(), OpenError> {
    connection.execute(AssertSqlSafe(sql)).await.map(drop).map_err(failed)
}

fn failed(error: sqlx::Error) -> OpenError {
    OpenError::Database(error.to_string())
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The address with this database, if it has none.
fn with_database(url: &str, name: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let Some((scheme, rest)) = address.split_once("://") else { return url.to_owned() };
    let (server, database) = rest.split_once('/').unwrap_or((rest, ""));
    let database = if database.is_empty() { name } else { database };
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    format!("{scheme}://{server}/{database}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_database_gets_one() {
        for (url, expected) in [
            ("mysql://u:p@h:3306", "mysql://u:p@h:3306/new"),
            ("mysql://u:p@h:3306/", "mysql://u:p@h:3306/new"),
            ("mysql://h/mine", "mysql://h/mine"),
            ("mysql://h?ssl-mode=REQUIRED", "mysql://h/new?ssl-mode=REQUIRED"),
            ("what?", "what?"),
        ] {
            assert_eq!(with_database(url, "new"), expected);
        }
        assert_eq!(quoted("a`b"), "`a``b`");
    }
}
