//! Multiplication and division.
//!
//! The manual leaves SF, ZF, AF and PF of a product undefined. As on Intel's processors, SF and PF follow its low half, and
//! ZF and AF are 0; a quotient leaves all flags as they are.

use super::operand::Source;
use crate::op::{Flow, Op, tri};
use crate::state::{RAX, RDX, State};
use crate::width::{W8, W16, Width};
use arch::Exception;
use paging::HardwareModel;

/// IMUL reg, source: the product cut to the width; CF and OF tell that something was lost.
pub(crate) fn imul2<H: HardwareModel, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = tri!(S::get::<H, W>(st, op));
    let a = W::get(st, op.dst);
    signed_product::<H, W>(st, op.dst, a, b);
    Flow::Next
}

/// IMUL reg, source, immediate.
pub(crate) fn imul3<H: HardwareModel, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let a = tri!(S::get::<H, W>(st, op));
    signed_product::<H, W>(st, op.dst, a, op.imm);
    Flow::Next
}

#[inline(always)]
fn signed_product<H: HardwareModel, W: Width>(st: &mut State<H>, dst: u8, a: u64, b: u64) {
    let wide = i128::from(W::sign_extend(a) as i64) * i128::from(W::sign_extend(b) as i64);
    let r = wide as u64 & W::MASK;
    let lost = wide != i128::from(W::sign_extend(r) as i64);
    W::set(st, dst, r);
    st.flags.shift::<W>(r, lost, lost);
    st.flags.set_zf(false);
}

/// Writes a double-width result: AX for bytes, else rDX:rAX.
fn set_wide<H: HardwareModel, W: Width>(st: &mut State<H>, low: u64, high: u64) {
    if W::BITS == 8 {
        W16::set(st, RAX as u8, low | high << 8);
    } else {
        W::set(st, RAX as u8, low);
        W::set(st, RDX as u8, high);
    }
}

/// The double-width dividend.
fn wide<H: HardwareModel, W: Width>(st: &State<H>) -> u128 {
    if W::BITS == 8 {
        return u128::from(st.regs[RAX] & 0xffff);
    }
    u128::from(st.regs[RDX] & W::MASK) << W::BITS | u128::from(st.regs[RAX] & W::MASK)
}

/// MUL (one operand).
pub(crate) fn mul<H: HardwareModel, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = tri!(S::get::<H, W>(st, op));
    let product = u128::from(st.regs[RAX] & W::MASK) * u128::from(b);
    let (low, high) = (product as u64 & W::MASK, (product >> W::BITS) as u64 & W::MASK);
    set_wide::<H, W>(st, low, high);
    st.flags.shift::<W>(low, high != 0, high != 0);
    st.flags.set_zf(false);
    Flow::Next
}

/// IMUL (one operand).
pub(crate) fn imul1<H: HardwareModel, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = tri!(S::get::<H, W>(st, op));
    let a = W::sign_extend(st.regs[RAX] & W::MASK) as i64;
    let product = i128::from(a) * i128::from(W::sign_extend(b) as i64);
    let (low, high) = (product as u64 & W::MASK, (product >> W::BITS) as u64 & W::MASK);
    set_wide::<H, W>(st, low, high);
    let lost = product != i128::from(W::sign_extend(low) as i64);
    st.flags.shift::<W>(low, lost, lost);
    st.flags.set_zf(false);
    Flow::Next
}

/// Writes quotient and remainder: AL and AH for bytes, else rAX and rDX.
fn set_quotient<H: HardwareModel, W: Width>(st: &mut State<H>, quotient: u64, remainder: u64) -> Flow {
    if W::BITS == 8 {
        W8::set(st, RAX as u8, quotient);
        W8::set(st, RAX as u8 | crate::width::HIGH_BYTE, remainder);
    } else {
        W::set(st, RAX as u8, quotient & W::MASK);
        W::set(st, RDX as u8, remainder & W::MASK);
    }
    Flow::Next
}

/// DIV: #DE if the divisor is 0 or the quotient does not fit; the operand's own fault comes first (MMU-158).
pub(crate) fn div<H: HardwareModel, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = tri!(S::get::<H, W>(st, op));
    let a = wide::<H, W>(st);
    if b == 0 {
        return st.raise(Exception::DivideError);
    }
    // Most dividends fit 64 bits, where the host divides several times faster.
    let (quotient, remainder) = match u64::try_from(a) {
        Ok(a) => (u128::from(a / b), a % b),
        Err(_) => (a / u128::from(b), (a % u128::from(b)) as u64),
    };
    if quotient > u128::from(W::MASK) {
        return st.raise(Exception::DivideError);
    }
    set_quotient::<H, W>(st, quotient as u64, remainder)
}

/// IDIV.
pub(crate) fn idiv<H: HardwareModel, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = i128::from(W::sign_extend(tri!(S::get::<H, W>(st, op))) as i64);
    let spare = 128 - 2 * W::BITS;
    let a = (wide::<H, W>(st) << spare) as i128 >> spare;
    // The most negative dividend by -1 overflows the host's division too.
    let Some(quotient) = a.checked_div(b) else { return st.raise(Exception::DivideError) };
    if quotient != i128::from(W::sign_extend(quotient as u64 & W::MASK) as i64) {
        return st.raise(Exception::DivideError);
    }
    set_quotient::<H, W>(st, quotient as u64 & W::MASK, (a % b) as u64 & W::MASK)
}
