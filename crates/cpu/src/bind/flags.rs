//! Which instructions write flags that nobody reads, and what to run in their place.
//!
//! Only forms that cannot fault are listed: whoever catches a fault sees the flags as the program left them.

use super::operands::{by_width, operand_bits, same_register};
use crate::exec::alu::{self, Add, Alu, And, Dec, Inc, Neg, Or, Sub, Unary, Xor};
use crate::exec::mov;
use crate::exec::operand::{I, R};
use crate::exec::shift::{self, Rol, Ror, Sar, Shift, Shl, Shr};
use crate::op::{Binding, FlagUse, Handler};
use crate::width::{W8, W16, W32, W64};
use decode::{Insn, Mnemonic, Operand};
use paging::HardwareModel;

/// What an instruction does with the flags.
pub(super) fn binding<H: HardwareModel>(insn: &Insn) -> Binding<H> {
    use Mnemonic as M;
    let plain = |o: &Operand| o.gpr_bits().is_some() || matches!(o, Operand::Imm(_));
    let operands = &insn.ops[..usize::from(insn.op_count)];
    // The memory operand of LEA is not accessed.
    if insn.mnemonic != M::Lea && !operands.iter().all(plain) {
        return Binding::default();
    }
    match insn.mnemonic {
        M::Add => two::<H, Add>(insn),
        // Bound to `alu::zero`, with an immediate of 0.
        M::Sub | M::Xor if same_register(insn) => {
            let quiet = by_width!(operand_bits(insn), W => mov::to_reg::<H, W, I>);
            Binding { flags: FlagUse::WritesAll, quiet }
        }
        M::Sub => two::<H, Sub>(insn),
        M::And => two::<H, And>(insn),
        M::Or => two::<H, Or>(insn),
        M::Xor => two::<H, Xor>(insn),
        M::Cmp | M::Test => Binding { flags: FlagUse::WritesAll, quiet: None },
        M::Neg => one::<H, Neg>(insn, FlagUse::WritesAll),
        M::Inc => one::<H, Inc>(insn, FlagUse::WritesSome),
        M::Dec => one::<H, Dec>(insn, FlagUse::WritesSome),
        M::Shl | M::Sal => shifted::<H, Shl>(insn, FlagUse::WritesAll),
        M::Shr => shifted::<H, Shr>(insn, FlagUse::WritesAll),
        M::Sar => shifted::<H, Sar>(insn, FlagUse::WritesAll),
        M::Rol => shifted::<H, Rol>(insn, FlagUse::WritesSome),
        M::Ror => shifted::<H, Ror>(insn, FlagUse::WritesSome),
        M::Mov | M::Movzx | M::Movsx | M::Movsxd | M::Lea | M::Not | M::Bswap | M::Cdqe | M::Cwde | M::Cdq | M::Cqo => {
            Binding { flags: FlagUse::Ignores, quiet: None }
        }
        _ => Binding::default(),
    }
}

fn two<H: HardwareModel, O: Alu>(insn: &Insn) -> Binding<H> {
    let bits = operand_bits(insn);
    let quiet = match insn.ops[1] {
        Operand::Imm(_) => by_width!(bits, W => alu::quiet_reg::<H, O, W, I>),
        _ => by_width!(bits, W => alu::quiet_reg::<H, O, W, R>),
    };
    Binding { flags: FlagUse::WritesAll, quiet }
}

fn one<H: HardwareModel, O: Unary>(insn: &Insn, flags: FlagUse) -> Binding<H> {
    Binding { flags, quiet: by_width!(operand_bits(insn), W => alu::quiet_unary_reg::<H, O, W>) }
}

/// A shift by an immediate. A count that is masked to 0 leaves the flags alone, so it is left as it is.
fn shifted<H: HardwareModel, O: Shift>(insn: &Insn, flags: FlagUse) -> Binding<H> {
    match insn.ops[1] {
        Operand::Imm(count) if count & 31 != 0 => {
            Binding { flags, quiet: by_width!(operand_bits(insn), W => shift::quiet_reg::<H, O, W>) }
        }
        _ => Binding::default(),
    }
}
