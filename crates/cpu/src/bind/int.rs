//! Binding of the integer instructions: which of them goes where.

use super::arith::{Scan, bit, double_shift, multiply_divide, one, shifted, source_to_register, two, zero};
use super::flow::{StringKind, control, jcc, strings};
use super::moves::{bswap, compare_exchange, conditional, exchange, exchange_add, extend, lea, mov, pop, push};
use super::operands::{immediate, same_register};
use super::{extensions, system, to};
use crate::exec::alu::{Adc, Add, And, Cmp, Dec, Inc, Neg, Not, Or, Sbb, Sub, Test, Xor};
use crate::exec::bits::{Bt, Btc, Btr, Bts};
use crate::exec::shift::{Rcl, Rcr, Rol, Ror, Sar, Shl, Shr};
use crate::exec::{enter, misc, mov as moves};
use crate::op::{Handler, Op};
use crate::width::{W8, W16, W32, W64};
use decode::{Code, Insn, Mnemonic};
use paging::HardwareModel;

/// Binds an integer instruction. False if it is none, or none that the core executes.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    use Mnemonic as M;
    match insn.mnemonic {
        M::Add => two::<H, Add>(insn, op),
        M::Or => two::<H, Or>(insn, op),
        M::Adc => two::<H, Adc>(insn, op),
        M::Sbb => two::<H, Sbb>(insn, op),
        M::And => two::<H, And>(insn, op),
        M::Sub if same_register(insn) => zero(insn, op),
        M::Xor if same_register(insn) => zero(insn, op),
        M::Sub => two::<H, Sub>(insn, op),
        M::Xor => two::<H, Xor>(insn, op),
        M::Cmp => two::<H, Cmp>(insn, op),
        M::Test => two::<H, Test>(insn, op),
        M::Inc => one::<H, Inc>(insn, op),
        M::Dec => one::<H, Dec>(insn, op),
        M::Neg => one::<H, Neg>(insn, op),
        M::Not => one::<H, Not>(insn, op),
        M::Shl | M::Sal => shifted::<H, Shl>(insn, op),
        M::Shr => shifted::<H, Shr>(insn, op),
        M::Sar => shifted::<H, Sar>(insn, op),
        M::Rol => shifted::<H, Rol>(insn, op),
        M::Ror => shifted::<H, Ror>(insn, op),
        M::Rcl => shifted::<H, Rcl>(insn, op),
        M::Rcr => shifted::<H, Rcr>(insn, op),
        M::Shld => double_shift::<H, true>(insn, op),
        M::Shrd => double_shift::<H, false>(insn, op),
        M::Bt => bit::<H, Bt>(insn, op),
        M::Bts => bit::<H, Bts>(insn, op),
        M::Btr => bit::<H, Btr>(insn, op),
        M::Btc => bit::<H, Btc>(insn, op),
        M::Bsf => source_to_register(insn, op, Scan::Forward),
        M::Bsr => source_to_register(insn, op, Scan::Reverse),
        M::Mul | M::Imul | M::Div | M::Idiv => multiply_divide(insn, op),
        M::Mov => mov(insn, op) || system::bind(insn, op),
        M::Movzx | M::Movsx | M::Movsxd => extend(insn, op),
        M::Lea => lea(insn, op),
        M::Xchg => exchange(insn, op),
        M::Cmpxchg => compare_exchange(insn, op),
        M::Xadd => exchange_add(insn, op),
        M::Cmpxchg8b => to(op, misc::cmpxchg8b::<H>),
        M::Cmpxchg16b => to(op, misc::cmpxchg16b::<H>),
        M::Push => push(insn, op) || system::bind(insn, op),
        M::Pop => pop(insn, op) || system::bind(insn, op),
        M::Bswap => bswap(insn, op),
        M::Enter => enter(insn, op),
        M::Movsb | M::Movsw | M::Movsd | M::Movsq => strings::<H>(insn, op, StringKind::Movs),
        M::Stosb | M::Stosw | M::Stosd | M::Stosq => strings::<H>(insn, op, StringKind::Stos),
        M::Lodsb | M::Lodsw | M::Lodsd | M::Lodsq => strings::<H>(insn, op, StringKind::Lods),
        M::Scasb | M::Scasw | M::Scasd | M::Scasq => strings::<H>(insn, op, StringKind::Scas),
        M::Cmpsb | M::Cmpsw | M::Cmpsd | M::Cmpsq => strings::<H>(insn, op, StringKind::Cmps),
        M::Jmp | M::Call | M::Ret | M::Loop | M::Loope | M::Loopne | M::Jrcxz | M::Jecxz => {
            control(insn, op) || system::bind(insn, op)
        }
        _ if insn.is_jcc() => {
            let Some(c) = insn.condition() else { return false };
            to(op, jcc(c))
        }
        _ if insn.condition().is_some() => conditional(insn, op),
        _ => simple(insn, op),
    }
}

fn enter<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.imm = immediate(&insn.ops[0]);
    op.aux = immediate(&insn.ops[1]) as u8;
    op.stack = true;
    let run: Handler<H> =
        if insn.code == Code::Enterw_imm16_imm8 { enter::enter::<H, W16> } else { enter::enter::<H, W64> };
    to(op, run)
}

/// Instructions without explicit operands, or with ones that need no placing.
fn simple<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    use Mnemonic as M;
    op.aux = u8::from(matches!(insn.mnemonic, M::Stc | M::Std)) | u8::from(insn.mnemonic == M::Cmc) << 1;
    op.stack |= matches!(insn.mnemonic, M::Leave | M::Pushf | M::Pushfq | M::Popf | M::Popfq);
    let run: Handler<H> = match insn.mnemonic {
        M::Cbw => moves::extend_rax::<H, W16, W8>,
        M::Cwde => moves::extend_rax::<H, W32, W16>,
        M::Cdqe => moves::extend_rax::<H, W64, W32>,
        M::Cwd => moves::sign_to_rdx::<H, W16>,
        M::Cdq => moves::sign_to_rdx::<H, W32>,
        M::Cqo => moves::sign_to_rdx::<H, W64>,
        M::Leave if insn.code == Code::Leavew => moves::leave16,
        M::Leave => moves::leave,
        M::Nop | M::Endbr64 | M::Endbr32 | M::Pause | M::Reservednop => misc::nop,
        M::Clc | M::Stc | M::Cmc => misc::set_carry,
        M::Cld | M::Std => misc::set_direction,
        M::Lahf => misc::lahf,
        M::Sahf => misc::sahf,
        M::Pushfq => misc::pushf,
        M::Pushf => misc::pushf16,
        M::Popfq => misc::popf,
        M::Popf => misc::popf16,
        M::Xlatb => misc::xlat,
        M::Syscall => misc::syscall,
        M::Int3 => misc::int3,
        M::Ud0 | M::Ud1 | M::Ud2 => misc::undefined,
        _ => return system::bind(insn, op) || extensions::bind(insn, op),
    };
    to(op, run)
}
