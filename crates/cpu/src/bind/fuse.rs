//! Fusing CMP or TEST with the Jcc after it.

use super::operands::operand_bits;
use crate::exec::alu::{Cmp, Test};
use crate::exec::fused::{self, Compare};
use crate::exec::operand::{Address, B, Base, Full, I, M, R, Source};
use crate::op::{Handler, Op};
use crate::width::{W8, W32, W64, Width};
use decode::{Insn, Mnemonic, Operand};
use paging::HardwareModel;

/// The function that does `first` and then the Jcc of condition `condition`, if the pair can be fused. `op` stays bound
/// to `first` in all but its function.
pub(crate) fn fuse<H: HardwareModel>(first: &Insn, op: &Op<H>, condition: u8) -> Option<Handler<H>> {
    match first.mnemonic {
        Mnemonic::Cmp => forms::<H, Cmp>(first, op.base_only(), condition),
        Mnemonic::Test => forms::<H, Test>(first, op.base_only(), condition),
        _ => None,
    }
}

fn forms<H: HardwareModel, O: Compare>(first: &Insn, base_only: bool, condition: u8) -> Option<Handler<H>> {
    match (&first.ops[0], &first.ops[1]) {
        (Operand::Mem(_), Operand::Imm(_)) if base_only => widths::<H, O, Memory<I, Base>>(first, condition),
        (Operand::Mem(_), Operand::Imm(_)) => widths::<H, O, Memory<I, Full>>(first, condition),
        (Operand::Mem(_), _) if base_only => widths::<H, O, Memory<R, Base>>(first, condition),
        (Operand::Mem(_), _) => widths::<H, O, Memory<R, Full>>(first, condition),
        (_, Operand::Mem(_)) if base_only => widths::<H, O, Register<B>>(first, condition),
        (_, Operand::Mem(_)) => widths::<H, O, Register<M>>(first, condition),
        (_, Operand::Imm(_)) => widths::<H, O, Register<I>>(first, condition),
        _ => widths::<H, O, Register<R>>(first, condition),
    }
}

fn widths<H: HardwareModel, O: Compare, F: Form>(first: &Insn, condition: u8) -> Option<Handler<H>> {
    match operand_bits(first) {
        8 => Some(F::table::<H, O, W8>(condition)),
        32 => Some(F::table::<H, O, W32>(condition)),
        64 => Some(F::table::<H, O, W64>(condition)),
        _ => None, // words are rare
    }
}

/// Whether the first operand is a register or memory.
trait Form {
    fn table<H: HardwareModel, O: Compare, W: Width>(condition: u8) -> Handler<H>;
}

struct Register<S>(std::marker::PhantomData<S>);
struct Memory<S, A>(std::marker::PhantomData<(S, A)>);

/// The function for each condition, in the order of their encodings.
macro_rules! table {
    ($path:ident, [$($t:ident),*], $condition:expr) => {
        table!(@ $path, [$($t),*], $condition, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    (@ $path:ident, $types:tt, $condition:expr, $($c:literal)*) => {{
        let table: [Handler<_>; 16] = [$(table!(# $path, $types, $c)),*];
        table[usize::from($condition & 15)]
    }};
    (# $path:ident, [$($t:ident),*], $c:literal) => { fused::$path::<$($t,)* $c> };
}

impl<S: Source> Form for Register<S> {
    fn table<H: HardwareModel, O: Compare, W: Width>(condition: u8) -> Handler<H> {
        table!(reg, [H, O, W, S], condition)
    }
}

impl<S: Source, A: Address> Form for Memory<S, A> {
    fn table<H: HardwareModel, O: Compare, W: Width>(condition: u8) -> Handler<H> {
        table!(mem, [H, O, W, S, A], condition)
    }
}

/// Makes the pair one operation, which ends where the Jcc ends.
pub(crate) fn join<H>(op: &mut Op<H>, run: Handler<H>, jcc: &Insn) {
    op.run = run;
    op.len += jcc.info.length;
}
