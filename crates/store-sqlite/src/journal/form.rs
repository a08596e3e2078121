//! How the changes of a group are written down: the number of a statement and its values, line after line.
//!
//! ```text
//! row   = version line*            version: one byte, 1
//! line  = statement value*         statement: one byte, its number in `statements`
//! value = 0                        null
//!       | 1 number                 zigzag, seven bits a byte, the lowest first
//!       | 2 length bytes           text in UTF-8
//!       | 3 length bytes           blob
//! ```
//!
//! A statement says how many values it has. What cannot be read is refused whole: it was never written.

use rusqlite::types::ValueRef;

use super::statements::Statement;

/// The version that is written. Older ones are read for as long as a store may hold them.
pub(crate) const VERSION: u8 = 1;

const NULL: u8 = 0;
const NUMBER: u8 = 1;
const TEXT: u8 = 2;
const BLOB: u8 = 3;

/// A row that is being written.
pub(crate) struct RowForm(Vec<u8>);

impl RowForm {
    pub(crate) fn new() -> Self {
        Self(vec![VERSION])
    }

    /// True while nothing was written to it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    /// Begins a line; its values follow in order.
    pub(crate) fn line(&mut self, statement: Statement) -> Line<'_> {
        self.0.push(statement.number());
        Line { form: &mut self.0, left: statement.values() }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// A line that is being written. It must get as many values as its statement has.
pub(crate) struct Line<'a> {
    form: &'a mut Vec<u8>,
    left: usize,
}

impl Line<'_> {
    pub(crate) fn number(mut self, number: impl Into<i64>) -> Self {
        self.tag(NUMBER);
        let number = number.into();
        self.varint(((number << 1) ^ (number >> 63)).cast_unsigned());
        self
    }

    /// A number that is never negative. One that no column can hold cannot be folded either, and stops there.
    pub(crate) fn count(self, count: u64) -> Self {
        self.number(i64::try_from(count).unwrap_or(i64::MAX))
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        self.tag(TEXT);
        self.bytes(text.as_bytes());
        self
    }

    pub(crate) fn blob(mut self, blob: &[u8]) -> Self {
        self.tag(BLOB);
        self.bytes(blob);
        self
    }

    pub(crate) fn null(mut self) -> Self {
        self.tag(NULL);
        self
    }

    pub(crate) fn number_or_null(self, number: Option<impl Into<i64>>) -> Self {
        match number {
            Some(number) => self.number(number),
            None => self.null(),
        }
    }

    pub(crate) fn text_or_null(self, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    pub(crate) fn blob_or_null(self, blob: Option<&[u8; 16]>) -> Self {
        match blob {
            Some(blob) => self.blob(blob),
            None => self.null(),
        }
    }

    /// Ends the line.
    pub(crate) fn end(self) {
        debug_assert_eq!(self.left, 0, "a line has as many values as its statement");
    }

    fn tag(&mut self, tag: u8) {
        debug_assert!(self.left > 0, "a line has as many values as its statement");
        self.left = self.left.saturating_sub(1);
        self.form.push(tag);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.form.extend_from_slice(bytes);
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.form.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.form.push(number.to_le_bytes()[0]);
    }
}

/// A row that is being read.
pub(crate) struct RowLines<'a>(&'a [u8]);

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unread {
    #[error("its form has version {0}, and this program knows versions up to {VERSION}")]
    Version(u8),
    #[error("it has a statement {0}, which this program does not know")]
    Statement(u8),
    #[error("it breaks off, or is no row at all")]
    Broken,
}

impl<'a> RowLines<'a> {
    pub(crate) fn of(form: &'a [u8]) -> Result<Self, Unread> {
        match form.split_first() {
            Some((&VERSION, lines)) => Ok(Self(lines)),
            Some((&version, _)) => Err(Unread::Version(version)),
            None => Err(Unread::Broken),
        }
    }

