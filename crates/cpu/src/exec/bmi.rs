//! BMI1, BMI2, ADX, POPCNT, LZCNT, TZCNT, MOVBE and CRC32 (SDM volume 2).
//!
//! Where the manual leaves flags undefined, Intel's processors clear AF and PF, and mostly set SF by the result.

use super::operand::Source;
use crate::flags::Flags;
use crate::op::{Flow, Op, tri};
use crate::state::{RDX, State};
use crate::width::{W8, W16, W32, W64, Width};
use paging::HardwareModel;

/// An operation on the source, which may lie in memory, and a register; it may set flags.
pub(crate) trait Operation: 'static {
    fn apply<W: Width>(flags: &mut Flags, source: u64, register: u64) -> u64;
}

/// dst = operation(source, register `aux`).
pub(crate) fn three<H: HardwareModel, O: Operation, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let source = tri!(S::get::<H, W>(st, op));
    let register = W::get(st, op.aux);
    let result = O::apply::<W>(&mut st.flags, source, register);
    W::set(st, op.dst, result & W::MASK);
    Flow::Next
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident, |$flags:ident, $source:ident, $register:ident| $body:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;
        impl Operation for $name {
            fn apply<W: Width>($flags: &mut Flags, $source: u64, $register: u64) -> u64 {
                $body
            }
        }
    )*};
}

operations! {
    Andn, |flags, source, register| with_cf::<W>(flags, source & !register, false);
    /// All flags but ZF are cleared.
    Bextr, |flags, source, register| {
        let result = extract(source, register);
        flags.set(if result == 0 { arch::Rflags::ZF } else { arch::Rflags::empty() });
        result
    };
    Blsi, |flags, source, _r| with_cf::<W>(flags, source & source.wrapping_neg() & W::MASK, source != 0);
    Blsmsk, |flags, source, _r| with_cf::<W>(flags, (source ^ source.wrapping_sub(1)) & W::MASK, source == 0);
    Blsr, |flags, source, _r| with_cf::<W>(flags, source & source.wrapping_sub(1), source == 0);
    Bzhi, |flags, source, register| {
        let kept = register & 0xff;
        let beyond = kept >= u64::from(W::BITS);
        with_cf::<W>(flags, if beyond { source } else { source & !(u64::MAX << kept) }, beyond)
    };
    Tzcnt, |flags, source, _r| count::<W>(flags, source, source.trailing_zeros());
    Lzcnt, |flags, source, _r| count::<W>(flags, source, (source << (64 - W::BITS)).leading_zeros());
    /// All flags but ZF are cleared.
    Popcnt, |flags, source, _r| {
        flags.set(if source == 0 { arch::Rflags::ZF } else { arch::Rflags::empty() });
        u64::from(source.count_ones())
    };
    Pdep, |_f, source, register| deposit(register, source);
    Pext, |_f, source, register| gather(register, source);
    Rorx, |_f, source, register| {
        let n = register as u32 & (W::BITS - 1);
        (source >> n | if n == 0 { 0 } else { source << (W::BITS - n) }) & W::MASK
    };
    Shlx, |_f, source, register| source << (register & u64::from(W::BITS - 1));
    Shrx, |_f, source, register| source >> (register & u64::from(W::BITS - 1));
    Sarx, |_f, source, register| (W::sign_extend(source) as i64 >> (register & u64::from(W::BITS - 1))) as u64;
}

fn with_cf<W: Width>(flags: &mut Flags, result: u64, cf: bool) -> u64 {
    flags.bits::<W>(result, cf);
    result
}

/// TZCNT and LZCNT: of no bits at all, the width.
fn count<W: Width>(flags: &mut Flags, source: u64, zeros: u32) -> u64 {
    let result = if source == 0 { W::BITS } else { zeros };
    with_cf::<W>(flags, result.into(), source == 0)
}

/// So many bits from a position, both bytes of `control`.
fn extract(source: u64, control: u64) -> u64 {
    let (start, len) = (control & 0xff, control >> 8 & 0xff);
    let from = if start < 64 { source >> start } else { 0 };
    if len < 64 { from & !(u64::MAX << len) } else { from }
}

