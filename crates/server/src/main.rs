//! The binary `frontrow`: reads the settings, wires the adapters, serves, and stops in order. Everything that a
//! fan or an operator can have decided is in `frontrow-application` and `frontrow-domain`; nothing is here.

mod adapters;
mod command;
mod config;
mod keys;
mod telemetry;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = command::Arguments::parse();
    match command::run(arguments) {
        Ok(code) => code,
        Err(error) => {
            // The whole chain: what failed, and why.
            eprintln!("frontrow: {error:#}");
            ExitCode::from(2)
        }
    }
}
