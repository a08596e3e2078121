//! Members that are one of a closed list of words. What serde derives for an enum would take an object as well, and
//! would call a number in its place no JSON at all.

use std::borrow::Cow;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

/// A closed list of words.
pub(crate) trait Words: Copy + 'static {
    /// What they stand for, in the order in which they are documented.
    const EVERY: &'static [Self];
    /// The word.
    fn word(self) -> &'static str;
}

/// What a word stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word<T>(pub(crate) T);

impl<'de, T: Words> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let known = T::EVERY.iter().copied().find(|one| one.word() == text);
        known.map(Self).ok_or_else(|| {
            let words: Vec<_> = T::EVERY.iter().map(|one| one.word()).collect();
            D::Error::custom(format!("must be one of {}", words.join(", ")))
        })
    }
}

impl<T: Words> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Answer(bool);

    impl Words for Answer {
        const EVERY: &'static [Self] = &[Self(false), Self(true)];

        fn word(self) -> &'static str {
            if self.0 { "yes" } else { "no" }
        }
    }

    #[test]
    fn a_word_is_a_text_of_the_list_and_nothing_else() {
        let read = |json: &str| serde_json::from_str::<Word<Answer>>(json);
        assert_eq!(read("\"yes\"").ok(), Some(Word(Answer(true))));
        assert_eq!(read("\"n\\u006f\"").ok(), Some(Word(Answer(false))));
        assert_eq!(serde_json::to_string(&Word(Answer(true))).ok().as_deref(), Some("\"yes\""));
        for other in ["1", "null", "true", "[\"yes\"]", "{\"yes\":null}", "\"Yes\"", "\"\"", "\"maybe\""] {
            let error = read(other).expect_err(other);
            assert!(error.is_data(), "{other}: {error}");
        }
        let error = read("\"maybe\"").expect_err("no such word").to_string();
        assert!(error.starts_with("must be one of no, yes"), "{error}");
    }
}
