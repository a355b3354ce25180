//! Files that were made to do harm: whatever is in one, all that is done with a trace ends with it or with what is wrong.

use packing::Codec;
use pagewalk_trace::record::{
    Fact, NameNo, PlaceEntry, PlaceNo, ProcessEntry, ProcessNo, Record, RegionEntry, RegionNo,
};
use pagewalk_trace::record::{Spot, Tables, What};
use pagewalk_trace::{EventKind, Header, PackedWriter, ReadError, RecordSink, TraceFile, compare, write_text};
use proptest::prelude::*;
use proptest::sample::Index;
use std::io::Cursor;

const FIRST_LINE: &[u8] = b"pagewalk trace 1 packed\n";

fn header() -> Header {
    Header { program: vec!["./server".into()], events: vec![EventKind::Fault], ..Header::default() }
}

/// A small trace in the compact form.
fn packed() -> Vec<u8> {
    let mut writer = PackedWriter::new(Vec::new(), Codec::Lz4);
    for at in 0..40 {
        writer.push(Record {
            instructions: 100 * at,
            ns: 300 * at,
            process: ProcessNo(0),
            what: What::Write,
            spot: Some(Spot { region: RegionNo(0), offset: (at as i64) << 12 }),
            pages: 1,
            outcome: NameNo(1),
            leaf: Some((3, 0, 3, 0x67)),
            place: PlaceNo(0),
            facts: vec![(Fact::Address, 0x40_3000), (Fact::Slot, at)],
        });
    }
    let tables = Tables {
        names: vec![String::new(), "demand-zero".into()],
        processes: vec![ProcessEntry { name: "1".into(), pid: 1000 }],
        regions: vec![RegionEntry { label: "[heap]".into(), path: None, number: 1 }],
        places: vec![PlaceEntry { name: "main".into(), offset: Some(0x1c) }],
    };
    writer.finish(&header(), tables).expect("memory takes it").0
}

/// What is packed in it: the records, and the tail.
fn raw() -> (Vec<u8>, Vec<u8>) {
    let packed = packed();
    let mut from = &packed[FIRST_LINE.len()..];
    let mut next = || packing::unpack(&mut from, 1 << 20).expect("a frame");
    (next(), next())
}

/// A file of these records and this tail, whatever they are.
fn file(records: &[u8], tail: &[u8]) -> Vec<u8> {
    let mut file = [FIRST_LINE, &packing::pack(records, Codec::Lz4)].concat();
    let at = file.len() as u64;
    file.extend(packing::pack(tail, Codec::Lz4));
    file.extend(at.to_le_bytes());
    file.extend(b"pwtrace\n");
    file
}

fn text() -> Vec<u8> {
    let mut text = Vec::new();
    write_text(&mut TraceFile::read(Cursor::new(packed())).expect("a trace"), None, &mut text)
        .expect("memory takes it");
    text
}

/// Does with a file all that commands do.
fn use_all(bytes: &[u8]) -> Result<usize, ReadError> {
    let open = || TraceFile::read(Cursor::new(bytes.to_vec()));
    let mut trace = open()?;
    let tables = trace.tables().cloned();
    let header = trace.header().clone();
    let mut said = 0;
    while let Some((line, record)) = trace.next_event()? {
        said += line.to_string().len() + header.compared(line.clone()).map_or(0, |line| line.columns().len());
        if let Some((tables, record)) = tables.as_ref().zip(record) {
            said += line.with_note(&tables.note(1, &record)).len();
        }
    }
    let good = || TraceFile::read(Cursor::new(packed())).expect("a trace");
    for difference in
        [compare(&mut trace, &mut open()?), compare(&mut good(), &mut trace), compare(&mut trace, &mut good())]
    {
        let difference = difference.map_err(|error| error.to_string());
        said += difference
            .map_or(0, |it| it.text().len() + it.json().len() + it.junit("a").len() + it.github("a", 1).len());
    }
    write_text(&mut trace, None, &mut std::io::sink())?;
    Ok(said)
}

