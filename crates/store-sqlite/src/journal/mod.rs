//! The journal: what a sale changes is appended to it, a row a group, and goes into the tables behind that (ADR 0041).

mod fold;
mod form;
mod rows;
mod statements;

pub(crate) use fold::{FoldError, Folded, Named, fold};
pub(crate) use rows::{is_move, row_of};
