//! A profile comes back from disk as it was, and whatever else the bytes are, there is an error and no panic.

mod common;

use flate2::Compression;
use flate2::write::GzEncoder;
use pagewalk_report::file::{ReadError, read, write};
use pagewalk_report::{By, Inconsistency, PlaceNo, Profile, Table, annotate, callgrind, folded};
use proptest::prelude::*;
use std::io::Write;
use timing::Cycles;

fn bytes(profile: &Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(profile, &mut bytes).expect("there is memory");
    bytes
}

/// A file of this first line and these contents.
fn packed(magic: &str, contents: &[u8]) -> Vec<u8> {
    let mut to = GzEncoder::new(magic.as_bytes().to_vec(), Compression::default());
    to.write_all(contents).expect("there is memory");
    to.finish().expect("there is memory")
}

#[test]
fn what_is_written_is_read_and_has_the_same_bytes_again() {
    let profile = common::profile();
    let first = bytes(&profile);
    assert_eq!(read(first.as_slice()).unwrap(), profile);
    assert_eq!(bytes(&profile), first);
}

#[test]
fn other_files_and_other_versions_are_told_apart() {
    let magic = "pagewalk profile ";
    for foreign in
        ["", "\n", "PNG", "pagewalk profile", "pagewalk profile x\n", &format!("{magic}1{}", " ".repeat(100))]
    {
        assert!(matches!(read(foreign.as_bytes()), Err(ReadError::Foreign)), "{foreign:?}");
    }
    let later = format!("{magic}2\n");
    assert!(matches!(read(later.as_bytes()), Err(ReadError::Version { version: 2 })));
}

#[test]
fn every_prefix_is_refused() {
    let whole = bytes(&common::profile());
    for length in 0..whole.len() {
        match read(&whole[..length]) {
            Err(ReadError::Foreign) => assert!(length < 19, "{length}"),
            Err(ReadError::Truncated) => assert!(length >= 19, "{length}"),
            other => panic!("{length} bytes: {other:?}"),
        }
    }
}

#[test]
fn what_follows_the_profile_is_noticed() {
    let more = [bytes(&common::profile()), b"more".to_vec()].concat();
    assert!(matches!(read(more.as_slice()), Err(ReadError::Damaged { .. })));
}

#[test]
fn what_expands_without_end_is_refused() {
    // 600 MiB of blanks before anything else.
    let mut to = GzEncoder::new(b"pagewalk profile 1\n".to_vec(), Compression::fast());
    let blanks = vec![b' '; 1 << 20];
    (0..600).for_each(|_| to.write_all(&blanks).expect("there is memory"));
    let bomb = to.finish().expect("there is memory");
    assert!(bomb.len() < 4 << 20);
    assert!(matches!(read(bomb.as_slice()), Err(ReadError::TooLarge)));
}

#[test]
fn a_profile_that_contradicts_itself_is_refused() {
    let refused = |change: &dyn Fn(&mut Profile)| {
        let mut profile = common::profile();
        change(&mut profile);
        match read(bytes(&profile).as_slice()) {
            Err(ReadError::Inconsistent(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(&|p| p.rows[0].place = PlaceNo(99)), Inconsistency::Dangling { what: "an instruction" });
    assert_eq!(refused(&|p| p.causes.truncate(2)), Inconsistency::Dangling { what: "a cause" });
    assert_eq!(refused(&|p| p.spaces.truncate(1)), Inconsistency::Dangling { what: "an address space" });
    assert_eq!(refused(&|p| p.functions.truncate(2)), Inconsistency::Dangling { what: "a function" });
    assert_eq!(refused(&|p| p.totals.cycles.0 += 1), Inconsistency::Sum { what: "cycles" });
    assert_eq!(refused(&|p| p.totals.perfect.0 += 1), Inconsistency::Sum { what: "cycles of the twin" });
    assert_eq!(refused(&|p| p.rows[0].charges[0].cycles = Cycles(u64::MAX)), Inconsistency::Sum { what: "cycles" });
    assert_eq!(
        refused(&|p| p.pages[0].charges[0].cycles = Cycles(1 << 40)),
        Inconsistency::Sum { what: "cycles of pages" }
    );
    assert_eq!(refused(&|p| p.functions[0].length = 3), Inconsistency::Range);
    assert_eq!(refused(&|p| p.functions[0].start.0 = u64::MAX), Inconsistency::Range);
}

#[test]
fn what_is_no_profile_inside_is_damaged() {
    for contents in ["[]", "{}", "{\"command\":3}", "nothing", "[[[[[[["] {
        let file = packed("pagewalk profile 1\n", contents.as_bytes());
        let refused = read(file.as_slice());
        assert!(matches!(refused, Err(ReadError::Damaged { .. } | ReadError::Truncated)), "{contents}: {refused:?}");
    }
    let deep = packed("pagewalk profile 1\n", "[".repeat(1 << 20).as_bytes());
    assert!(matches!(read(deep.as_slice()), Err(ReadError::Damaged { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Bytes of the compressed file change: the checksum notices.
    #[test]
    fn changed_files_are_refused(at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let mut file = bytes(&common::profile());
        let at = 19 + at.index(file.len() - 19);
        file[at] ^= flip;
        // Bytes of gzip's header that say nothing of the contents may be anything.
        let says_nothing = at < 19 + 10;
        prop_assert!(says_nothing || read(file.as_slice()).is_err());
    }

    /// Bytes of the JSON change: what is still read is consistent, so that every output can be made of it.
    #[test]
    fn changed_contents_give_an_error_or_a_profile(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut json = serde_json::to_vec(&common::profile()).expect("there is memory");
        for (at, byte) in changes {
            let at = at.index(json.len());
            json[at] = byte;
        }
        if let Ok(profile) = read(packed("pagewalk profile 1\n", &json).as_slice()) {
            let _ = (callgrind(&profile), folded(&profile));
            By::ALL.iter().for_each(|by| assert!(Table::new(&profile, *by).text().contains("[all]")));
            let _ = annotate(&profile, None);
        }
    }
}
