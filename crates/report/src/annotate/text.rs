//! An annotated function for people: numbers, address, instruction; a line of the source where it changes.

use super::{Annotation, COLUMNS, Instruction, columns};
use crate::profile::Frame;
use crate::source::Sources;
use crate::text::{Align, Grid, grouped, printable, share};
use std::fmt::Write;

impl Annotation {
    /// The function as text. Lines of the source are shown where their files are found.
    #[must_use]
    pub fn text(&self, sources: &mut Sources) -> String {
        let mut text = self.head();
        let names = COLUMNS.iter().map(|name| (*name, Align::Right));
        let mut grid =
            Grid::new(&names.chain([("address", Align::Right), ("instruction", Align::Left)]).collect::<Vec<_>>());
        let mut last: Option<&Frame> = None;
        for instruction in &self.instructions {
            if let Some(frame) = instruction.frame.as_ref().filter(|frame| Some(*frame) != last) {
                grid.push(source_line(frame, sources));
                last = Some(frame);
            }
            grid.push(line(instruction));
        }
        text += &grid.text();
        text
    }

    fn head(&self) -> String {
        let function = &self.function;
        let mut text = printable(&function.label());
        if !function.file.is_empty() {
            let _ = write!(text, " of {}", printable(&function.file));
        }
        let of_run = share(self.measures.cycles as i64, self.cycles);
        let cycles = grouped(self.measures.cycles as i64);
        let exposed = grouped(self.measures.exposed());
        let _ = writeln!(text, ": {cycles} cycles, {of_run} % of the run; {exposed} exposed\n");
        text
    }
}

fn line(instruction: &Instruction) -> Vec<String> {
    let numbers = match &instruction.measures {
        Some(measures) => columns(measures).map(grouped).to_vec(),
        None => vec![String::new(); COLUMNS.len()],
    };
    let address = format!("{:x}", instruction.address.0);
    numbers.into_iter().chain([address, instruction.text.clone()]).collect()
}

fn source_line(frame: &Frame, sources: &mut Sources) -> Vec<String> {
    let place = format!("; {}:{}", frame.file.rsplit('/').next().unwrap_or_default(), frame.line);
    let text = match sources.line(&frame.file, frame.line) {
        Some(line) => format!("{place}  {}", line.trim_end()),
        None => place,
    };
    let mut cells = vec![String::new(); COLUMNS.len() + 1];
    cells.push(text);
    cells
}
