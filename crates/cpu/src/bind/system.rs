//! Binding of system instructions, segment registers, far transfers and the XSAVE family.

use super::operands::{finish, immediate};
use super::{gpr, to, unsupported};
use crate::exec::segments::{self, Verify};
use crate::exec::{system, xsave};
use crate::op::{Handler, Op};
use crate::state::ZERO;
use crate::width::{W16, W32, W64};
use decode::{Code, Insn, Mnemonic as N, Operand};
use paging::HardwareModel;

/// Binds one of these. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        N::Mov => segment_move(insn, op),
        N::Push | N::Pop => segment_stack(insn, op),
        N::Jmp | N::Call | N::Retf | N::Iret | N::Iretd | N::Iretq => far(insn, op),
        N::Lss | N::Lfs | N::Lgs => far_pointer(insn, op),
        N::Lar | N::Lsl => describe(insn, op),
        N::Verr => verify(insn, op, Verify::Read),
        N::Verw => verify(insn, op, Verify::Write),
        N::Rdrand | N::Rdseed => {
            op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
            by_bits(insn, op, [system::random::<H, W16>, system::random::<H, W32>, system::random::<H, W64>])
        }
        N::Rdfsbase | N::Rdgsbase | N::Wrfsbase | N::Wrgsbase => base(insn, op),
        N::Rdpid => {
            op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
            to(op, system::rdpid)
        }
        N::Sgdt | N::Sidt => {
            op.imm = if insn.mnemonic == N::Sgdt { system::GDT_BASE } else { system::IDT_BASE };
            to(op, system::store_table)
        }
        N::Sldt | N::Str | N::Smsw => umip(insn, op),
        N::Xsave => saving(op, xsave::SHORT),
        N::Xsave64 => saving(op, 0),
        N::Xsaveopt => saving(op, 1 | xsave::SHORT),
        N::Xsaveopt64 => saving(op, 1),
        N::Xsavec => saving(op, 2 | xsave::SHORT),
        N::Xsavec64 => saving(op, 2),
        N::Xrstor | N::Xrstor64 => {
            op.aux = if insn.mnemonic == N::Xrstor { xsave::SHORT } else { 0 };
            to(op, xsave::xrstor)
        }
        N::Int => {
            op.imm = immediate(&insn.ops[0]);
            // The 32-bit system-call gate is there on Linux, but not here: say so.
            to(op, if op.imm == 0x80 { unsupported } else { system::int_n })
        }
        _ => plain(insn).is_some_and(|run| to(op, run)),
    }
}

/// Instructions that need no operands placed.
fn plain<H: HardwareModel>(insn: &Insn) -> Option<Handler<H>> {
    Some(match insn.mnemonic {
        N::Cpuid => system::cpuid,
        N::Rdtsc => system::rdtsc,
        N::Rdtscp => system::rdtscp,
        N::Xgetbv => xsave::xgetbv,
        N::Rdpkru => system::rdpkru,
        N::Wrpkru => system::wrpkru,
        N::Clflushopt | N::Clwb => system::cache_line,
        N::Int1 => system::int1,
        N::Hlt | N::Cli | N::Sti | N::Clts | N::Invd | N::Wbinvd | N::Invlpg | N::Invpcid => system::privileged,
        N::In | N::Out | N::Insb | N::Insw | N::Insd | N::Outsb | N::Outsw | N::Outsd => system::privileged,
        N::Rdmsr | N::Wrmsr | N::Rdpmc | N::Swapgs | N::Xsetbv => system::privileged,
        N::Lgdt | N::Lidt | N::Lldt | N::Ltr | N::Lmsw => system::privileged,
        N::Sysret | N::Sysretq | N::Sysexit | N::Sysexitq => system::privileged,
        N::Xsaves | N::Xsaves64 | N::Xrstors | N::Xrstors64 => system::privileged,
        _ => return None,
    })
}

/// Chooses by the width of the first operand: 16, 32 or 64 bits.
fn by_bits<H>(insn: &Insn, op: &mut Op<H>, run: [Handler<H>; 3]) -> bool {
    let [word, doubleword, quadword] = run;
    let run = match insn.ops[0].gpr_bits() {
        Some(16) => Some(word),
        Some(32) => Some(doubleword),
        Some(64) => Some(quadword),
        _ => None,
    };
    finish(op, run)
}

fn saving<H: HardwareModel>(op: &mut Op<H>, kind: u8) -> bool {
    op.aux = kind;
    to(op, xsave::xsave)
}

fn base<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let gs = matches!(insn.mnemonic, N::Rdgsbase | N::Wrgsbase);
    op.aux = system::BASES[usize::from(gs)];
    let reg = gpr(&insn.ops[0]).unwrap_or(ZERO);
    (op.dst, op.src) = (reg, reg);
    let wide = matches!(insn.ops[0], Operand::Reg64(_));
    let read = matches!(insn.mnemonic, N::Rdfsbase | N::Rdgsbase);
    to(
        op,
        match (read, wide) {
            (true, false) => system::read_base::<H, W32>,
            (true, true) => system::read_base::<H, W64>,
            (false, false) => system::write_base::<H, W32>,
            (false, true) => system::write_base::<H, W64>,
        },
    )
}

