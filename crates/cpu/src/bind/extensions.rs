//! Binding of the extensions of the integer set: BMI1, BMI2, ADX, POPCNT, LZCNT, TZCNT, MOVBE, CRC32.

use super::gpr;
use super::operands::{by_wide, finish, immediate, operand_bits, operand_bits_of_memory};
use crate::exec::bmi::{self, Operation};
use crate::exec::operand::{M, R};
use crate::op::{Handler, Op};
use crate::state::ZERO;
use crate::width::{W16, W32, W64};
use decode::{Insn, Mnemonic as N, Operand};
use paging::HardwareModel;

/// By where the source lies.
macro_rules! by_source {
    ($operand:expr, $S:ident => $f:expr) => {
        match $operand {
            Operand::Mem(_) => {
                type $S = M;
                $f
            }
            _ => {
                type $S = R;
                $f
            }
        }
    };
}

/// Binds one of these. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        N::Andn => source_last::<H, bmi::Andn>(insn, op),
        N::Pdep => source_last::<H, bmi::Pdep>(insn, op),
        N::Pext => source_last::<H, bmi::Pext>(insn, op),
        N::Bextr => source_first::<H, bmi::Bextr>(insn, op),
        N::Bzhi => source_first::<H, bmi::Bzhi>(insn, op),
        N::Sarx => source_first::<H, bmi::Sarx>(insn, op),
        N::Shlx => source_first::<H, bmi::Shlx>(insn, op),
        N::Shrx => source_first::<H, bmi::Shrx>(insn, op),
        N::Blsi => source_first::<H, bmi::Blsi>(insn, op),
        N::Blsmsk => source_first::<H, bmi::Blsmsk>(insn, op),
        N::Blsr => source_first::<H, bmi::Blsr>(insn, op),
        N::Tzcnt => source_first::<H, bmi::Tzcnt>(insn, op),
        N::Lzcnt => source_first::<H, bmi::Lzcnt>(insn, op),
        N::Popcnt => source_first::<H, bmi::Popcnt>(insn, op),
        N::Rorx => {
            op.imm = immediate(&insn.ops[2]);
            place(op, insn, &insn.ops[1]);
            finish(op, by_source!(insn.ops[1], S => by_wide!(operand_bits(insn), W => bmi::rorx::<H, W, S>)))
        }
        N::Mulx => {
            op.aux = gpr(&insn.ops[1]).unwrap_or(ZERO);
            place(op, insn, &insn.ops[2]);
            finish(op, by_source!(insn.ops[2], S => by_wide!(operand_bits(insn), W => bmi::mulx::<H, W, S>)))
        }
        N::Adcx => add_carry::<H, false>(insn, op),
        N::Adox => add_carry::<H, true>(insn, op),
        N::Crc32 => {
            place(op, insn, &insn.ops[1]);
            let bits = insn.ops[1].gpr_bits().unwrap_or_else(|| operand_bits_of_memory(insn));
            finish(op, Some(by_source!(insn.ops[1], S => bmi::crc32_of::<H, S>(bits))))
        }
        N::Movbe => movbe(insn, op),
        _ => false,
    }
}

/// Sets destination and source.
fn place<H>(op: &mut Op<H>, insn: &Insn, source: &Operand) {
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    op.src = gpr(source).unwrap_or(ZERO);
}

/// dst, register, source.
fn source_last<H: HardwareModel, O: Operation>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.aux = gpr(&insn.ops[1]).unwrap_or(ZERO);
    three::<H, O>(insn, op, &insn.ops[2])
}

/// dst, source, and a register if there is one.
fn source_first<H: HardwareModel, O: Operation>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.aux = gpr(&insn.ops[2]).unwrap_or(ZERO);
    three::<H, O>(insn, op, &insn.ops[1])
}

fn three<H: HardwareModel, O: Operation>(insn: &Insn, op: &mut Op<H>, source: &Operand) -> bool {
    place(op, insn, source);
    let bits = operand_bits(insn);
    finish(op, by_source!(source, S => by_wide!(bits, W => bmi::three::<H, O, W, S>)))
}

fn add_carry<H: HardwareModel, const OVERFLOW: bool>(insn: &Insn, op: &mut Op<H>) -> bool {
    place(op, insn, &insn.ops[1]);
    let bits = operand_bits(insn);
    finish(op, by_source!(insn.ops[1], S => by_wide!(bits, W => bmi::add_carry::<H, W, S, OVERFLOW>)))
}

fn movbe<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = operand_bits(insn);
    let run = match gpr(&insn.ops[0]) {
        Some(dst) => {
            op.dst = dst;
            by_wide!(bits, W => bmi::movbe_load::<H, W>)
        }
        None => {
            op.src = gpr(&insn.ops[1]).unwrap_or(ZERO);
            by_wide!(bits, W => bmi::movbe_store::<H, W>)
        }
    };
    finish(op, run)
}
