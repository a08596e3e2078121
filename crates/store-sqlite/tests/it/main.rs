//! Tests of the embedded store against its files.

mod conformance;
mod delivery;
mod files;
mod golden;
mod journal;
mod line;
mod line_conformance;
mod line_golden;
mod line_lobby;
mod schema;
