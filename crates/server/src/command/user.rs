//! `frontrow user create`: for the first operators, before anybody can log in.

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use anyhow::{Context, bail};
use frontrow_application::Failure;
use frontrow_application::account::{NewAccount, SignUpRefused};
use frontrow_domain::account::Role;
use frontrow_store_sqlite::OpenError;

use super::{CreateUserArguments, answer};
use crate::config::Config;
use crate::wiring::{Wired, refused_members};

/// How a fan gets an account from a running server, and staff from a stopped one.
const SIGN_UP: &str = "A fan signs up with:\n  \
    curl -X POST http://{}/api/v1/auth/signup -H 'Content-Type: application/json' \\\n    \
    -d '{\"email\": \"…\", \"password\": \"…\", \"name\": \"…\"}'\n\
    For staff, stop the server, run this command again, and start it";

pub(super) fn create(config: &Config, new: CreateUserArguments) -> anyhow::Result<ExitCode> {
    let Some(role) = Role::parse(&new.role) else { bail!("there is no role {}", new.role) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    let wired = match runtime.block_on(Wired::open(config)) {
        Ok(wired) => wired,
        Err(error) => return Err(explain_in_use(error, SIGN_UP)),
    };
    let password = read_password()?;
    let name = new.name.unwrap_or_else(|| new.email.split('@').next().unwrap_or_default().to_owned());
    let account = NewAccount { email: new.email.clone(), password, name, role };
    let made = runtime.block_on(wired.app.sign_up(account));
    wired.close();
    match made {
        Ok(account) => {
            answer(&format!("made the {} {} with id {}", role.name(), new.email, account.id))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(Failure::Refused(SignUpRefused::EmailTaken)) => {
            bail!("{} has an account already; log in with it, or use another address", new.email)
        }
        Err(Failure::Refused(SignUpRefused::Invalid(errors))) => {
            bail!("the account cannot be made: {}", refused_members(&errors))
        }
        Err(failure) => bail!("the account was not made: {failure:?}"),
    }
}

/// The first line of standard input; asked for when a person sits there.
fn read_password() -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        eprint!("Password (it will be shown): ");
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line).context("cannot read the password from standard input")?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        bail!("no password came on standard input; for instance: frontrow user create … < password.txt");
    }
    Ok(password)
}

/// A served folder is written by its server only; says what else to do, with the server's address in place of `{}`.
pub(super) fn explain_in_use(error: anyhow::Error, instead: &str) -> anyhow::Error {
    match error.downcast_ref::<OpenError>() {
        Some(OpenError::InUse { address: Some(address), .. }) => {
            let hint = format!(
                "a server is running on this folder, and only it may write there. {}",
                instead.replace("{}", address)
            );
            error.context(hint)
        }
        _ => error,
    }
}
