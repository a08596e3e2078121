//! Columns of a row, by their place.

use sqlx::Row as _;
use sqlx::mysql::MySqlRow;
use uuid::Uuid;

use crate::error::DbError;

/// What reading answers.
pub(crate) type Result<T> = std::result::Result<T, DbError>;

/// A row of an answer.
pub(crate) struct Row<'a>(pub(crate) &'a MySqlRow);

/// What a column can be read as.
pub(crate) trait Column<'a>: Sized {
    /// The value in that place.
    fn read(row: &'a MySqlRow, column: usize) -> Result<Self>;
}

impl<'a> Row<'a> {
    /// The value of a column.
    pub(crate) fn get<T: Column<'a>>(&self, column: usize) -> Result<T> {
        T::read(self.0, column)
    }

    /// Text, where it is.
    pub(crate) fn text(&self, column: usize) -> Result<&'a str> {
        self.get(column)
    }

    /// Text, where it is, or nothing.
    pub(crate) fn optional_text(&self, column: usize) -> Result<Option<&'a str>> {
        self.get(column)
    }

    /// True when there is nothing.
    pub(crate) fn is_null(&self, column: usize) -> Result<bool> {
        self.get::<Option<&[u8]>>(column).map(|bytes| bytes.is_none())
    }
}

// The server says in ever other words what type a column is (a sum is a decimal, a text under a binary collation is
// bytes); what was asked for is what is read.
impl<'a> Column<'a> for Option<&'a [u8]> {
    fn read(row: &'a MySqlRow, column: usize) -> Result<Self> {
        Ok(row.try_get_unchecked(column)?)
    }
}

impl<'a> Column<'a> for Option<&'a str> {
    fn read(row: &'a MySqlRow, column: usize) -> Result<Self> {
        Ok(row.try_get_unchecked(column)?)
    }
}

impl<'a> Column<'a> for Option<i64> {
    fn read(row: &'a MySqlRow, column: usize) -> Result<Self> {
        Ok(row.try_get_unchecked(column)?)
    }
}

macro_rules! optional {
    ($($type:ty => $from:ty, |$value:ident| $into:expr, $what:literal;)*) => {
        $(impl<'a> Column<'a> for Option<$type> {
            fn read(row: &'a MySqlRow, column: usize) -> Result<Self> {
                let found: Option<$from> = Column::read(row, column)?;
                found.map(|$value| $into.ok_or(DbError::Unreadable($what))).transpose()
            }
        })*
    };
}

optional! {
    u8 => i64, |number| u8::try_from(number).ok(), "small number";
    u16 => i64, |number| u16::try_from(number).ok(), "number";
    u32 => i64, |number| u32::try_from(number).ok(), "number";
    u64 => i64, |number| u64::try_from(number).ok(), "number";
    bool => i64, |number| match number { 0 => Some(false), 1 => Some(true), _ => None }, "flag";
    [u8; 16] => &'a [u8], |bytes| bytes.try_into().ok(), "id";
    [u8; 32] => &'a [u8], |bytes| bytes.try_into().ok(), "seed";
    Uuid => &'a [u8], |bytes| Uuid::from_slice(bytes).ok(), "id";
    String => &'a str, |text| Some(text.to_owned()), "text";
    Vec<u8> => &'a [u8], |bytes| Some(bytes.to_vec()), "bytes";
}

macro_rules! required {
    ($($type:ty)*) => {
        $(impl<'a> Column<'a> for $type {
            fn read(row: &'a MySqlRow, column: usize) -> Result<Self> {
                let found: Option<$type> = Column::read(row, column)?;
                found.ok_or(DbError::Unreadable("column without a value"))
            }
        })*
    };
}

required! { i64 u8 u16 u32 u64 bool [u8; 16] Uuid String Vec<u8> &'a str &'a [u8] }

/// All rows, each read like this.
pub(crate) fn all<T>(rows: &[MySqlRow], read: impl Fn(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
    rows.iter().map(|row| read(&Row(row))).collect()
}

/// The first row, read like this, if there is one.
pub(crate) fn first<T>(rows: &[MySqlRow], read: impl Fn(&Row<'_>) -> Result<T>) -> Result<Option<T>> {
    rows.first().map(|row| read(&Row(row))).transpose()
}

/// Forgets the row version, which only writers need.
pub(crate) fn bare<T>(read: impl Fn(&Row<'_>) -> Result<(T, u64)>) -> impl Fn(&Row<'_>) -> Result<T> {
    move |row| read(row).map(|(value, _)| value)
}
