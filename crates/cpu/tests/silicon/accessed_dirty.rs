//! `rows/accessed-dirty.txt`: which A and D instructions leave behind.

use crate::guest::{DATA, Guest, PAGE, Page};
use crate::insns;

const ROWS: &str = include_str!("rows/accessed-dirty.txt");

/// The set-up of a row: code, how many instructions, pages, where RAX points to, and the page whose A and D are shown.
struct Setup {
    code: Vec<u8>,
    instructions: u64,
    pages: Vec<Page>,
    at: u64,
    shown: u64,
}

fn one(name: &str, page: Page) -> Setup {
    Setup { code: insns::bytes(name).to_vec(), instructions: 1, pages: vec![page], at: DATA + 8, shown: 0 }
}

fn split(name: &str, pages: [Page; 2]) -> Setup {
    let shown = u64::from(pages[0] == Page::Absent);
    Setup { at: DATA + PAGE - 4, pages: pages.to_vec(), shown, ..one(name, Page::Ok) }
}

fn setup(name: &str) -> Setup {
    use Page::{Absent, Ok, Ro};
    if let Some((insn, _)) = name.split_once(", page RO") {
        return match insn {
            "load then store" => Setup {
                code: [insns::bytes("load"), insns::bytes("store")].concat(),
                instructions: 2,
                ..one("load", Ro)
            },
            "vmaskmovps store zero mask" => one("vmaskmovps store", Ro),
            insn => one(insn, Ro),
        };
    }
    if let Some((insn, state)) = name.strip_prefix("split ").and_then(|rest| rest.split_once(", ")) {
        return split(insn, if state.starts_with("p1") { [Absent, Ok] } else { [Ok, Absent] });
    }
    match name {
        "baseline after MADV_FREE" => Setup { instructions: 0, ..one("load", Ok) },
        "jmp to NX page" => Setup { instructions: 2, ..one("jmp", Ok) },
        "rep movsb 16B into page end, p2 unmapped (rdi)" => split("rep movsb", [Ok, Absent]),
        "maskmov (vmaskmovps store, zero mask) to clean page" => one("vmaskmovps store", Ok),
        "vmaskmovps load zero mask, unmapped" => one("vmaskmovps load", Absent),
        // The load is not on the path that is taken.
        "mispredicted-path load (jz over, 1 shot)" => Setup {
            code: [&[0x31, 0xd2, 0x74, 0x03], insns::bytes("load"), &[0x90]].concat(),
            instructions: 3,
            ..one("load", Ok)
        },
        insn => one(insn, Ok),
    }
}

/// The value behind `name=` of a row.
fn value<'a>(row: &'a str, name: &str) -> &'a str {
    let rest = row.split(name).nth(1).unwrap_or_else(|| panic!("{row} has no {name}"));
    rest.split_whitespace().next().expect("a value")
}

#[test]
fn mmu_096_mmu_098_mmu_099_mmu_110_mmu_111_mmu_113_mmu_120_mmu_121_accessed_and_dirty() {
    let mut rows = 0;
    for row in ROWS.lines().filter(|row| row.contains("fault=")) {
        let name = row.split("  ").next().expect("a name").trim();
        let setup = setup(name);
        let mut guest = Guest::new(&setup.code, &setup.pages);
        guest.ctx.gpr[0] = setup.at;
        let source = insns::bytes("rep movsb");
        if setup.code == source {
            (guest.ctx.gpr[6], guest.ctx.gpr[7], guest.ctx.gpr[1]) = (crate::guest::CODE, setup.at, 16);
        }
        let fault = guest.run(setup.instructions);
        assert_eq!(fault.is_some(), value(row, "fault=") == "1", "{row}");
        if let Some(fault) = fault {
            let offset: i64 = value(row, "cr2off=").parse().expect("an offset");
            let base = DATA + if offset < 0 { PAGE } else { 0 };
            assert_eq!(fault.err.to_string(), value(row, "err="), "{row}");
            assert_eq!(fault.cr2, Some(base.wrapping_add_signed(offset)), "{row}");
        }
        let (accessed, dirty) = guest.accessed_dirty(setup.shown);
        let flags = (value(row, " A=") == "1", value(row, " D=") == "1");
        assert_eq!((accessed, dirty), flags, "{row}");
        rows += 1;
    }
    assert_eq!(rows, 28);
}

#[test]
fn mmu_140_a_repeated_move_has_made_the_iterations_before_its_fault() {
    let row = ROWS.lines().find(|row| row.starts_with("rep movsb bytes before fault: ")).expect("the row is there");
    let before: Vec<u8> =
        row.split(": ").nth(1).unwrap().split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    let mut guest = Guest::new(insns::bytes("rep movsb"), &[Page::Ok, Page::Absent, Page::Ro]);
    guest.put(2, 0, &before);
    (guest.ctx.gpr[6], guest.ctx.gpr[7], guest.ctx.gpr[1]) = (DATA + 2 * PAGE, DATA + PAGE - 4, 16);
    assert!(guest.run(1).is_some());
    assert_eq!(guest.bytes(0)[4092..], before);
    let after = guest.cpu.context();
    assert_eq!([after.gpr[6], after.gpr[7], after.gpr[1]], [DATA + 2 * PAGE + 4, DATA + PAGE, 12]);
}
