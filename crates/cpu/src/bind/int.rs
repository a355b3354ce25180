//! Binding of the integer instructions.

use super::{gpr, to, unsupported};
use crate::exec::alu::{self, Adc, Add, And, Cmp, Dec, Inc, Neg, Not, Or, Sbb, Sub, Test, Xor};
use crate::exec::bits::{self, Bt, Btc, Btr, Bts};
use crate::exec::operand::{B, Base, Full, I, M, R};
use crate::exec::shift::{self, ByCl, ByImm, Rcl, Rcr, Rol, Ror, Sar, Shl, Shr};
use crate::exec::string::{self, ADDRESS_32, Cmps, Lods, Movs, REPE, REPNE, Scas, Stos};
use crate::exec::{branch, misc, mov, muldiv};
use crate::op::{Handler, Op};
use crate::state::{FS, GS, ZERO};
use crate::width::{W8, W16, W32, W64};
use decode::{Code, Insn, Mnemonic, Operand, Rep, Segment};
use paging::HardwareModel;

/// Chooses among the four widths: `$W` is the width's type in `$f`.
macro_rules! by_width {
    ($bits:expr, $W:ident => $f:expr) => {
        match $bits {
            8 => {
                type $W = W8;
                Some($f as Handler<_>)
            }
            16 => {
                type $W = W16;
                Some($f as Handler<_>)
            }
            32 => {
                type $W = W32;
                Some($f as Handler<_>)
            }
            64 => {
                type $W = W64;
                Some($f as Handler<_>)
            }
            _ => None,
        }
    };
}

pub(super) use by_width;

/// Bits of the operation: those of its first general-register operand, else of memory.
pub(super) fn operand_bits(insn: &Insn) -> u32 {
    let register = insn.ops.iter().find_map(Operand::gpr_bits);
    register.unwrap_or_else(|| insn.ops.iter().find_map(Operand::mem).map_or(0, |m| u32::from(m.size) * 8))
}

/// Sets the function if there is one.
fn finish<H>(op: &mut Op<H>, run: Option<Handler<H>>) -> bool {
    run.is_some_and(|run| to(op, run))
}

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
        // Without BMI1 and LZCNT the prefix of these means nothing.
        M::Bsf | M::Tzcnt => source_to_register(insn, op, Scan::Forward),
        M::Bsr | M::Lzcnt => source_to_register(insn, op, Scan::Reverse),
        M::Mul | M::Imul | M::Div | M::Idiv => multiply_divide(insn, op),
        M::Mov => mov(insn, op),
        M::Movzx | M::Movsx | M::Movsxd => extend(insn, op),
        M::Lea => lea(insn, op),
        M::Xchg => exchange(insn, op),
        M::Cmpxchg => compare_exchange(insn, op),
        M::Xadd => exchange_add(insn, op),
        M::Cmpxchg8b => to(op, misc::cmpxchg8b::<H>),
        M::Push => push(insn, op),
        M::Pop => pop(insn, op),
        M::Bswap => bswap(insn, op),
        M::Movsb | M::Movsw | M::Movsd | M::Movsq => strings::<H>(insn, op, StringKind::Movs),
        M::Stosb | M::Stosw | M::Stosd | M::Stosq => strings::<H>(insn, op, StringKind::Stos),
        M::Lodsb | M::Lodsw | M::Lodsd | M::Lodsq => strings::<H>(insn, op, StringKind::Lods),
        M::Scasb | M::Scasw | M::Scasd | M::Scasq => strings::<H>(insn, op, StringKind::Scas),
        M::Cmpsb | M::Cmpsw | M::Cmpsd | M::Cmpsq => strings::<H>(insn, op, StringKind::Cmps),
        M::Jmp | M::Call | M::Ret | M::Loop | M::Loope | M::Loopne | M::Jrcxz | M::Jecxz => control(insn, op),
        _ if insn.is_jcc() => {
            let Some(c) = insn.condition() else { return false };
            to(op, jcc(c))
        }
        _ if insn.condition().is_some() => conditional(insn, op),
        _ => simple(insn, op),
    }
}

