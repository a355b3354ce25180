//! A table as JSON: the totals, and an object for each row.

use super::{Column, Table, TableRow};
use crate::measures::Measures;
use serde_json::{Map, Value};

impl Table {
    /// The table as one JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        let columns = self.by.columns();
        let keys = self.by.keys();
        let row = |row: &TableRow| {
            let names = keys.iter().zip(&row.names).map(|(key, name)| ((*key).to_owned(), name.as_str().into()));
            Value::Object(names.chain(numbers(columns, &row.measures)).collect())
        };
        let all = serde_json::json!({
            "by": self.by.name(),
            "total": numbers(columns, &self.total).collect::<Map<_, _>>(),
            "rows": self.rows().map(row).collect::<Vec<_>>(),
        });
        format!("{all:#}\n")
    }
}

fn numbers(columns: &[Column], measures: &Measures) -> impl Iterator<Item = (String, Value)> {
    columns.iter().map(|column| (column.name().to_owned(), column.of(measures).into()))
}
