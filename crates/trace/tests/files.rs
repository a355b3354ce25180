//! Traces in files: what is written is read, and no file makes a reader do worse than say what is wrong.

use pagewalk_trace::record::{
    Fact, NameNo, PlaceEntry, PlaceNo, ProcessEntry, ProcessNo, Record, RegionEntry, RegionNo, Spot, Tables, What,
};
use pagewalk_trace::{
    Codec, EventKind, Form, Header, Line, PackedWriter, ReadError, RecordSink, TraceFile, write_header,
};
use proptest::prelude::*;
use std::io::Cursor;

fn header() -> Header {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Header {
        program: words(&["./server", "--once", "a \"quoted\" word"]),
        options: words(&["--ram=4MiB"]),
        input: None,
        events: vec![EventKind::Fault, EventKind::PageOut],
        ignore: Vec::new(),
        ..Header::default()
    }
}

fn tables() -> Tables {
    let names = ["", "demand-zero", "copied-on-write"];
    let process = |name: &str, pid| ProcessEntry { name: name.into(), pid };
    let region = |label: &str, number| RegionEntry { label: label.into(), path: None, number };
    let place = |name: &str, offset| PlaceEntry { name: name.into(), offset };
    Tables {
        names: names.map(str::to_owned).to_vec(),
        processes: vec![process("1", 1000), process("1.1", 1001)],
        regions: vec![region("[heap]", 1), region("[stack]", 2), region("", 0)],
        places: vec![place("", None), place("main", Some(0x1c)), place("mmap()", None)],
    }
}

fn record() -> impl Strategy<Value = Record> {
    let what = prop::sample::select(What::ALL.to_vec());
    let spot = prop::option::of((0_u32..3, -64_i64..64));
    let leaf = prop::option::of((1_u8..4, any::<u64>(), 1_u8..4, any::<u64>()));
    let facts = prop::collection::vec((Just(Fact::Address), any::<u64>()), 0..3);
    let numbers = (0_u32..2, 0_u32..3, 0_u32..3, 1_u64..9);
    (what, spot, leaf, facts, numbers).prop_map(|(what, spot, leaf, facts, (process, outcome, place, pages))| Record {
        instructions: 0,
        ns: 0,
        process: ProcessNo(process),
        what,
        spot: spot.map(|(region, page)| Spot { region: RegionNo(region), offset: page << 12 }),
        pages,
        outcome: NameNo(outcome),
        leaf,
        place: PlaceNo(place),
        facts,
    })
}

/// Records whose times go on.
fn records(most: usize) -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec((record(), 0_u64..1000), 0..most).prop_map(|all| {
        let mut now = 0;
        let at = |(record, since): (Record, u64)| {
            now += since;
            Record { instructions: now, ns: 3 * now, ..record }
        };
        all.into_iter().map(at).collect()
    })
}

fn packed(records: &[Record]) -> Vec<u8> {
    packed_by(Codec::Lz4, records)
}

fn packed_by(codec: Codec, records: &[Record]) -> Vec<u8> {
    let mut writer = PackedWriter::new(Vec::new(), codec);
    records.iter().for_each(|record| writer.push(record.clone()));
    writer.finish(&header(), tables()).expect("memory takes it").0
}

fn text(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_header(&header(), &mut bytes).expect("memory takes it");
    for record in records {
        bytes.extend(format!("{}\n", tables().line(record)).bytes());
    }
    bytes
}

/// All lines of a file, or what is wrong with it.
fn lines(bytes: Vec<u8>) -> Result<(Header, Vec<Line>), ReadError> {
    let mut trace = TraceFile::read(Cursor::new(bytes))?;
    let mut all = || {
        let mut lines = Vec::new();
        while let Some(line) = trace.next_line()? {
            lines.push(line.clone());
        }
        Ok::<_, ReadError>(lines)
    };
    let lines = all()?;
    trace.rewind()?;
    let mut again = 0;
    while trace.next_line()?.is_some() {
        again += 1;
    }
    assert_eq!(again, lines.len());
    Ok((trace.header().clone(), lines))
}

