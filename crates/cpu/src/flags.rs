//! The status flags, kept as the values they follow from.
//!
//! Arithmetic stores its result and its carries; a flag is worked out only when something reads it. The three words hold
//! the flags of any source in the same form, so no operation kind has to be remembered:
//! - ZF: `zero` is 0;
//! - SF: bit 63 of `sign`; PF: even parity of the low byte of `sign`;
//! - CF: bit 63 of `carry`; OF: bit 63 xor bit 62; AF: bit 3.

use crate::width::Width;
use arch::Rflags;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Flags {
    zero: u64,
    sign: u64,
    carry: u64,
}

impl Default for Flags {
    fn default() -> Self {
        let mut flags = Self { zero: 1, sign: 1, carry: 0 };
        flags.set(Rflags::empty());
        flags
    }
}

impl Flags {
    #[inline(always)]
    fn result<W: Width>(&mut self, r: u64) {
        let r = W::sign_extend(r);
        self.zero = r;
        self.sign = r;
    }

    /// r = a + b (+ carry); all values are within `W`.
    #[inline(always)]
    pub(crate) fn add<W: Width>(&mut self, a: u64, b: u64, r: u64) {
        self.result::<W>(r);
        self.set_carries::<W>((a & b) | ((a | b) & !r));
    }

    /// r = a - b (- borrow).
    #[inline(always)]
    pub(crate) fn sub<W: Width>(&mut self, a: u64, b: u64, r: u64) {
        self.result::<W>(r);
        self.set_carries::<W>((!a & b) | (!(a ^ b) & r));
    }

    /// AND, OR, XOR, TEST: CF = OF = 0, and AF = 0 as the processor leaves it.
    #[inline(always)]
    pub(crate) fn logic<W: Width>(&mut self, r: u64) {
        self.result::<W>(r);
        self.carry = 0;
    }

    /// r = a + 1: all but CF.
    #[inline(always)]
    pub(crate) fn inc<W: Width>(&mut self, a: u64, r: u64) {
        let cf = self.cf();
        self.add::<W>(a, 1, r);
        self.set_cf_keep_of(cf);
    }

    /// r = a - 1: all but CF.
    #[inline(always)]
    pub(crate) fn dec<W: Width>(&mut self, a: u64, r: u64) {
        let cf = self.cf();
        self.sub::<W>(a, 1, r);
        self.set_cf_keep_of(cf);
    }

    /// Flags of a shift: the result, the last bit shifted out, and OF; AF = 0.
    #[inline(always)]
    pub(crate) fn shift<W: Width>(&mut self, r: u64, cf: bool, of: bool) {
        self.result::<W>(r);
        self.set_cf_of(cf, of);
    }

    /// The bit-manipulation instructions: SF and ZF by the result, CF; OF = 0, and AF = PF = 0 as the processor leaves them.
    pub(crate) fn bits<W: Width>(&mut self, r: u64, cf: bool) {
        self.result::<W>(r);
        self.sign = self.sign & !0xff | 1;
        self.set_cf_of(cf, false);
    }

    /// Sets SF, ZF and PF by a result and leaves the others.
    pub(crate) fn set_szp<W: Width>(&mut self, r: u64) {
        self.result::<W>(r);
    }

    /// Each carry out of a bit, from bit 0.
    #[inline(always)]
    fn set_carries<W: Width>(&mut self, carries: u64) {
        self.carry = (carries << (64 - W::BITS)) | (carries & 8);
    }

    /// Sets CF and OF and clears AF.
    #[inline(always)]
    pub(crate) fn set_cf_of(&mut self, cf: bool, of: bool) {
        self.carry = (u64::from(cf) << 63) | (u64::from(cf ^ of) << 62);
    }

    /// Sets CF and OF and leaves AF.
    pub(crate) fn set_cf_of_keep_af(&mut self, cf: bool, of: bool) {
        let af = self.carry & 8;
        self.set_cf_of(cf, of);
        self.carry |= af;
    }

    /// Sets CF alone.
    #[inline(always)]
    pub(crate) fn set_cf(&mut self, cf: bool) {
        self.set_cf_keep_of(cf);
    }

    #[inline(always)]
    fn set_cf_keep_of(&mut self, cf: bool) {
        let flip = u64::from(self.cf() != cf);
        self.carry ^= (flip << 63) | (flip << 62);
    }

