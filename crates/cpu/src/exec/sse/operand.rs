//! Where the second operand of an SSE instruction comes from, and how a handler is chosen by it.
//!
//! Every source gives 128 bits; a narrower one is zero-extended, and a scalar operation takes the low lane. So one
//! generic handler serves the register form, the memory form and the immediate form of an instruction, each compiled on
//! its own.

use crate::exec::operand::{Address, Full};
use crate::op::{Flow, Op};
use crate::state::State;
use arch::LinearAddr;
use mmu::Primitive;
use paging::HardwareModel;
use std::marker::PhantomData;

/// The value, or the end of the handler.
macro_rules! get {
    ($value:expr) => {
        match $value {
            Ok(value) => value,
            Err(flow) => return flow,
        }
    };
}
pub(in crate::exec) use get;

/// A place that the second operand is read from. An error is how the handler has to end.
pub(in crate::exec) trait Source: 'static {
    fn read<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<u128, Flow>;

    /// As `read`, if that takes neither a walk nor two pages nor an exception. A handler that leaves all else to another
    /// function saves no registers. `None` is always right.
    #[inline(always)]
    fn quick<H: HardwareModel>(_: &State<H>, _: &Op<H>) -> Option<u128> {
        None
    }
}

/// Ends as `then` does with the source's value, or as reading it ends. What takes a walk, two pages or an exception is left to a
/// function of its own: then the handler calls nothing for its operand, and saves no registers.
#[inline(always)]
pub(in crate::exec) fn with_source<H: HardwareModel, S: Source>(
    st: &mut State<H>,
    op: &Op<H>,
    then: impl FnOnce(&mut State<H>, &Op<H>, u128) -> Flow,
) -> Flow {
    match S::quick(st, op) {
        Some(value) => then(st, op, value),
        None => with_source_missed::<H, S>(st, op, then),
    }
}

#[cold]
#[inline(never)]
fn with_source_missed<H: HardwareModel, S: Source>(
    st: &mut State<H>,
    op: &Op<H>,
    then: impl FnOnce(&mut State<H>, &Op<H>, u128) -> Flow,
) -> Flow {
    let value = get!(S::read(st, op));
    then(st, op, value)
}

/// An XMM register.
pub(in crate::exec) struct Register;

/// 16 bytes of memory that must be aligned (MMU-157).
pub(in crate::exec) struct Aligned;

/// Memory of the size of `T`, anywhere, its address worked out by `A`.
pub(in crate::exec) struct Memory<T, A = Full>(PhantomData<(T, A)>);

/// The low `T` of a general register.
pub(in crate::exec) struct General<T>(PhantomData<T>);

/// An immediate.
pub(in crate::exec) struct Immediate;

impl Source for Register {
    #[inline(always)]
    fn read<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<u128, Flow> {
        Ok(st.xmm[usize::from(op.src & 15)])
    }

    #[inline(always)]
    fn quick<H: HardwareModel>(st: &State<H>, op: &Op<H>) -> Option<u128> {
        Some(st.xmm[usize::from(op.src & 15)])
    }
}

impl Source for Aligned {
    #[inline(always)]
    fn read<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<u128, Flow> {
        let la = aligned(st, op)?;
        st.mmu.load(la).map_err(|mmu::Fault| Flow::Fault)
    }

    #[inline(always)]
    fn quick<H: HardwareModel>(st: &State<H>, op: &Op<H>) -> Option<u128> {
        let la = op.ea(st);
        if la.0 & 15 == 0 { st.mmu.load_hit(la) } else { None }
    }
}

impl<T: Primitive + Into<u128> + 'static, A: Address> Source for Memory<T, A> {
    #[inline(always)]
    fn read<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<u128, Flow> {
        let la = A::of(st, op);
        st.mmu.load::<T>(la).map(Into::into).map_err(|mmu::Fault| Flow::Fault)
    }

    #[inline(always)]
    fn quick<H: HardwareModel>(st: &State<H>, op: &Op<H>) -> Option<u128> {
        st.mmu.load_hit::<T>(A::of(st, op)).map(Into::into)
    }
}

impl Source for General<u32> {
    #[inline(always)]
    fn read<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<u128, Flow> {
        Ok(u128::from(st.reg(op.src) as u32))
    }

    #[inline(always)]
    fn quick<H: HardwareModel>(st: &State<H>, op: &Op<H>) -> Option<u128> {
        Some(u128::from(st.reg(op.src) as u32))
    }
}

impl Source for General<u64> {
    #[inline(always)]
    fn read<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<u128, Flow> {
        Ok(u128::from(st.reg(op.src)))
    }

    #[inline(always)]
    fn quick<H: HardwareModel>(st: &State<H>, op: &Op<H>) -> Option<u128> {
        Some(u128::from(st.reg(op.src)))
    }
}

impl Source for Immediate {
    #[inline(always)]
    fn read<H: HardwareModel>(_: &mut State<H>, op: &Op<H>) -> Result<u128, Flow> {
        Ok(u128::from(op.imm))
    }

    #[inline(always)]
    fn quick<H: HardwareModel>(_: &State<H>, op: &Op<H>) -> Option<u128> {
        Some(u128::from(op.imm))
    }
}

/// The address of a 16-byte operand that must be aligned.
#[inline(always)]
pub(super) fn aligned<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<LinearAddr, Flow> {
    let la = op.ea(st);
    // Before any translation (MMU-157), and also where the address is not canonical.
    if la.0 & 15 == 0 { Ok(la) } else { Err(st.general_protection()) }
}

/// Chooses a handler by the second operand: `$s` names the source within the handler's path.
macro_rules! by_source {
    ($insn:expr, $op:expr, $memory:ty, |$s:ident| $handler:expr) => {
        match $insn.ops[1] {
            decode::Operand::Xmm(n) => {
                type $s = crate::exec::sse::operand::Register;
                $op.src = n;
                crate::bind::to($op, $handler)
            }
            decode::Operand::Mem(_) => {
                type $s = $memory;
                crate::bind::to($op, $handler)
            }
            _ => false,
        }
    };
}
pub(in crate::exec) use by_source;

/// As [`by_source!`] with memory of type `$t`, with functions of their own for the addresses that are most common.
macro_rules! by_scalar {
    ($insn:expr, $op:expr, $t:ty, |$s:ident| $handler:expr) => {{
        use crate::exec::operand::Base;
        use crate::exec::sse::operand::{Memory, by_source};
        if $op.base_only() {
            by_source!($insn, $op, Memory<$t, Base>, |$s| $handler)
        } else {
            by_source!($insn, $op, Memory<$t>, |$s| $handler)
        }
    }};
}
pub(in crate::exec) use by_scalar;
