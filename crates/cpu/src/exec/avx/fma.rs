//! FMA: a * b + c with one rounding, in all its orders and signs, in the three tiers of [`crate::exec::sse::arith`].
//!
//! The digits of a mnemonic say which operands are multiplied and which is added: 132 is first * third + second, 213 is
//! second * first + third, 231 is second * third + first. Only the third may be memory, so there are two kinds of handler: that
//! operand is a factor, or it is the addend. Where the other two come from is said by register numbers (`op.aux` the first
//! factor, the low bits of `op.imm` what remains), and the signs are bits of `op.imm`.

use super::fused::fused;
use super::operand::{Source, by_scalar, by_vector, number};
use super::row::Lanes;
use crate::exec::sse::arith::sum_is_exact;
use crate::exec::sse::float::Float;
use crate::exec::sse::fpenv::{Env, is_plain, is_settled};
use crate::exec::sse::operand::{Source as Scalar, get};
use crate::op::{Flow, Op};
use crate::state::State;
use decode::{Insn, Mnemonic as M};
use paging::HardwareModel;

/// In `op.imm`, beside a register number: the product is negated; the addend is in even lanes, in odd lanes.
const NEGATED_PRODUCT: u64 = 1 << 8;
const NEGATED_EVEN: u64 = 1 << 9;
const NEGATED_ODD: u64 = 1 << 10;

/// Single and double precision, with a fused multiplication and addition on the host.
pub(super) trait Fused: Lanes {
    /// `a * b + c`, rounded once to nearest, if the host finds that out quickly.
    fn multiply_add(a: Self, b: Self, c: Self) -> (Self, bool);
}

impl Fused for f64 {
    #[inline(always)]
    fn multiply_add(a: Self, b: Self, c: Self) -> (Self, bool) {
        (a.mul_add(b, c), true)
    }
}

impl Fused for f32 {
    /// The product is exact in double precision. The sum is rounded there, and then again, which goes wrong only from the
    /// middle between two numbers of single precision.
    #[inline(always)]
    fn multiply_add(a: Self, b: Self, c: Self) -> (Self, bool) {
        let sum = f64::from(a) * f64::from(b) + f64::from(c);
        (sum as Self, sum.to_bits() & 0x1fff_ffff != 0x1000_0000)
    }
}

/// What the third operand is.
trait Role: 'static {
    /// Its place among (first factor, second factor, addend), `other` being in the remaining one.
    fn arrange<T>(other: T, third: T) -> (T, T);
}

/// 132 and 231.
struct Factor;
/// 213.
struct Addend;

impl Role for Factor {
    #[inline(always)]
    fn arrange<T>(other: T, third: T) -> (T, T) {
        (third, other)
    }
}

impl Role for Addend {
    #[inline(always)]
    fn arrange<T>(other: T, third: T) -> (T, T) {
        (other, third)
    }
}

/// The signs to flip: of the product, and of the addend in even and odd lanes.
#[derive(Clone, Copy)]
struct Signs {
    product: u64,
    addend: [u64; 2],
}

impl Signs {
    #[inline(always)]
    fn of<F: Float>(imm: u64) -> Self {
        let sign = |bit: u64| if imm & bit != 0 { F::SIGN } else { 0 };
        Self { product: sign(NEGATED_PRODUCT), addend: [sign(NEGATED_EVEN), sign(NEGATED_ODD)] }
    }

    /// Of the addend in lane `n`.
    #[inline(always)]
    fn addend(self, n: u32) -> u64 {
        self.addend[(n & 1) as usize]
    }
}

/// The host's result of one lane, and whether it is sure of that.
#[inline(always)]
fn multiply_add<F: Fused>([a, b, c]: [u64; 3], signs: Signs, n: u32) -> (u64, bool) {
    let (r, sure) =
        F::multiply_add(F::from_lane(a ^ signs.product), F::from_lane(b), F::from_lane(c ^ signs.addend(n)));
    (r.to_lane(), sure)
}

/// The first tier on one lane: the result, and whether it is safe.
#[inline(always)]
fn host<F: Fused>(lanes: [u64; 3], signs: Signs, n: u32) -> (u64, bool) {
    let (r, sure) = multiply_add::<F>(lanes, signs, n);
    let [a, b, c] = lanes;
    let in_range = F::is_well_normal(r) || F::is_zero(r) && zero_is_exact::<F>(a, b, c);
    (r, sure && in_range && !lanes.into_iter().any(F::is_denormal))
}

/// True if all results are safe, zeros among them.
#[inline(never)]
fn are_safe<F: Fused>(operands: [&F::Row; 3], signs: Signs, lanes: u32) -> bool {
    (0..lanes).all(|n| host::<F>(operands.map(|x| F::get(x, n)), signs, n).1)
}

/// A zero is the true result if a factor is zero, or if the addend is so large that nothing can be lost below it.
#[inline(always)]
fn zero_is_exact<F: Float>(a: u64, b: u64, c: u64) -> bool {
    F::is_zero(a) | F::is_zero(b) | (F::magnitude(c) >> F::FRACTION > 2 * u64::from(F::FRACTION))
}

