//! Shifts and rotates.
//!
//! A count of 0 changes no flag. Where the manual leaves a flag undefined, this is what Intel's processors do: AF of a
//! shift is 0, and OF is that of the first bit, whatever the count. ROL and ROR of a register by
//! an immediate above 1 leave OF alone.

use crate::flags::Flags;
use crate::op::{Flow, Op, tri};
use crate::state::{RCX, State};
use crate::width::Width;
use paging::HardwareModel;

/// A shift or rotate of `a` by `count`, which is masked and not 0, and comes from `N`.
pub(crate) trait Shift: 'static {
    fn apply<W: Width, N: Count>(flags: &mut Flags, a: u64, count: u32) -> u64;
}

pub(crate) struct Shl;
pub(crate) struct Shr;
pub(crate) struct Sar;
pub(crate) struct Rol;
pub(crate) struct Ror;
pub(crate) struct Rcl;
pub(crate) struct Rcr;

impl Shift for Shl {
    #[inline(always)]
    fn apply<W: Width, N: Count>(flags: &mut Flags, a: u64, count: u32) -> u64 {
        let wide = u128::from(a) << count;
        let r = wide as u64 & W::MASK;
        let cf = wide >> W::BITS & 1 != 0;
        flags.shift::<W>(r, cf, W::negative(a ^ a << 1));
        r
    }
}

impl Shift for Shr {
    #[inline(always)]
    fn apply<W: Width, N: Count>(flags: &mut Flags, a: u64, count: u32) -> u64 {
        let last = a >> (count - 1);
        let r = last >> 1;
        flags.shift::<W>(r, last & 1 != 0, W::negative(a));
        r
    }
}

impl Shift for Sar {
    #[inline(always)]
    fn apply<W: Width, N: Count>(flags: &mut Flags, a: u64, count: u32) -> u64 {
        let last = W::sign_extend(a) as i64 >> (count - 1);
        let r = (last >> 1) as u64 & W::MASK;
        flags.shift::<W>(r, last & 1 != 0, false);
        r
    }
}

impl Shift for Rol {
    #[inline(always)]
    fn apply<W: Width, N: Count>(flags: &mut Flags, a: u64, count: u32) -> u64 {
        let n = count % W::BITS;
        let r = if n == 0 { a } else { (a << n | a >> (W::BITS - n)) & W::MASK };
        let of = if N::leaves_of(count) { flags.of() } else { W::negative(a ^ a << 1) };
        flags.set_cf_of_keep_af(r & 1 != 0, of);
        r
    }
}

impl Shift for Ror {
    #[inline(always)]
    fn apply<W: Width, N: Count>(flags: &mut Flags, a: u64, count: u32) -> u64 {
        let n = count % W::BITS;
        let r = if n == 0 { a } else { (a >> n | a << (W::BITS - n)) & W::MASK };
        let of = if N::leaves_of(count) { flags.of() } else { W::negative(a) ^ (a & 1 != 0) };
        flags.set_cf_of_keep_af(W::negative(r), of);
        r
    }
}

impl Shift for Rcl {
    fn apply<W: Width, N: Count>(flags: &mut Flags, a: u64, count: u32) -> u64 {
        let n = count % (W::BITS + 1);
        if n == 0 {
            return a;
        }
        let ring = u128::from(a) | u128::from(flags.cf()) << W::BITS;
        let turned = ring << n | ring >> (W::BITS + 1 - n);
        let r = turned as u64 & W::MASK;
        flags.set_cf_of_keep_af(turned >> W::BITS & 1 != 0, W::negative(a ^ a << 1));
        r
    }
}

impl Shift for Rcr {
    fn apply<W: Width, N: Count>(flags: &mut Flags, a: u64, count: u32) -> u64 {
        let n = count % (W::BITS + 1);
        if n == 0 {
            return a;
        }
        let of = W::negative(a) ^ flags.cf();
        let ring = u128::from(a) | u128::from(flags.cf()) << W::BITS;
        let turned = ring >> n | ring << (W::BITS + 1 - n);
        let r = turned as u64 & W::MASK;
        flags.set_cf_of_keep_af(turned >> W::BITS & 1 != 0, of);
        r
    }
}

