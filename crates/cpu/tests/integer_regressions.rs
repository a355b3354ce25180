//! Single cases that the integer instructions once got wrong, or that only this silicon decides, a name each.
#![allow(unreachable_pub, dead_code, reason = "modules shared by test files")]
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod common;
#[path = "integer/native.rs"]
mod native;
#[path = "integer/rig.rs"]
mod rig;

use rig::{DATA_BYTES, Fuel, Outcome, Rig, Start, Trap};

const RCX: usize = 1;
const RDX: usize = 2;
const RBX: usize = 3;
const RSP: usize = 4;
const RBP: usize = 5;
const RSI: usize = 6;
const RDI: usize = 7;
const CF: u64 = 1;
const ZF: u64 = 1 << 6;
const OF: u64 = 1 << 11;
const NON_CANONICAL: u64 = 0xdead_0000_0000_0000;
const UP: u64 = 0xabcd_0000_0000;

/// Runs `code` on the core, and on the processor if it is of the kind that the cases were recorded on; both must agree.
/// `prepare` gets the state, with RSP in the middle of the data, and the data's address.
fn run(code: &[u8], prepare: impl FnOnce(&mut Start, u64)) -> Outcome {
    let mut rig = Rig::new(&[16]);
    rig.load(0, code);
    let data = rig.data_address();
    let mut start =
        Start { gpr: [0; 16], rip: rig.code_address(), rflags: 0x202, gs_base: 0, data: vec![0; DATA_BYTES] };
    start.gpr[RSP] = data + 0x1000;
    prepare(&mut start, data);
    let (got, _) = rig.core(0, &start, &mut Fuel::All);
    if native::is_recorded_vendor() {
        let want = rig.native(&start);
        assert!(want == got, "{}", want.differences(&got));
    }
    got
}

fn vector(outcome: &Outcome) -> Option<u8> {
    match outcome.trap {
        Trap::Exception { vector, .. } => Some(vector),
        _ => None,
    }
}

#[test]
fn a_word_immediate_is_pushed_as_a_word() {
    for code in [&[0x66, 0x6a, 0xfe][..], &[0x66, 0x68, 0xfe, 0xff]] {
        let out = run(code, |_, _| {});
        assert_eq!(out.gpr[RSP] & 0xfff, 0xffe);
        assert_eq!(out.data[0xffc..0x1001], [0, 0, 0xfe, 0xff, 0]);
    }
}

#[test]
fn xlat_adds_al_once_and_cuts_a_short_address() {
    let code = |short| if short { &[0x67, 0xd7][..] } else { &[0xd7] };
    for short in [false, true] {
        let out = run(code(short), |s, data| {
            (s.gpr[0], s.gpr[RBX]) = (0x1234_5607, data + 0x100 + if short { UP } else { 0 });
            s.data[0x107] = 0x99;
        });
        assert_eq!(out.gpr[0], 0x1234_5699);
    }
}

#[test]
fn leave_with_an_operand_size_prefix_pops_a_word() {
    let out = run(&[0x66, 0xc9], |s, data| {
        s.gpr[RBP] = data + 0x200;
        s.data[0x200..0x204].fill(0x77);
    });
    assert_eq!(out.gpr[RSP] & 0xffff, 0x0202);
    assert_eq!(out.gpr[RBP] & 0xffff_ffff, 0x1002_7777);
}

#[test]
fn pushf_and_popf_of_a_word_leave_the_upper_flags() {
    // pushfw; popfw
    let out = run(&[0x66, 0x9c, 0x66, 0x9d], |s, _| s.rflags |= CF | OF | 1 << 21);
    assert_eq!((out.gpr[RSP] & 0xfff, out.rflags), (0, 2 | CF | OF | 1 << 21));
}

#[test]
fn a_bit_string_at_a_short_address_wraps_at_4_gib() {
    // bts [ebx], rcx: the word lies above 4 GiB before the address is cut.
    let out = run(&[0x67, 0x48, 0x0f, 0xab, 0x0b], |s, data| {
        (s.gpr[RBX], s.gpr[RCX]) = (0xffff_fff8, (data + 8) * 8 + 3);
    });
    assert_eq!(out.data[0], 8);
}

#[test]
fn a_short_counter_is_extended_even_when_there_is_nothing_to_do() {
    for (opcode, extended) in [(0xa5, [true, true]), (0xab, [false, true]), (0xad, [false; 2]), (0xa7, [false; 2])] {
        let out = run(&[0x67, 0xf3, opcode], |s, data| {
            (s.gpr[RCX], s.gpr[RSI], s.gpr[RDI]) = (UP, UP | data, UP | data);
        });
        let pointers = [out.gpr[RSI], out.gpr[RDI]].map(|p| p < 1 << 32);
        assert_eq!((out.gpr[RCX], pointers), (0, extended), "{opcode:x}");
    }
}

