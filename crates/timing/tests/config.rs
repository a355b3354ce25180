//! Hardware files: every preset is one, what cannot be is named with its key and line, and keys can be set.

use pagewalk_timing::config::PRESETS;
use pagewalk_timing::{HardwareError, HardwareFile, Setting};

fn setting(text: &str) -> Setting {
    text.parse().expect("a setting")
}

/// What is said of `classroom` with one text in place of another.
fn complaint(old: &str, new: &str) -> String {
    let text = HardwareFile::open("classroom").expect("a preset").text();
    assert!(text.contains(old), "{old}");
    HardwareFile::parse("mine.toml", &text.replacen(old, new, 1)).expect_err("it cannot be").to_string()
}

/// What is said of `classroom` with these keys set.
fn refusal(set: &[&str]) -> String {
    let mut file = HardwareFile::open("classroom").expect("a preset");
    let outcome = set.iter().try_for_each(|text| file.set(&setting(text)));
    outcome.and_then(|()| file.config().map(drop)).expect_err("it cannot be").to_string()
}

#[test]
fn every_preset_is_a_processor_and_every_number_has_a_source() {
    for preset in PRESETS {
        let file = HardwareFile::open(preset.name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(file.text(), preset.text);
        let table: toml::Table = preset.text.parse().unwrap();
        for (name, value) in &table {
            sourced(&format!("{}: {name}", preset.name), value);
        }
    }
}

/// A table with a number in it says where that is from.
fn sourced(name: &str, value: &toml::Value) {
    let Some(table) = value.as_table() else { return };
    let has_number = table.values().any(toml::Value::is_integer);
    let source = table.get("source").and_then(toml::Value::as_str).unwrap_or_default();
    assert!(!has_number || source.len() > 1 || source == "D" || source == "E" || source == "R", "{name} has no source");
    table.iter().for_each(|(key, value)| sourced(&format!("{name}.{key}"), value));
}

#[test]
fn what_is_misspelt_is_named_with_its_line() {
    let said = complaint("ways = 2", "wasy = 2");
    assert!(said.contains("unknown field `wasy`") && said.starts_with("mine.toml, line "), "{said}");
    let said = complaint("[dtlb.4k]", "[dtlb.8k]");
    assert!(said.contains("`8k`") && said.contains("4k-2m"), "{said}");
    let said = complaint("mhz = 1000", "mhz = fast");
    assert!(said.starts_with("mine.toml, line "), "{said}");
    assert!(complaint("[walk]", "[walk").starts_with("mine.toml, line "));
}

#[test]
fn an_impossible_shape_is_named_with_its_key_and_line() {
    let said = complaint("[stlb.4k-2m]\nentries = 16", "[stlb.4k-2m]\nentries = 18");
    assert!(said.contains("`stlb.4k-2m`: 18 entries do not make whole sets of 4 ways"), "{said}");
    let line = said.split("line ").nth(1).and_then(|rest| rest.split(':').next()).expect("a line");
    let text = HardwareFile::open("classroom").unwrap().text();
    assert_eq!(text.lines().nth(line.parse::<usize>().unwrap() - 1), Some("[stlb.4k-2m]"));
    assert!(complaint("kib = 8", "kib = 12").contains("48 sets, which is no power of two"));
    assert!(complaint("mhz = 1000", "mhz = 0").contains("`clock.mhz`"));
    assert!(complaint("[dtlb.2m]", "[dtlb.4k-2m]").contains("`dtlb`: pages of 4 KiB are held twice"));
}

#[test]
fn keys_can_be_set_and_tables_taken_out() {
    let mut file = HardwareFile::open("classroom").unwrap();
    for text in ["dtlb.4k.entries=24", "dtlb.4k.ways=3", "dtlb.4k.replacement=srrip", "llc.kib=64", "stlb=none"] {
        if text.starts_with("llc") {
            assert!(file.set(&setting(text)).is_err(), "a cache has ways and a latency too");
            continue;
        }
        file.set(&setting(text)).unwrap_or_else(|e| panic!("{e}"));
    }
    let config = file.config().unwrap();
    let geometry = config.tlb.data.arrays.iter().find(|array| array.geometry.ways == 3).unwrap().geometry;
    assert_eq!(geometry.sets, 8);
    assert_eq!(config.tlb.second, paging::tlb::SecondLevel::Absent);
    let text = file.text();
    assert_eq!(HardwareFile::parse("again", &text).unwrap().config().unwrap().tlb, config.tlb, "it is a file again");
}

#[test]
fn what_cannot_be_set_is_named() {
    assert!(refusal(&["dtlb.4k.wasy=2"]).contains("cannot set `dtlb.4k.wasy`: unknown field `wasy`"));
    assert!(refusal(&["dtlb.4k.ways=many"]).contains("cannot set `dtlb.4k.ways`"));
    assert!(refusal(&["dtlb.4k.ways=3"]).contains("`dtlb.4k`: 4 entries do not make whole sets of 3 ways"));
    assert!(refusal(&["clock.mhz=2000000"]).contains("`clock.mhz`: more than 1048576"));
    assert!(refusal(&["l9=none"]).contains("cannot set `l9`: it is not there"));
    assert!(refusal(&["description.x=1"]).contains("`description` is no table"));
    assert!("dtlb".parse::<Setting>().is_err() && "=1".parse::<Setting>().is_err());
}

#[test]
fn there_is_no_such_processor() {
    let error = HardwareFile::open("pentium").expect_err("no preset");
    assert!(matches!(&error, HardwareError::Unknown { name } if name == "pentium"));
    assert!(error.to_string().contains("golden-cove"), "{error}");
    assert!(matches!(HardwareFile::open("."), Err(HardwareError::Read { .. })));
}