    /// The next line: its statement, with its values put in place of those in `values`. Nothing at the end.
    pub(crate) fn next(&mut self, values: &mut Vec<ValueRef<'a>>) -> Result<Option<Statement>, Unread> {
        let Some((&number, rest)) = self.0.split_first() else { return Ok(None) };
        self.0 = rest;
        let statement = Statement::numbered(number).ok_or(Unread::Statement(number))?;
        values.clear();
        for _ in 0..statement.values() {
            values.push(self.value()?);
        }
        Ok(Some(statement))
    }

    fn value(&mut self) -> Result<ValueRef<'a>, Unread> {
        let (&tag, rest) = self.0.split_first().ok_or(Unread::Broken)?;
        self.0 = rest;
        match tag {
            NULL => Ok(ValueRef::Null),
            NUMBER => {
                let number = self.varint()?;
                Ok(ValueRef::Integer((number >> 1).cast_signed() ^ -(number & 1).cast_signed()))
            }
            TEXT => Ok(ValueRef::Text(self.bytes()?)),
            BLOB => Ok(ValueRef::Blob(self.bytes()?)),
            _ => Err(Unread::Broken),
        }
    }

    fn bytes(&mut self) -> Result<&'a [u8], Unread> {
        let length = usize::try_from(self.varint()?).map_err(|_| Unread::Broken)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Unread::Broken)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn varint(&mut self) -> Result<u64, Unread> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(Unread::Broken)?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7F);
            // Of the tenth byte one bit is left.
            if shift == 63 && bits > 1 {
                return Err(Unread::Broken);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Unread::Broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_row(number: i64) -> Vec<u8> {
        let mut form = RowForm::new();
        form.line(Statement::ClaimDelete).number(number).number(7).null().end();
        form.line(Statement::SeatChangeInsert).number(1).number(number).number(0).text("1,2").end();
        form.line(Statement::ClaimDelete).number(2_u32).number(0).blob(&[9; 16]).end();
        form.into_bytes()
    }

    fn read(form: &[u8]) -> Result<Vec<(Statement, Vec<ValueRef<'_>>)>, Unread> {
        let mut lines = RowLines::of(form)?;
        let (mut values, mut found) = (Vec::new(), Vec::new());
        while let Some(statement) = lines.next(&mut values)? {
            found.push((statement, values.clone()));
        }
        Ok(found)
    }

    #[test]
    fn a_row_reads_as_it_was_written() {
        for number in [0, 1, -1, 63, 64, -65, 1_788_260_400_123_457, i64::MAX, i64::MIN] {
            let form = a_row(number);
            let found = read(&form).expect("a row");
            let of_number = ValueRef::Integer(number);
            assert_eq!(
                found[0],
                (Statement::ClaimDelete, vec![of_number, ValueRef::Integer(7), ValueRef::Null])
            );
            assert_eq!(
                found[1].1,
                [ValueRef::Integer(1), of_number, ValueRef::Integer(0), ValueRef::Text(b"1,2")]
            );
            assert_eq!(found[2].1[2], ValueRef::Blob(&[9; 16]));
            assert_eq!(found.len(), 3);
        }
    }

    #[test]
    fn what_breaks_off_is_refused_wherever_it_does() {
        let form = a_row(i64::MIN);
        let ends: Vec<usize> = (0..form.len()).filter(|&end| read(&form[..end]).is_ok()).collect();
        // Only where a line ends does nothing show: that a row is whole is what the store's own pages say.
        assert_eq!(ends.len(), 3, "{ends:?}");
    }

    #[test]
    fn what_nobody_has_written_is_refused() {
        assert_eq!(read(&[]), Err(Unread::Broken));
        assert_eq!(read(&[VERSION + 1]), Err(Unread::Version(VERSION + 1)));
        assert_eq!(read(&[VERSION, 255]), Err(Unread::Statement(255)));
        let statement = Statement::ClaimDelete.number();
        assert_eq!(read(&[VERSION, statement, 4]), Err(Unread::Broken));
        let endless = [&[VERSION, statement, NUMBER][..], &[0xFF; 11]].concat();
        assert_eq!(read(&endless), Err(Unread::Broken));
        let too_long = [VERSION, statement, BLOB, 200, 1, 0];
        assert_eq!(read(&too_long), Err(Unread::Broken));
    }
}
