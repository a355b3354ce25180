//! Made-up traces as files, in both forms.

use crate::{CHANGED, Case, Synthetic};
use pagewalk_trace::record::{
    Fact, NameNo, PlaceEntry, PlaceNo, ProcessEntry, ProcessNo, Record, RegionEntry, RegionNo, Spot, Tables, What,
};
use pagewalk_trace::{Codec, EventKind, Header, Lines, PackedWriter, RecordSink, write_header};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a case's traces into a folder: `old` and `new`, each as text and as `.packed`.
pub(crate) fn write(case: &Case, lines: u64, folder: &Path) -> io::Result<()> {
    for (name, numbers, length) in [("old", case.old, lines), ("new", case.new, lines + case.longer)] {
        let mut text = BufWriter::new(File::create(folder.join(name))?);
        write_header(&header(), &mut text)?;
        let mut made = Synthetic::new(numbers, length);
        while let Ok(Some(line)) = made.next_line() {
            writeln!(text, "{line}")?;
        }
        text.flush()?;
        let mut packed = PackedWriter::new(File::create(folder.join(name).with_extension("packed"))?, Codec::Lz4);
        (0..length).for_each(|at| packed.push(record(at, numbers(at, length))));
        packed.finish(&header(), tables())?;
    }
    Ok(())
}

fn header() -> Header {
    Header { program: vec!["program".into()], events: vec![EventKind::Fault], ..Header::default() }
}

/// The record of the line that [`Synthetic`] makes of a number.
fn record(at: u64, number: u64) -> Record {
    const FLAGS: [(u64, u64); 4] =
        [(0, 1 << 63 | 0x67), (0, 1 << 63 | 0x25), (0, 0x25), (1 << 63 | 0x25, 1 << 63 | 0x67)];
    const WHATS: [What; 4] = [What::Write, What::Read, What::Fetch, What::Write];
    let kind = (number + (number >> 60)) as usize % 4;
    let offset = (number & (CHANGED - 1)) >> 4 << 12;
    let frame = at % 60_000 + 0x400;
    let entry = |flags: u64| if flags == 0 { 0 } else { flags | frame << 12 };
    let facts = [
        (Fact::Address, 0x7f00_0000_0000 + offset + at % 4096),
        (Fact::ErrorCode, 6),
        (Fact::Rip, 0x40_1000 + number % 509),
        (Fact::Frame, frame),
        (Fact::Mapping, number / 4 % 4 + 1),
        (Fact::Pid, 1000),
    ];
    Record {
        instructions: at * 700,
        ns: at * 1100,
        process: ProcessNo(0),
        what: WHATS[kind],
        spot: Some(Spot { region: RegionNo((number / 4 % 4) as u32), offset: offset as i64 }),
        pages: 1,
        outcome: NameNo(kind as u32),
        leaf: Some((3, entry(FLAGS[kind].0), 3, entry(FLAGS[kind].1))),
        place: PlaceNo((number % 509) as u32),
        facts: facts.to_vec(),
    }
}

fn tables() -> Tables {
    let regions = ["[heap]", "[anon]", "/usr/bin/program", "/usr/lib/libc.so.6"];
    let region = |(label, number): (&str, u32)| RegionEntry { label: label.into(), path: None, number };
    Tables {
        names: ["demand-zero", "zero-page", "file-cached", "copied-on-write"].map(str::to_owned).to_vec(),
        processes: vec![ProcessEntry { name: "1".into(), pid: 1000 }],
        regions: regions.into_iter().zip(1..).map(region).collect(),
        places: (0..509).map(|at| PlaceEntry { name: "function".into(), offset: Some(at) }).collect(),
    }
}
