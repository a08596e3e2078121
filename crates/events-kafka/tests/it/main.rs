//! Events through a real Kafka: one that all tests share, and ones of a test's own that it kills.

mod groups;
mod letters;
mod outages;
mod publish;
mod refusals;
mod world;
