//! A table as CSV: a line that names the columns, then a line for each row.

use super::Table;
use crate::text::csv_line;

impl Table {
    /// The table as CSV.
    #[must_use]
    pub fn csv(&self) -> String {
        let columns = self.by.columns();
        let head = columns.iter().map(|column| column.name()).chain(self.by.keys().iter().copied());
        let mut text = csv_line(head);
        for row in self.rows() {
            let numbers: Vec<String> = columns.iter().map(|column| column.of(&row.measures).to_string()).collect();
            text += &csv_line(numbers.iter().chain(&row.names).map(String::as_str));
        }
        text
    }
}
