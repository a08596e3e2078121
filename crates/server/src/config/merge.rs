//! The layers of settings, laid over each other key by key.
//!
//! The first layer, `config/default.toml`, is the schema: its keys are the only ones, its types the only
//! types. A value that is refused leaves the layer below in force, so that everything else can still be
//! checked; a check that would look at a refused key is silent, since its finding could be a mere
//! consequence.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::fingerprints::Fingerprints;
use super::problem::{Problem, Problems, Source};
use super::secret::REDACTED;
use super::sections::{RANGES, SECRETS, help};

/// What the variables of the environment begin with.
const PREFIX: &str = "FRONTROW__";

/// How much of a wrong value a message repeats, in characters.
const SHOWN_CHARACTERS: usize = 60;

/// A value, of the four types that settings have.
#[derive(Clone, PartialEq)]
enum Value {
    Text(String),
    Whole(i64),
    Switch(bool),
    List(Vec<String>),
}

impl Value {
    /// Its type, as people who write TOML call it.
    fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Whole(_) => "an integer",
            Self::Switch(_) => "a boolean",
            Self::List(_) => "an array of strings",
        }
    }

    fn to_toml(&self) -> toml::Value {
        match self {
            Self::Text(text) => toml::Value::String(text.clone()),
            Self::Whole(number) => toml::Value::Integer(*number),
            Self::Switch(on) => toml::Value::Boolean(*on),
            Self::List(items) => items.iter().cloned().map(toml::Value::String).collect::<Vec<_>>().into(),
        }
    }

    /// Reads a value of a TOML file; the error is what is wrong with it.
    fn from_toml(found: &DeValue<'_>) -> Result<Self, String> {
        match found {
            DeValue::String(text) => Ok(Self::Text(text.to_string())),
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
                .map(Self::Whole)
                .map_err(|_| "is beyond 64 bits".to_owned()),
            DeValue::Boolean(on) => Ok(Self::Switch(*on)),
            DeValue::Array(items) => items
                .iter()
                .map(|item| match item.get_ref() {
                    DeValue::String(text) => Ok(text.to_string()),
                    _ => Err("holds something else than strings".to_owned()),
                })
                .collect::<Result<_, _>>()
                .map(Self::List),
            DeValue::Float(_) => Err("is a number with a point or an exponent".to_owned()),
            DeValue::Datetime(_) => Err("is a date or a time".to_owned()),
            DeValue::Table(_) => Err("is a table".to_owned()),
        }
    }

    /// Reads a text of the environment or of the command line as the type that `like` has.
    fn from_text(text: &str, like: &Self) -> Option<Self> {
        match like {
            Self::Text(_) => Some(Self::Text(text.to_owned())),
            Self::Whole(_) => text.trim().parse().ok().map(Self::Whole),
            Self::Switch(_) => text.trim().parse().ok().map(Self::Switch),
            Self::List(_) if text.trim().is_empty() => Some(Self::List(Vec::new())),
            Self::List(_) => {
                let items: Vec<_> = text.split(',').map(|item| item.trim().to_owned()).collect();
                items.iter().all(|item| !item.is_empty()).then_some(Self::List(items))
            }
        }
    }
}

/// One setting as it stands after the layers so far. Has no `Debug`: it may be a secret.
struct Setting {
    key: String,
    default: Value,
    value: Value,
    source: Source,
}

impl Setting {
    fn is_secret(&self) -> bool {
        SECRETS.contains(&self.key.as_str())
    }

    /// The name of its variable.
    fn variable(&self) -> String {
        format!("{PREFIX}{}", self.key.replace('.', "__").to_uppercase())
    }

    fn section(&self) -> &str {
        self.key.split_once('.').map_or("", |(section, _)| section)
    }

    fn name(&self) -> &str {
        self.key.split_once('.').map_or(&self.key, |(_, name)| name)
    }
}

