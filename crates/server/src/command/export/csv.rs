//! CSV by RFC 4180: UTF-8, commas, CRLF, quotes where they are needed.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, quoted or not, and titles, venues and
//! labels are written by people. So in a text that is not our own such a beginning gets an apostrophe in front of it.

use std::fmt::Display;
use std::io::{self, Write};

/// What a spreadsheet may take for the beginning of a formula, also behind what it skips.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}'];

/// What is in a cell, safe to be read by a spreadsheet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text(String);

impl Text {
    /// Something that this program has made: an id, a number, a time, a word of its own.
    pub(super) fn own(text: impl Display) -> Self {
        Self(text.to_string())
    }

    /// The same, where there may be nothing.
    pub(super) fn perhaps(text: Option<impl Display>) -> Self {
        Self(text.map_or_else(String::new, |text| text.to_string()))
    }

    /// Something that somebody has written.
    pub(super) fn foreign(text: &str) -> Self {
        let is_safe = !text.trim_start_matches(' ').starts_with(FORMULA);
        Self(if is_safe { text.to_owned() } else { format!("'{text}") })
    }
}

/// A table on its way.
pub(super) struct Table<W>(W);

impl<W: Write> Table<W> {
    /// Begins with the line of names.
    pub(super) fn begin(out: W, columns: &[&str]) -> io::Result<Self> {
        let mut table = Self(out);
        let names: Vec<Text> = columns.iter().map(Text::own).collect();
        table.row(&names)?;
        Ok(table)
    }

    /// Writes a line.
    pub(super) fn row(&mut self, cells: &[Text]) -> io::Result<()> {
        for (at, Text(text)) in cells.iter().enumerate() {
            if at > 0 {
                self.0.write_all(b",")?;
            }
            if text.contains([',', '"', '\r', '\n']) {
                write!(self.0, "\"{}\"", text.replace('"', "\"\""))?;
            } else {
                self.0.write_all(text.as_bytes())?;
            }
        }
        self.0.write_all(b"\r\n")
    }

    /// Sees that everything is written.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cells: &[Text]) -> String {
        let mut out = Vec::new();
        let mut table = Table::begin(&mut out, &["a", "b"]).expect("written");
        table.row(cells).expect("written");
        table.finish().expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn cells_are_quoted_where_rfc_4180_asks_for_it() {
        let cells = [Text::foreign("Hall, \"North\""), Text::foreign("two\nlines")];
        assert_eq!(written(&cells), "a,b\r\n\"Hall, \"\"North\"\"\",\"two\nlines\"\r\n");
        assert_eq!(written(&[Text::own(-5), Text::perhaps(None::<u8>)]), "a,b\r\n-5,\r\n");
        assert_eq!(written(&[Text::foreign("밤의 노래"), Text::own("x")]), "a,b\r\n밤의 노래,x\r\n");
    }

    #[test]
    fn what_somebody_has_written_is_no_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1"] {
            assert_eq!(Text::foreign(text), Text::own(format!("'{text}")), "{text:?}");
        }
        for text in ["", "1F A-7", "A=1", "O'Neill"] {
            assert_eq!(Text::foreign(text), Text::own(text));
        }
    }
}
