//! `rows/priority.txt`: which of several faults an instruction raises.

use crate::guest::{CODE, DATA, Guest, PAGE, Page};
use crate::insns;

const ROWS: &str = include_str!("rows/priority.txt");

#[test]
fn mmu_155_mmu_157_mmu_158_mmu_160_which_fault_comes_first() {
    let prefixes = |n: u64| {
        let mut guest = Guest::new(insns::bytes("jmp"), &[Page::Code, Page::Absent]);
        guest.put(0, PAGE - n, &vec![0x66; n as usize]);
        guest.ctx.gpr[0] = DATA + PAGE - n;
        guest.run(2)
    };
    let at = |name: &str, la: u64, page: Page| {
        // The stack is fine: only the operand is not.
        let mut guest = Guest::new(insns::bytes(name), &[page, Page::Ok]);
        guest.ctx.gpr[0] = la;
        guest.run(1)
    };
    let mut rows = 0;
    for row in ROWS.lines() {
        let name = row.split("  ").next().and_then(|name| name.split(": trap").next()).expect("a name");
        let (fault, base) = match name {
            "movaps misaligned, page unmapped" => (at("movaps", DATA + 8, Page::Absent), CODE),
            "movaps misaligned, page ok" => (at("movaps", DATA + 8, Page::Ok), CODE),
            "push [rax], rax unmapped, rsp ok" => (at("push [rax]", DATA + 8, Page::Absent), CODE),
            "cmpxchg16b misaligned, unmapped" => (at("cmpxchg16b", DATA + 8, Page::Absent), CODE),
            "xsave64 misaligned(8) unmapped" => (at("xsave64", DATA + 8, Page::Absent), CODE),
            "div by zero with [m] unmapped: div qword [rax]" => (at("div qword [rax]", DATA + 8, Page::Absent), CODE),
            "movntdq misaligned, RO page" => (at("movntdq", DATA + 8, Page::Ro), CODE),
            // The page itself is not executable.
            "ud2 straddling? 0f at page end, next unmapped (fetch)" => (at("jmp", DATA + 4095, Page::Ok), DATA),
            "15 prefixes then unmapped" => (prefixes(15), DATA),
            "14 prefixes then unmapped" => (prefixes(14), DATA),
            name => panic!("no row is {name:?}"),
        };
        let fault = match (fault, name.starts_with("ud2")) {
            (None, true) => {
                let mut guest = Guest::new(insns::bytes("jmp"), &[Page::Ok]);
                guest.ctx.gpr[0] = DATA + 4095;
                guest.run(2).expect(row)
            }
            (fault, _) => fault.expect(row),
        };
        let word = |name: &str| {
            let mut words = row.split_whitespace().skip_while(|word| *word != name);
            words.nth(1).map(|word| word.parse::<u64>().expect("a number"))
        };
        assert_eq!((Some(fault.trap), Some(fault.err)), (word("trap"), word("err")), "{row}");
        assert_eq!(fault.cr2.map(|cr2| cr2 - DATA), word("cr2off").filter(|_| fault.trap == 14), "{row}");
        assert_eq!(fault.rip - base, word("ripoff").unwrap_or(fault.rip - base), "{row}");
        rows += 1;
    }
    assert_eq!(rows, 10);
}
