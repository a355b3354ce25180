//! VMASKMOVPS, VMASKMOVPD, VPMASKMOVD and VPMASKMOVQ: the sign of each lane of the mask says whether the lane is moved.
//!
//! A lane that is not moved is not accessed, so it cannot fault. A load reports the lowest byte that faults. A store is checked
//! at its first byte and then at its last, so it is that byte's address that a fault on the second page has, as on silicon.
//! Either way nothing has been loaded or stored then.

use super::operand::{Halves, place};
use crate::bind::to;
use crate::op::{Flow, Op, tri};
use crate::state::State;
use arch::LinearAddr;
use decode::{Insn, Mnemonic as M, Operand};
use mmu::{Fault, Primitive};
use paging::HardwareModel;

/// A lane of a vector.
trait Lane: Primitive + Into<u128> + 'static {
    const BITS: u32;
    /// Lane `n`.
    fn of(x: &Halves, n: u32) -> Self;
    fn is_negative(self) -> bool;
}

macro_rules! lane {
    ($($t:ty)*) => {$(
        impl Lane for $t {
            const BITS: u32 = <$t>::BITS;

            fn of(x: &Halves, n: u32) -> Self {
                let at = n * <$t>::BITS;
                (x[(at / 128) as usize & 1] >> (at % 128)) as $t
            }

            fn is_negative(self) -> bool {
                self >> (<$t>::BITS - 1) != 0
            }
        }
    )*};
}
lane!(u32 u64);

/// The lanes of a vector of `BITS` bits that the mask chooses.
fn chosen<T: Lane, const BITS: u32>(mask: &Halves) -> impl Iterator<Item = u32> {
    let mask = *mask;
    (0..BITS / T::BITS).filter(move |&n| T::of(&mask, n).is_negative())
}

/// Makes the access of the first chosen lane that is not canonical, if there is one: that is judged before any page is
/// looked at (MMU-151).
fn check_canonical<H: HardwareModel, T: Lane, const BITS: u32>(
    st: &mut State<H>,
    la: LinearAddr,
    mask: &Halves,
) -> Result<(), Fault> {
    let bytes = u64::from(T::BITS / 8);
    let lanes = chosen::<T, BITS>(mask).map(|n| la.wrapping_add(u64::from(n) * bytes));
    match lanes.into_iter().find(|&lane| !paging::is_canonical(lane, bytes)) {
        Some(lane) => st.mmu.load_lane::<T>(lane).map(|_| ()),
        None => Ok(()),
    }
}

/// Lanes that are not loaded are 0.
fn load<H: HardwareModel, T: Lane, const BITS: u32>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let mask = st.ymm(op.aux);
    let la = op.ea(st);
    tri!(check_canonical::<H, T, BITS>(st, la, &mask));
    let mut result: Halves = [0; 2];
    for n in chosen::<T, BITS>(&mask) {
        let at = n * T::BITS;
        let lane: T = tri!(st.mmu.load_lane(la.wrapping_add(u64::from(at / 8))));
        result[(at / 128) as usize] |= lane.into() << (at % 128);
    }
    st.set_ymm(op.dst, result);
    Flow::Next
}

fn store<H: HardwareModel, T: Lane, const BITS: u32>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let (mask, value) = (st.ymm(op.aux), st.ymm(op.src));
    let la = op.ea(st);
    let address = |n: u32| la.wrapping_add(u64::from(n * T::BITS / 8));
    tri!(check_canonical::<H, T, BITS>(st, la, &mask));
    let Some(first) = chosen::<T, BITS>(&mask).next() else { return Flow::Next };
    let last = chosen::<T, BITS>(&mask).last().unwrap_or(first);
    tri!(st.mmu.check_write(address(first), 1));
    tri!(st.mmu.check_write(address(last + 1).wrapping_add(u64::MAX), 1));
    for n in chosen::<T, BITS>(&mask) {
        tri!(st.mmu.store_lane(address(n), T::of(&value, n)));
    }
    st.after_store()
}

/// Binds a masked move. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Vmaskmovps | M::Vpmaskmovd => by_form::<H, u32>(insn, op),
        M::Vmaskmovpd | M::Vpmaskmovq => by_form::<H, u64>(insn, op),
        _ => false,
    }
}

fn by_form<H: HardwareModel, T: Lane>(insn: &Insn, op: &mut Op<H>) -> bool {
    place(insn, op);
    match (insn.ops[0], insn.ops[1]) {
        (Operand::Mem(_), Operand::Ymm(_)) => to(op, store::<H, T, 256>),
        (Operand::Mem(_), _) => to(op, store::<H, T, 128>),
        (Operand::Ymm(_), _) => to(op, load::<H, T, 256>),
        _ => to(op, load::<H, T, 128>),
    }
}