/// All settings, in the order of the manual, and what was found wrong on the way.
pub(super) struct Merge {
    settings: Vec<Setting>,
    refused: BTreeSet<String>,
    /// Whether the file could not be read: it may have set anything that no later source has.
    file_is_lost: bool,
    problems: Vec<Problem>,
}

impl Merge {
    /// The first layer.
    pub(super) fn new(manual: &str) -> Self {
        let mut merge = Self {
            settings: Vec::new(),
            refused: BTreeSet::new(),
            file_is_lost: false,
            problems: Vec::new(),
        };
        for (section, settings, _) in merge.read(manual, &|_| Source::Default).unwrap_or_default() {
            let DeValue::Table(settings) = settings.get_ref() else { continue };
            for (name, value) in in_order(settings) {
                let key = format!("{section}.{}", name.get_ref());
                match Value::from_toml(value.get_ref()) {
                    Ok(value) => merge.settings.push(Setting {
                        key,
                        default: value.clone(),
                        value,
                        source: Source::Default,
                    }),
                    Err(what) => merge.report(Source::Default, &key, what, "report this defect"),
                }
            }
        }
        merge
    }

    /// Lays a file over what there is.
    pub(super) fn add_file(&mut self, path: &Path) {
        self.file_is_lost = true;
        let name = path.display().to_string();
        let whole = Source::WholeFile { path: name.clone() };
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                return self.report(
                    whole,
                    "",
                    format!("cannot be read ({error})"),
                    "give --config a TOML file that exists and that this user may read",
                );
            }
        };
        let Ok(text) = String::from_utf8(bytes) else {
            return self.report(whole, "", "is not UTF-8", "save it as UTF-8");
        };
        let at = |line| Source::File { path: name.clone(), line };
        let Some(sections) = self.read(&text, &at) else { return };
        self.file_is_lost = false;
        for (section, settings, line) in sections {
            let known = self.settings.iter().any(|setting| setting.section() == section);
            match settings.get_ref() {
                DeValue::Table(settings) if known => {
                    for (name, value) in in_order(settings) {
                        let source = at(line_of(&text, name.span().start));
                        self.set_from_file(&format!("{section}.{}", name.get_ref()), value.get_ref(), source);
                    }
                }
                DeValue::Table(settings) => self.refuse_section(at(line), &section, settings),
                _ if known => {
                    let what = "is a section, not a setting";
                    self.report(at(line), &section, what, format!("write [{section}] and its keys below"));
                }
                _ => self.refuse_key(at(line), &section, |setting| setting.key.clone()),
            }
        }
    }

    /// Lays variables over what there is; those without our prefix are not ours.
    pub(super) fn add_environment(&mut self, variables: impl Iterator<Item = (OsString, OsString)>) {
        let mut ours: Vec<_> =
            variables.filter(|(name, _)| name.to_string_lossy().starts_with("FRONTROW_")).collect();
        ours.sort();
        for (name, text) in ours {
            let variable = name.to_string_lossy().into_owned();
            let source = Source::Environment { variable: variable.clone() };
            if let Some(setting) = self.settings.iter().find(|setting| setting.variable() == variable) {
                let key = setting.key.clone();
                match text.into_string() {
                    Ok(text) => self.set_from_text(&key, &text, source),
                    Err(_) => self.refuse_value(source, &key, "is not UTF-8", "set it to UTF-8 text"),
                }
            } else if let Some(rest) = variable.strip_prefix(PREFIX) {
                let key = rest.to_lowercase().replace("__", ".");
                self.refuse_key(source, &key, Setting::variable);
            } else if let Some(setting) = self.settings.iter().find(|setting| {
                // Other variables may begin alike, such as those that Kubernetes makes for a service called
                // frontrow; one that would be a setting if it had two underscores is a slip.
                setting.variable().replace("__", "_") == variable
            }) {
                let help = format!("write {}, with two underscores each", setting.variable());
                let key = setting.key.clone();
                self.refuse_value(source, &key, "is not set by this name", &help);
            }
        }
    }

    /// Lays flags over what there is: dotted keys and texts.
    pub(super) fn add_flags(&mut self, flags: &[(String, String)]) {
        for (key, text) in flags {
            if self.settings.iter().any(|setting| setting.key == *key) {
                self.set_from_text(key, text, Source::CommandLine);
            } else {
                self.refuse_key(Source::CommandLine, key, |setting| setting.key.clone());
            }
        }
    }

    /// Turns what there is into the typed form, setting aside one value after the other that does not fit.
    pub(super) fn build<T: DeserializeOwned>(&mut self) -> Option<T> {
        loop {
            let error = match serde_path_to_error::deserialize(toml::Value::Table(self.table())) {
                Ok(config) => return Some(config),
                Err(error) => error,
            };
            let segments: Vec<_> = error.path().iter().collect();
            let (key, index) = match segments.as_slice() {
                [Segment::Map { key: section }, Segment::Map { key: name }, rest @ ..] => {
                    let index = match rest {
                        [Segment::Seq { index }, ..] => Some(*index),
                        _ => None,
                    };
                    (format!("{section}.{name}"), index)
                }
                _ => (error.path().to_string(), None),
            };
            let message = error.inner().message().to_owned();
            if !self.set_aside(&key, index, &message) {
                return None;
            }
        }
    }

    /// What is in force, as TOML with its comments on where values came from; secrets are redacted.
    pub(super) fn print(&self) -> String {
        let mut lines = Vec::new();
        let mut section = "";
        for setting in &self.settings {
            if setting.section() != section {
                if !section.is_empty() {
                    lines.push(String::new());
                }
                section = setting.section();
                lines.push(format!("[{section}]"));
            }
            let origin = match &setting.source {
                Source::Default => String::new(),
                source => format!(" # from {source}"),
            };
            lines.push(format!("{} = {}{origin}", setting.name(), shown(setting, &setting.value)));
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// What tells the values of all settings from others, key by key, and shows none of them.
    pub(super) fn fingerprints(&self) -> Fingerprints {
        self.settings.iter().map(|one| (one.key.clone(), one.value.to_toml().to_string())).collect()
    }

    /// The keys of all settings, in the order of the manual.
    #[cfg(test)]
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.settings.iter().map(|setting| setting.key.as_str())
    }

    /// Ends the merge: what was built, or everything that was found wrong.
    pub(super) fn finish<T>(mut self, built: Option<T>) -> Result<T, Problems> {
        self.problems.sort_by(|one, other| one.source.cmp(&other.source));
        match built {
            Some(built) if self.problems.is_empty() => Ok(built),
            _ => Err(Problems(self.problems)),
        }
    }

    /// Refuses what a check found about `keys`. The first one names the problem; the blame goes to the first
    /// that somebody has set. Silent when it is not known what one of them was meant to be.
    pub(super) fn refuse(&mut self, keys: &[&str], what: impl Into<String>, help: impl Into<String>) {
        let sources: Vec<_> = keys
            .iter()
            .filter_map(|key| self.settings.iter().find(|setting| setting.key == *key))
            .map(|setting| &setting.source)
            .collect();
        if keys.iter().any(|key| self.refused.contains(*key))
            || self.file_is_lost && sources.contains(&&Source::Default)
        {
            return;
        }
        let set = sources.into_iter().find(|source| **source != Source::Default);
        let source = set.cloned().unwrap_or(Source::Default);
        self.report(source, keys.first().copied().unwrap_or_default(), what, help);
    }

    /// Parses a file: its tables with their lines, in order, or `None` when it is not TOML, which is then
    /// reported, with all its places. What the parser recovers from a broken file is not looked at: a lost
    /// bracket would make half of its keys look unknown.
    fn read<'t>(
        &mut self,
        text: &'t str,
        at: &dyn Fn(usize) -> Source,
    ) -> Option<Vec<(String, Spanned<DeValue<'t>>, usize)>> {
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            // The message only: the error's own Display repeats the line, which may hold a secret.
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            let what = format!("is not valid TOML ({})", error.message());
            self.report(at(line), "", format!("this line {what}"), "correct it, then check again");
        }
        if !errors.is_empty() {
            return None;
        }
        let tables = in_order(document.get_ref()).into_iter().map(|(name, value)| {
            (name.get_ref().to_string(), value.clone(), line_of(text, name.span().start))
        });
        Some(tables.collect())
    }

    fn set_from_file(&mut self, key: &str, found: &DeValue<'_>, source: Source) {
        let Some(setting) = self.settings.iter().find(|setting| setting.key == key) else {
            return self.refuse_key(source, key, |setting| setting.key.clone());
        };
        let kind = setting.default.kind();
        match Value::from_toml(found) {
            Ok(value) if value.kind() == kind => self.set(key, value, source),
            Ok(value) => {
                let what = format!("is {}, not {kind}", value.kind());
                let help = format!("write {kind}, such as {}", example(setting));
                self.refuse_value(source, key, &what, &help);
            }
            Err(what) => {
                let help = format!("write {kind}, such as {}", example(setting));
                self.refuse_value(source, key, &what, &help);
            }
        }
    }

    fn set_from_text(&mut self, key: &str, text: &str, source: Source) {
        let Some(setting) = self.settings.iter().find(|setting| setting.key == key) else { return };
        if let Some(value) = Value::from_text(text, &setting.default) {
            return self.set(key, value, source);
        }
        let what = if text.trim().is_empty() {
            "is empty".to_owned()
        } else {
            format!("cannot be {}", quoted(text))
        };
        let help = match &setting.default {
            Value::Whole(default) => format!("give a whole number, such as {default}"),
            Value::Switch(_) => "give true or false".to_owned(),
            _ => "separate the items by single commas".to_owned(),
        };
        self.refuse_value(source, key, &what, &help);
    }

    /// Puts a value of the right type in force, if it is in its range.
    fn set(&mut self, key: &str, value: Value, source: Source) {
        let Some(setting) = self.settings.iter_mut().find(|setting| setting.key == key) else { return };
        match &value {
            Value::Whole(number) => {
                let range = RANGES.iter().find(|(ranged, _)| *ranged == key).map(|(_, range)| range);
                if let Some(range) = range.filter(|range| !range.contains(number)) {
                    let help = format!("choose a whole number from {} to {}", range.start(), range.end());
                    return self.refuse_value(source, key, &format!("is {number}, out of its range"), &help);
                }
            }
            Value::Text(text) if setting.is_secret() && text == REDACTED => {
                let what = "is the placeholder that `frontrow config print` writes for secrets";
                return self.refuse_value(source, key, what, "give the secret itself, or leave the key out");
            }
            _ => {}
        }
        setting.value = value;
        setting.source = source;
    }

    /// Reports a value that does not fit its setting's type and takes it out of force: an item of a list
    /// alone, so that its neighbours are looked at too. False when nothing is left to take out: then the
    /// manual and the sections disagree, which is a defect.
    fn set_aside(&mut self, key: &str, index: Option<usize>, message: &str) -> bool {
        let Some(setting) = self.settings.iter_mut().find(|setting| setting.key == key) else {
            self.report(Source::Default, key, format!("has a defect ({message})"), "report it");
            return false;
        };
        let source = setting.source.clone();
        let wrong = match &setting.value {
            Value::Text(text) if !setting.is_secret() => quoted(text),
            value => shown(setting, value),
        };
        let what = match (&mut setting.value, index) {
            (Value::List(items), Some(index)) if index < items.len() => {
                items.remove(index);
                format!("has an item that cannot be used ({message})")
            }
            (value, _) if *value != setting.default => {
                *value = setting.default.clone();
                format!("cannot be {wrong} ({message})")
            }
            _ => {
                self.report(Source::Default, key, format!("has a defect ({message})"), "report it");
                return false;
            }
        };
        self.refuse_value(source, key, &what, help(key));
        true
    }

    /// All settings as a table of tables.
    fn table(&self) -> toml::Table {
        let mut table = toml::Table::new();
        for setting in &self.settings {
            let section =
                table.entry(setting.section()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let toml::Value::Table(section) = section {
                section.insert(setting.name().to_owned(), setting.value.to_toml());
            }
        }
        table
    }

    fn refuse_value(&mut self, source: Source, key: &str, what: &str, help: &str) {
        self.refused.insert(key.to_owned());
        self.report(source, key, what, help);
    }

    /// Refuses a key that is none; `spelled` is how keys are written in that source.
    fn refuse_key(&mut self, source: Source, key: &str, spelled: impl Fn(&Setting) -> String) {
        let help = match nearest(key, self.settings.iter().map(|setting| setting.key.as_str())) {
            Some(meant) => {
                let meant = self.settings.iter().find(|setting| setting.key == meant);
                let spelling = meant.map(&spelled).unwrap_or_default();
                self.refused.extend(meant.map(|setting| setting.key.clone()));
                format!("did you mean {spelling}?")
            }
            None => "take it out: `frontrow config print` shows all keys".to_owned(),
        };
        self.report(source, key, "is not a setting", help);
    }

    /// Refuses a section that is none. What it holds is taken as meant for the one with the nearest name.
    fn refuse_section(&mut self, source: Source, section: &str, content: &DeTable<'_>) {
        let help = match nearest(section, self.settings.iter().map(Setting::section)).map(str::to_owned) {
            Some(meant) => {
                self.refused.extend(content.keys().map(|name| format!("{meant}.{}", name.get_ref())));
                format!("did you mean [{meant}]?")
            }
            None => "take it out: `frontrow config print` shows all sections".to_owned(),
        };
        self.report(source, section, "is not a section", help);
    }

    fn report(&mut self, source: Source, key: &str, what: impl Into<String>, help: impl Into<String>) {
        let problem = Problem { source, key: key.to_owned(), what: what.into(), help: help.into() };
        self.problems.push(problem);
    }
}

