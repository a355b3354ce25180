//! Lanes put elsewhere across the halves of a vector: broadcasts, permutations, insertions, extractions, extensions.

use super::in_lane::{same, split};
use super::operand::{Halves, Source, by_scalar, by_vector, number, place};
use crate::bind::to;
use crate::exec::sse::lanes::{join_u32, pair, split_u32, split_u64};
use crate::exec::sse::operand::{Source as Scalar, get};
use crate::exec::sse::pure::{Pure, pure_operations};
use crate::exec::sse::sse41::operations as sse41;
use crate::op::{Flow, Op, tri};
use crate::state::State;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;
use std::array::from_fn;

/// A function of two vectors and the immediate whose halves depend on each other.
trait Across: 'static {
    fn apply(a: Halves, b: Halves, imm: u64) -> Halves;
}

macro_rules! across_operations {
    ($($name:ident, $f:expr;)*) => {$(
        struct $name;
        impl Across for $name {
            #[inline(always)]
            fn apply(a: Halves, b: Halves, imm: u64) -> Halves {
                let f: fn(Halves, Halves, u64) -> Halves = $f;
                f(a, b, imm)
            }
        }
    )*};
}

across_operations! {
    PermuteDoublewords, |index, x, _| permute_doublewords(index, x);
    PermuteQuadwords, |_, x, imm| permute_quadwords(x, imm);
    PermuteHalves, |a, b, imm| [choose_half(a, b, imm), choose_half(a, b, imm >> 4)];
    InsertHalf, |a, b, imm| if imm & 1 == 0 { [b[0], a[1]] } else { [a[0], b[0]] };
    BothHalves, |_, b, _| [b[0]; 2];
}

pure_operations! {
    PermuteSingles, |a, b, _| permute_singles(a, split_u32(b));
    PermuteSinglesBy, |_, b, imm| permute_singles(b, from_fn(|i| (imm >> (2 * i)) as u32));
    PermuteDoubles, |a, b, _| permute_doubles(a, b >> 1 & 1, b >> 65 & 1);
    PermuteDoublesBy, |_, b, imm| permute_doubles(b, u128::from(imm & 1), u128::from(imm >> 1 & 1));
}

/// VPERMD, VPERMPS: bits 2:0 of each lane of `index` name the lane of `x`.
fn permute_doublewords(index: Halves, x: Halves) -> Halves {
    let lanes = x.map(split_u32);
    index.map(|half| join_u32(split_u32(half).map(|n| lanes[(n >> 2 & 1) as usize][(n & 3) as usize])))
}

/// VPERMQ, VPERMPD: a field of two bits for each lane.
fn permute_quadwords(x: Halves, imm: u64) -> Halves {
    let lanes = x.map(split_u64);
    let lane = |i: u32| lanes[(imm >> (2 * i + 1) & 1) as usize][(imm >> (2 * i) & 1) as usize];
    [pair(lane(0), lane(1)), pair(lane(2), lane(3))]
}

/// VPERM2F128, VPERM2I128: one of the four halves, or 0.
fn choose_half(a: Halves, b: Halves, control: u64) -> u128 {
    match control & 0xb {
        0 | 1 => a[(control & 1) as usize],
        2 | 3 => b[(control & 1) as usize],
        _ => 0,
    }
}

/// VPERMILPS: within the half.
fn permute_singles(x: u128, index: [u32; 4]) -> u128 {
    let lanes = split_u32(x);
    join_u32(index.map(|n| lanes[(n & 3) as usize]))
}

/// VPERMILPD: within the half.
fn permute_doubles(x: u128, low: u128, high: u128) -> u128 {
    let lanes = split_u64(x);
    pair(lanes[low as usize & 1], lanes[high as usize & 1])
}

fn across<H: HardwareModel, S: Source, O: Across>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = get!(S::read(st, op));
    let a = st.ymm(op.aux);
    st.set_ymm(op.dst, O::apply(a, b, op.imm));
    Flow::Next
}

/// Lane 0, of `BITS` bits, in all lanes of `HALVES` halves.
fn broadcast<H: HardwareModel, S: Scalar, const BITS: u32, const HALVES: usize>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let x = get!(S::read(st, op));
    let lane = u128::MAX >> (128 - BITS);
    let half = (x & lane) * (u128::MAX / lane);
    st.set_ymm(op.dst, if HALVES == 2 { [half; 2] } else { [half, 0] });
    Flow::Next
}

/// VPMOVSX, VPMOVZX to a YMM register: the high half comes from `FROM_BITS` on.
fn extend<H: HardwareModel, S: Scalar, O: Pure, const FROM_BITS: u32>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let x = get!(S::read(st, op));
    st.set_ymm(op.dst, [O::apply(0, x, 0), O::apply(0, x >> FROM_BITS, 0)]);
    Flow::Next
}