/// Instructions without explicit operands, or with ones that need no placing.
fn simple<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    use Mnemonic as M;
    op.aux = u8::from(matches!(insn.mnemonic, M::Stc | M::Std)) | u8::from(insn.mnemonic == M::Cmc) << 1;
    op.stack |= matches!(insn.mnemonic, M::Leave | M::Pushf | M::Pushfq | M::Popf | M::Popfq);
    let run: Handler<H> = match insn.mnemonic {
        M::Cbw => mov::extend_rax::<H, W16, W8>,
        M::Cwde => mov::extend_rax::<H, W32, W16>,
        M::Cdqe => mov::extend_rax::<H, W64, W32>,
        M::Cwd => mov::sign_to_rdx::<H, W16>,
        M::Cdq => mov::sign_to_rdx::<H, W32>,
        M::Cqo => mov::sign_to_rdx::<H, W64>,
        M::Leave if insn.code == Code::Leavew => mov::leave16,
        M::Leave => mov::leave,
        M::Nop | M::Endbr64 | M::Endbr32 | M::Pause | M::Reservednop => misc::nop,
        M::Clc | M::Stc | M::Cmc => misc::set_carry,
        M::Cld | M::Std => misc::set_direction,
        M::Lahf => misc::lahf,
        M::Sahf => misc::sahf,
        M::Pushfq => misc::pushf,
        M::Pushf => misc::pushf16,
        M::Popfq => misc::popf,
        M::Popf => misc::popf16,
        M::Rdtsc => misc::rdtsc,
        M::Cpuid => misc::cpuid,
        M::Xlatb => misc::xlat,
        M::Syscall => misc::syscall,
        M::Int3 => misc::int3,
        // The 32-bit system-call gate is there on Linux, but not here: say so.
        M::Int if insn.ops[0] == Operand::Imm(0x80) => unsupported,
        M::Int => {
            op.imm = immediate(&insn.ops[0]);
            misc::int_n
        }
        M::Ud0 | M::Ud1 | M::Ud2 => misc::undefined,
        M::Hlt
        | M::Cli
        | M::Sti
        | M::In
        | M::Out
        | M::Insb
        | M::Insw
        | M::Insd
        | M::Outsb
        | M::Outsw
        | M::Outsd
        | M::Invlpg
        | M::Wrmsr
        | M::Rdmsr
        | M::Wbinvd
        | M::Invd
        | M::Lgdt
        | M::Lidt
        | M::Lldt
        | M::Ltr
        | M::Clts
        | M::Lmsw
        | M::Swapgs
        | M::Sysretq
        | M::Invpcid => misc::privileged,
        _ => return false,
    };
    to(op, run)
}

fn immediate(operand: &Operand) -> u64 {
    match *operand {
        Operand::Imm(v) => v,
        _ => 0,
    }
}

/// XOR or SUB of a whole register with itself.
pub(super) fn same_register(insn: &Insn) -> bool {
    insn.ops[0] == insn.ops[1] && matches!(insn.ops[0], Operand::Reg32(_) | Operand::Reg64(_))
}

fn zero<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    finish(op, by_width!(operand_bits(insn), W => alu::zero::<H, W>))
}

/// An instruction with a destination and a source, in all forms.
fn two<H: HardwareModel, O: alu::Alu>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = operand_bits(insn);
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    op.src = gpr(&insn.ops[1]).unwrap_or(ZERO);
    op.imm = immediate(&insn.ops[1]) & mask(bits);
    let run = match (&insn.ops[0], &insn.ops[1]) {
        (Operand::Mem(_), Operand::Imm(_)) if op.base_only() => by_width!(bits, W => alu::mem::<H, O, W, I, Base>),
        (Operand::Mem(_), Operand::Imm(_)) => by_width!(bits, W => alu::mem::<H, O, W, I, Full>),
        (Operand::Mem(_), _) if op.base_only() => by_width!(bits, W => alu::mem::<H, O, W, R, Base>),
        (Operand::Mem(_), _) => by_width!(bits, W => alu::mem::<H, O, W, R, Full>),
        (_, Operand::Mem(_)) if op.base_only() => by_width!(bits, W => alu::reg::<H, O, W, B>),
        (_, Operand::Mem(_)) => by_width!(bits, W => alu::reg::<H, O, W, M>),
        (_, Operand::Imm(_)) => by_width!(bits, W => alu::reg::<H, O, W, I>),
        _ => by_width!(bits, W => alu::reg::<H, O, W, R>),
    };
    finish(op, run)
}

