//! Packed shifts: by one count for all lanes, as in SSE ([`crate::exec::sse::shift`]), or by a count for each lane.

use super::in_lane::same;
use super::operand::{number, place};
use crate::bind::to;
use crate::exec::sse::lanes::{map_u32, map_u64};
use crate::exec::sse::operand::{Immediate, Memory, Register, Source, get};
use crate::exec::sse::pure::{Pure, pure_operations};
use crate::exec::sse::shift;
use crate::op::{Flow, Op};
use crate::state::State;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;

pure_operations! {
    LeftDoublewords, |a, b, _| map_u32(a, b, |x, n| x.checked_shl(n).unwrap_or(0));
    LeftQuadwords, |a, b, _| map_u64(a, b, |x, n| if n < 64 { x << n } else { 0 });
    RightDoublewords, |a, b, _| map_u32(a, b, |x, n| x.checked_shr(n).unwrap_or(0));
    RightQuadwords, |a, b, _| map_u64(a, b, |x, n| if n < 64 { x >> n } else { 0 });
    SignedDoublewords, |a, b, _| map_u32(a, b, |x, n| (x as i32 >> n.min(31)) as u32);
}

/// How many halves are shifted.
trait Length: 'static {
    const WIDE: bool;
}

/// 128 bits.
struct Short;
/// 256 bits.
struct Long;

impl Length for Short {
    const WIDE: bool = false;
}

impl Length for Long {
    const WIDE: bool = true;
}

/// Shifts all lanes by the count in the low 64 bits of the last operand.
fn uniform<H: HardwareModel, S: Source, L: Length, O: Pure>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let count = get!(S::read(st, op));
    let a = st.ymm(op.aux);
    let high = if L::WIDE { O::apply(a[1], count, 0) } else { 0 };
    st.set_ymm(op.dst, [O::apply(a[0], count, 0), high]);
    Flow::Next
}

/// Binds a shift. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Vpsllw => by_length::<H, shift::Psllw>(insn, op),
        M::Vpslld => by_length::<H, shift::Pslld>(insn, op),
        M::Vpsllq => by_length::<H, shift::Psllq>(insn, op),
        M::Vpsrlw => by_length::<H, shift::Psrlw>(insn, op),
        M::Vpsrld => by_length::<H, shift::Psrld>(insn, op),
        M::Vpsrlq => by_length::<H, shift::Psrlq>(insn, op),
        M::Vpsraw => by_length::<H, shift::Psraw>(insn, op),
        M::Vpsrad => by_length::<H, shift::Psrad>(insn, op),
        M::Vpslldq => by_length::<H, shift::Pslldq>(insn, op),
        M::Vpsrldq => by_length::<H, shift::Psrldq>(insn, op),
        M::Vpsllvd => same::<H, LeftDoublewords>(insn, op),
        M::Vpsllvq => same::<H, LeftQuadwords>(insn, op),
        M::Vpsrlvd => same::<H, RightDoublewords>(insn, op),
        M::Vpsrlvq => same::<H, RightQuadwords>(insn, op),
        M::Vpsravd => same::<H, SignedDoublewords>(insn, op),
        _ => false,
    }
}

fn by_length<H: HardwareModel, O: Pure>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.ops[0] {
        Operand::Ymm(_) => by_count::<H, Long, O>(insn, op),
        _ => by_count::<H, Short, O>(insn, op),
    }
}

fn by_count<H: HardwareModel, L: Length, O: Pure>(insn: &Insn, op: &mut Op<H>) -> bool {
    place(insn, op);
    op.aux = number(&insn.ops[1]);
    match insn.ops[2] {
        Operand::Imm(_) => to(op, uniform::<H, Immediate, L, O>),
        Operand::Mem(_) => to(op, uniform::<H, Memory<u128>, L, O>),
        _ => to(op, uniform::<H, Register, L, O>),
    }
}
