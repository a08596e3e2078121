//! What is wrong with a plan file, each with its path.

use std::borrow::Cow;
use std::fmt::Write as _;

use frontrow_domain::catalog::FieldError;

/// The most that are listed; the others are only counted. Enough to repair a file by, and a bounded answer.
const LISTED_MAX: usize = 1_000;
/// Characters of a name out of a file that are repeated in a path.
const NAME_MAX: usize = 100;

/// A step into a document.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A member of an object.
    Member(Cow<'static, str>),
    /// An item of a list, counted from 0.
    Item(usize),
}

/// What is wrong so far, and where the reader is.
#[derive(Debug, Default)]
pub(super) struct Findings {
    path: Vec<Step>,
    listed: Vec<FieldError>,
    more: usize,
    /// How many seats the document has had so far.
    pub(super) seats: usize,
    /// How many rows, areas and points of areas it has had so far.
    pub(super) extras: usize,
}

impl Findings {
    pub(super) fn enter(&mut self, step: Step) {
        self.path.push(step);
    }

    pub(super) fn enter_member(&mut self, name: &'static str) {
        self.enter(Step::Member(Cow::Borrowed(name)));
    }

    /// Into a member that the file has named.
    pub(super) fn enter_named(&mut self, name: &str) {
        self.enter(Step::Member(Cow::Owned(name.chars().take(NAME_MAX).collect())));
    }

    /// Does something inside a member of a member.
    pub(super) fn inside<T>(&mut self, path: &[&'static str], act: impl FnOnce(&mut Self) -> T) -> T {
        self.path.extend(path.iter().map(|name| Step::Member(Cow::Borrowed(*name))));
        let done = act(self);
        self.path.truncate(self.path.len() - path.len());
        done
    }

    pub(super) fn leave(&mut self) {
        self.path.pop();
    }

    /// Something is wrong where the reader is.
    pub(super) fn wrong(&mut self, message: impl Into<String>) {
        if self.listed.len() < LISTED_MAX {
            let mut field = String::new();
            for step in &self.path {
                match step {
                    // A document by itself has no name.
                    Step::Member(name) if name.is_empty() => {}
                    Step::Member(name) if field.is_empty() => field.push_str(name),
                    Step::Member(name) => {
                        field.push('.');
                        field.push_str(name);
                    }
                    // Writing into a string has no way to fail.
                    Step::Item(at) => drop(write!(field, "[{at}]")),
                }
            }
            self.listed.push(FieldError::new(field, message));
        } else {
            self.more += 1;
        }
    }

    /// Something is wrong with a member of where the reader is.
    pub(super) fn wrong_member(&mut self, name: &'static str, message: impl Into<String>) {
        self.enter_member(name);
        self.wrong(message);
        self.leave();
    }

    /// Takes in what was found in another document, which stands where the reader is.
    pub(super) fn adopt(&mut self, other: Self) {
        for FieldError { field, message } in other.listed {
            self.enter(Step::Member(Cow::Owned(field)));
            self.wrong(message);
            self.leave();
        }
        self.more += other.more;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.listed.len() + self.more
    }

    /// All of it, as members of something larger.
    pub(super) fn into_errors(self, prefix: &str) -> Vec<FieldError> {
        let place = |field: String| match (prefix.is_empty(), field.is_empty()) {
            (true, _) => field,
            (false, true) => prefix.to_owned(),
            (false, false) => format!("{prefix}.{field}"),
        };
        let mut errors: Vec<FieldError> = self
            .listed
            .into_iter()
            .map(|FieldError { field, message }| FieldError::new(place(field), message))
            .collect();
        if self.more > 0 {
            errors.push(FieldError::new(prefix, format!("and {} more", self.more)));
        }
        errors
    }
}
