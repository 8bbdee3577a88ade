//! Columns for people: aligned, with a head where there are rows.

use std::io::{self, Write};

use anstyle::Style;
use console::measure_text_width;

use crate::output::BOLD;

/// A text and how it is shown.
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::new())
    }
}

/// Writes a head and rows of as many cells.
pub(crate) fn write<const N: usize>(
    out: &mut impl Write,
    head: Option<[&str; N]>,
    rows: &[[Cell; N]],
) -> io::Result<()> {
    let head = head.map(|names| names.map(|name| Cell::styled(name, BOLD)));
    let all = || head.iter().chain(rows);
    let mut widths = [0; N];
    for row in all() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = measure_text_width(&cell.text).max(*width);
        }
    }
    for row in all() {
        for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
            let style = cell.style;
            let gap = if index + 1 == N { 0 } else { width + 2 - measure_text_width(&cell.text) };
            write!(out, "{style}{}{style:#}{:gap$}", cell.text, "")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_is_seen_and_no_line_ends_in_blanks() {
        let rows = [[Cell::from("日本"), "x".into()], ["a".into(), "y".into()]];
        let mut out = anstream::StripStream::new(Vec::new());
        write(&mut out, Some(["ONE", "TWO"]), &rows).unwrap();
        assert_eq!(String::from_utf8(out.into_inner()).unwrap(), "ONE   TWO\n日本  x\na     y\n");
    }
}
