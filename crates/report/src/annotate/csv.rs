//! Annotated functions as CSV: a line for each instruction. Those that did not run have no numbers.

use super::{Annotation, COLUMNS, Instruction, columns};
use crate::text::csv_line;

/// All functions, under one line that names the columns.
#[must_use]
pub fn csv(annotations: &[Annotation]) -> String {
    let names = ["function", "file", "address", "instruction", "source", "line"];
    let mut text = csv_line(names.into_iter().chain(COLUMNS));
    for annotation in annotations {
        let function = [annotation.function.label(), annotation.function.file.clone()];
        for instruction in &annotation.instructions {
            let cells: Vec<String> = function.iter().cloned().chain(cells(instruction)).collect();
            text += &csv_line(cells.iter().map(String::as_str));
        }
    }
    text
}

fn cells(instruction: &Instruction) -> Vec<String> {
    let mut cells = vec![format!("{:#x}", instruction.address.0), instruction.text.clone()];
    cells.extend(match &instruction.frame {
        Some(frame) => [frame.file.clone(), frame.line.to_string()],
        None => [String::new(), String::new()],
    });
    cells.extend(match &instruction.measures {
        Some(measures) => columns(measures).map(|number| number.to_string()),
        None => std::array::from_fn(|_| String::new()),
    });
    cells
}
