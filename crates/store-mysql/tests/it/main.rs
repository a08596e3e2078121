//! Tests of the store on MySQL against a real server.

mod commits;
mod conformance;
mod database;
mod delivery;
mod guards;
mod locks;
mod losses;
mod outbox;
mod proxy;
mod races;
mod schema;
