//! The subcommands. What they print on standard output is their answer; problems go to standard error.

mod audit;
mod backup;
mod concert;
mod config;
mod copy;
mod demo;
mod draw;
mod events;
mod export;
mod health;
mod keys;
mod migrate;
mod plan;
mod rehearse;
mod serve;
mod user;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, environment, load};

/// Frontrow sells concert seats on the day everybody wants them.
#[derive(Parser)]
#[command(name = "frontrow", version, arg_required_else_help = true, propagate_version = false)]
#[command(
    after_help = "Start with: frontrow serve --demo\nEvery setting, with its reason: frontrow config print"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: SettingsArguments,
    #[command(subcommand)]
    command: Command,
}

/// Where settings come from, beside the environment.
#[derive(Args)]
struct SettingsArguments {
    /// A TOML file with settings
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, as section.key=value; may be given more than once
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = key_and_value)]
    set: Vec<(String, String)>,
    /// The data folder
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve: the API, its documentation, and the site
    Serve(ServeArguments),
    /// Ask the server on this machine (at http.listen) whether it is ready
    ///
    /// Exits with 0 when it is, with 1 and what is in the way when not, and with 2 when nothing answers.
    Health,
    /// Prove that seats, reservations, payments and money agree; also beside a running server
    ///
    /// Exits with 0 when everything agrees, and with 1 and the differences when not.
    Audit(AuditArguments),
    /// Make the store, or bring it to the schema of this version, as every server does when it starts
    ///
    /// Nothing is lost when it is stopped half-way, or run by several at once. The embedded store has to be stopped first.
    Migrate(migrate::MigrateArguments),
    /// What happened, as events, and what somebody could not be told of; also beside a running server
    Events {
        #[command(subcommand)]
        command: events::EventsCommand,
    },
    /// Copy the embedded store into a folder, as it is at one moment, also beside a running server
    ///
    /// With the keys that sign log-ins and tickets: keep it where nobody else can read it. A copy is whole once its list of
    /// files is there; frontrow restore checks it and takes nothing else. Exits with 0 when it is done, and with 2 when not.
    Backup(backup::BackupArguments),
    /// Put a backup into an empty data folder, after checking every file of it, and audit it
    ///
    /// The data folder is that of --data, `FRONTROW__STORE__DATA` or the settings. Exits with 0 when the store is there and
    /// agrees with itself, with 1 when it does not, and with 2 when nothing was restored.
    Restore(backup::RestoreArguments),
    /// What was sold, for others to work with; also beside a running server
    Export {
        #[command(subcommand)]
        command: export::ExportCommand,
    },
    /// Copy a whole sale from the embedded store into an empty shared one, and prove that both agree
    ///
    /// The server of the source has to be stopped. A copy that is interrupted is started anew by the same command; until it
    /// has come to its end no server opens it. Exits with 0 when both sides have the same figures, with 1 when not, and
    /// with 2 when it could not be done.
    Copy(copy::CopyArguments),
    /// Accounts of staff and fans
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Concerts with their schedules and seats
    Concert {
        #[command(subcommand)]
        command: ConcertCommand,
    },
    /// Rehearse a sale: fire a crowd at a copy of the concert, on a server that is thrown away afterwards
    ///
    /// Fans come in a burst, join the line, ask, look at the map, choose seats, collide, pay or give up. At the end it says in
    /// plain words how the night went and whether the targets were met. The store that a concert is copied from is only read.
    /// Only when told with --live, the crowd is let loose on a server that is there.
    Rehearse(Box<rehearse::RehearseArguments>),
    /// The draw of a lobby
    Draw {
        #[command(subcommand)]
        command: draw::DrawCommand,
    },
    /// Seat plans
    Plan {
        #[command(subcommand)]
        command: PlanCommand,
    },
    /// The keys that sign tokens and tickets; also beside running servers, which pick changes up
    Keys {
        #[command(subcommand)]
        command: keys::KeysCommand,
    },
    /// Look at the settings
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print the OpenAPI document of the API, as JSON
    Openapi,
}