    /// Sets ZF alone.
    pub(crate) fn set_zf(&mut self, zf: bool) {
        self.zero = u64::from(!zf);
    }

    #[inline(always)]
    pub(crate) fn cf(&self) -> bool {
        self.carry >> 63 != 0
    }

    #[inline(always)]
    pub(crate) fn of(&self) -> bool {
        (self.carry ^ (self.carry << 1)) >> 63 != 0
    }

    #[inline(always)]
    pub(crate) fn zf(&self) -> bool {
        self.zero == 0
    }

    #[inline(always)]
    pub(crate) fn sf(&self) -> bool {
        self.sign >> 63 != 0
    }

    #[inline(always)]
    pub(crate) fn pf(&self) -> bool {
        (self.sign as u8).count_ones() & 1 == 0
    }

    pub(crate) fn af(&self) -> bool {
        self.carry & 8 != 0
    }

    /// A condition by its encoding in Jcc, SETcc and CMOVcc.
    #[inline(always)]
    pub(crate) fn condition(&self, code: u8) -> bool {
        let positive = match code >> 1 & 7 {
            0 => self.of(),
            1 => self.cf(),
            2 => self.zf(),
            3 => self.cf() || self.zf(),
            4 => self.sf(),
            5 => self.pf(),
            6 => self.sf() != self.of(),
            _ => self.zf() || self.sf() != self.of(),
        };
        positive ^ (code & 1 != 0)
    }

    /// The status bits of RFLAGS.
    pub(crate) fn get(&self) -> Rflags {
        let mut f = Rflags::empty();
        f.set(Rflags::CF, self.cf());
        f.set(Rflags::PF, self.pf());
        f.set(Rflags::AF, self.af());
        f.set(Rflags::ZF, self.zf());
        f.set(Rflags::SF, self.sf());
        f.set(Rflags::OF, self.of());
        f
    }

    /// Sets all status flags from RFLAGS.
    pub(crate) fn set(&mut self, f: Rflags) {
        self.zero = u64::from(!f.contains(Rflags::ZF));
        self.sign = (u64::from(f.contains(Rflags::SF)) << 63) | u64::from(!f.contains(Rflags::PF));
        self.set_cf_of(f.contains(Rflags::CF), f.contains(Rflags::OF));
        self.carry |= u64::from(f.contains(Rflags::AF)) << 3;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::width::{W8, W64};

    #[test]
    fn every_combination_goes_in_and_comes_out() {
        let mut f = Flags::default();
        for raw in 0..=0xfff_u64 {
            let want = Rflags::from_bits_truncate(raw) & Rflags::STATUS;
            f.set(want);
            assert_eq!(f.get(), want);
        }
    }

    /// The definitions of the flags, bit by bit, against the carry words, for every pair of bytes.
    #[test]
    fn byte_arithmetic_has_the_flags_of_its_definition() {
        let mut f = Flags::default();
        for a in 0..=255_u64 {
            for b in 0..=255_u64 {
                let sum = (a + b) & 0xff;
                f.add::<W8>(a, b, sum);
                assert_eq!(f.cf(), a + b > 255);
                assert_eq!(f.of(), i16::from(a as i8) + i16::from(b as i8) != i16::from(sum as i8));
                assert_eq!(f.af(), (a & 15) + (b & 15) > 15);
                assert_eq!((f.zf(), f.sf()), (sum == 0, sum > 127));
                let diff = a.wrapping_sub(b) & 0xff;
                f.sub::<W8>(a, b, diff);
                assert_eq!(f.cf(), a < b);
                assert_eq!(f.of(), i16::from(a as i8) - i16::from(b as i8) != i16::from(diff as i8));
                assert_eq!(f.af(), (a & 15) < (b & 15));
            }
        }
    }

    #[test]
    fn inc_leaves_the_carry_and_sets_overflow() {
        let mut f = Flags::default();
        f.set_cf(true);
        f.inc::<W64>(i64::MAX as u64, 1 << 63);
        assert!(f.cf() && f.of() && f.sf());
        f.set_cf(false);
        assert!(!f.cf() && f.of());
        f.dec::<W64>(0, u64::MAX);
        assert!(!f.cf() && !f.of() && f.sf());
    }
}
