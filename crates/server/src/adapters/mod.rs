//! The adapters of the small ports: the time, ids, and passwords.

pub(crate) mod clock;
pub(crate) mod courier;
pub(crate) mod entropy;
pub(crate) mod passwords;
pub(crate) mod traces;
