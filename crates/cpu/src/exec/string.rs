//! String instructions.
//!
//! A repeated instruction retires once, after its last iteration. A fault leaves RSI, RDI and RCX as after the last
//! complete iteration (MMU-140), so that restarting goes on there. Runs of MOVS and STOS within a page go in one piece where
//! that cannot be told from single iterations.

use crate::op::{Flow, Op, tri};
use crate::state::{PAGE, RAX, RCX, RDI, RSI, State};
use crate::width::Width;
use arch::{FRAME_SIZE, LinearAddr, Rflags};
use mmu::Fault;
use paging::HardwareModel;

/// Bit of `op.aux`: addresses and counter have 32 bits.
pub(crate) const ADDRESS_32: u8 = 1;
/// Bit of `op.aux`: repeat, for SCAS and CMPS while ZF=1.
pub(crate) const REPE: u8 = 2;
/// Bit of `op.aux`: repeat, for SCAS and CMPS while ZF=0.
pub(crate) const REPNE: u8 = 4;

/// Pieces shorter than so many bytes are not worth a page-wise run.
const MIN_RUN_BYTES: u64 = 64;

/// One iteration: it accesses memory, and then moves the pointers.
trait Iteration {
    /// True for SCAS and CMPS, which a repeat prefix ends early.
    const COMPARES: bool = false;

    /// What happens before the first iteration of a repeated instruction.
    fn begin<H: HardwareModel>(_: &mut State<H>, _: &Op<H>) {}

    fn once<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Result<(), Fault>;

    /// Does up to `count` iterations at once; 0 if it must go one by one.
    fn run<H: HardwareModel, W: Width>(_: &mut State<H>, _: &Op<H>, _count: u64) -> Result<u64, Fault> {
        Ok(0)
    }
}

pub(crate) struct Movs;
pub(crate) struct Stos;
pub(crate) struct Lods;
pub(crate) struct Scas;
pub(crate) struct Cmps;

fn address_mask<H>(op: &Op<H>) -> u64 {
    if op.aux & ADDRESS_32 != 0 { 0xffff_ffff } else { u64::MAX }
}

/// The address in RSI, with the segment's base.
fn source<H: HardwareModel>(st: &State<H>, op: &Op<H>) -> LinearAddr {
    LinearAddr((st.regs[RSI] & address_mask(op)).wrapping_add(st.reg(op.segment)))
}

/// The address in RDI; its segment is always ES.
fn destination<H: HardwareModel>(st: &State<H>, op: &Op<H>) -> LinearAddr {
    LinearAddr(st.regs[RDI] & address_mask(op))
}

/// Moves a pointer by so many elements.
fn advance<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>, reg: usize, count: u64) {
    let bytes = W::BYTES.wrapping_mul(count);
    let moved = if st.direction_down() { st.regs[reg].wrapping_sub(bytes) } else { st.regs[reg].wrapping_add(bytes) };
    st.regs[reg] = moved & address_mask(op);
}

/// Bytes from `la` to the end of its page, in whole elements.
fn elements_to_page_end<W: Width>(la: LinearAddr) -> u64 {
    (FRAME_SIZE - la.page_offset()) / W::BYTES
}

impl Iteration for Movs {
    fn begin<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) {
        st.regs[RSI] &= address_mask(op);
        st.regs[RDI] &= address_mask(op);
    }

    fn once<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Result<(), Fault> {
        let v = W::load(st, source(st, op))?;
        W::store(st, destination(st, op), v)?;
        advance::<H, W>(st, op, RSI, 1);
        advance::<H, W>(st, op, RDI, 1);
        Ok(())
    }

    fn run<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>, count: u64) -> Result<u64, Fault> {
        let (from, to) = (source(st, op), destination(st, op));
        let count = count.min(elements_to_page_end::<W>(from)).min(elements_to_page_end::<W>(to));
        let bytes = count * W::BYTES;
        // A destination just above the source repeats what it has just written: one by one.
        if st.direction_down() || bytes < MIN_RUN_BYTES || to.0.wrapping_sub(from.0) < bytes {
            return Ok(0);
        }
        let mut buf = [0; FRAME_SIZE as usize];
        let piece = &mut buf[..bytes as usize];
        st.mmu.load_bytes(from, piece)?;
        st.mmu.store_bytes(to, piece)?;
        advance::<H, W>(st, op, RSI, count);
        advance::<H, W>(st, op, RDI, count);
        Ok(count)
    }
}