/// Linux writes as much as the operand has room for.
fn umip<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.imm = match insn.mnemonic {
        N::Sldt => system::LDT,
        N::Str => system::TASK,
        _ => system::CR0,
    };
    let Some(bits) = insn.ops[0].gpr_bits() else { return to(op, system::umip_to_memory) };
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    op.aux = bits as u8 / 8;
    to(op, system::umip_to_register)
}

/// MOV to and from segment registers, control registers and debug registers.
fn segment_move<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match (&insn.ops[0], &insn.ops[1]) {
        (Operand::SegReg(segment), source) => {
            op.aux = *segment;
            op.src = gpr(source).unwrap_or(ZERO);
            to(op, if source.mem().is_some() { segments::load_from_memory } else { segments::load_from_register })
        }
        (Operand::Mem(_), Operand::SegReg(segment)) => {
            op.aux = *segment;
            to(op, segments::store_to_memory)
        }
        (target, Operand::SegReg(segment)) => {
            op.aux = *segment;
            op.dst = gpr(target).unwrap_or(ZERO);
            by_bits(
                insn,
                op,
                [
                    segments::store_to_register::<H, W16>,
                    segments::store_to_register::<H, W32>,
                    segments::store_to_register::<H, W64>,
                ],
            )
        }
        (Operand::Other, _) | (_, Operand::Other) => to(op, system::privileged),
        _ => false,
    }
}

fn segment_stack<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Operand::SegReg(segment) = insn.ops[0] else { return false };
    op.aux = segment;
    op.stack = true;
    let word = matches!(insn.code, Code::Pushw_FS | Code::Pushw_GS | Code::Popw_FS | Code::Popw_GS);
    to(
        op,
        match (insn.mnemonic == N::Push, word) {
            (true, true) => segments::push::<H, W16>,
            (true, false) => segments::push::<H, W64>,
            (false, true) => segments::pop::<H, W16>,
            (false, false) => segments::pop::<H, W64>,
        },
    )
}

/// Far JMP, CALL and RET, and IRET.
fn far<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.imm = immediate(&insn.ops[0]);
    op.stack |= matches!(insn.mnemonic, N::Retf | N::Iret | N::Iretd | N::Iretq);
    to(
        op,
        match insn.code {
            Code::Jmp_m1616 => segments::jump::<H, W16>,
            Code::Jmp_m1632 => segments::jump::<H, W32>,
            Code::Jmp_m1664 => segments::jump::<H, W64>,
            Code::Call_m1616 => segments::call::<H, W16>,
            Code::Call_m1632 => segments::call::<H, W32>,
            Code::Call_m1664 => segments::call::<H, W64>,
            Code::Retfw | Code::Retfw_imm16 => segments::ret::<H, W16>,
            Code::Retfd | Code::Retfd_imm16 => segments::ret::<H, W32>,
            Code::Retfq | Code::Retfq_imm16 => segments::ret::<H, W64>,
            Code::Iretw => segments::iret::<H, W16>,
            Code::Iretd => segments::iret::<H, W32>,
            Code::Iretq => segments::iret::<H, W64>,
            _ => return false,
        },
    )
}

fn far_pointer<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    op.aux = match insn.mnemonic {
        N::Lss => arch::Segment::Ss as u8,
        N::Lfs => arch::Segment::Fs as u8,
        _ => arch::Segment::Gs as u8,
    };
    by_bits(
        insn,
        op,
        [segments::far_pointer::<H, W16>, segments::far_pointer::<H, W32>, segments::far_pointer::<H, W64>],
    )
}

/// LAR and LSL (`op.aux` 1): the selector is a word, whatever the operands' size.
fn describe<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    op.src = gpr(&insn.ops[1]).unwrap_or(ZERO);
    op.aux = u8::from(insn.mnemonic == N::Lsl);
    let memory = insn.ops[1].mem().is_some();
    let run = if memory {
        [segments::describe::<H, W16, true>, segments::describe::<H, W32, true>, segments::describe::<H, W64, true>]
    } else {
        [segments::describe::<H, W16, false>, segments::describe::<H, W32, false>, segments::describe::<H, W64, false>]
    };
    by_bits(insn, op, run)
}

fn verify<H: HardwareModel>(insn: &Insn, op: &mut Op<H>, what: Verify) -> bool {
    op.src = gpr(&insn.ops[0]).unwrap_or(ZERO);
    op.aux = what as u8;
    to(op, if insn.ops[0].mem().is_some() { segments::verify::<H, true> } else { segments::verify::<H, false> })
}
