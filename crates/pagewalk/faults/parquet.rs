//! Events as a Parquet file: a row for each, with the columns of JSON Lines and the entry that maps the page.
//!
//! Invariant: no more rows are in memory than a row group has.

use super::show::{Event, Failed, Shown};
use pagewalk::trace::record::Fact;
use pagewalk::trace::{Column, NOTHING};
use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};
use std::io::{self, Write};
use std::sync::Arc;

/// As many rows are written at once.
const GROUP: usize = 1 << 17;

/// The columns before those of facts that are numbers.
const NUMBERS: [&str; 4] = ["instructions", "ns", "entry-before", "entry-after"];

/// What a column has in the rows at hand; which of them have nothing is told by the levels, 0 for such.
#[derive(Default)]
struct Values<T> {
    values: Vec<T>,
    levels: Vec<i16>,
}

/// The rows at hand: the number, the columns of a line, and what else is known.
struct Rows {
    numbers: Vec<i64>,
    texts: [Values<ByteArray>; Column::ALL.len()],
    facts: [Values<i64>; NUMBERS.len() + Fact::ALL.len()],
}

/// Writes the events that are shown.
pub(super) fn write(shown: &mut Shown, to: &mut (impl Write + Send)) -> Result<(), Failed> {
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
    let mut file = SerializedFileWriter::new(to, schema().map_err(failed)?, properties.into()).map_err(failed)?;
    let mut rows = Rows::new();
    shown.each(|event| {
        rows.push(event);
        if rows.numbers.len() == GROUP {
            std::mem::replace(&mut rows, Rows::new()).write(&mut file).map_err(failed)?;
        }
        Ok(())
    })?;
    if !rows.numbers.is_empty() {
        rows.write(&mut file).map_err(failed)?;
    }
    file.close().map(drop).map_err(failed)
}

fn failed(cause: ParquetError) -> Failed {
    Failed::Unwritable(match cause {
        ParquetError::External(cause) => cause.downcast().map_or_else(io::Error::other, |cause| *cause),
        cause => io::Error::other(cause),
    })
}

fn schema() -> Result<TypePtr, ParquetError> {
    let number = |name, repetition| {
        let number = LogicalType::integer(64, false);
        let column = Type::primitive_type_builder(name, PhysicalType::INT64).with_logical_type(Some(number));
        column.with_repetition(repetition).build()
    };
    let text = |column: Column| {
        let column = Type::primitive_type_builder(column.name(), PhysicalType::BYTE_ARRAY);
        column.with_logical_type(Some(LogicalType::String)).with_repetition(Repetition::OPTIONAL).build()
    };
    let facts = NUMBERS.into_iter().chain(Fact::ALL.map(Fact::name));
    let columns = std::iter::once(number("n", Repetition::REQUIRED))
        .chain(Column::ALL.map(text))
        .chain(facts.map(|name| number(name, Repetition::OPTIONAL)));
    let columns = columns.map(|column| column.map(Arc::new)).collect::<Result<_, _>>()?;
    Type::group_type_builder("event").with_fields(columns).build().map(Arc::new)
}

impl<T> Values<T> {
    fn push(&mut self, value: Option<T>) {
        self.levels.push(value.is_some().into());
        self.values.extend(value);
    }
}

impl Rows {
    fn new() -> Self {
        Self {
            numbers: Vec::new(),
            texts: std::array::from_fn(|_| Values { values: Vec::new(), levels: Vec::new() }),
            facts: std::array::from_fn(|_| Values::default()),
        }
    }

    fn push(&mut self, event: &Event<'_>) {
        self.numbers.push(event.number as i64);
        for (values, text) in self.texts.iter_mut().zip(event.line.columns()) {
            values.push((text != NOTHING).then(|| text.into()));
        }
        let record = event.record.as_ref();
        let leaf = record.and_then(|record| record.leaf());
        let known = [
            record.map(|record| record.instructions),
            record.map(|record| record.ns),
            leaf.map(|leaf| leaf.before.1.0),
            leaf.map(|leaf| leaf.after.1.0),
        ];
        let facts = Fact::ALL.map(|fact| record.and_then(|record| record.fact(fact)));
        for (values, fact) in self.facts.iter_mut().zip(known.into_iter().chain(facts)) {
            values.push(fact.map(|fact| fact as i64)); // the bits of it: the column's type says that it has no sign
        }
    }

    /// Writes them as a row group.
    fn write<W: Write + Send>(self, file: &mut SerializedFileWriter<W>) -> Result<(), ParquetError> {
        let mut group = file.next_row_group()?;
        let (mut texts, mut facts) = (self.texts.iter(), self.facts.iter());
        let mut is_first = true;
        while let Some(mut column) = group.next_column()? {
            match column.untyped() {
                ColumnWriter::Int64ColumnWriter(to) if is_first => to.write_batch(&self.numbers, None, None)?,
                ColumnWriter::Int64ColumnWriter(to) => {
                    let Values { values, levels } = facts.next().expect("the schema has as many");
                    to.write_batch(values, Some(levels), None)?
                }
                ColumnWriter::ByteArrayColumnWriter(to) => {
                    let Values { values, levels } = texts.next().expect("the schema has as many");
                    to.write_batch(values, Some(levels), None)?
                }
                _ => unreachable!("the schema has no other columns"),
            };
            is_first = false;
            column.close()?;
        }
        group.close().map(drop)
    }
}
