//! Segment registers, the descriptors that Linux shows to programs, and far transfers within 64-bit code.
//!
//! In 64-bit mode a segment register is a number that can be read back; only the bases of FS and GS mean something, and
//! loading a selector clears them, as every descriptor here has the base 0. A transfer into a 32-bit code segment would end
//! 64-bit mode: the core does not follow it.

use crate::op::{Flow, Op, tri};
use crate::state::{FS, GS, RSP, State};
use crate::width::{W16, Width};
use arch::{Exception, LinearAddr, Rflags, Segment};
use mmu::Fault;
use paging::{HardwareModel, is_canonical};

/// What LAR and LSL say of a descriptor.
struct Descriptor {
    access_rights: u32,
    limit: u32,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code64,
    Code32,
    Writable,
    ReadOnly,
}

/// The selector's index and table, without the requested privilege level.
const INDEX: u16 = !3;
const CPL: u16 = 3;

/// The descriptors of Linux's GDT whose DPL is 3 (`gdt_page`): 32-bit code, data, 64-bit code, and one whose limit is the
/// processor's number. The thread-local ones are empty, and so is the LDT.
fn descriptor(selector: u16) -> Option<Descriptor> {
    let (access_rights, limit, kind) = match selector & INDEX {
        0x20 => (0x00cf_fb00, u32::MAX, Kind::Code32),
        0x28 => (0x00cf_f300, u32::MAX, Kind::Writable),
        0x30 => (0x00af_fb00, u32::MAX, Kind::Code64),
        0x78 => (0x0040_f500, 0, Kind::ReadOnly),
        _ => return None,
    };
    Some(Descriptor { access_rights, limit, kind })
}

const fn refused(selector: u16) -> Exception {
    Exception::GeneralProtection { code: (selector & INDEX) as u32 }
}

/// Checks a selector for a data segment register.
fn check_data(segment: u8, selector: u16) -> Result<(), Exception> {
    if segment == Segment::Ss as u8 {
        let usable = descriptor(selector).is_some_and(|d| d.kind == Kind::Writable) && selector & 3 == CPL;
        return if usable { Ok(()) } else { Err(refused(selector)) };
    }
    let null = selector & INDEX == 0;
    if null || descriptor(selector).is_some() { Ok(()) } else { Err(refused(selector)) }
}

fn set<H: HardwareModel>(st: &mut State<H>, segment: u8, selector: u16) {
    st.selectors[usize::from(segment % 6)] = selector;
    match segment {
        s if s == Segment::Fs as u8 => st.set_reg(FS, 0),
        s if s == Segment::Gs as u8 => st.set_reg(GS, 0),
        _ => {}
    }
}

/// MOV Sreg. One to SS holds back #DB, so that SS and RSP change together.
fn mov<H: HardwareModel>(st: &mut State<H>, segment: u8, selector: u16) -> Flow {
    let flow = load(st, segment, selector);
    st.trap_delayed = flow == Flow::Next && segment == Segment::Ss as u8;
    flow
}

fn load<H: HardwareModel>(st: &mut State<H>, segment: u8, selector: u16) -> Flow {
    match check_data(segment, selector) {
        Ok(()) => {
            set(st, segment, selector);
            Flow::Next
        }
        Err(exception) => st.raise(exception),
    }
}

/// MOV Sreg, reg.
pub(crate) fn load_from_register<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let selector = st.reg(op.src) as u16;
    mov(st, op.aux, selector)
}

/// MOV Sreg, \[mem\].
pub(crate) fn load_from_memory<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let selector = tri!(st.load::<u16>(op));
    mov(st, op.aux, selector)
}

/// MOV reg, Sreg: zero-extended.
pub(crate) fn store_to_register<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let selector = u64::from(st.selectors[usize::from(op.aux % 6)]);
    W::set(st, op.dst, selector);
    Flow::Next
}

/// MOV \[mem\], Sreg: a word.
pub(crate) fn store_to_memory<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    tri!(st.store(op, st.selectors[usize::from(op.aux % 6)]));
    st.after_store()
}

/// PUSH FS and PUSH GS.
pub(crate) fn push<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let rsp = st.regs[RSP].wrapping_sub(W::BYTES);
    let selector = u64::from(st.selectors[usize::from(op.aux % 6)]);
    tri!(W::store(st, LinearAddr(rsp), selector));
    st.regs[RSP] = rsp;
    st.after_store()
}

/// POP FS and POP GS: only the selector is read.
pub(crate) fn pop<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let rsp = st.regs[RSP];
    let selector = tri!(W16::load(st, LinearAddr(rsp))) as u16;
    let flow = load(st, op.aux, selector);
    if flow == Flow::Next {
        st.regs[RSP] = rsp.wrapping_add(W::BYTES);
    }
    flow
}

/// The far pointer of the memory operand: an offset of width `W`, and a selector behind it.
fn pointer<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Result<(u64, u16), Fault> {
    let at = op.ea(st);
    let offset = W::load(st, at)?;
    let selector = W16::load(st, op.ea_plus(st, W::BYTES))? as u16;
    Ok((offset, selector))
}

/// LSS, LFS and LGS: the segment is `op.aux`.
pub(crate) fn far_pointer<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let (offset, selector) = tri!(pointer::<H, W>(st, op));
    let flow = load(st, op.aux, selector);
    if flow == Flow::Next {
        W::set(st, op.dst, offset);
    }
    flow
}

/// LAR, and LSL if `op.aux` is 1: ZF tells whether the program may see the descriptor.
pub(crate) fn describe<H: HardwareModel, W: Width, const MEMORY: bool>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let selector = if MEMORY { tri!(st.load::<u16>(op)) } else { st.reg(op.src) as u16 };
    let found = descriptor(selector);
    st.flags.set_zf(found.is_some());
    if let Some(descriptor) = found {
        let word = if op.aux == 0 { descriptor.access_rights } else { descriptor.limit };
        W::set(st, op.dst, u64::from(word) & W::MASK);
    }
    Flow::Next
}