/// All lanes.
fn packed<H: HardwareModel, S: Source, F: Fused, R: Role>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let third = F::split(get!(S::read(st, op)));
    let a = F::split(st.ymm(op.aux));
    let (b, c) = R::arrange(F::split(st.ymm(op.imm as u8)), third);
    let signs = Signs::of::<F>(op.imm);
    let lanes = if S::WIDE { 2 * F::LANES } else { F::LANES };
    let mut result = F::ZEROS;
    let mut sure = true;
    for n in 0..lanes {
        let (r, lane_sure) = multiply_add::<F>([F::get(&a, n), F::get(&b, n), F::get(&c, n)], signs, n);
        sure &= lane_sure;
        F::set(&mut result, n, r);
    }
    let plain = sure & F::are_plain([&a, &b, &c], &result, lanes);
    if !is_settled(st.mxcsr) || !plain && !are_safe::<F>([&a, &b, &c], signs, lanes) {
        get!(unsettled::<H, F>(st, [&a, &b, &c], signs, lanes, &mut result));
    }
    st.set_ymm(op.dst, F::join(result));
    Flow::Next
}

/// Lane 0; the rest is the destination's.
fn scalar<H: HardwareModel, S: Scalar, F: Fused, R: Role>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let third = F::lane(get!(S::read(st, op)), 0);
    let a = F::lane(st.xmm[usize::from(op.aux & 15)], 0);
    let (b, c) = R::arrange(F::lane(st.xmm[(op.imm & 15) as usize], 0), third);
    let signs = Signs::of::<F>(op.imm);
    let (mut r, safe) = host::<F>([a, b, c], signs, 0);
    if !(safe & is_settled(st.mxcsr)) {
        r = get!(unsettled_lane::<H, F>(st, [a, b, c], signs));
    }
    st.set_vex_xmm(op.dst, F::with_low(st.xmm[usize::from(op.dst & 15)], r));
    Flow::Next
}

/// As [`unsettled`], of one lane.
#[inline(never)]
fn unsettled_lane<H: HardwareModel, F: Fused>(st: &mut State<H>, lanes: [u64; 3], signs: Signs) -> Result<u64, Flow> {
    let rows = lanes.map(|x| {
        let mut row = F::ZEROS;
        F::set(&mut row, 0, x);
        row
    });
    let mut result = F::ZEROS;
    F::set(&mut result, 0, host::<F>(lanes, signs, 0).0);
    unsettled::<H, F>(st, [&rows[0], &rows[1], &rows[2]], signs, 1, &mut result)?;
    Ok(F::get(&result, 0))
}

/// The second tier, and the third for what it does not take: the first lanes anew.
#[inline(never)]
fn unsettled<H: HardwareModel, F: Fused>(
    st: &mut State<H>,
    operands: [&F::Row; 3],
    signs: Signs,
    lanes: u32,
    result: &mut F::Row,
) -> Result<(), Flow> {
    if is_plain(st.mxcsr) && (0..lanes).all(|n| is_exact::<F>(operands.map(|x| F::get(x, n)), signs, n)) {
        // The host's results, which are there already, are right and raise nothing.
        return Ok(());
    }
    let mut env = Env::new(st.mxcsr);
    for n in 0..lanes {
        let r = fused::<F>(&mut env, operands.map(|x| F::get(x, n)), signs.product, signs.addend(n));
        F::set(result, n, r);
    }
    env.commit(st)
}

/// True only if a lane's result on the host is safe and not rounded; some are missed.
fn is_exact<F: Fused>([a, b, c]: [u64; 3], signs: Signs, n: u32) -> bool {
    let (r, safe) = host::<F>([a, b, c], signs, n);
    let (x, y, z) = (F::from_lane(a ^ signs.product), F::from_lane(b), F::from_lane(c ^ signs.addend(n)));
    let product = x * y;
    let product_exact =
        F::is_zero(a) || F::is_zero(b) || F::is_well_normal(product.to_lane()) && F::product_is(x, y, product);
    safe && product_exact && sum_is_exact(product, z, F::from_lane(r))
}

/// The order of the operands, as the digits of a mnemonic say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// First * third + second.
    O132,
    /// Second * first + third.
    O213,
    /// Second * third + first.
    O231,
}

const ADD: u64 = 0;
const SUBTRACT: u64 = NEGATED_EVEN | NEGATED_ODD;
const NEGATED_ADD: u64 = NEGATED_PRODUCT;
const NEGATED_SUBTRACT: u64 = NEGATED_PRODUCT | SUBTRACT;
/// VFMADDSUB: odd lanes are added.
const ALTERNATE_ADD: u64 = NEGATED_EVEN;
/// VFMSUBADD: odd lanes are subtracted.
const ALTERNATE_SUBTRACT: u64 = NEGATED_ODD;

