//! A table for people: numbers with a comma between thousands, the share of the cycles, then what the row stands for.

use super::{Column, Table, TableRow};
use crate::text::{Align, Grid, grouped, share};

impl Table {
    /// The table as text: a line for each row, under a line that names the columns, and the sum.
    #[must_use]
    pub fn text(&self) -> String {
        let columns = self.by.columns();
        let numbers = columns.iter().flat_map(|column| match column {
            Column::Cycles => vec![(column.name(), Align::Right), ("%", Align::Right)],
            _ => vec![(column.name(), Align::Right)],
        });
        let keys = self.by.keys().iter().map(|key| (*key, Align::Left));
        let mut grid = Grid::new(&numbers.chain(keys).collect::<Vec<_>>());
        let mut names = vec![String::new(); self.by.keys().len()];
        names[0] = "[all]".into();
        let sum = TableRow { names, measures: self.total };
        self.rows().chain([&sum]).for_each(|row| grid.push(self.cells(columns, row)));
        grid.text()
    }

    fn cells(&self, columns: &[Column], row: &TableRow) -> Vec<String> {
        let mut cells = Vec::new();
        for column in columns {
            let value = column.of(&row.measures);
            cells.push(grouped(value));
            if *column == Column::Cycles {
                cells.push(share(value, self.total.cycles));
            }
        }
        cells.extend(row.names.iter().cloned());
        cells
    }
}