const fn mask(bits: u32) -> u64 {
    if bits == 0 { u64::MAX } else { u64::MAX >> (64 - bits) }
}

fn one<H: HardwareModel, O: alu::Unary>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = operand_bits(insn);
    let run = match gpr(&insn.ops[0]) {
        Some(reg) => {
            op.dst = reg;
            by_width!(bits, W => alu::unary_reg::<H, O, W>)
        }
        None => by_width!(bits, W => alu::unary_mem::<H, O, W>),
    };
    finish(op, run)
}

fn shifted<H: HardwareModel, O: shift::Shift>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = insn.ops[0].gpr_bits().unwrap_or_else(|| operand_bits_of_memory(insn));
    op.imm = immediate(&insn.ops[1]);
    let by_cl = matches!(insn.ops[1], Operand::Reg8(_));
    let run = match (gpr(&insn.ops[0]), by_cl) {
        (Some(reg), false) => {
            op.dst = reg;
            by_width!(bits, W => shift::reg::<H, O, W, ByImm>)
        }
        (Some(reg), true) => {
            op.dst = reg;
            by_width!(bits, W => shift::reg::<H, O, W, ByCl>)
        }
        (None, false) => by_width!(bits, W => shift::mem::<H, O, W, ByImm>),
        (None, true) => by_width!(bits, W => shift::mem::<H, O, W, ByCl>),
    };
    finish(op, run)
}

fn operand_bits_of_memory(insn: &Insn) -> u32 {
    insn.ops.iter().find_map(Operand::mem).map_or(0, |m| u32::from(m.size) * 8)
}

fn double_shift<H: HardwareModel, const LEFT: bool>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Some(src) = gpr(&insn.ops[1]) else { return false };
    op.src = src;
    op.imm = immediate(&insn.ops[2]);
    let bits = insn.ops[1].gpr_bits().unwrap_or(0);
    let by_imm = matches!(insn.ops[2], Operand::Imm(_));
    let run = match (gpr(&insn.ops[0]), by_imm) {
        (Some(reg), true) => {
            op.dst = reg;
            by_width!(bits, W => shift::double_reg::<H, W, ByImm, LEFT>)
        }
        (Some(reg), false) => {
            op.dst = reg;
            by_width!(bits, W => shift::double_reg::<H, W, ByCl, LEFT>)
        }
        (None, true) => by_width!(bits, W => shift::double_mem::<H, W, ByImm, LEFT>),
        (None, false) => by_width!(bits, W => shift::double_mem::<H, W, ByCl, LEFT>),
    };
    finish(op, run)
}

fn bit<H: HardwareModel, O: bits::BitOp>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = operand_bits(insn);
    op.imm = immediate(&insn.ops[1]);
    op.src = gpr(&insn.ops[1]).unwrap_or(ZERO);
    let by_imm = matches!(insn.ops[1], Operand::Imm(_));
    let run = match (gpr(&insn.ops[0]), by_imm) {
        (Some(reg), true) => {
            op.dst = reg;
            by_width!(bits, W => bits::reg::<H, O, W, I>)
        }
        (Some(reg), false) => {
            op.dst = reg;
            by_width!(bits, W => bits::reg::<H, O, W, R>)
        }
        (None, true) => by_width!(bits, W => bits::mem_imm::<H, O, W>),
        (None, false) => by_width!(bits, W => bits::mem_string::<H, O, W>),
    };
    finish(op, run)
}

#[derive(Clone, Copy)]
enum Scan {
    Forward,
    Reverse,
}

fn source_to_register<H: HardwareModel>(insn: &Insn, op: &mut Op<H>, scan: Scan) -> bool {
    let bits = operand_bits(insn);
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    let run = match (gpr(&insn.ops[1]), scan) {
        (Some(src), Scan::Forward) => {
            op.src = src;
            by_width!(bits, W => bits::bsf::<H, W, R>)
        }
        (Some(src), Scan::Reverse) => {
            op.src = src;
            by_width!(bits, W => bits::bsr::<H, W, R>)
        }
        (None, Scan::Forward) => by_width!(bits, W => bits::bsf::<H, W, M>),
        (None, Scan::Reverse) => by_width!(bits, W => bits::bsr::<H, W, M>),
    };
    finish(op, run)
}