/// Something that is done to bytes.
#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Cut(Index),
    Repeat(Index, Index, u8),
    Move(Index, Index),
    /// A number of up to ten bytes, as postcard writes it.
    Huge(Index, u8),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        1 => at().prop_map(Change::Cut),
        1 => (at(), at(), 1_u8..50).prop_map(|(from, to, times)| Change::Repeat(from, to, times)),
        1 => (at(), at()).prop_map(|(from, to)| Change::Move(from, to)),
        2 => (at(), 1_u8..11).prop_map(|(at, length)| Change::Huge(at, length)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        let range = |from: &Index, to: &Index| {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            from.min(to)..from.max(to)
        };
        match change {
            Change::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Change::Repeat(from, to, times) => {
                let range = range(from, to);
                let piece = bytes[range.clone()].repeat((*times).into());
                bytes.splice(range, piece);
            }
            Change::Move(from, to) => {
                let piece: Vec<u8> = bytes.drain(range(from, to)).collect();
                bytes.extend(piece);
            }
            Change::Huge(at, length) => {
                let at = at.index(bytes.len());
                let number = [vec![0xff; usize::from(*length) - 1], vec![1]].concat();
                bytes.splice(at..at + 1, number);
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn bytes_that_were_changed(changes in prop::collection::vec(change(), 1..6)) {
        let _ = use_all(&changed(text(), &changes));
        let _ = use_all(&changed(packed(), &changes));
    }

    /// Sums are right, so what is within the frames is looked at.
    #[test]
    fn records_and_tails_that_were_changed(changes in prop::collection::vec(change(), 1..4)) {
        let (records, tail) = raw();
        let _ = use_all(&file(&changed(records.clone(), &changes), &tail));
        let _ = use_all(&file(&records, &changed(tail.clone(), &changes)));
        let _ = use_all(&file(&changed(records, &changes), &changed(tail, &changes)));
    }
}

fn refused(bytes: &[u8]) -> String {
    use_all(bytes).expect_err("it is no trace").to_string()
}

#[test]
fn the_files_are_what_they_are_said_to_be() {
    let (records, tail) = raw();
    assert!(use_all(&file(&records, &tail)).is_ok() && use_all(&packed()).is_ok() && use_all(&text()).is_ok());
}

#[test]
fn what_expands_without_end_is_refused() {
    let (records, tail) = raw();
    let zeros = vec![0; 9 << 20];
    assert_eq!(refused(&file(&zeros, &tail)), "a part of it is larger than 8192 KiB");
    let bomb = file(&records, &vec![0; 513 << 20]);
    assert!(bomb.len() < 3 << 20);
    assert_eq!(refused(&bomb), "a part of it is larger than 524288 KiB");
    let line = [b"pagewalk trace 1\nprogram = []\nevents = []\n---\n", &vec![b'x'; 1 << 20][..]].concat();
    assert_eq!(refused(&line), "a part of it is larger than 64 KiB");
}

/// Each empty text is a byte in the file, and much more in memory.
#[test]
fn a_table_without_end_is_refused() {
    let header = toml::to_string(&header()).expect("a header");
    let names = 100_u32 << 20;
    let mut tail = vec![header.len() as u8];
    tail.extend(header.bytes());
    tail.extend((0..5).map(|at| (names >> (7 * at)) as u8 & 0x7f | if at < 4 { 0x80 } else { 0 }));
    tail.resize(tail.len() + names as usize + 5, 0);
    assert_eq!(refused(&file(&[], &tail)), "it is damaged: its tail makes no sense");
}

#[test]
fn absurd_headers_are_refused() {
    let of = |header: &str| refused(format!("pagewalk trace 1\n{header}\n---\n").as_bytes());
    let deep = format!("program = {}", "[".repeat(60_000));
    let tables = format!("[{}]", vec!["a"; 30_000].join("."));
    let inline = format!("ignore = {}", "[{a=".repeat(15_000));
    for header in [&deep, &tables, &inline] {
        let said = of(header);
        assert!(said.starts_with("its header makes no sense") && said.len() < 2000, "{said}");
    }
    let keys: String = (0..100_000).map(|at| format!("k{at} = 1\n")).collect();
    assert!(of(&keys).starts_with("its header makes no sense") || of(&keys).contains("larger than 1024 KiB"));
    let control = of("\"\\u001b[31m\" = 1");
    assert!(control.starts_with("its header makes no sense") && !control.contains('\u{1b}'), "{control:?}");
    let long = format!("program = [\"{}\"]", "x".repeat(2 << 20));
    let long: String = long
        .as_bytes()
        .chunks(60_000)
        .map(|part| std::str::from_utf8(part).expect("ASCII").to_owned() + "\n")
        .collect();
    assert_eq!(of(&long), "a part of it is larger than 1024 KiB");
}
