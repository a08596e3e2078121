//! The binary `frontrow`.

#[allow(dead_code, reason = "used once the subcommands are here")]
mod config;

fn main() {}
