//! `frontrow draw verify`: works a published draw out again. It needs no store and no settings: anybody can run it.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use frontrow_domain::EntryId;
use frontrow_domain::queue::draw::{Commitment, METHOD, Seed, verify};
use serde::Deserialize;

use super::answer;

#[derive(Subcommand)]
pub(super) enum DrawCommand {
    /// Work a draw out again from its seed and its entries, and say whether every place is as published
    ///
    /// FILE is what GET /api/v1/concerts/{concertId}/queue/draw answers. Exits with 0 when the draw holds, with 1 and the first
    /// thing that does not, and with 2 when FILE cannot be read.
    Verify(VerifyArguments),
}

#[derive(Args)]
pub(super) struct VerifyArguments {
    /// The published draw, as JSON; - for standard input
    file: PathBuf,
    /// The commitment that was shown before the draw, if you have noted it
    #[arg(long, value_name = "HEX", value_parser = commitment)]
    commitment: Option<Commitment>,
    /// Say which place this entry has; a fan's own is `entryId` of their status
    #[arg(long, value_name = "ID")]
    entry: Option<EntryId>,
}

/// A draw as it is published. What a later version adds is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    method: String,
    commitment: String,
    seed: String,
    entry_count: u64,
    entries: Vec<EntryId>,
}

pub(super) fn run(command: &DrawCommand) -> anyhow::Result<ExitCode> {
    let DrawCommand::Verify(arguments) = command;
    let name = arguments.file.display();
    let bytes = read(&arguments.file).with_context(|| format!("cannot read {name}"))?;
    let document: Document =
        serde_json::from_slice(&bytes).with_context(|| format!("{name} is not a published draw"))?;
    let (text, code) = match check(&document, arguments) {
        Ok(told) => (told, ExitCode::SUCCESS),
        Err(broken) => (format!("the draw does not hold: {broken}"), ExitCode::FAILURE),
    };
    answer(&text)?;
    Ok(code)
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(file)
}

fn commitment(text: &str) -> Result<Commitment, String> {
    Commitment::from_hex(&text.trim().to_ascii_lowercase())
        .ok_or_else(|| "must have 64 hexadecimal digits".to_owned())
}

/// What is to be said of a draw that holds, or the first thing that does not.
fn check(document: &Document, arguments: &VerifyArguments) -> Result<String, String> {
    let Document { method, commitment, seed, entry_count, entries } = document;
    if method != METHOD {
        let known = format!("this program knows {METHOD} alone, another version of it may know more");
        return Err(format!("its order was made by the method {method}, and {known}"));
    }
    let no_digits = |what| format!("its {what} is none: it has to be 64 lower-case hexadecimal digits");
    let published = Commitment::from_hex(commitment).ok_or_else(|| no_digits("commitment"))?;
    let seed = Seed::from_hex(seed).ok_or_else(|| no_digits("seed"))?;
    if arguments.commitment.is_some_and(|noted| noted != published) {
        return Err(format!("its commitment is another than the one that was noted before: {commitment}"));
    }
    let listed = entries.len();
    if *entry_count != listed as u64 {
        return Err(format!("it says that {entry_count} were drawn, and lists {listed}"));
    }
    verify(&seed, &published, entries).map_err(|fault| fault.to_string())?;
    let place = arguments.entry.map(|entry| place_of(entry, entries)).transpose()?;
    Ok(describe(document, arguments.commitment.is_some(), place.as_deref()))
}

/// Which place an entry has, from 1.
fn place_of(entry: EntryId, entries: &[EntryId]) -> Result<String, String> {
    let at = entries.iter().position(|one| *one == entry);
    let at = at.ok_or_else(|| format!("entry {entry} is not in it: whoever has it was not drawn"))?;
    Ok(format!("{entry} has place {} of {}", at + 1, entries.len()))
}

fn describe(document: &Document, is_compared: bool, place: Option<&str>) -> String {
    let Document { method, commitment, seed, entries, .. } = document;
    let drawn = entries.len();
    let note = if is_compared {
        "the one that was noted before the draw"
    } else {
        "compare it with the one that was shown before the draw, or give it as --commitment"
    };
    let mut text = format!("the draw holds: the seed gives all {drawn} places as they are published\n");
    // Writing into a string has no way to fail.
    let _ = write!(text, "  method      {method}\n  seed        {seed}\n  commitment  {commitment}\n");
    let _ = write!(text, "              the digest of the seed; {note}");
    if let Some(place) = place {
        let _ = write!(text, "\n  entry       {place}");
    }
    text
}