/// Where a count comes from; it is masked to 5 bits, 6 for quadwords.
pub(crate) trait Count: 'static {
    fn get<H: HardwareModel, W: Width>(st: &State<H>, op: &Op<H>) -> u32;

    /// True if ROL and ROR of a register by such a count leave OF alone.
    fn leaves_of(_count: u32) -> bool {
        false
    }
}

/// The immediate.
pub(crate) struct ByImm;
/// CL.
pub(crate) struct ByCl;

const fn count_mask<W: Width>() -> u64 {
    if W::BITS == 64 { 63 } else { 31 }
}

impl Count for ByImm {
    #[inline(always)]
    fn get<H: HardwareModel, W: Width>(_: &State<H>, op: &Op<H>) -> u32 {
        (op.imm & count_mask::<W>()) as u32
    }

    #[inline(always)]
    fn leaves_of(count: u32) -> bool {
        count != 1
    }
}

impl Count for ByCl {
    #[inline(always)]
    fn get<H: HardwareModel, W: Width>(st: &State<H>, _: &Op<H>) -> u32 {
        (st.regs[RCX] & count_mask::<W>()) as u32
    }
}

pub(crate) fn reg<H: HardwareModel, O: Shift, W: Width, N: Count>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let count = N::get::<H, W>(st, op);
    let a = W::get(st, op.dst);
    let r = if count == 0 { a } else { O::apply::<W, N>(&mut st.flags, a, count) };
    W::set(st, op.dst, r);
    Flow::Next
}

/// As [`reg`], where nothing reads the flags before they are written again, and by an immediate that is not 0.
pub(crate) fn quiet_reg<H: HardwareModel, O: Shift, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let a = W::get(st, op.dst);
    let r = O::apply::<W, ByImm>(&mut Flags::default(), a, ByImm::get::<H, W>(st, op));
    W::set(st, op.dst, r);
    Flow::Next
}

/// The operand is written, and so checked as a write, even if the count is 0.
pub(crate) fn mem<H: HardwareModel, O: Shift, W: Width, N: Count>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let count = N::get::<H, W>(st, op);
    let la = op.ea(st);
    let a = tri!(W::load_for_write(st, la));
    // What an immediate does to OF, it does to it in registers only.
    let r = if count == 0 { a } else { O::apply::<W, ByCl>(&mut st.flags, a, count) };
    tri!(W::store(st, la, r));
    st.after_store()
}

/// SHLD (`LEFT`) and SHRD: bits come in from `b`. A 16-bit count above 16 takes bits of `b` and then of `a` again.
fn double<W: Width, const LEFT: bool>(flags: &mut Flags, a: u64, b: u64, count: u32) -> u64 {
    let pair = if LEFT { u128::from(a) << W::BITS | u128::from(b) } else { u128::from(b) << W::BITS | u128::from(a) };
    let (r, cf) = if LEFT {
        let wide = if count > W::BITS { pair << count | u128::from(a) << (count - W::BITS) } else { pair << count };
        ((wide >> W::BITS) as u64 & W::MASK, pair << (count - 1) >> (2 * W::BITS - 1) & 1 != 0)
    } else {
        let wide = if count > W::BITS { pair | u128::from(a) << (2 * W::BITS) } else { pair };
        ((wide >> count) as u64 & W::MASK, wide >> (count - 1) & 1 != 0)
    };
    let next = if LEFT { W::negative(a << 1) } else { b & 1 != 0 };
    flags.shift::<W>(r, cf, W::negative(a) ^ next);
    r
}

pub(crate) fn double_reg<H: HardwareModel, W: Width, N: Count, const LEFT: bool>(
    st: &mut State<H>,
    op: &Op<H>,
) -> Flow {
    let count = N::get::<H, W>(st, op);
    let (a, b) = (W::get(st, op.dst), W::get(st, op.src));
    let r = if count == 0 { a } else { double::<W, LEFT>(&mut st.flags, a, b, count) };
    W::set(st, op.dst, r);
    Flow::Next
}

pub(crate) fn double_mem<H: HardwareModel, W: Width, N: Count, const LEFT: bool>(
    st: &mut State<H>,
    op: &Op<H>,
) -> Flow {
    let count = N::get::<H, W>(st, op);
    let la = op.ea(st);
    let a = tri!(W::load_for_write(st, la));
    let b = W::get(st, op.src);
    let r = if count == 0 { a } else { double::<W, LEFT>(&mut st.flags, a, b, count) };
    tri!(W::store(st, la, r));
    st.after_store()
}
