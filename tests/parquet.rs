//! Fault traces as Parquet files, which are read back by the library of the format.

mod common;

use common::repository;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use std::fs::File;
use std::process::{Command, Output};
use tempfile::TempDir;

fn trace(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    let output = command.arg("trace").args(args).current_dir(repository()).output().expect("pagewalk starts");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn rows_are_what_json_lines_say() {
    let folder = TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (packed, parquet) = (at("packed"), at("parquet"));
    trace(&["record", "-q", "--packed", "--events", "fault,map,process", "-o", &packed, "elf-samples/fork-cow"]);
    trace(&["show", "--format", "parquet", "-o", &parquet, &packed]);
    let json = trace(&["show", "--format", "jsonl", &packed]).stdout;
    let json: Vec<serde_json::Value> = json
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("an object"))
        .collect();
    let reader = SerializedFileReader::new(File::open(&parquet).expect("a file")).expect("a Parquet file");
    let rows: Vec<_> = reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), json.len());
    for (row, object) in rows.iter().zip(&json) {
        for (at, (name, _)) in row.get_column_iter().enumerate() {
            let expected = &object[name.as_str()];
            match name.as_str() {
                "process" | "event" | "address" | "outcome" | "entries" | "place" => {
                    assert_eq!(row.get_string(at).ok().map(String::as_str), expected.as_str(), "{name} of {object}");
                }
                "entry-before" | "entry-after" => {
                    assert_eq!(row.get_ulong(at).is_ok(), object["entries"].is_string(), "{name} of {object}");
                }
                _ => assert_eq!(row.get_ulong(at).ok(), expected.as_u64(), "{name} of {object}"),
            }
        }
    }
    let again = trace(&["show", "--format", "parquet", &packed]).stdout;
    assert_eq!(again, std::fs::read(parquet).expect("a file"), "the same trace gives the same bytes");
}
