//! Numbers and columns for people, and lines of CSV.

/// On which side a column is flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows of cells under a line that names the columns, each as wide as its widest cell.
pub(crate) struct Grid {
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    pub(crate) fn new(columns: &[(&str, Align)]) -> Self {
        let names = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        Self { aligns: columns.iter().map(|(_, align)| *align).collect(), rows: vec![names] }
    }

    pub(crate) fn push(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|cell| printable(cell)).collect());
    }

    /// The lines, without blanks at their ends.
    pub(crate) fn text(&self) -> String {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.aligns.len()).map(width).collect();
        let cell = |(cell, (align, width)): (&String, (&Align, &usize))| match align {
            Align::Left => format!("{cell:<width$}"),
            Align::Right => format!("{cell:>width$}"),
        };
        let line = |row: &Vec<String>| {
            let cells: Vec<String> = row.iter().zip(self.aligns.iter().zip(&widths)).map(cell).collect();
            format!("{}\n", cells.join("  ").trim_end())
        };
        self.rows.iter().map(line).collect()
    }
}

/// With control characters as Rust would write them, since a terminal might obey them: names come from files that anybody may have made.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// With a comma between thousands, as perf prints it.
pub(crate) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What part of a whole a number is, in percent.
pub(crate) fn share(part: i64, whole: u64) -> String {
    format!("{:.2}", part as f64 * 100.0 / whole.max(1) as f64)
}

/// A line of CSV (RFC 4180, but for the line's end).
pub(crate) fn csv_line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let quoted = |cell: &str| {
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.to_owned()
        }
    };
    let cells: Vec<String> = cells.into_iter().map(quoted).collect();
    cells.join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_have_commas() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (-1_234_567, "-1,234,567"),
            (i64::MIN, "-9,223,372,036,854,775,808"),
        ];
        cases.iter().for_each(|(number, text)| assert_eq!(grouped(*number), *text));
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(printable("a b\tgrün \x1b[2J\u{9b}\n"), "a b\\tgrün \\u{1b}[2J\\u{9b}\\n");
    }

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let mut grid = Grid::new(&[("n", Align::Right), ("name", Align::Left), ("x", Align::Left)]);
        grid.push(vec!["10".into(), "a".into(), String::new()]);
        assert_eq!(grid.text(), " n  name  x\n10  a\n");
    }

    #[test]
    fn cells_of_csv_are_quoted_where_they_must_be() {
        assert_eq!(csv_line(["a", "b,c", "say \"x\"", ""]), "a,\"b,c\",\"say \"\"x\"\"\",\n");
    }
}
