//! Operand widths of the integer instructions.
//!
//! A value of a width travels as `u64`, with the bits above the width 0.

use crate::flags::Flags;
use crate::state::State;
use arch::LinearAddr;
use mmu::Fault;
use paging::HardwareModel;

/// Set in a register number to mean bits 15:8 of the register (AH, CH, DH, BH).
pub(crate) const HIGH_BYTE: u8 = 0x20;

/// An operand width.
pub(crate) trait Width: 'static {
    const BITS: u32;
    const BYTES: u64 = Self::BITS as u64 / 8;
    const MASK: u64 = u64::MAX >> (64 - Self::BITS);

    #[inline(always)]
    fn sign_extend(v: u64) -> u64 {
        ((v << (64 - Self::BITS)) as i64 >> (64 - Self::BITS)) as u64
    }

    /// True if the top bit is set.
    #[inline(always)]
    fn negative(v: u64) -> bool {
        v >> (Self::BITS - 1) & 1 != 0
    }

    fn get<H: HardwareModel>(st: &State<H>, reg: u8) -> u64;
    fn set<H: HardwareModel>(st: &mut State<H>, reg: u8, value: u64);
    fn load<H: HardwareModel>(st: &mut State<H>, la: LinearAddr) -> Result<u64, Fault>;
    /// As `load`, if the fast table has the page.
    fn load_hit<H: HardwareModel>(st: &State<H>, la: LinearAddr) -> Option<u64>;
    fn load_for_write<H: HardwareModel>(st: &mut State<H>, la: LinearAddr) -> Result<u64, Fault>;
    fn store<H: HardwareModel>(st: &mut State<H>, la: LinearAddr, value: u64) -> Result<(), Fault>;
    /// As `store`, if the fast table has the page for writing; false if not.
    fn store_hit<H: HardwareModel>(st: &mut State<H>, la: LinearAddr, value: u64) -> bool;
    /// As `load_for_write` and `store` of what `f` makes of the value and the flags, if the fast table has the page for
    /// writing; false if not.
    fn modify_hit<H: HardwareModel>(st: &mut State<H>, la: LinearAddr, f: impl FnOnce(&mut Flags, u64) -> u64) -> bool;
}

pub(crate) struct W8;
pub(crate) struct W16;
pub(crate) struct W32;
pub(crate) struct W64;

macro_rules! memory {
    ($t:ty) => {
        #[inline(always)]
        fn load<H: HardwareModel>(st: &mut State<H>, la: LinearAddr) -> Result<u64, Fault> {
            st.mmu.load::<$t>(la).map(u64::from)
        }
        #[inline(always)]
        fn load_hit<H: HardwareModel>(st: &State<H>, la: LinearAddr) -> Option<u64> {
            st.mmu.load_hit::<$t>(la).map(u64::from)
        }
        #[inline(always)]
        fn load_for_write<H: HardwareModel>(st: &mut State<H>, la: LinearAddr) -> Result<u64, Fault> {
            st.mmu.load_for_write::<$t>(la).map(u64::from)
        }
        #[inline(always)]
        fn store<H: HardwareModel>(st: &mut State<H>, la: LinearAddr, value: u64) -> Result<(), Fault> {
            st.mmu.store(la, value as $t)
        }
        #[inline(always)]
        fn store_hit<H: HardwareModel>(st: &mut State<H>, la: LinearAddr, value: u64) -> bool {
            st.mmu.store_hit(la, value as $t)
        }
        #[inline(always)]
        fn modify_hit<H: HardwareModel>(
            st: &mut State<H>,
            la: LinearAddr,
            f: impl FnOnce(&mut Flags, u64) -> u64,
        ) -> bool {
            st.mmu.modify_hit::<$t>(la, |old| f(&mut st.flags, u64::from(old)) as $t)
        }
    };
}

impl Width for W8 {
    const BITS: u32 = 8;
    memory!(u8);

    #[inline(always)]
    fn get<H: HardwareModel>(st: &State<H>, reg: u8) -> u64 {
        st.regs[usize::from(reg & 15)] >> ((reg & HIGH_BYTE) >> 2) & 0xff
    }

    #[inline(always)]
    fn set<H: HardwareModel>(st: &mut State<H>, reg: u8, value: u64) {
        let shift = (reg & HIGH_BYTE) >> 2;
        let full = &mut st.regs[usize::from(reg & 15)];
        *full = *full & !(0xff << shift) | (value & 0xff) << shift;
    }
}

impl Width for W16 {
    const BITS: u32 = 16;
    memory!(u16);

    #[inline(always)]
    fn get<H: HardwareModel>(st: &State<H>, reg: u8) -> u64 {
        st.reg(reg) & 0xffff
    }

    #[inline(always)]
    fn set<H: HardwareModel>(st: &mut State<H>, reg: u8, value: u64) {
        st.set_reg(reg, st.reg(reg) & !0xffff | value & 0xffff);
    }
}

impl Width for W32 {
    const BITS: u32 = 32;
    memory!(u32);

    #[inline(always)]
    fn get<H: HardwareModel>(st: &State<H>, reg: u8) -> u64 {
        st.reg(reg) & 0xffff_ffff
    }

    #[inline(always)]
    fn set<H: HardwareModel>(st: &mut State<H>, reg: u8, value: u64) {
        st.set_reg(reg, value & 0xffff_ffff);
    }
}

impl Width for W64 {
    const BITS: u32 = 64;
    memory!(u64);

    #[inline(always)]
    fn get<H: HardwareModel>(st: &State<H>, reg: u8) -> u64 {
        st.reg(reg)
    }

    #[inline(always)]
    fn set<H: HardwareModel>(st: &mut State<H>, reg: u8, value: u64) {
        st.set_reg(reg, value);
    }
}
