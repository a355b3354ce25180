//! A recording gives back what was referred to, and a restarted instruction leaves no trace in it.

use super::recording::MAGIC;
use super::*;
use proptest::prelude::*;

const SPACE: SpaceId = SpaceId(3);

const fn key(page: u64) -> PageKey {
    PageKey::Linear { space: SPACE, page }
}

fn touch(references: &SharedReferences, page: u64) {
    references.touch(key(page), Pfn(page % 7));
}

/// Records a run of these pages; the file.
fn recorded(run: impl FnOnce(&SharedReferences)) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("references");
    let references = SharedReferences::new();
    references.record(&path).unwrap();
    run(&references);
    assert_eq!(references.finish().unwrap(), None);
    (folder, path)
}

fn following(path: &Path) -> SharedReferences {
    let references = SharedReferences::new();
    references.follow(path).unwrap();
    references
}

#[test]
fn references_in_a_row_are_one() {
    let references = SharedReferences::new();
    [1, 1, 2, 2, 2, 1].into_iter().for_each(|page| touch(&references, page));
    assert_eq!(references.now(), RefTime(3));
    assert_eq!([1, 2].map(|frame| references.last_use(Pfn(frame))), [RefTime(3), RefTime(2)]);
    references.arrived(Pfn(2));
    assert_eq!(references.last_use(Pfn(2)), RefTime(3));
    assert_eq!(references.next_use([key(1)]), None);
}

#[test]
fn the_same_page_in_another_frame_counts_for_that_frame() {
    let references = SharedReferences::new();
    references.touch(key(9), Pfn(1));
    references.touch(key(9), Pfn(2));
    assert_eq!((references.now(), references.last_use(Pfn(2))), (RefTime(1), RefTime(1)));
}

#[test]
fn a_page_that_is_gone_is_not_used_again() {
    let (_folder, path) = recorded(|references| {
        [1, 2, 3].into_iter().for_each(|page| touch(references, page));
        references.unmapped(SPACE, 2..3);
        references.unmapped(SPACE, 2..3);
        references.unmapped(SpaceId(0), 0..100);
        [1, 2, 3].into_iter().for_each(|page| touch(references, page));
    });
    let references = following(&path);
    let next = |page| references.next_use([key(page)]).map(|time| time.0);
    touch(&references, 1);
    assert_eq!([1, 2, 3].map(next), [Some(3), Some(1), Some(2)]);
    touch(&references, 2);
    assert_eq!(next(2), None, "it is unmapped before it is used again");
    touch(&references, 3);
    assert_eq!([next(2), references.next_use([key(2), key(1)]).map(|time| time.0)], [Some(4), Some(3)]);
    [1, 2, 3].into_iter().for_each(|page| touch(&references, page));
    assert_eq!([1, 2, 3].map(next), [None; 3]);
    assert_eq!(references.finish().unwrap(), None);
}

#[test]
fn a_run_to_and_fro_takes_little_space() {
    let (_folder, path) = recorded(|references| {
        (0..100_000).for_each(|i| touch(references, 0x7_ffff_f000 + i % 2));
        references.touch(PageKey::File { inode: u64::MAX, index: 1 << 40 }, Pfn(1));
    });
    let bytes = std::fs::metadata(&path).unwrap().len();
    assert!(bytes < 100_000 / 32 + 64, "{bytes}");
    let references = following(&path);
    // Within the run the next use is the last.
    assert_eq!(references.next_use([key(0x7_ffff_f000)]), Some(RefTime(0)));
    (0..10).for_each(|i| touch(&references, 0x7_ffff_f000 + i % 2));
    assert_eq!(references.next_use([key(0x7_ffff_f000)]), Some(RefTime(99_998)));
}

#[test]
fn a_run_that_differs_is_noticed_and_found_again() {
    let (_folder, path) = recorded(|references| (0..50).for_each(|page| touch(references, page)));
    let references = following(&path);
    (0..10).for_each(|page| touch(&references, page));
    touch(&references, 1000);
    touch(&references, 20);
    assert_eq!(references.now(), RefTime(21));
    assert_eq!(references.finish().unwrap(), Some(Divergence { at: 10, unknown: 1 }));
}

