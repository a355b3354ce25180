//! PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM (SDM "Imm8 Control Byte Operation for PCMPESTRI / PCMPESTRM / PCMPISTRI /
//! PCMPISTRM"), and PTEST.
//!
//! ```text
//!   7   6   5  4   3  2   1  0
//! +---+---+------+------+------+
//! | - |out|polar.|aggr. |format|   format: 0 u8, 1 u16, 2 i8, 3 i16
//! +---+---+------+------+------+
//! ```
//! Two strings of at most 16 bytes or 8 words are compared element by element, the comparisons are gathered to one bit for
//! each element of the second string ([`compare`]), and the bits go to ECX as the place of one, or to XMM0 as a mask.

use super::lanes::*;
use super::operand::{Aligned, Memory, Source, by_source, get};
use crate::op::{Flow, Op};
use crate::state::{RAX, RCX, RDX, State};
use arch::Rflags;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;

/// Bit 0: elements are words.
const WORDS: u64 = 1 << 0;
/// Bit 1: elements are signed.
const SIGNED: u64 = 1 << 1;
/// Bit 4: the bits are negated ...
const NEGATED: u64 = 1 << 4;
/// Bit 5: ... but only those of the second string's own elements.
const MASKED: u64 = 1 << 5;
/// Bit 6: the place of the highest bit, or a mask of whole elements.
const OUTPUT: u64 = 1 << 6;

/// A string: its elements, widened, and how many of them count.
struct Text {
    elements: [i32; 16],
    length: usize,
}

/// Elements of a full register.
const fn capacity(imm: u64) -> usize {
    if imm & WORDS != 0 { 8 } else { 16 }
}

impl Text {
    fn new(x: u128, imm: u64, length: impl FnOnce(&[i32]) -> usize) -> Self {
        let mut elements = [0; 16];
        match imm & (WORDS | SIGNED) {
            0 => elements = split_u8(x).map(i32::from),
            SIGNED => elements = split_i8(x).map(i32::from),
            WORDS => elements[..8].copy_from_slice(&split_u16(x).map(i32::from)),
            _ => elements[..8].copy_from_slice(&split_i16(x).map(i32::from)),
        }
        let length = length(&elements[..capacity(imm)]);
        Self { elements, length }
    }

    fn get(&self, n: usize) -> Option<i32> {
        (n < self.length).then(|| self.elements[n])
    }

    fn valid(&self) -> &[i32] {
        &self.elements[..self.length]
    }
}

/// Where a string ends.
pub(in crate::exec) trait Lengths: 'static {
    /// The number of elements of the first string and of the second, of a register's `capacity`.
    fn first(regs: &[u64; 32], elements: &[i32]) -> usize;
    /// As `first`.
    fn second(regs: &[u64; 32], elements: &[i32]) -> usize;
}

/// PCMPISTR: at the first zero.
pub(in crate::exec) struct Implicit;
/// PCMPESTR: after as many elements as EAX and EDX say, or with `WIDE` RAX and RDX; the sign does not matter.
pub(in crate::exec) struct Explicit<const WIDE: bool>;

fn until_zero(elements: &[i32]) -> usize {
    elements.iter().position(|&e| e == 0).unwrap_or(elements.len())
}

fn by_register<const WIDE: bool>(value: u64, elements: &[i32]) -> usize {
    let magnitude = if WIDE { (value as i64).unsigned_abs() } else { u64::from((value as i32).unsigned_abs()) };
    magnitude.min(elements.len() as u64) as usize
}

impl Lengths for Implicit {
    fn first(_: &[u64; 32], elements: &[i32]) -> usize {
        until_zero(elements)
    }

    fn second(_: &[u64; 32], elements: &[i32]) -> usize {
        until_zero(elements)
    }
}

impl<const WIDE: bool> Lengths for Explicit<WIDE> {
    fn first(regs: &[u64; 32], elements: &[i32]) -> usize {
        by_register::<WIDE>(regs[RAX], elements)
    }

    fn second(regs: &[u64; 32], elements: &[i32]) -> usize {
        by_register::<WIDE>(regs[RDX], elements)
    }
}