fn multiply_divide<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    use Mnemonic as N;
    let bits = operand_bits(insn);
    if insn.mnemonic == N::Imul && insn.op_count >= 2 {
        op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
        op.src = gpr(&insn.ops[1]).unwrap_or(ZERO);
        op.imm = immediate(&insn.ops[2]) & mask(bits);
        let memory = insn.ops[1].mem().is_some();
        let run = match (insn.op_count, memory) {
            (2, false) => by_width!(bits, W => muldiv::imul2::<H, W, R>),
            (2, true) => by_width!(bits, W => muldiv::imul2::<H, W, M>),
            (_, false) => by_width!(bits, W => muldiv::imul3::<H, W, R>),
            (_, true) => by_width!(bits, W => muldiv::imul3::<H, W, M>),
        };
        return finish(op, run);
    }
    op.src = gpr(&insn.ops[0]).unwrap_or(ZERO);
    let memory = insn.ops[0].mem().is_some();
    let run = match (insn.mnemonic, memory) {
        (N::Mul, false) => by_width!(bits, W => muldiv::mul::<H, W, R>),
        (N::Mul, true) => by_width!(bits, W => muldiv::mul::<H, W, M>),
        (N::Imul, false) => by_width!(bits, W => muldiv::imul1::<H, W, R>),
        (N::Imul, true) => by_width!(bits, W => muldiv::imul1::<H, W, M>),
        (N::Div, false) => by_width!(bits, W => muldiv::div::<H, W, R>),
        (N::Div, true) => by_width!(bits, W => muldiv::div::<H, W, M>),
        (_, false) => by_width!(bits, W => muldiv::idiv::<H, W, R>),
        (_, true) => by_width!(bits, W => muldiv::idiv::<H, W, M>),
    };
    finish(op, run)
}

fn mov<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = operand_bits(insn);
    op.imm = immediate(&insn.ops[1]) & mask(bits);
    let run = match (&insn.ops[0], &insn.ops[1]) {
        (Operand::Mem(_), Operand::Imm(_)) if op.base_only() => by_width!(bits, W => mov::to_mem::<H, W, I, Base>),
        (Operand::Mem(_), Operand::Imm(_)) => by_width!(bits, W => mov::to_mem::<H, W, I, Full>),
        (Operand::Mem(_), src) => {
            let Some(src) = gpr(src) else { return false };
            op.src = src;
            match op.base_only() {
                true => by_width!(bits, W => mov::to_mem::<H, W, R, Base>),
                false => by_width!(bits, W => mov::to_mem::<H, W, R, Full>),
            }
        }
        (dst, src) => {
            let Some(dst) = gpr(dst) else { return false };
            op.dst = dst;
            match src {
                Operand::Mem(_) if op.base_only() => by_width!(bits, W => mov::to_reg::<H, W, B>),
                Operand::Mem(_) => by_width!(bits, W => mov::to_reg::<H, W, M>),
                Operand::Imm(_) => by_width!(bits, W => mov::to_reg::<H, W, I>),
                _ => {
                    let Some(src) = gpr(src) else { return false };
                    op.src = src;
                    by_width!(bits, W => mov::to_reg::<H, W, R>)
                }
            }
        }
    };
    finish(op, run)
}

/// MOVZX, MOVSX, MOVSXD: by the widths of destination and source, in register and memory forms.
fn extend<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let to_bits = insn.ops[0].gpr_bits().unwrap_or(0);
    let from_bits = insn.ops[1].gpr_bits().unwrap_or_else(|| operand_bits_of_memory(insn));
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    op.src = gpr(&insn.ops[1]).unwrap_or(ZERO);
    match insn.ops[1] {
        Operand::Mem(_) if op.base_only() => finish(op, extension::<H, B>(insn.mnemonic, to_bits, from_bits)),
        Operand::Mem(_) => finish(op, extension::<H, M>(insn.mnemonic, to_bits, from_bits)),
        _ => finish(op, extension::<H, R>(insn.mnemonic, to_bits, from_bits)),
    }
}

