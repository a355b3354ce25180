//! Annotated functions as JSON: a list of functions with their instructions.

use super::{Annotation, COLUMNS, Instruction, columns};
use crate::measures::Measures;
use serde_json::{Map, Value, json};

/// All functions as one list.
#[must_use]
pub fn json(annotations: &[Annotation]) -> String {
    let function = |annotation: &Annotation| {
        json!({
            "function": annotation.function.label(),
            "file": annotation.function.file,
            "start": annotation.function.start.0,
            "total": numbers(&annotation.measures),
            "instructions": annotation.instructions.iter().map(instruction).collect::<Vec<_>>(),
        })
    };
    let all: Value = annotations.iter().map(function).collect();
    format!("{all:#}\n")
}

fn instruction(instruction: &Instruction) -> Value {
    let source = instruction.frame.as_ref().map(|frame| json!({ "file": frame.file, "line": frame.line }));
    json!({
        "address": instruction.address.0,
        "instruction": instruction.text,
        "source": source,
        "cost": instruction.measures.as_ref().map(numbers),
    })
}

fn numbers(measures: &Measures) -> Map<String, Value> {
    COLUMNS.iter().zip(columns(measures)).map(|(name, number)| ((*name).to_owned(), number.into())).collect()
}