#[test]
fn a_fault_in_a_repeated_comparison_restores_the_flags() {
    // repe cmpsb, into the end of the data
    let out = run(&[0xf3, 0xa6], |s, data| {
        (s.gpr[RCX], s.gpr[RSI], s.gpr[RDI]) = (100, data, data + DATA_BYTES as u64 - 10);
        s.rflags |= CF;
    });
    assert!(matches!(out.trap, Trap::PageFault { .. }));
    assert_eq!((out.gpr[RCX], out.rflags), (90, 2 | CF));
}

#[test]
fn cmps_reads_its_destination_first() {
    let out = run(&[0xa6], |s, data| (s.gpr[RSI], s.gpr[RDI]) = (data - 1, data - 2));
    let Trap::PageFault { cr2, .. } = out.trap else { panic!("{:?}", out.trap) };
    assert_eq!(cr2, out.gpr[RDI]);
}

#[test]
fn a_call_to_nowhere_has_stored_the_return_address() {
    // call rdx
    let out = run(&[0xff, 0xd2], |s, _| s.gpr[RDX] = NON_CANONICAL);
    assert_eq!((vector(&out), out.gpr[RSP] & 0xfff), (Some(13), 0));
    assert_eq!(out.data[0xff8..0x1000], (out.rip + 2).to_le_bytes());
    // The stack comes first.
    let out = run(&[0xff, 0xd2], |s, data| (s.gpr[RDX], s.gpr[RSP]) = (NON_CANONICAL, data));
    assert!(matches!(out.trap, Trap::PageFault { .. }));
}

#[test]
fn a_stack_fault_is_told_from_one_of_the_memory_operand() {
    let bad_operand = |s: &mut Start, _| s.gpr[RDX] = NON_CANONICAL;
    let bad_stack = |s: &mut Start, data| (s.gpr[RDX], s.gpr[RSP]) = (data, NON_CANONICAL);
    // push [rdx]; pop [rdx]; call [rdx]
    for code in [[0xff, 0x32], [0x8f, 0x02], [0xff, 0x12]] {
        assert_eq!(vector(&run(&code, bad_operand)), Some(13), "{code:x?}");
        assert_eq!(vector(&run(&code, bad_stack)), Some(12), "{code:x?}");
    }
    // pushf; popf; leave; mov eax, [rbp]
    for code in [&[0x9c][..], &[0x9d], &[0xc9], &[0x8b, 0x45, 0x00]] {
        let out = run(code, |s, _| (s.gpr[RSP], s.gpr[RBP]) = (NON_CANONICAL, NON_CANONICAL));
        assert_eq!(vector(&out), Some(12), "{code:x?}");
    }
}

#[test]
fn prefixes_of_flat_segments_do_not_matter() {
    // mov eax, ss:[rdx]; mov eax, cs:[rbp]
    assert_eq!(vector(&run(&[0x36, 0x8b, 0x02], |s, _| s.gpr[RDX] = NON_CANONICAL)), Some(13));
    assert_eq!(vector(&run(&[0x2e, 0x8b, 0x45, 0x00], |s, _| s.gpr[RBP] = NON_CANONICAL)), Some(12));
}

#[test]
fn a_lock_prefix_out_of_place_is_no_instruction() {
    // lock mov eax, [rsp]
    assert_eq!(vector(&run(&[0xf0, 0x8b, 0x04, 0x24], |_, _| {})), Some(6));
}

#[test]
fn overflow_after_a_shift_is_that_of_its_first_bit() {
    let of = |code: &[u8], value| run(code, |s, _| (s.gpr[RBX], s.rflags) = (value, 0x202 | OF)).rflags & OF != 0;
    assert!(!of(&[0xc1, 0xe3, 4], 0xc100_0000)); // shl ebx, 4
    assert!(of(&[0xc1, 0xe3, 4], 0x4100_0000));
    assert!(of(&[0xc1, 0xeb, 4], 0x8000_0000)); // shr ebx, 4
    // rol ebx, 4 leaves it alone; rol ebx, cl does not.
    assert!(of(&[0xc1, 0xc3, 4], 0));
    let by_cl = run(&[0xd3, 0xc3], |s, _| (s.gpr[RCX], s.rflags) = (4, 0x202 | OF));
    assert_eq!(by_cl.rflags & OF, 0);
}

#[test]
fn a_product_of_zero_leaves_zf_clear() {
    let out = run(&[0xf7, 0xe3], |s, _| s.rflags |= ZF | CF); // mul ebx
    assert_eq!(out.rflags & (ZF | CF), 0);
}

#[test]
fn a_scan_clears_the_flags_that_it_does_not_define() {
    let out = run(&[0x0f, 0xbc, 0xc3], |s, _| (s.gpr[RBX], s.rflags) = (0x80, 0xad7)); // bsf eax, ebx
    assert_eq!((out.gpr[0], out.rflags), (7, 2));
}