fn extension<H: HardwareModel, S: crate::exec::operand::Source>(
    mnemonic: Mnemonic,
    to_bits: u32,
    from_bits: u32,
) -> Option<Handler<H>> {
    let zero = mnemonic == Mnemonic::Movzx;
    match (zero, from_bits) {
        (true, 8) => by_width!(to_bits, W => mov::zero_extend::<H, W, W8, S>),
        (true, 16) => by_width!(to_bits, W => mov::zero_extend::<H, W, W16, S>),
        (false, 8) => by_width!(to_bits, W => mov::sign_extend::<H, W, W8, S>),
        (false, 16) => by_width!(to_bits, W => mov::sign_extend::<H, W, W16, S>),
        (false, 32) => by_width!(to_bits, W => mov::sign_extend::<H, W, W32, S>),
        _ => None,
    }
}

fn lea<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    op.segment = ZERO;
    finish(op, by_width!(operand_bits(insn), W => mov::lea::<H, W>))
}

fn exchange<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = operand_bits(insn);
    let registers = (gpr(&insn.ops[0]), gpr(&insn.ops[1]));
    let run = match registers {
        (Some(a), Some(b)) => {
            (op.dst, op.src) = (a, b);
            by_width!(bits, W => mov::xchg_reg::<H, W>)
        }
        (Some(r), None) | (None, Some(r)) => {
            op.src = r;
            by_width!(bits, W => mov::xchg_mem::<H, W>)
        }
        (None, None) => None,
    };
    finish(op, run)
}

fn compare_exchange<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = operand_bits(insn);
    op.src = gpr(&insn.ops[1]).unwrap_or(ZERO);
    let run = match gpr(&insn.ops[0]) {
        Some(dst) => {
            op.dst = dst;
            by_width!(bits, W => misc::cmpxchg_reg::<H, W>)
        }
        None => by_width!(bits, W => misc::cmpxchg_mem::<H, W>),
    };
    finish(op, run)
}

fn exchange_add<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = operand_bits(insn);
    op.src = gpr(&insn.ops[1]).unwrap_or(ZERO);
    let run = match gpr(&insn.ops[0]) {
        Some(dst) => {
            op.dst = dst;
            by_width!(bits, W => misc::xadd_reg::<H, W>)
        }
        None => by_width!(bits, W => misc::xadd_mem::<H, W>),
    };
    finish(op, run)
}

fn push<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.stack |= insn.ops[0].mem().is_none();
    match &insn.ops[0] {
        Operand::Imm(v) => {
            op.imm = *v;
            let word = matches!(insn.code, Code::Push_imm16 | Code::Pushw_imm8);
            to(op, if word { mov::push16::<H, I> } else { mov::push::<H, I> })
        }
        Operand::Mem(m) if m.size == 8 => to(op, mov::push::<H, M>),
        Operand::Mem(_) => to(op, mov::push16::<H, M>),
        Operand::Reg64(n) => {
            op.src = *n;
            to(op, mov::push::<H, R>)
        }
        Operand::Reg16(n) => {
            op.src = *n;
            to(op, mov::push16::<H, R>)
        }
        _ => false,
    }
}

fn pop<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.stack |= insn.ops[0].mem().is_none();
    let bits = operand_bits(insn);
    let run = match gpr(&insn.ops[0]) {
        Some(dst) => {
            op.dst = dst;
            by_width!(bits, W => mov::pop_reg::<H, W>)
        }
        None if insn.ops[0].mem().is_some() => by_width!(bits, W => mov::pop_mem::<H, W>),
        None => None,
    };
    finish(op, run)
}

fn bswap<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    match insn.ops[0] {
        Operand::Reg32(_) => to(op, mov::bswap32::<H>),
        Operand::Reg64(_) => to(op, mov::bswap64::<H>),
        _ => to(op, mov::bswap16::<H>),
    }
}

