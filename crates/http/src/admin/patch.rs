//! Members of a JSON Merge Patch (RFC 7396): absent, null, or a value. Null takes a member back to its default;
//! a member that has none cannot be taken away.

use frontrow_domain::catalog::FieldError;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A member of a patch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Member<T> {
    /// Not there: it stays as it is.
    #[default]
    Absent,
    /// Null.
    Null,
    /// A value.
    Set(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(deserializer).map(|value| value.map_or(Self::Null, Self::Set))
    }
}

impl<T: Serialize> Serialize for Member<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent | Self::Null => serializer.serialize_none(),
            Self::Set(value) => serializer.serialize_some(value),
        }
    }
}

impl<T> Member<T> {
    /// The change, where null means the default.
    pub(super) fn or_default(self, default: impl FnOnce() -> T) -> Option<T> {
        match self {
            Self::Absent => None,
            Self::Null => Some(default()),
            Self::Set(value) => Some(value),
        }
    }

    /// The change, where null is not possible.
    pub(super) fn required(self, errors: &mut Vec<FieldError>, field: &str) -> Option<T> {
        match self {
            Self::Absent => None,
            Self::Null => {
                errors.push(FieldError::new(field, "must not be null"));
                None
            }
            Self::Set(value) => Some(value),
        }
    }
}
