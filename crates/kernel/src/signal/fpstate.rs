//! The x87, SSE and extended state in a signal frame (Linux's `arch/x86/kernel/fpu/signal.c`).
//!
//! With XSAVE the frame holds a whole image of the standard form. Its bytes 464 to 511 tell programs so (`struct
//! _fpx_sw_bytes`), and a second magic number behind the image vouches for the first. A frame without them is taken for what
//! FXSAVE writes.

use crate::Hw;
use crate::kernel::Kernel;
use arch::xstate::{self, Form, HEADER, HEADER_BYTES, Header, Save, XFeatures, XState};
use arch::{Features, LinearAddr, UserContext, XsaveImage};

/// Bytes of x87 and SSE state.
const FXSAVE_BYTES: usize = 512;
/// Offset of `struct _fpx_sw_bytes`, and of its fields.
const SW_RESERVED: usize = 464;
const SW_XFEATURES: usize = 8;
const SW_XSTATE_SIZE: usize = 16;
const FP_XSTATE_MAGIC1: u32 = 0x4650_5853;
const FP_XSTATE_MAGIC2: u32 = 0x4650_5845;
const MAGIC2_BYTES: usize = 4;

/// PKRU of a new program and of a handler: no access by any key but the default one (`init_pkru_value`).
const INIT_PKRU: u32 = 0x5555_5554;

/// Bytes that the state takes in a frame (`xstate_sigframe_size`).
pub(super) fn frame_bytes(features: Features) -> usize {
    xstate::xcr0(features).map_or(FXSAVE_BYTES, |xcr0| xstate::standard_bytes(xcr0) + MAGIC2_BYTES)
}

/// AT_MINSIGSTKSZ: a frame, its state, and what aligning them can take (`init_sigframe_size`).
pub(crate) fn min_signal_stack(features: Features) -> u64 {
    (440 + 15 + 63 + frame_bytes(features) as u64).next_multiple_of(16)
}

/// The state that a program and a handler start with.
pub(crate) fn initial_state(features: Features) -> XState {
    let pkru = if features.contains(Features::PKU) { INIT_PKRU } else { 0 };
    XState { pkru, ..XState::default() }
}

/// The state as a frame holds it (`copy_fpstate_to_sigframe`). Old programs look for x87 and SSE, so those are always marked.
pub(super) fn encode(ctx: &UserContext, features: Features) -> Vec<u8> {
    let mut bytes = vec![0; frame_bytes(features)];
    let Some(xcr0) = xstate::xcr0(features) else {
        bytes[..SW_RESERVED].copy_from_slice(&ctx.xsave.0[..SW_RESERVED]);
        return bytes;
    };
    for (at, piece) in ctx.xstate().save(xcr0, Save::All, 0) {
        bytes[at..at + piece.len()].copy_from_slice(&piece);
    }
    bytes[HEADER] |= (XFeatures::X87 | XFeatures::SSE).bits() as u8;
    let image_bytes = xstate::standard_bytes(xcr0);
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(SW_RESERVED, &FP_XSTATE_MAGIC1.to_le_bytes());
    put(SW_RESERVED + 4, &((image_bytes + MAGIC2_BYTES) as u32).to_le_bytes());
    put(SW_RESERVED + SW_XFEATURES, &xcr0.bits().to_le_bytes());
    put(SW_RESERVED + SW_XSTATE_SIZE, &(image_bytes as u32).to_le_bytes());
    put(image_bytes, &FP_XSTATE_MAGIC2.to_le_bytes());
    bytes
}

impl Kernel {
    /// The state that a frame holds at `at`. `None` if it cannot be read or is none.
    pub(super) fn read_fpstate(&mut self, hw: &mut Hw<'_>, at: LinearAddr) -> Option<XState> {
        let features = self.features;
        let legacy_only = Header { present: XFeatures::X87 | XFeatures::SSE, form: Form::Standard };
        let xcr0 = xstate::xcr0(features).unwrap_or(legacy_only.present);
        let (header, which) = match self.extended(hw, at, xcr0)? {
            // XRSTOR wants 64 bytes of alignment, FXRSTOR 16.
            Some(which) if at.0.is_multiple_of(64) => {
                let bytes: [u8; HEADER_BYTES] = self.read_user(hw, at.wrapping_add(HEADER as u64)).ok()?;
                (Header::parse(&bytes, xcr0, features).ok()?, which)
            }
            None if at.0.is_multiple_of(16) => (legacy_only, legacy_only.present),
            _ => return None,
        };
        let mut state = XState { pkru: 0, ..initial_state(features) };
        let read = |offset: usize, to: &mut [u8]| self.copy_from_user(hw, at.wrapping_add(offset as u64), to);
        state.restore(which, header, read).ok()?;
        Some(state)
    }

    /// Which components the frame says that its image holds (`check_xstate_in_sigframe`); `None` if there is no image but
    /// FXSAVE's. The outer `None` is a frame that cannot be read.
    fn extended(&mut self, hw: &mut Hw<'_>, at: LinearAddr, xcr0: XFeatures) -> Option<Option<XFeatures>> {
        if !self.features.contains(Features::XSAVE) {
            return Some(None);
        }
        let sw: [u8; 20] = self.read_user(hw, at.wrapping_add(SW_RESERVED as u64)).ok()?;
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| sw[at + i]));
        let [magic, extended_size, size] = [0, 4, SW_XSTATE_SIZE].map(word);
        let most = xstate::standard_bytes(xcr0) as u32;
        let least = (FXSAVE_BYTES + HEADER_BYTES) as u32;
        if magic != FP_XSTATE_MAGIC1 || size < least || size > most || size > extended_size {
            return Some(None);
        }
        let behind: [u8; MAGIC2_BYTES] = self.read_user(hw, at.wrapping_add(size.into())).ok()?;
        if u32::from_le_bytes(behind) != FP_XSTATE_MAGIC2 {
            return Some(None);
        }
        let wanted = u64::from_le_bytes(std::array::from_fn(|i| sw[SW_XFEATURES + i]));
        Some(Some(xcr0 & XFeatures::from_bits_truncate(wanted)))
    }
}

/// The last byte of the legacy region that is a program's registers.
const _: () = assert!(XsaveImage::XMM0 + 256 <= SW_RESERVED);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_that_linux_computes() {
        assert_eq!(frame_bytes(Features::V1), 512);
        assert_eq!(frame_bytes(Features::V3), 836);
        assert_eq!(frame_bytes(Features::all()), 2700);
        assert_eq!(min_signal_stack(Features::V3), 1360);
    }

    #[test]
    fn the_image_is_marked_at_both_ends() {
        let mut ctx = UserContext::at_entry(LinearAddr(0), LinearAddr(0));
        let word = |bytes: &[u8], at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let bytes = encode(&ctx, Features::V3);
        assert_eq!([464, 468, 472, 480, 832].map(|at| word(&bytes, at)), [0x4650_5853, 836, 7, 832, 0x4650_5845]);
        assert_eq!(bytes[512..520], [3, 0, 0, 0, 0, 0, 0, 0], "x87 and SSE, in use or not");
        ctx.ymm_high[15] = 1 << 120;
        let bytes = encode(&ctx, Features::V3);
        assert_eq!((bytes[512], bytes[831]), (7, 1));
        assert_eq!(encode(&ctx, Features::V1)[464..], [0; 48]);
    }
}