#[test]
fn what_is_no_recording_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let refusal = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        SharedReferences::new().follow(&path).unwrap_err().to_string()
    };
    for (tokens, complaint) in [
        (&[][..], "breaks off"),
        (&[1], "repeats what is not there"),
        (&[0, 1], "a number without a name"),
        (&[8, 0], "a number without a name"),
        (&[0, 0, 2, 0, 0], "unknown kind of name"),
        (&[0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x10, 0], "out of range"),
        (&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "out of range"),
        (&[0, 0, 0, 0, 5, 3 << 3, 0], "unknown token"),
    ] {
        let told = refusal(&[MAGIC, tokens].concat());
        assert!(told.contains(complaint), "{tokens:?}: {told}");
    }
    assert!(refusal(b"pagewalk references 2\n").contains("does not begin as one"));
    let absent = SharedReferences::new().follow(&folder.path().join("absent")).unwrap_err();
    assert!(matches!(absent, ReferencesError::Read { .. }));
    let nowhere = SharedReferences::new().record(&folder.path().join("no/folder")).unwrap_err();
    assert!(matches!(nowhere, ReferencesError::Write { .. }));
}

/// What an instruction accesses, in order.
type Instruction = Vec<(u64, AccessKind)>;

/// Makes the instructions, each of which is fetched from page 100 before each of its accesses. An access whose number is in `faults` faults,
/// and the instruction is made again, as often as that is so.
fn execute(references: &SharedReferences, program: &[Instruction], faults: &[bool]) {
    references.enter_space(SPACE);
    let mut faults = faults.iter().copied();
    let access = |page, kind| references.access(LinearAddr(page << 12), Pfn(page), kind);
    for instruction in program {
        while !instruction.iter().all(|&(page, kind)| {
            access(100, AccessKind::Fetch);
            if faults.next() == Some(true) {
                references.fault(LinearAddr(page << 12), kind);
                return false;
            }
            access(page, kind);
            true
        }) {}
    }
}

proptest! {
    /// A page, and what happens to it: mostly uses, sometimes it goes. What the index says of a page is when it is really used
    /// next, or a later use of it that only one other page lies before.
    #[test]
    fn the_future_is_as_recorded(steps in prop::collection::vec((0u64..6, 0u8..12), 1..200)) {
        let mut steps = steps;
        steps.dedup_by_key(|step| step.0);
        let (_folder, path) = recorded(|references| {
            for &(page, what) in &steps {
                if what == 0 { references.unmapped(SPACE, page..page + 1) } else { touch(references, page) }
            }
        });
        let mut uses: Vec<u64> = steps.iter().filter(|step| step.1 > 0).map(|step| step.0).collect();
        uses.dedup();
        let all_stay = steps.iter().all(|step| step.1 > 0);
        let references = following(&path);
        for (now, &page) in uses.iter().enumerate() {
            for page in 0..6 {
                let truth = uses[now..].iter().position(|&used| used == page).map(|ahead| now + ahead);
                let told = references.next_use([key(page)]).map(|time| time.0 as usize);
                match (truth, told) {
                    (Some(truth), Some(told)) => {
                        prop_assert!(told >= truth && uses[told] == page);
                        let mut between: Vec<u64> = uses[truth..told].to_vec();
                        between.sort_unstable();
                        between.dedup();
                        prop_assert!(between.len() <= 2, "{:?}", between);
                    }
                    (truth, told) => prop_assert!(told.is_none() && !(all_stay && truth.is_some())),
                }
            }
            touch(&references, page);
        }
        prop_assert_eq!(references.finish().unwrap(), None);
    }

    /// Faults, wherever they come, make no difference to the string.
    #[test]
    fn restarts_leave_no_trace(
        program in prop::collection::vec(prop::collection::btree_set((0u64..6, prop::bool::ANY), 1..5), 1..60),
        faults in prop::collection::vec(prop::bool::weighted(0.2), 300),
    ) {
        // An instruction reads before it writes.
        let kind = |writes| if writes { AccessKind::Write } else { AccessKind::Read };
        let program: Vec<Instruction> = program.into_iter().map(|accesses| {
            let mut accesses: Vec<(u64, bool)> = accesses.into_iter().collect();
            accesses.sort_by_key(|&(_, writes)| writes);
            accesses.into_iter().map(|(page, writes)| (page, kind(writes))).collect()
        }).collect();
        let (_folder, path) = recorded(|references| execute(references, &program, &[]));
        let references = following(&path);
        execute(&references, &program, &faults);
        prop_assert_eq!(references.finish().unwrap(), None);
    }
}