#[derive(Args)]
struct ServeArguments {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Fill an empty store with concerts on sale, an operator and fans with charged wallets
    #[arg(long)]
    demo: bool,
}

#[derive(Args)]
struct AuditArguments {
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum UserCommand {
    /// Make an account; the password is read from standard input
    Create(CreateUserArguments),
}

#[derive(Args)]
struct CreateUserArguments {
    /// The address to log in with
    #[arg(long)]
    email: String,
    /// The name to address them by
    #[arg(long)]
    name: Option<String>,
    /// What they may do
    #[arg(long, value_parser = ["fan", "operator", "admin", "gate"])]
    role: String,
}

#[derive(Subcommand)]
enum ConcertCommand {
    /// Make a concert with its schedules and seats, as a file says; the server has to be stopped
    ///
    /// FILE is JSON: {"concert": {…}, "schedules": [{…, "seatPlan": {…}}]}, each as the API takes it. In place of
    /// `seatPlan.pretix.plan`, `planFile` may name a file with the plan, beside FILE. Everything is checked before
    /// anything is written. Examples are in plans/.
    Import {
        /// The concert, as .json or .json.gz
        file: PathBuf,
    },
}

#[derive(Subcommand)]
enum PlanCommand {
    /// Check a seat plan and say what is in it, or everything that is wrong with it, each with its path
    ///
    /// Exits with 0 when the plan is good, and with 2 when not.
    Check {
        /// A plan in the pretix format, or any object with a seatPlan, as .json or .json.gz
        file: PathBuf,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Check all settings, and report every problem at once
    Check,
    /// Print all settings as they are in force, with secrets redacted
    Print,
}

/// Runs what was asked for.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { settings, command } = arguments;
    let mut flags = settings.set;
    flags.extend(settings.data.map(|data| ("store.data".to_owned(), data)));
    if let Command::Serve(ServeArguments { listen: Some(listen), .. }) = &command {
        flags.push(("http.listen".to_owned(), listen.to_string()));
    }
    // The list that is made, shown or changed is the one that the settings are checked with: before the first list there is
    // none that they could name.
    if let Command::Keys { command } = &command
        && let Some(file) = command.file().and_then(|file| file.to_str())
    {
        flags.push(("auth.keys_file".to_owned(), file.to_owned()));
    }
    if let Command::Openapi = command {
        return config::print_openapi();
    }
    if let Command::Plan { command: PlanCommand::Check { file } } = &command {
        return plan::check(file);
    }
    if let Command::Draw { command } = &command {
        return draw::run(command);
    }
    let loaded: Result<Config, _> = load(settings.config.as_deref(), environment(), &flags);
    let config = match loaded {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("{problems}");
            return Ok(ExitCode::from(2));
        }
    };
    match command {
        Command::Serve(serve) => {
            serve::run(&config, serve::Sources { file: settings.config, flags }, serve.demo)
        }
        Command::Audit(audit) => audit::run(&config, audit.json),
        Command::Health => health::run(&config),
        Command::Migrate(arguments) => migrate::run(&config, &arguments),
        Command::Events { command } => events::run(&config, command),
        Command::Backup(arguments) => backup::run(&config, &arguments),
        Command::Restore(arguments) => backup::restore(&config, &arguments),
        Command::Export { command } => export::run(&config, command),
        Command::Copy(arguments) => copy::run(&config, &arguments),
        Command::User { command: UserCommand::Create(new) } => user::create(&config, new),
        Command::Concert { command: ConcertCommand::Import { file } } => concert::import(&config, &file),
        Command::Plan { command: PlanCommand::Check { file } } => plan::check(&file),
        Command::Draw { command } => draw::run(&command),
        Command::Rehearse(arguments) => rehearse::run(&config, &arguments),
        Command::Keys { command } => keys::run(&config, command),
        Command::Config { command: ConfigCommand::Check } => config::check(),
        Command::Config { command: ConfigCommand::Print } => config::print(&config),
        Command::Openapi => config::print_openapi(),
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as section.key=value")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Writes an answer to standard output. A reader that has gone away is no failure of ours.
fn answer(text: &str) -> anyhow::Result<()> {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