/// As [`extend`], to an XMM register.
fn extend_short<H: HardwareModel, S: Scalar, O: Pure>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let x = get!(S::read(st, op));
    st.set_vex_xmm(op.dst, O::apply(0, x, 0));
    Flow::Next
}

/// VEXTRACTF128, VEXTRACTI128 to a register.
fn extract<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let half = st.ymm(op.src)[(op.imm & 1) as usize];
    st.set_vex_xmm(op.dst, half);
    Flow::Next
}

/// VEXTRACTF128, VEXTRACTI128 to memory.
fn store_half<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    tri!(st.store(op, st.ymm(op.src)[(op.imm & 1) as usize]));
    st.after_store()
}

/// Binds one of these. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Vpermd | M::Vpermps => by_vector!(insn, op, |S| across::<H, S, PermuteDoublewords>),
        M::Vpermq | M::Vpermpd => by_vector!(insn, op, |S| across::<H, S, PermuteQuadwords>),
        M::Vperm2f128 | M::Vperm2i128 => by_vector!(insn, op, |S| across::<H, S, PermuteHalves>),
        M::Vinsertf128 | M::Vinserti128 => by_vector!(insn, op, |S| across::<H, S, InsertHalf>),
        M::Vbroadcastf128 | M::Vbroadcasti128 => by_vector!(insn, op, |S| across::<H, S, BothHalves>),
        M::Vpermilps if insn.op_count == 3 && matches!(insn.ops[2], Operand::Imm(_)) => {
            same::<H, PermuteSinglesBy>(insn, op)
        }
        M::Vpermilpd if insn.op_count == 3 && matches!(insn.ops[2], Operand::Imm(_)) => {
            split::<H, PermuteDoublesBy, 2>(insn, op)
        }
        M::Vpermilps => same::<H, PermuteSingles>(insn, op),
        M::Vpermilpd => same::<H, PermuteDoubles>(insn, op),
        M::Vextractf128 | M::Vextracti128 => {
            place(insn, op);
            op.src = number(&insn.ops[1]);
            to(op, if insn.ops[0].mem().is_some() { store_half::<H> } else { extract::<H> })
        }
        _ => broadcasts(insn, op) || extensions(insn, op),
    }
}

fn broadcasts<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let long = matches!(insn.ops[0], Operand::Ymm(_));
    match insn.mnemonic {
        M::Vpbroadcastb if long => by_scalar!(insn, op, u8, |S| broadcast::<H, S, 8, 2>),
        M::Vpbroadcastb => by_scalar!(insn, op, u8, |S| broadcast::<H, S, 8, 1>),
        M::Vpbroadcastw if long => by_scalar!(insn, op, u16, |S| broadcast::<H, S, 16, 2>),
        M::Vpbroadcastw => by_scalar!(insn, op, u16, |S| broadcast::<H, S, 16, 1>),
        M::Vpbroadcastd | M::Vbroadcastss if long => by_scalar!(insn, op, u32, |S| broadcast::<H, S, 32, 2>),
        M::Vpbroadcastd | M::Vbroadcastss => by_scalar!(insn, op, u32, |S| broadcast::<H, S, 32, 1>),
        M::Vpbroadcastq | M::Vbroadcastsd if long => by_scalar!(insn, op, u64, |S| broadcast::<H, S, 64, 2>),
        M::Vpbroadcastq | M::Vbroadcastsd => by_scalar!(insn, op, u64, |S| broadcast::<H, S, 64, 1>),
        _ => false,
    }
}

/// Rows: mnemonic, memory for an XMM register, memory for a YMM register, bits of it that the low half takes.
macro_rules! extension_table {
    ($($mnemonic:ident $operation:ident $short:ty, $long:ty, $bits:literal;)*) => {
        fn extensions<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
            match (insn.mnemonic, insn.ops[0]) {
                $((M::$mnemonic, Operand::Ymm(_)) => {
                    by_scalar!(insn, op, $long, |S| extend::<H, S, sse41::$operation, $bits>)
                }
                (M::$mnemonic, _) => by_scalar!(insn, op, $short, |S| extend_short::<H, S, sse41::$operation>),)*
                _ => false,
            }
        }
    };
}

extension_table! {
    Vpmovsxbw Pmovsxbw u64, u128, 64;
    Vpmovsxbd Pmovsxbd u32, u64, 32;
    Vpmovsxbq Pmovsxbq u16, u32, 16;
    Vpmovsxwd Pmovsxwd u64, u128, 64;
    Vpmovsxwq Pmovsxwq u32, u64, 32;
    Vpmovsxdq Pmovsxdq u64, u128, 64;
    Vpmovzxbw Pmovzxbw u64, u128, 64;
    Vpmovzxbd Pmovzxbd u32, u64, 32;
    Vpmovzxbq Pmovzxbq u16, u32, 16;
    Vpmovzxwd Pmovzxwd u64, u128, 64;
    Vpmovzxwq Pmovzxwq u32, u64, 32;
    Vpmovzxdq Pmovzxdq u64, u128, 64;
}
