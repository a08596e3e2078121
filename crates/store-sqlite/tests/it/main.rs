//! Tests of the embedded store against its files.

mod conformance;
mod files;
mod golden;