/// The gathered comparison of element `i` of the second string.
fn aggregate(a: &Text, b: &Text, i: usize, imm: u64) -> bool {
    match imm >> 2 & 3 {
        // Equal any.
        0 => b.get(i).is_some_and(|e| a.valid().contains(&e)),
        // Ranges: pairs of a lower and an upper limit.
        1 => b.get(i).is_some_and(|e| a.valid().as_chunks().0.iter().any(|&[low, high]| (low..=high).contains(&e))),
        // Equal each; behind both ends all is equal.
        2 => a.get(i) == b.get(i),
        // Equal ordered: the first string stands here, as far as the register goes.
        _ => (0..capacity(imm) - i).all(|j| a.get(j).is_none_or(|e| b.get(i + j) == Some(e))),
    }
}

/// Compares; gives the bits (IntRes2 of the manual) and sets the flags.
fn compare<H: HardwareModel, L: Lengths>(st: &mut State<H>, a: u128, b: u128, imm: u64) -> u32 {
    let a = Text::new(a, imm, |elements| L::first(&st.regs, elements));
    let b = Text::new(b, imm, |elements| L::second(&st.regs, elements));
    let capacity = capacity(imm);
    let bits = (0..capacity).fold(0, |bits, i| bits | u32::from(aggregate(&a, &b, i, imm)) << i);
    let negated = match imm & (NEGATED | MASKED) {
        NEGATED => (1 << capacity) - 1,
        m if m == NEGATED | MASKED => (1 << b.length) - 1,
        _ => 0,
    };
    let bits = bits ^ negated;
    let mut flags = Rflags::empty();
    flags.set(Rflags::CF, bits != 0);
    flags.set(Rflags::ZF, b.length < capacity);
    flags.set(Rflags::SF, a.length < capacity);
    flags.set(Rflags::OF, bits & 1 != 0);
    st.flags.set(flags);
    bits
}

/// The place of the lowest or highest bit to ECX; the number of elements if there is none.
pub(in crate::exec) fn to_index<H: HardwareModel, S: Source, L: Lengths>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = get!(S::read(st, op));
    let a = st.xmm[usize::from(op.dst & 15)];
    let bits = compare::<H, L>(st, a, b, op.imm);
    st.regs[RCX] = match bits {
        0 => capacity(op.imm) as u64,
        _ if op.imm & OUTPUT != 0 => u64::from(bits.ilog2()),
        _ => u64::from(bits.trailing_zeros()),
    };
    Flow::Next
}

/// The bits to XMM0, as they are or as a mask of elements.
pub(in crate::exec) fn to_mask<H: HardwareModel, S: Source, L: Lengths>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = get!(S::read(st, op));
    let a = st.xmm[usize::from(op.dst & 15)];
    let bits = compare::<H, L>(st, a, b, op.imm);
    let element = |i: usize| bits >> i & 1 != 0;
    st.xmm[0] = match op.imm & (OUTPUT | WORDS) {
        OUTPUT => join_i8(std::array::from_fn(|i| -i8::from(element(i)))),
        m if m == OUTPUT | WORDS => join_i16(std::array::from_fn(|i| -i16::from(element(i)))),
        _ => bits.into(),
    };
    Flow::Next
}

/// PTEST: ZF if no bit is set in both, CF if no bit is set in the source alone.
fn test<H: HardwareModel, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let src = get!(S::read(st, op));
    let dst = st.xmm[usize::from(op.dst & 15)];
    let mut flags = Rflags::empty();
    flags.set(Rflags::ZF, src & dst == 0);
    flags.set(Rflags::CF, src & !dst == 0);
    st.flags.set(flags);
    Flow::Next
}

/// Binds one of these. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Operand::Xmm(first) = insn.ops[0] else { return false };
    op.dst = first;
    if let Operand::Imm(imm) = insn.ops[2] {
        op.imm = imm & 0xff;
    }
    match insn.mnemonic {
        M::Ptest => by_source!(insn, op, Aligned, |S| test::<H, S>),
        M::Pcmpistri => by_source!(insn, op, Memory<u128>, |S| to_index::<H, S, Implicit>),
        M::Pcmpistrm => by_source!(insn, op, Memory<u128>, |S| to_mask::<H, S, Implicit>),
        M::Pcmpestri => by_source!(insn, op, Memory<u128>, |S| to_index::<H, S, Explicit<false>>),
        M::Pcmpestrm => by_source!(insn, op, Memory<u128>, |S| to_mask::<H, S, Explicit<false>>),
        M::Pcmpestri64 => by_source!(insn, op, Memory<u128>, |S| to_index::<H, S, Explicit<true>>),
        M::Pcmpestrm64 => by_source!(insn, op, Memory<u128>, |S| to_mask::<H, S, Explicit<true>>),
        _ => false,
    }
}