proptest! {
    #[test]
    fn both_forms_hold_the_same_lines(records in records(40)) {
        let expected: Vec<Line> = records.iter().map(|record| tables().line(record)).collect();
        let (of_packed, of_text) = (lines(packed(&records)).unwrap(), lines(text(&records)).unwrap());
        prop_assert_eq!(&of_packed, &(header(), expected));
        prop_assert_eq!(of_packed, of_text);
    }

    #[test]
    fn records_are_read_as_they_were_written_from_any_one_on(records in records(40), from in 0_u64..41) {
        let trace = TraceFile::read(Cursor::new(packed(&records))).unwrap();
        let mut trace = trace.into_packed().expect("it is packed");
        trace.go_to(from).unwrap();
        let read: Vec<_> = std::iter::from_fn(|| trace.next().unwrap()).collect();
        let expected: Vec<_> = (0..).zip(records).skip(from as usize).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn a_file_that_is_cut_off_is_an_error(records in records(20), cut in any::<prop::sample::Index>()) {
        let whole = packed(&records);
        let length = cut.index(whole.len());
        prop_assert!(lines(whole[..length].to_vec()).is_err(), "{length} of {}", whole.len());
    }

    #[test]
    fn a_damaged_file_gives_a_trace_or_an_error(
        records in records(20),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for mut bytes in [packed(&records), text(&records)] {
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            let _ = lines(bytes);
        }
    }

    #[test]
    fn whatever_follows_the_first_line_is_an_error_or_a_trace(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for first in ["pagewalk trace 1\n", "pagewalk trace 1 packed\n", ""] {
            let _ = lines([first.as_bytes(), &bytes].concat());
        }
    }
}

#[test]
fn many_records_take_many_frames() {
    let one = Record {
        instructions: 0,
        ns: 0,
        process: ProcessNo(0),
        what: What::Write,
        spot: Some(Spot { region: RegionNo(0), offset: 0x3000 }),
        pages: 1,
        outcome: NameNo(1),
        leaf: Some((3, 0, 3, 0x67)),
        place: PlaceNo(1),
        facts: vec![(Fact::Address, 0x40_3000)],
    };
    let all: Vec<Record> = (0..200_000).map(|n| Record { instructions: n, ns: n, ..one.clone() }).collect();
    let bytes = packed(&all);
    assert!(bytes.len() < 2_000_000, "{} bytes", bytes.len());
    let mut trace = TraceFile::read(Cursor::new(bytes)).unwrap().into_packed().expect("it is packed");
    assert_eq!(trace.records(), 200_000);
    trace.go_to(150_000).unwrap();
    let next =
        std::iter::from_fn(|| trace.next().unwrap()).take(2).map(|(number, record)| (number, record.instructions));
    assert_eq!(next.collect::<Vec<_>>(), [(150_000, 150_000), (150_001, 150_001)]);
}

#[test]
fn what_is_wrong_is_said() {
    let said = |bytes: &[u8]| lines(bytes.to_vec()).unwrap_err().to_string();
    assert_eq!(said(b""), "it is no fault trace");
    assert_eq!(said(b"pagewalk accesses 1\n"), "it is no fault trace");
    assert_eq!(said(b"pagewalk trace 7\n"), "it is a fault trace of version 7, and this pagewalk knows version 1");
    assert_eq!(said(b"pagewalk trace 1\nprogram = []\n"), "it is cut off");
    assert!(said(b"pagewalk trace 1\nprogram = 1\n---\n").starts_with("its header makes no sense"));
    let text = b"pagewalk trace 1\nprogram = []\nevents = []\n---\n1 write\n";
    assert_eq!(said(text), "line 5 is no event: it has 2 columns instead of 6");
    let mut longer = packed(&[]);
    longer.extend(b"more");
    assert_eq!(said(&longer), "it is cut off");
}

#[test]
fn both_ways_of_packing_are_read() {
    let record = |n: u64| Record {
        instructions: n,
        ns: n,
        process: ProcessNo(0),
        what: What::Write,
        spot: Some(Spot { region: RegionNo(0), offset: (n << 12) as i64 }),
        pages: 1,
        outcome: NameNo(1),
        leaf: Some((3, 0, 3, n << 12 | 0x67)),
        place: PlaceNo(1),
        facts: vec![(Fact::Address, n << 12), (Fact::Frame, n.wrapping_mul(0x9e37_79b9) >> 8 & 0xffff)],
    };
    let records: Vec<Record> = (0..50_000).map(record).collect();
    let files = [Codec::Lz4, Codec::Zstd].map(|codec| (codec, packed_by(codec, &records)));
    assert!(files[1].1.len() < files[0].1.len(), "the slower is the smaller");
    for (codec, file) in files {
        let trace = TraceFile::read(Cursor::new(file)).expect("a trace");
        assert_eq!(trace.form(), Form::Packed(codec));
        let mut trace = trace.into_packed().expect("it is packed");
        let mut read = Vec::new();
        while let Some((_, record)) = trace.next().expect("a record") {
            read.push(record);
        }
        assert!(read == records, "{codec:?}");
    }
}
