//! Tests of the embedded store against its files.

mod conformance;
mod golden;