impl Iteration for Stos {
    fn begin<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) {
        st.regs[RDI] &= address_mask(op);
    }

    fn once<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Result<(), Fault> {
        W::store(st, destination(st, op), st.regs[RAX] & W::MASK)?;
        advance::<H, W>(st, op, RDI, 1);
        Ok(())
    }

    fn run<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>, count: u64) -> Result<u64, Fault> {
        let to = destination(st, op);
        let count = count.min(elements_to_page_end::<W>(to));
        let bytes = (count * W::BYTES) as usize;
        if st.direction_down() || (bytes as u64) < MIN_RUN_BYTES {
            return Ok(0);
        }
        let element = st.regs[RAX].to_le_bytes();
        let mut buf = [element[0]; FRAME_SIZE as usize];
        if W::BITS != 8 {
            for chunk in buf[..bytes].chunks_exact_mut(W::BYTES as usize) {
                chunk.copy_from_slice(&element[..W::BYTES as usize]);
            }
        }
        st.mmu.store_bytes(to, &buf[..bytes])?;
        advance::<H, W>(st, op, RDI, count);
        Ok(count)
    }
}

impl Iteration for Lods {
    fn once<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Result<(), Fault> {
        let v = W::load(st, source(st, op))?;
        W::set(st, RAX as u8, v);
        advance::<H, W>(st, op, RSI, 1);
        Ok(())
    }
}

impl Iteration for Scas {
    const COMPARES: bool = true;

    fn once<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Result<(), Fault> {
        let b = W::load(st, destination(st, op))?;
        let a = st.regs[RAX] & W::MASK;
        st.flags.sub::<W>(a, b, a.wrapping_sub(b) & W::MASK);
        advance::<H, W>(st, op, RDI, 1);
        Ok(())
    }
}

impl Iteration for Cmps {
    const COMPARES: bool = true;

    fn once<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Result<(), Fault> {
        // Processors read the destination first.
        let b = W::load(st, destination(st, op))?;
        let a = W::load(st, source(st, op))?;
        st.flags.sub::<W>(a, b, a.wrapping_sub(b) & W::MASK);
        advance::<H, W>(st, op, RSI, 1);
        advance::<H, W>(st, op, RDI, 1);
        Ok(())
    }
}

#[expect(private_bounds, reason = "the kinds of iteration are this module's own")]
pub(crate) fn string<H: HardwareModel, K: Iteration, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    if op.aux & (REPE | REPNE) == 0 {
        tri!(K::once::<H, W>(st, op));
        return st.after_store();
    }
    // A counter of 32 bits is extended in any case, even if there is nothing to do; so are the pointers of MOVS and STOS.
    st.regs[RCX] &= address_mask(op);
    K::begin(st, op);
    let flags = st.flags;
    loop {
        let left = st.regs[RCX];
        if left == 0 {
            return st.after_store();
        }
        // What looks at each iteration, or at each access, lets none be joined.
        let alone = st.is_stepping() || st.mmu.checks_alignment();
        let run = if alone { Ok(0) } else { K::run::<H, W>(st, op, left) };
        let Ok(mut done) = run else { return Flow::Fault };
        if done == 0 {
            if K::once::<H, W>(st, op).is_err() {
                // SDM "REP": a fault restores the flags to what they were before the first iteration.
                st.flags = flags;
                return Flow::Fault;
            }
            done = 1;
        }
        st.regs[RCX] = left - done;
        if K::COMPARES && st.flags.zf() != (op.aux & REPE != 0) {
            return Flow::Next;
        }
        if st.is_stepping() && left != done {
            return between_iterations(st, op);
        }
    }
}

/// Single-stepping stops between iterations too: RIP stays at the instruction, and RF is set in the flags that #DB shows.
#[cold]
fn between_iterations<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    st.system_flags |= Rflags::RF;
    st.target = st.reg(PAGE).wrapping_add(u64::from(op.offset));
    Flow::LeaveTo
}
