//! Who asks on behalf of the house: an operator or admin of the server, known by a file or the environment. Nothing of them
//! is on the command line, where everybody on the machine could read it.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use frontrow_rehearsal::Request;
use serde_json::{Value, json};

use super::super::servers::Servers;
use crate::config::environment;

/// The variable that says the same as the file.
const VARIABLE: &str = "FRONTROW_REHEARSE_OPERATOR";

/// An operator of the server.
pub(super) struct Operator {
    who: Who,
    /// What `authorization` says, and until when it is used.
    bearer: Option<(String, Instant)>,
}

enum Who {
    /// Logs in, again and again: a night may last longer than a token.
    LogIn { email: String, password: String },
    /// A token as it is, of this server or of an issuer that it trusts.
    Token(String),
}

impl Operator {
    /// From the file, `-` for standard input, or from the environment.
    pub(super) fn find(file: Option<&Path>) -> anyhow::Result<Self> {
        let text = match file {
            Some(file) if file == Path::new("-") => {
                let mut text = String::new();
                std::io::stdin()
                    .read_to_string(&mut text)
                    .context("cannot read the operator from standard input")?;
                text
            }
            Some(file) => read(file)?,
            None => {
                let found = environment().find(|(name, _)| name == VARIABLE);
                let text = found.and_then(|(_, text)| text.into_string().ok());
                text.with_context(|| {
                    format!(
                        "a rehearsal on a live server asks for its figures and takes back what it has bought, as an \
                         operator of it: name a file with --operator FILE (or - for standard input), or set {VARIABLE}. \
                         Either has the e-mail address on one line and the password on the next, or an access token alone"
                    )
                })?
            }
        };
        Self::parse(&text)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let who = match lines.as_slice() {
            [token] if !token.contains(' ') => Who::Token((*token).to_owned()),
            [email, password] => Who::LogIn { email: (*email).to_owned(), password: (*password).to_owned() },
            _ => bail!(
                "the operator is an e-mail address and a password on two lines, or an access token on one"
            ),
        };
        Ok(Self { who, bearer: None })
    }

    /// What `authorization` says; logs in where that is needed.
    pub(super) fn bearer(&mut self, servers: &Servers) -> anyhow::Result<String> {
        let (email, password) = match &self.who {
            Who::Token(token) => return Ok(format!("Bearer {token}")),
            Who::LogIn { email, password } => (email, password),
        };
        if let Some((bearer, until)) = &self.bearer
            && Instant::now() < *until
        {
            return Ok(bearer.clone());
        }
        let body = json!({"email": email, "password": password}).to_string();
        let told = servers.ask(Request::post(&servers.host, "/api/v1/auth/login", body.as_bytes()))?;
        let body = told.expect("the log-in of the operator", &[200])?;
        let tokens: Value = serde_json::from_slice(&body)?;
        let token = tokens["accessToken"].as_str().context("a log-in without a token")?;
        let lasts = Duration::from_secs(tokens["expiresIn"].as_u64().unwrap_or(0));
        let bearer = format!("Bearer {token}");
        self.bearer = Some((bearer.clone(), Instant::now() + lasts / 2));
        Ok(bearer)
    }

    /// Fails unless they may look at sales and refund.
    pub(super) fn check(&mut self, servers: &Servers) -> anyhow::Result<()> {
        let bearer = self.bearer(servers)?;
        let account =
            servers.json("/api/v1/users/me", Some(&bearer)).context("the operator is not known there")?;
        match account["role"].as_str() {
            Some("operator" | "admin") => Ok(()),
            role => bail!(
                "the operator's role there is {}; it has to be operator or admin",
                role.unwrap_or("none")
            ),
        }
    }
}

/// A file that nobody else may read, as it has a password in it.
fn read(file: &Path) -> anyhow::Result<String> {
    let name = file.display();
    let about = std::fs::metadata(file).with_context(|| format!("cannot read the operator in {name}"))?;
    if about.is_file() && about.permissions().mode() & 0o077 != 0 {
        bail!("others on this machine can read {name}, which names an operator: chmod 600 {name}");
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read the operator in {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_a_token_or_an_address_with_a_password() {
        let is_token = |text| matches!(Operator::parse(text).map(|operator| operator.who), Ok(Who::Token(_)));
        assert!(is_token("eyJ.abc.def\n") && !is_token("op@example.com\na pass phrase\n"));
        let Ok(Operator { who: Who::LogIn { email, password }, .. }) =
            Operator::parse("\n op@example.com \r\na pass phrase\r\n")
        else {
            panic!("an address and a password");
        };
        assert_eq!((email.as_str(), password.as_str()), ("op@example.com", "a pass phrase"));
        for neither in ["", "one two", "a\nb\nc"] {
            assert!(Operator::parse(neither).is_err(), "{neither:?}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("operator");
        std::fs::write(&file, "token").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read(&file).unwrap_err().to_string().contains("chmod 600"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&file).unwrap(), "token");
    }
}