/// SETcc and CMOVcc.
fn conditional<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Some(condition) = insn.condition() else { return false };
    op.aux = condition;
    if insn.op_count == 1 {
        return match gpr(&insn.ops[0]) {
            Some(dst) => {
                op.dst = dst;
                to(op, mov::setcc_reg::<H, W8>)
            }
            None => to(op, mov::setcc_mem::<H>),
        };
    }
    let bits = operand_bits(insn);
    let Some(dst) = gpr(&insn.ops[0]) else { return false };
    op.dst = dst;
    let run = match gpr(&insn.ops[1]) {
        Some(src) => {
            op.src = src;
            by_width!(bits, W => mov::cmov::<H, W, R>)
        }
        None => by_width!(bits, W => mov::cmov::<H, W, M>),
    };
    finish(op, run)
}

/// Jcc by its condition.
fn jcc<H: HardwareModel>(condition: u8) -> Handler<H> {
    macro_rules! table {
        ($($c:literal)*) => { [$(branch::jcc::<H, $c>),*] };
    }
    let table: [Handler<H>; 16] = table!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    table[usize::from(condition & 15)]
}

fn control<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    use Mnemonic as N;
    let wide = |target: &Operand| matches!(target, Operand::Reg64(_)) || target.mem().is_some_and(|m| m.size == 8);
    if let Operand::Target(target) = insn.ops[0] {
        op.imm = target as u64;
    } else if insn.mnemonic != N::Ret && !wide(&insn.ops[0]) {
        return false;
    }
    op.src = gpr(&insn.ops[0]).unwrap_or(ZERO);
    let memory = insn.ops[0].mem().is_some();
    let direct = matches!(insn.ops[0], Operand::Target(_));
    let short_counter = if insn.address_bits == 32 { 4 } else { 0 };
    let run: Handler<H> = match (insn.mnemonic, direct, memory) {
        (N::Jmp, true, _) => branch::jmp,
        (N::Jmp, _, false) => branch::jmp_indirect::<H, R>,
        (N::Jmp, _, true) => branch::jmp_indirect::<H, M>,
        (N::Call, true, _) => branch::call,
        (N::Call, _, false) => branch::call_indirect::<H, R>,
        (N::Call, _, true) => branch::call_indirect::<H, M>,
        (N::Ret, ..) => {
            op.imm = immediate(&insn.ops[0]);
            branch::ret
        }
        (N::Jrcxz | N::Jecxz, ..) => {
            op.aux = short_counter;
            branch::jrcxz
        }
        _ => {
            let kind = u8::from(insn.mnemonic == N::Loope) | u8::from(insn.mnemonic == N::Loopne) << 1;
            op.aux = kind | short_counter;
            branch::loop_rcx
        }
    };
    op.stack |= matches!(insn.mnemonic, N::Ret | N::Call) && !memory;
    to(op, run)
}

enum StringKind {
    Movs,
    Stos,
    Lods,
    Scas,
    Cmps,
}

fn strings<H: HardwareModel>(insn: &Insn, op: &mut Op<H>, kind: StringKind) -> bool {
    // MOVSD and CMPSD are also SSE2 instructions, which have a vector operand.
    if insn.ops.iter().any(|o| matches!(o, Operand::Xmm(_))) {
        return false;
    }
    let Some(size) = insn.ops.iter().find_map(Operand::mem).map(|m| m.size) else { return false };
    op.segment = insn.ops.iter().filter_map(Operand::mem).fold(ZERO, |found, m| match m.segment {
        Segment::Flat => found,
        Segment::Fs => FS,
        Segment::Gs => GS,
    });
    let rep = match insn.rep {
        Rep::No => 0,
        Rep::Repe => REPE,
        Rep::Repne => REPNE,
    };
    op.aux = rep | if insn.address_bits == 32 { ADDRESS_32 } else { 0 };
    let bits = u32::from(size) * 8;
    let run = match kind {
        StringKind::Movs => by_width!(bits, W => string::string::<H, Movs, W>),
        StringKind::Stos => by_width!(bits, W => string::string::<H, Stos, W>),
        StringKind::Lods => by_width!(bits, W => string::string::<H, Lods, W>),
        StringKind::Scas => by_width!(bits, W => string::string::<H, Scas, W>),
        StringKind::Cmps => by_width!(bits, W => string::string::<H, Cmps, W>),
    };
    finish(op, run)
}
