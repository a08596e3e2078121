//! What is wrong with the settings: always all of it, each with its place and its remedy.

use std::fmt;

/// Where a value came from; in the order in which the sources are laid over each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The compiled-in `config/default.toml`.
    Default,
    /// A file as a whole.
    WholeFile { path: String },
    /// A file as it was named on the command line, at a line counted from 1.
    File { path: String, line: usize },
    /// The variable of this name.
    Environment { variable: String },
    /// A flag.
    CommandLine,
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("config/default.toml"),
            Self::WholeFile { path } => formatter.write_str(&on_one_line(path)),
            Self::File { path, line } => write!(formatter, "{}:{line}", on_one_line(path)),
            Self::Environment { variable } => formatter.write_str(&on_one_line(variable)),
            Self::CommandLine => formatter.write_str("the command line"),
        }
    }
}

/// One thing that is wrong. Holds no value of a secret setting.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) source: Source,
    /// The dotted key; empty when it is about a source as a whole.
    pub(super) key: String,
    /// What is wrong, as the rest of a sentence about the key.
    pub(super) what: String,
    /// What to do, as an order.
    pub(super) help: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.source)?;
        if !self.key.is_empty() {
            write!(formatter, "{} ", on_one_line(&self.key))?;
        }
        write!(formatter, "{}; {}", on_one_line(&self.what), on_one_line(&self.help))
    }
}

/// Everything that is wrong with the settings, in the order of their sources; never empty.
///
/// `Display` is made for people: a line that counts them, then one line for each.
#[derive(Debug)]
pub(crate) struct Problems(pub(super) Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => formatter.write_str("the settings have 1 problem:")?,
            many => write!(formatter, "the settings have {many} problems:")?,
        }
        self.0.iter().try_for_each(|problem| write!(formatter, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

/// Names and values come from outside: whatever could break a line of a terminal, of a log or of a TOML
/// comment is escaped.
fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}