/// Rows: lanes, signs, the mnemonics of the three orders.
macro_rules! fma_table {
    ($($lanes:ident $signs:ident: $o132:ident $o213:ident $o231:ident;)*) => {
        /// Binds FMA. False if it is none.
        pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
            match insn.mnemonic {
                $(M::$o132 => $lanes(insn, op, Order::O132, $signs),
                M::$o213 => $lanes(insn, op, Order::O213, $signs),
                M::$o231 => $lanes(insn, op, Order::O231, $signs),)*
                _ => false,
            }
        }
    };
}

fma_table! {
    packed_single ADD: Vfmadd132ps Vfmadd213ps Vfmadd231ps;
    packed_double ADD: Vfmadd132pd Vfmadd213pd Vfmadd231pd;
    scalar_single ADD: Vfmadd132ss Vfmadd213ss Vfmadd231ss;
    scalar_double ADD: Vfmadd132sd Vfmadd213sd Vfmadd231sd;
    packed_single SUBTRACT: Vfmsub132ps Vfmsub213ps Vfmsub231ps;
    packed_double SUBTRACT: Vfmsub132pd Vfmsub213pd Vfmsub231pd;
    scalar_single SUBTRACT: Vfmsub132ss Vfmsub213ss Vfmsub231ss;
    scalar_double SUBTRACT: Vfmsub132sd Vfmsub213sd Vfmsub231sd;
    packed_single NEGATED_ADD: Vfnmadd132ps Vfnmadd213ps Vfnmadd231ps;
    packed_double NEGATED_ADD: Vfnmadd132pd Vfnmadd213pd Vfnmadd231pd;
    scalar_single NEGATED_ADD: Vfnmadd132ss Vfnmadd213ss Vfnmadd231ss;
    scalar_double NEGATED_ADD: Vfnmadd132sd Vfnmadd213sd Vfnmadd231sd;
    packed_single NEGATED_SUBTRACT: Vfnmsub132ps Vfnmsub213ps Vfnmsub231ps;
    packed_double NEGATED_SUBTRACT: Vfnmsub132pd Vfnmsub213pd Vfnmsub231pd;
    scalar_single NEGATED_SUBTRACT: Vfnmsub132ss Vfnmsub213ss Vfnmsub231ss;
    scalar_double NEGATED_SUBTRACT: Vfnmsub132sd Vfnmsub213sd Vfnmsub231sd;
    packed_single ALTERNATE_ADD: Vfmaddsub132ps Vfmaddsub213ps Vfmaddsub231ps;
    packed_double ALTERNATE_ADD: Vfmaddsub132pd Vfmaddsub213pd Vfmaddsub231pd;
    packed_single ALTERNATE_SUBTRACT: Vfmsubadd132ps Vfmsubadd213ps Vfmsubadd231ps;
    packed_double ALTERNATE_SUBTRACT: Vfmsubadd132pd Vfmsubadd213pd Vfmsubadd231pd;
}

fn packed_single<H: HardwareModel>(insn: &Insn, op: &mut Op<H>, order: Order, signs: u64) -> bool {
    let bound = match order {
        Order::O213 => by_vector!(insn, op, |S| packed::<H, S, f32, Addend>),
        _ => by_vector!(insn, op, |S| packed::<H, S, f32, Factor>),
    };
    bound && arrange(insn, op, order, signs)
}

fn packed_double<H: HardwareModel>(insn: &Insn, op: &mut Op<H>, order: Order, signs: u64) -> bool {
    let bound = match order {
        Order::O213 => by_vector!(insn, op, |S| packed::<H, S, f64, Addend>),
        _ => by_vector!(insn, op, |S| packed::<H, S, f64, Factor>),
    };
    bound && arrange(insn, op, order, signs)
}

fn scalar_single<H: HardwareModel>(insn: &Insn, op: &mut Op<H>, order: Order, signs: u64) -> bool {
    let bound = match order {
        Order::O213 => by_scalar!(insn, op, u32, |S| scalar::<H, S, f32, Addend>),
        _ => by_scalar!(insn, op, u32, |S| scalar::<H, S, f32, Factor>),
    };
    bound && arrange(insn, op, order, signs)
}

fn scalar_double<H: HardwareModel>(insn: &Insn, op: &mut Op<H>, order: Order, signs: u64) -> bool {
    let bound = match order {
        Order::O213 => by_scalar!(insn, op, u64, |S| scalar::<H, S, f64, Addend>),
        _ => by_scalar!(insn, op, u64, |S| scalar::<H, S, f64, Factor>),
    };
    bound && arrange(insn, op, order, signs)
}

/// Says where the operands beside the third come from.
fn arrange<H>(insn: &Insn, op: &mut Op<H>, order: Order, signs: u64) -> bool {
    let (first, second) = (number(&insn.ops[0]), number(&insn.ops[1]));
    let (factor, other) = if order == Order::O132 { (first, second) } else { (second, first) };
    op.aux = factor;
    op.imm = u64::from(other) | signs;
    true
}
