//! The XSAVE area in its standard format, as signal frames and ptrace have it (SDM "Layout of the XSAVE Area").

use super::registers::Registers;
use arch::XsaveImage;

/// Bytes up to the end of the AVX component.
pub const BYTES: usize = 832;
/// Offset of XSTATE_BV.
const XSTATE_BV: usize = 512;
/// Offset of the high halves of the YMM registers.
const YMM_HIGH: usize = 576;
/// End of what registers fill in the legacy region; the kernel's words and reserved bytes follow.
const LEGACY_END: usize = 416;
const X87: u64 = 1;
const SSE: u64 = 2;
const AVX: u64 = 4;
const PKRU: u64 = 1 << 9;

/// Writes x87, SSE and AVX state; and PKRU where `pkru_at` is not 0. All else gets its initial state.
pub fn put(area: &mut [u8], regs: &Registers, pkru_at: usize) {
    area[..LEGACY_END].copy_from_slice(&regs.fx[..LEGACY_END]);
    for (n, value) in regs.ymm_high.iter().enumerate() {
        area[YMM_HIGH + 16 * n..][..16].copy_from_slice(&value.to_le_bytes());
    }
    let mut components = X87 | SSE | AVX;
    if pkru_at != 0 {
        area[pkru_at..][..4].copy_from_slice(&(regs.pkru as u32).to_le_bytes());
        components |= PKRU;
    }
    area[XSTATE_BV..][..8].copy_from_slice(&components.to_le_bytes());
}

/// Reads x87, SSE and AVX state. A component in its initial state is not stored.
/// PKRU is left as it is where `pkru_at` is 0.
pub fn take(area: &[u8], regs: &mut Registers, pkru_at: usize) {
    let components = u64::from_le_bytes(std::array::from_fn(|i| area[XSTATE_BV + i]));
    let start = Registers::at_start(0);
    regs.fx = start.fx;
    let mut copy = |from: usize, to: usize| regs.fx[from..to].copy_from_slice(&area[from..to]);
    copy(XsaveImage::MXCSR, XsaveImage::ST0);
    if components & X87 != 0 {
        copy(0, XsaveImage::MXCSR);
        copy(XsaveImage::ST0, XsaveImage::XMM0);
    }
    if components & SSE != 0 {
        copy(XsaveImage::XMM0, LEGACY_END);
    }
    if pkru_at != 0 {
        let stored = u32::from_le_bytes(std::array::from_fn(|i| area[pkru_at + i]));
        regs.pkru = if components & PKRU != 0 { stored.into() } else { 0 };
    }
    regs.ymm_high = [0; 16];
    if components & AVX != 0 {
        regs.ymm_high =
            std::array::from_fn(|n| u128::from_le_bytes(std::array::from_fn(|i| area[YMM_HIGH + 16 * n + i])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_taken() {
        let mut regs = Registers::at_start(0);
        regs.set_xmm(3, 7);
        regs.set_st(2, 5, 0x3fff);
        regs.ymm_high[15] = 9;
        regs.set_mxcsr(0x9fc0);
        let (mut area, mut back) = ([0xaa; BYTES], Registers::at_start(0));
        put(&mut area, &regs, 0);
        take(&area, &mut back, 0);
        assert_eq!(back.ymm_high, regs.ymm_high);
        assert_eq!(back.fx[..LEGACY_END], regs.fx[..LEGACY_END]);
    }

    #[test]
    fn a_component_that_is_not_stored_is_initial() {
        let (mut area, mut regs) = ([0xaa; BYTES], Registers::at_start(0));
        regs.set_xmm(3, 7);
        regs.ymm_high[1] = 7;
        put(&mut area, &regs, 0);
        area[XSTATE_BV] = X87 as u8;
        take(&area, &mut regs, 0);
        assert_eq!((regs.xmm(3), regs.ymm_high[1]), (0, 0));
    }
}
