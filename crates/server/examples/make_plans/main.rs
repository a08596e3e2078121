//! Draws the seat plans in `plans/`: a club, a theatre, an arena and a stadium in the pretix format.
//!
//! ```sh
//! cargo run -p frontrow-server --example make_plans          # into plans/
//! cargo run -p frontrow-server --example make_plans -- /tmp  # somewhere else
//! ```
//!
//! It always draws the same; a test compares what it draws with what is committed. To change a hall, change it in
//! `halls.rs`, run this, and look at the result with `frontrow plan check`.

mod format;
mod halls;

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> io::Result<()> {
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../plans"), PathBuf::from);
    for (name, plan, is_packed) in halls::all() {
        let seats: usize = plan.zones.iter().map(format::Zone::seats).sum();
        let mut json = serde_json::to_vec(&plan)?;
        json.push(b'\n');
        let bytes = if is_packed { compress(&json)? } else { json };
        fs::write(folder.join(name), &bytes)?;
        eprintln!("{name}: {seats} seats, {} bytes", bytes.len());
    }
    Ok(())
}

/// Without a name or a time in it, so that the same plan is the same file.
fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}
