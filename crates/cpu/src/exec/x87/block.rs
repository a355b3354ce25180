//! Operands of many bytes: environments and state images. They span two pages at most.
//!
//! Where they fault, the address that is reported is that of the first or the last byte, in the order in which silicon looks
//! at them, and not that of the page that is missing. Only what has faulted is looked at again.

use crate::state::State;
use arch::LinearAddr;
use mmu::{Fault, MemFault};
use paging::HardwareModel;

/// What of an operand is looked at first; the other end is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exec) enum FirstLook {
    /// The first field, of so many bytes: FNSTENV, FLDENV, FNSAVE, FRSTOR.
    Field(usize),
    /// The last byte: FXSAVE, FXRSTOR.
    LastByte,
}

impl FirstLook {
    /// The addresses that are looked at, in order, and how many bytes there.
    fn order(self, la: LinearAddr, bytes: usize) -> [(LinearAddr, usize); 2] {
        let last = (la.wrapping_add(bytes as u64 - 1), 1);
        match self {
            Self::Field(size) => [(la, size), last],
            Self::LastByte => [last, (la, 1)],
        }
    }

    /// True if which end is looked at first makes no difference: one that is all looked at must be canonical before any byte is
    /// translated (MMU-151).
    const fn is_settled(self, fault: MemFault) -> bool {
        matches!((self, fault), (Self::LastByte, MemFault::NonCanonical))
    }
}

/// Loads an operand.
pub(in crate::exec) fn load_block<H: HardwareModel>(
    st: &mut State<H>,
    la: LinearAddr,
    buf: &mut [u8],
    first: FirstLook,
) -> Result<(), Fault> {
    st.mmu.load_bytes(la, buf).map_err(|fault| {
        if first.is_settled(st.mmu.fault) {
            return fault;
        }
        let mut order = first.order(la, buf.len()).into_iter();
        order.find_map(|(at, size)| st.mmu.load_bytes(at, &mut [0; 4][..size]).err()).unwrap_or(fault)
    })
}

/// Checks that an operand can be stored.
pub(in crate::exec) fn check_block<H: HardwareModel>(
    st: &mut State<H>,
    la: LinearAddr,
    bytes: usize,
    first: FirstLook,
) -> Result<(), Fault> {
    st.mmu.check_write(la, bytes).map_err(|fault| {
        if first.is_settled(st.mmu.fault) {
            return fault;
        }
        let mut order = first.order(la, bytes).into_iter();
        order.find_map(|(at, size)| st.mmu.check_write(at, size).err()).unwrap_or(fault)
    })
}

/// Stores an operand.
pub(in crate::exec) fn store_block<H: HardwareModel>(
    st: &mut State<H>,
    la: LinearAddr,
    bytes: &[u8],
    first: FirstLook,
) -> Result<(), Fault> {
    check_block(st, la, bytes.len(), first)?;
    st.mmu.store_bytes(la, bytes)
}
