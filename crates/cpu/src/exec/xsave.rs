//! XSAVE and its kin. What they write and read is decided by [`arch::xstate`]; the accesses are made here.
//!
//! Order of the checks, as on silicon: canonical address, alignment to 64 bytes, the accesses, the header. All places are
//! known to be writable before the first byte is written.

use crate::op::{Flow, Op, tri};
use crate::state::{RAX, RCX, RDX, State};
use arch::xstate::{Form, HEADER, HEADER_BYTES, Header, RestoreError, Save, XFeatures, XState};
use arch::xstate::{compacted_bytes, standard_bytes};
use arch::{Exception, Features, LinearAddr, XsaveImage};
use mmu::Fault;
use paging::HardwareModel;

/// Which components the program asks for, of those that there are.
fn requested<H: HardwareModel>(st: &State<H>) -> XFeatures {
    let mask = st.regs[RDX] << 32 | st.regs[RAX] & 0xffff_ffff;
    st.xcr0() & XFeatures::from_bits_truncate(mask)
}

/// Bit of `op.aux`: the form without REX.W, which takes the upper halves of FIP and FDP for selectors. Those are zero.
pub(crate) const SHORT: u8 = 4;

/// The upper halves of FIP and FDP.
const SELECTORS: [std::ops::Range<usize>; 2] = [12..16, 20..24];

fn drop_selectors<H>(state: &mut XState, op: &Op<H>) {
    if op.aux & SHORT != 0 {
        SELECTORS.into_iter().for_each(|range| state.legacy.0[range].fill(0));
    }
}

/// An image whose first byte is not canonical is refused before any page is looked at (MMU-151).
fn check_first<H: HardwareModel>(st: &mut State<H>, la: LinearAddr) -> Result<(), Fault> {
    if paging::is_canonical(la, 1) { Ok(()) } else { st.mmu.load::<u8>(la).map(|_| ()) }
}

/// XSAVE, XSAVEOPT or XSAVEC, by `op.aux`.
pub(crate) fn xsave<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let save = [Save::All, Save::Optimised, Save::Compacted][usize::from(op.aux & 3).min(2)];
    let la = op.ea(st);
    if la.0 & 63 != 0 {
        return st.misaligned(la);
    }
    let at = |offset: usize| la.wrapping_add(offset as u64);
    let which = requested(st);
    tri!(check_first(st, la));
    // As on silicon, the last byte is looked at before all others.
    let bytes = if save == Save::Compacted { compacted_bytes(which) } else { standard_bytes(which) };
    tri!(st.mmu.check_write(at(bytes - 1), 1));
    let mut state = st.xstate();
    drop_selectors(&mut state, op);
    // Then what lies before the header, and only then what the header holds so far.
    for (offset, bytes) in state.save(which, save, 0).iter().filter(|(offset, _)| *offset < HEADER) {
        tri!(st.mmu.check_write(at(*offset), bytes.len()));
    }
    let old = if save == Save::Compacted { 0 } else { tri!(st.mmu.load_for_write::<u64>(at(HEADER))) };
    let pieces = state.save(which, save, old);
    for (offset, bytes) in &pieces {
        tri!(st.mmu.check_write(at(*offset), bytes.len()));
    }
    for (offset, bytes) in &pieces {
        tri!(st.mmu.store_bytes(at(*offset), bytes));
    }
    st.after_store()
}

/// XRSTOR.
pub(crate) fn xrstor<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let la = op.ea(st);
    if la.0 & 63 != 0 {
        return st.misaligned(la);
    }
    let at = |offset: usize| la.wrapping_add(offset as u64);
    tri!(check_first(st, la));
    // As on silicon, XCOMP_BV is looked at before all others.
    tri!(st.mmu.load::<u64>(at(HEADER + 8)));
    let mut header = [0; HEADER_BYTES];
    tri!(st.mmu.load_bytes(at(HEADER), &mut header));
    let Ok(header) = Header::parse(&header, st.xcr0(), st.model.features) else { return st.general_protection() };
    let which = requested(st);
    // What is asked for is looked at even if the image does not hold it: its first byte, and its last.
    let first = if which.contains(XFeatures::X87) { 0 } else { XsaveImage::MXCSR };
    if !which.is_empty() {
        tri!(st.mmu.load::<u8>(at(first)));
    }
    if header.form == Form::Standard && which.contains(XFeatures::AVX) {
        tri!(st.mmu.load::<u8>(at(standard_bytes(which) - 1)));
    }
    let mut state = st.xstate();
    match state.restore(which, header, |offset, to| st.mmu.load_bytes(at(offset), to)) {
        Ok(()) => {
            if which.contains(XFeatures::X87) {
                drop_selectors(&mut state, op);
            }
            st.set_xstate(&state);
            Flow::Next
        }
        Err(RestoreError::Read(Fault)) => Flow::Fault,
        Err(RestoreError::Bad(_)) => st.general_protection(),
    }
}

/// XGETBV: XCR0, or with ECX=1 the components of it that are in use.
pub(crate) fn xgetbv<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    let value = match st.regs[RCX] as u32 {
        0 => st.xcr0(),
        1 if st.model.features.contains(Features::XGETBV1) => st.xcr0() & st.xstate().in_use(),
        _ => return st.general_protection(),
    };
    st.regs[RAX] = value.bits();
    st.regs[RDX] = 0;
    Flow::Next
}

impl<H: HardwareModel> State<H> {
    fn xcr0(&self) -> XFeatures {
        arch::xstate::xcr0(self.model.features).unwrap_or_default()
    }

    /// The state that XSAVE manages.
    pub(crate) fn xstate(&self) -> XState {
        let mut state = XState { ymm_high: self.ymm_high, pkru: self.pkru, ..XState::default() };
        self.store_fxsave(&mut state.legacy.0);
        state
    }

    fn set_xstate(&mut self, state: &XState) {
        self.load_fxsave(&state.legacy.0);
        self.ymm_high = state.ymm_high;
        self.set_pkru(state.pkru);
    }

    /// Sets PKRU, which the MMU has to know.
    pub(crate) fn set_pkru(&mut self, value: u32) {
        if self.pkru != value {
            self.pkru = value;
            self.mmu.write_pkru(value);
        }
    }

    /// What ends an instruction whose operand is not aligned as it must be: #GP(0) before any translation (MMU-157), unless
    /// its first byte already is not canonical.
    #[cold]
    pub(crate) fn misaligned(&mut self, la: LinearAddr) -> Flow {
        if !paging::is_canonical(la, 1) && self.mmu.check_write(la, 1).is_err() {
            return Flow::Fault;
        }
        if self.mmu.checks_alignment() && !la.0.is_multiple_of(4) {
            return self.raise(Exception::AlignmentCheck);
        }
        self.general_protection()
    }
}
