//! `rows/native.txt`: faults of one page, of accesses across two, at the borders of the canonical range, and of fetches.

use crate::guest::{CODE, DATA, Fault, Guest, PAGE, Page, as_linux_reports};
use crate::insns;

const ROWS: &str = include_str!("rows/native.txt");

/// The rows of a section, comments and heading left out.
fn section(name: &str) -> impl Iterator<Item = &'static str> {
    let start = ROWS.split("# ").find(|part| part.starts_with(name)).expect("the section is there");
    start.lines().skip(1).filter(|line| !line.starts_with("instr,"))
}

/// The columns of a row whose first may hold commas: the last `n`, and the rest.
fn columns(row: &str, n: usize) -> (&str, Vec<&str>) {
    let mut parts: Vec<&str> = row.rsplitn(n + 1, ',').collect();
    let name = parts.pop().expect("a row is not empty");
    parts.reverse();
    (name, parts)
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

#[test]
fn mmu_094_mmu_095_mmu_097_mmu_135_faults_of_one_page() {
    let mut rows = 0;
    for row in section("single-page faults") {
        let fault_free = row.ends_with("nofault");
        let (name, columns) = columns(row, if fault_free { 2 } else { 4 });
        let mut guest = Guest::new(insns::bytes(name), &[Page::named(columns[0])]);
        guest.ctx.gpr[1] = 1;
        let fault = guest.run(1).map(|fault| (fault.trap, fault.err, fault.cr2));
        let expected = (!fault_free).then(|| (number(columns[1]), number(columns[2]), Some(DATA)));
        assert_eq!(fault, expected, "{row}");
        assert_eq!(guest.bytes(0), vec![0; PAGE as usize], "{row}");
        rows += 1;
    }
    assert_eq!(rows, 54);
}

#[test]
fn mmu_170_mmu_171_mmu_172_mmu_173_faults_across_two_pages() {
    let mut rows = 0;
    for row in section("page-split") {
        let fault_free = row.ends_with("nofault");
        let (name, columns) = columns(row, if fault_free { 4 } else { 9 });
        let pages = [Page::named(columns[1]), Page::named(columns[2])];
        let start = DATA + PAGE - number(columns[0]);
        let mut guest = Guest::new(insns::bytes(name), &pages);
        (guest.ctx.gpr[0], guest.ctx.gpr[1]) = (start, u64::MAX);
        guest.ctx.xsave.0[arch::XsaveImage::XMM0..][..16].fill(0xff);
        guest.ctx.ymm_high[0] = u128::MAX;
        let fault = guest.run(1).map(|fault| (fault.trap, fault.err, fault.cr2));
        let expected = (!fault_free).then(|| {
            (number(columns[3]), number(columns[4]), Some(start + number(columns[5].trim_start_matches('+'))))
        });
        assert_eq!(fault, expected, "{row}");
        if !fault_free {
            assert!((0..2).all(|n| guest.bytes(n).iter().all(|byte| *byte == 0)), "{row}: nothing is written");
        }
        rows += 1;
    }
    assert_eq!(rows, 420);
}

/// `... trap T err E[ cr2 X]` of a row in words.
fn outcome(row: &str) -> (u64, u64, Option<u64>) {
    let after = |word: &str| {
        let mut words = row.split_whitespace().skip_while(|w| w.trim_end_matches(':') != word);
        words.nth(1)
    };
    let decimal = |word| after(word).map(number).unwrap_or_else(|| panic!("{row} has no {word}"));
    (decimal("trap"), decimal("err"), after("cr2").map(|text| u64::from_str_radix(text, 16).expect("an address")))
}

#[test]
fn mmu_137_mmu_150_mmu_151_the_borders_of_the_canonical_range() {
    let mut rows = 0;
    for row in section("canonical") {
        let address = row.split(" at ").nth(1).and_then(|rest| rest.split(':').next());
        let (name, la) = match address {
            Some(address) if row.starts_with("load8") => ("load", u64::from_str_radix(address, 16).unwrap()),
            Some(address) => ("store", u64::from_str_radix(address, 16).unwrap()),
            None if row.starts_with("pop") => ("pop rcx", 1 << 62),
            None => ("mov rcx,[rbp]", 1 << 62),
        };
        let mut guest = Guest::new(insns::bytes(name), &[]);
        (guest.ctx.gpr[0], guest.ctx.gpr[4], guest.ctx.gpr[5]) = (la, la, la);
        let fault = as_linux_reports(guest.run(1).expect(row));
        assert_eq!((fault.trap, fault.err, fault.cr2), outcome(row), "{row}");
        assert_eq!(fault.rip, CODE, "{row}");
        rows += 1;
    }
    assert_eq!(rows, 18);
}

/// Code at the end of a page of data, whose next page is as given.
fn straddling(offset: u64, code: &[u8], pages: &[Page]) -> Fault {
    let mut guest = Guest::new(insns::bytes("jmp"), pages);
    guest.put(0, offset, code);
    guest.ctx.gpr[0] = DATA + offset;
    guest.run(2).expect("the code is cut off")
}

#[test]
fn mmu_139_mmu_153_mmu_154_mmu_156_faults_of_fetches() {
    const MOV_RAX_IMM64: [u8; 2] = [0x48, 0xb8];
    let mut rows = 0;
    for row in section("fetch") {
        let (fault, base) = match row.split(": ").next().expect("a name") {
            "jmp to rw- page" => (straddling(16, &[], &[Page::Ok]), DATA),
            "jmp to unmapped" => (straddling(16, &[], &[Page::Absent]), DATA),
            "10-byte insn straddling into unmapped" => {
                (straddling(4094, &MOV_RAX_IMM64, &[Page::Code, Page::Absent]), DATA)
            }
            "straddling into NX" => (straddling(4094, &MOV_RAX_IMM64, &[Page::Code, Page::Ok]), DATA),
            "jmp noncanonical" => {
                let mut guest = Guest::new(insns::bytes("jmp"), &[]);
                guest.ctx.gpr[0] = 1 << 62;
                (guest.run(1).expect("it is refused"), CODE)
            }
            name => panic!("no row is {name}"),
        };
        let word = |name: &str| row.split(name).nth(1).and_then(|rest| rest.split_whitespace().next()).map(number);
        let (trap, err, _) = outcome(row);
        assert_eq!((fault.trap, fault.err), (trap, err), "{row}");
        assert_eq!(fault.cr2.map(|cr2| cr2 - base), word("cr2off "), "{row}");
        assert_eq!(Some(fault.rip - base), word("ripoff ").or(word("rip-target ")), "{row}");
        rows += 1;
    }
    assert_eq!(rows, 5);
}

#[test]
fn mmu_113_mmu_120_mmu_121_a_of_a_faulting_leaf() {
    for row in section("accessed-bit") {
        let (what, referenced) = row.rsplit_once(' ').expect("a count");
        let referenced = number(referenced) != 0;
        let name =
            what.trim().split(" (").next().expect("a name").trim_end_matches(" Referenced").trim_end_matches(':');
        let after = |code: &[u8], start: u64, pages: &[Page], page: u64| {
            let mut guest = Guest::new(code, pages);
            guest.ctx.gpr[0] = start;
            let fault = guest.run(1);
            (fault.map(|fault| (fault.err, fault.cr2)), guest.accessed_dirty(page).0)
        };
        let (load, store) = (insns::bytes("load"), insns::bytes("store"));
        let (fault, accessed) = match name {
            "RO page, after clear" => (None, Guest::new(&[], &[Page::Ro]).accessed_dirty(0).0),
            "after faulting write" => after(store, DATA, &[Page::Ro], 0),
            "after read" => after(load, DATA, &[Page::Ro], 0),
            "rw- page, after faulting fetch" => after(insns::bytes("jmp"), DATA, &[Page::Ok], 0),
            "after prefetcht0 only" => after(insns::bytes("prefetcht0"), DATA, &[Page::Ok], 0),
            "split load p1 ok, p2 unmapped" => after(load, DATA + 4092, &[Page::Ok, Page::Absent], 0),
            "split store p1 ok, p2 unmapped" => after(store, DATA + 4092, &[Page::Ok, Page::Absent], 0),
            "split load p1 unmapped, p2 ok" => after(load, DATA + 4092, &[Page::Absent, Page::Ok], 1),
            name => panic!("no row is {name:?}"),
        };
        assert_eq!(accessed, referenced, "{row}");
        if let Some(offset) = what.split("cr2off ").nth(1).and_then(|rest| rest.split(')').next()) {
            assert_eq!(fault.and_then(|(_, cr2)| cr2), Some(DATA + number(offset)), "{row}");
        }
        let err = what.split("(err ").nth(1).and_then(|rest| rest.split([')', ' ']).next()).map(number);
        if name != "rw- page, after faulting fetch" {
            assert_eq!(fault.map(|(err, _)| err), err, "{row}");
        }
    }
    assert_eq!(section("accessed-bit").count(), 8);
}