/// PDEP: the low bits of `value` go where `mask` has ones.
fn deposit(value: u64, mut mask: u64) -> u64 {
    let (mut result, mut n) = (0, 0);
    while mask != 0 {
        let lowest = mask & mask.wrapping_neg();
        if value >> n & 1 != 0 {
            result |= lowest;
        }
        mask ^= lowest;
        n += 1;
    }
    result
}

/// PEXT: the bits of `value` where `mask` has ones go to the bottom.
fn gather(value: u64, mut mask: u64) -> u64 {
    let (mut result, mut n) = (0, 0);
    while mask != 0 {
        let lowest = mask & mask.wrapping_neg();
        result |= u64::from(value & lowest != 0) << n;
        mask ^= lowest;
        n += 1;
    }
    result
}

/// RORX by an immediate: in `op.imm`.
pub(crate) fn rorx<H: HardwareModel, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let source = tri!(S::get::<H, W>(st, op));
    let result = Rorx::apply::<W>(&mut st.flags, source, op.imm);
    W::set(st, op.dst, result);
    Flow::Next
}

/// MULX: dst and `aux` take the high and the low half; if they are one register, the high half stays.
pub(crate) fn mulx<H: HardwareModel, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let source = tri!(S::get::<H, W>(st, op));
    let product = u128::from(source) * u128::from(W::get(st, RDX as u8));
    W::set(st, op.aux, product as u64 & W::MASK);
    W::set(st, op.dst, (product >> W::BITS) as u64 & W::MASK);
    Flow::Next
}

/// ADCX (`OVERFLOW` false) and ADOX: addition with one flag as the carry, in and out.
pub(crate) fn add_carry<H: HardwareModel, W: Width, S: Source, const OVERFLOW: bool>(
    st: &mut State<H>,
    op: &Op<H>,
) -> Flow {
    let source = tri!(S::get::<H, W>(st, op));
    let (cf, of) = (st.flags.cf(), st.flags.of());
    let carry = if OVERFLOW { of } else { cf };
    let sum = u128::from(source) + u128::from(W::get(st, op.dst)) + u128::from(carry);
    let out = sum >> W::BITS != 0;
    W::set(st, op.dst, sum as u64 & W::MASK);
    let (cf, of) = if OVERFLOW { (cf, out) } else { (out, of) };
    st.flags.set_cf_of_keep_af(cf, of);
    Flow::Next
}

/// CRC32 of a source of width `F`: the polynomial 11EDC6F41H, bits reflected.
pub(crate) fn crc32<H: HardwareModel, F: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let source = tri!(S::get::<H, F>(st, op));
    let crc = source.to_le_bytes()[..F::BYTES as usize].iter().fold(st.reg(op.dst) as u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ if crc & 1 != 0 { 0x82f6_3b78 } else { 0 })
    });
    st.set_reg(op.dst, crc.into());
    Flow::Next
}

fn swap<W: Width>(value: u64) -> u64 {
    value.swap_bytes() >> (64 - W::BITS)
}

/// MOVBE reg, \[mem\].
pub(crate) fn movbe_load<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let la = op.ea(st);
    let value = tri!(W::load(st, la));
    W::set(st, op.dst, swap::<W>(value));
    Flow::Next
}

/// MOVBE \[mem\], reg.
pub(crate) fn movbe_store<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let la = op.ea(st);
    let value = swap::<W>(W::get(st, op.src));
    tri!(W::store(st, la, value));
    st.after_store()
}

/// The widths that CRC32 takes its source in.
pub(crate) fn crc32_of<H: HardwareModel, S: Source>(bits: u32) -> crate::op::Handler<H> {
    match bits {
        8 => crc32::<H, W8, S>,
        16 => crc32::<H, W16, S>,
        32 => crc32::<H, W32, S>,
        _ => crc32::<H, W64, S>,
    }
}
