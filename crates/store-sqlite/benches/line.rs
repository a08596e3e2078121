//! What the journal of the embedded waiting room takes: joins and moves in batches, reading it all, forgetting.
//!
//! `cargo bench -p frontrow-store-sqlite --bench line -- [places] [seconds]`
//!
//! Beside every durable figure stands its floor, which travels between machines as the figures do not: one plain
//! write of 4 KiB with its sync, on the same disk, right before.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fs::OpenOptions;
use std::io::{Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use frontrow_application::queue::journal::{LineBatch, LineJournal, Moved, Stored, Told};
use frontrow_domain::queue::{EndReason, Place, PlaceState, Session};
use frontrow_domain::{ConcertId, EntryId, Sequence, Timestamp, UserId};
use frontrow_store_sqlite::{LINE_FILE_NAME, SqliteLine};
use uuid::Uuid;

const CONCERT: ConcertId = ConcertId::new(1);
const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
/// The log of the floor begins anew at this size, as that of the journal does.
const FLOOR_BYTES: u64 = 16 << 20;
const STEP: usize = 1_000;

fn place(number: u64) -> Place {
    let joined_at = Timestamp::from_micros(START.micros() + number.cast_signed() * 100);
    let scattered = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut tail = [0; 10];
    tail[..8].copy_from_slice(&scattered.to_le_bytes());
    let millis = joined_at.millis().cast_unsigned();
    Place {
        concert: CONCERT,
        sequence: Sequence::new(number),
        entry: EntryId::new(uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()),
        user: UserId::new(Uuid::from_u64_pair(scattered, !scattered)),
        joined_at,
        state: PlaceState::Waiting,
    }
}

fn joins(numbers: std::ops::Range<u64>) -> LineBatch {
    LineBatch { joined: numbers.map(place).collect(), ..LineBatch::default() }
}

fn moves(numbers: std::ops::Range<u64>, state: impl Fn(u64) -> PlaceState) -> LineBatch {
    let moved = numbers.map(|number| Moved {
        concert: CONCERT,
        sequence: Sequence::new(number),
        state: state(number),
    });
    LineBatch { moved: moved.collect(), ..LineBatch::default() }
}

/// Plain durable writes a second.
fn floor(folder: &Path, time: Duration) -> f64 {
    let path = folder.join("floor");
    let mut file = OpenOptions::new().create(true).append(false).write(true).truncate(true).open(&path);
    let file = file.as_mut().expect("a file");
    let page = [7; 4_096];
    let (mut done, mut written) = (0_u32, 0);
    let begun = Instant::now();
    while begun.elapsed() < time {
        file.write_all(&page).expect("written");
        file.sync_data().expect("synced");
        done += 1;
        written += 4_096;
        if written >= FLOOR_BYTES {
            file.rewind().expect("rewound");
            written = 0;
        }
    }
    f64::from(done) / begun.elapsed().as_secs_f64()
}

/// Appends batches of joins for a time.
fn join(batch: u64, time: Duration) {
    let folder = tempfile::tempdir().expect("a folder");
    let floor = floor(folder.path(), time / 2);
    let line = SqliteLine::open(folder.path()).expect("it opens");
    let mut next = 1;
    let begun = Instant::now();
    while begun.elapsed() < time {
        line.append(&joins(next..next + batch)).expect("kept");
        next += batch;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let places = (next - 1) as f64 / seconds;
    let commits = places / batch as f64;
    println!(
        "joins, {batch:>5} a batch: {places:>9.0} places/s, {commits:>6.0} commits/s = {:.2} of the floor ({floor:.0}/s)",
        commits / floor
    );
}

/// Runs steps over all places and prints how fast they went.
fn over_all(what: &str, places: u64, mut step: impl FnMut(std::ops::Range<u64>)) {
    let begun = Instant::now();
    let mut next = 1;
    while next <= places {
        let end = (next + STEP as u64).min(places + 1);
        step(next..end);
        next = end;
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{what}, {STEP} a batch: {:>9.0} places/s ({seconds:.1} s)", places as f64 / seconds);
}

fn bytes(folder: &Path, line: &SqliteLine) -> u64 {
    line.close();
    std::fs::metadata(folder.join(LINE_FILE_NAME)).expect("the file").len()
}

fn load(line: &SqliteLine, after: Timestamp, what: &str) {
    let begun = Instant::now();
    let mut places = 0_u64;
    line.load(after, &mut |stored| places += u64::from(matches!(stored, Stored::Place(_)))).expect("loaded");
    println!("load, {what}: {places} places in {:.2} s", begun.elapsed().as_secs_f64());
}

fn whole_life(places: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || SqliteLine::open(folder.path()).expect("it opens");
    let per_place = |line: &SqliteLine| bytes(folder.path(), line) as f64 / places as f64;
    let line = open();
    over_all("joins", places, |numbers| line.append(&joins(numbers)).expect("kept"));
    println!("file: {:.1} bytes a waiting place", per_place(&line));
    drop(line);
    let line = open();
    load(&line, START, "all waiting");
    let session = Session {
        admitted_at: START,
        ends_at: START.plus_seconds(300),
        claim_by: Some(START.plus_seconds(60)),
    };
    let active = PlaceState::Active(session);
    over_all("calls", places, |numbers| line.append(&moves(numbers, |_| active)).expect("kept"));
    println!("file: {:.1} bytes a place, all let in", per_place(&line));
    // As a server does: of whom nobody was told, nothing is forgotten.
    let told = vec![Told { concert: CONCERT, through: START }];
    line.append(&LineBatch { told, ..LineBatch::default() }).expect("kept");
    drop(line);
    let line = open();
    let ended = |number: u64| PlaceState::Ended {
        reason: EndReason::Paid,
        at: Timestamp::from_micros(START.micros() + number.cast_signed() * 100),
        admitted_at: Some(START),
    };
    over_all("ends", places, |numbers| line.append(&moves(numbers, ended)).expect("kept"));
    println!("file: {:.1} bytes an ended place", per_place(&line));
    drop(line);
    let line = open();
    load(&line, START, "all ended");
    load(&line, START.plus_seconds(1_000_000), "all ended for long");
    over_all("forgetting", places, |_| {
        assert!(line.forget(START.plus_seconds(1_000_000), STEP).expect("forgotten") > 0);
    });
    load(&line, START, "all forgotten");
}

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|text| text.parse().ok()).collect();
    let places = numbers.first().copied().unwrap_or(1_000_000);
    let time = Duration::from_secs(numbers.get(1).copied().unwrap_or(4));
    println!(
        "the journal of a line, SQLite WAL synchronous=FULL; the floor is a plain write of 4 KiB and its sync"
    );
    for batch in [1, 64, 1_000] {
        join(batch, time);
    }
    whole_life(places);
}