/// A table in the order in which it was written.
fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Spanned<DeString<'i>>, &'t Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

/// The line, counted from 1, that a byte is on.
fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// A value as TOML writes it, unless it is a secret. That a secret is not set may be seen.
fn shown(setting: &Setting, value: &Value) -> String {
    match value {
        Value::Text(text) if setting.is_secret() && !text.is_empty() => format!("\"{REDACTED}\""),
        _ => value.to_toml().to_string(),
    }
}

/// How a value of the setting's type is written.
fn example(setting: &Setting) -> String {
    match &setting.default {
        Value::Text(text) if text.is_empty() => "\"…\" in quotes".to_owned(),
        Value::List(items) if items.is_empty() => "[\"…\", \"…\"]".to_owned(),
        default => default.to_toml().to_string(),
    }
}

/// A text from outside, harmless to print and not too long.
pub(super) fn quoted(text: &str) -> String {
    let mut start: String = text.chars().take(SHOWN_CHARACTERS).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    format!("{start:?}")
}

/// The known key that was probably meant: the same name in another section, or one that a few slips away.
fn nearest<'k>(unknown: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let name = |key: &str| key.rsplit('.').next().unwrap_or_default().to_lowercase();
    let limit = (unknown.chars().count() / 4).clamp(1, 4);
    known
        .map(|key| {
            let slips = slips(&unknown.to_lowercase(), key);
            (if name(unknown) == name(key) { slips.min(1) } else { slips }, slips, key)
        })
        .filter(|(distance, ..)| *distance <= limit)
        .min()
        .map(|(.., key)| key)
}

/// How many characters have to be put in, left out or changed to get from one text to the other.
fn slips(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, have) in from.chars().enumerate() {
        let mut diagonal = above;
        let mut left = above + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, want) in row.iter_mut().skip(1).zip(&to) {
            let best = (diagonal + usize::from(have != *want)).min(left + 1).min(*cell + 1);
            diagonal = *cell;
            *cell = best;
            left = best;
        }
    }
    row.last().copied().unwrap_or_default()
}
