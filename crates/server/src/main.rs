//! The binary `frontrow`: reads the settings, wires the adapters, serves, and stops in order. Everything that a
//! fan or an operator can have decided is in `frontrow-application` and `frontrow-domain`; nothing is here.

mod adapters;
mod backups;
mod command;
mod config;
mod keys;
mod metering;
mod open_files;
mod rush;
mod telemetry;
mod wiring;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

/// Requests are allocated on one thread and freed on another, the box office's, all night long: what the system's
/// allocator is slowest at. Without transparent huge pages: with them the system gives every buffer of an open stream in
/// full, whatever part of it is used, and an idle server twice as much, and nothing that was measured is faster.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
