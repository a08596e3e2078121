//! What tells settings from those of another time, without showing or keeping them.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::secret::REDACTED;

/// A hash of the value of every setting, by key. Shows nothing: some are of secrets.
#[derive(Clone, Default)]
pub(super) struct Fingerprints(BTreeMap<String, u64>);

impl fmt::Debug for Fingerprints {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(REDACTED)
    }
}

impl FromIterator<(String, String)> for Fingerprints {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(settings: I) -> Self {
        let of = |(key, value): (String, String)| {
            let mut hasher = DefaultHasher::new();
            value.hash(&mut hasher);
            (key, hasher.finish())
        };
        Self(settings.into_iter().map(of).collect())
    }
}

impl Fingerprints {
    /// The keys whose values are others there.
    pub(super) fn that_differ(&self, others: &Self) -> Vec<String> {
        let is_other = |(key, value): &(&String, &u64)| others.0.get(*key) != Some(*value);
        self.0.iter().filter(is_other).map(|(key, _)| key.clone()).collect()
    }

    /// Takes over the values of these keys.
    pub(super) fn take_over(&mut self, others: &Self, keys: &[&str]) {
        for (key, value) in &mut self.0 {
            if keys.contains(&key.as_str())
                && let Some(other) = others.0.get(key)
            {
                *value = *other;
            }
        }
    }
}