/// What VERR and VERW ask.
#[derive(Clone, Copy)]
pub(crate) enum Verify {
    Read,
    Write,
}

/// VERR and VERW: ZF is the answer. All segments that a program sees are readable.
pub(crate) fn verify<H: HardwareModel, const MEMORY: bool>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let selector = if MEMORY { tri!(st.load::<u16>(op)) } else { st.reg(op.src) as u16 };
    let write = op.aux == Verify::Write as u8;
    let allowed = descriptor(selector).is_some_and(|d| !write || d.kind == Kind::Writable);
    st.flags.set_zf(allowed);
    Flow::Next
}

/// Checks the code segment that control is to go to. `Err` is how the instruction ends.
fn check_code<H: HardwareModel>(st: &mut State<H>, selector: u16) -> Result<(), Flow> {
    match descriptor(selector).map(|d| d.kind) {
        Some(Kind::Code64) => Ok(()),
        Some(Kind::Code32) => Err(Flow::Unsupported),
        _ => Err(st.raise(refused(selector))),
    }
}

fn check_target<H: HardwareModel>(st: &mut State<H>, target: u64) -> Result<(), Flow> {
    if is_canonical(LinearAddr(target), 1) { Ok(()) } else { Err(st.general_protection()) }
}

/// Ends a handler by the error of a check.
macro_rules! check {
    ($outcome:expr) => {
        if let Err(flow) = $outcome {
            return flow;
        }
    };
}

fn go_to<H: HardwareModel>(st: &mut State<H>, selector: u16, target: u64) -> Flow {
    st.selectors[Segment::Cs as usize] = selector | CPL;
    st.target = target;
    Flow::LeaveTo
}

/// Far JMP.
pub(crate) fn jump<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let (target, selector) = tri!(pointer::<H, W>(st, op));
    check!(check_code(st, selector));
    check!(check_target(st, target));
    go_to(st, selector, target)
}

/// Far CALL: pushes CS and the return address.
pub(crate) fn call<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let (target, selector) = tri!(pointer::<H, W>(st, op));
    check!(check_code(st, selector));
    let top = st.regs[RSP].wrapping_sub(2 * W::BYTES);
    let (cs, next) = (u64::from(st.selectors[Segment::Cs as usize]), st.next_rip(op) & W::MASK);
    // CS is pushed first.
    for slot in [top.wrapping_add(W::BYTES), top] {
        let stored = st.mmu.check_write(LinearAddr(slot), W::BYTES as usize);
        tri!(stored.map_err(|fault| st.stack_fault(fault)));
    }
    check!(check_target(st, target));
    tri!(W::store(st, LinearAddr(top.wrapping_add(W::BYTES)), cs));
    tri!(W::store(st, LinearAddr(top), next));
    st.regs[RSP] = top;
    go_to(st, selector, target)
}

/// A word of the stack, so many words up.
fn stacked<H: HardwareModel, W: Width>(st: &mut State<H>, n: u64) -> Result<u64, Fault> {
    W::load(st, LinearAddr(st.regs[RSP].wrapping_add(n * W::BYTES)))
}

/// A selector on the stack, of which no more than itself is read.
fn selector_on_stack<H: HardwareModel, W: Width>(st: &mut State<H>, n: u64) -> Result<u16, Fault> {
    W16::load(st, LinearAddr(st.regs[RSP].wrapping_add(n * W::BYTES))).map(|selector| selector as u16)
}

/// A return cannot gain privilege: the selector's RPL must be 3.
fn check_return<H: HardwareModel>(st: &mut State<H>, selector: u16) -> Result<(), Flow> {
    if selector & INDEX != 0 && selector & 3 != CPL {
        return Err(st.raise(refused(selector)));
    }
    check_code(st, selector)
}

/// Far RET, which reads CS first, with the bytes to drop in the immediate.
pub(crate) fn ret<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let selector = tri!(selector_on_stack::<H, W>(st, 1));
    let target = tri!(stacked::<H, W>(st, 0));
    check!(check_return(st, selector));
    check!(check_target(st, target));
    st.regs[RSP] = st.regs[RSP].wrapping_add(2 * W::BYTES).wrapping_add(op.imm);
    go_to(st, selector, target)
}

/// IRET in 64-bit mode: RIP, CS, RFLAGS, RSP and SS, of which the flags are read first.
pub(crate) fn iret<H: HardwareModel, W: Width>(st: &mut State<H>, _: &Op<H>) -> Flow {
    if st.system_flags.contains(Rflags::NT) {
        return st.general_protection();
    }
    // As on silicon: the flags first, and CS is judged before RSP and SS are read.
    let flags = tri!(stacked::<H, W>(st, 2));
    let selector = tri!(selector_on_stack::<H, W>(st, 1));
    let target = tri!(stacked::<H, W>(st, 0));
    check!(check_return(st, selector));
    let rsp = tri!(stacked::<H, W>(st, 3));
    let stack = tri!(selector_on_stack::<H, W>(st, 4));
    if let Err(exception) = check_data(Segment::Ss as u8, stack) {
        return st.raise(exception);
    }
    check!(check_target(st, target));
    let changeable = Rflags::TF | Rflags::DF | Rflags::NT;
    let changeable = if W::BITS == 16 { changeable } else { changeable | Rflags::AC | Rflags::ID };
    st.pop_flags(flags, changeable);
    st.regs[RSP] = rsp;
    set(st, Segment::Ss as u8, stack);
    go_to(st, selector, target)
}
