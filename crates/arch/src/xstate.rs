//! The state that XSAVE manages, and its image in memory (SDM volume 1, "Managing State Using the XSAVE Feature Set").
//!
//! ```text
//!   0      legacy region: x87 (0..24, 32..160), MXCSR and its mask (24..32), XMM (160..416)
//!   512    header: XSTATE_BV, XCOMP_BV, zeros
//!   576    extended region: each component at its offset (standard form), or one behind the other (compacted form)
//! ```
//! Who saves asks for the pieces to be written, who restores lends a way of reading: so neither touches more of the image than
//! silicon does, and the core and the kernel layer share the rules.
//!
//! Silicon remembers which components were touched (XINUSE); here a component is in use if it is not in its initial
//! configuration.

use crate::{Features, UserContext, XsaveImage};
use bitflags::bitflags;

bitflags! {
    /// State components by number, as in XCR0 and XSTATE_BV.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct XFeatures: u64 {
        /// x87.
        const X87 = 1 << 0;
        /// XMM registers and MXCSR.
        const SSE = 1 << 1;
        /// Upper halves of the YMM registers.
        const AVX = 1 << 2;
        /// PKRU.
        const PKRU = 1 << 9;
    }
}

/// XCR0, as the operating system has set it; `None` for a processor without XSAVE.
#[must_use]
pub fn xcr0(features: Features) -> Option<XFeatures> {
    let with = |feature, component| if features.contains(feature) { component } else { XFeatures::empty() };
    features.contains(Features::XSAVE).then(|| {
        XFeatures::X87 | XFeatures::SSE | with(Features::AVX, XFeatures::AVX) | with(Features::PKU, XFeatures::PKRU)
    })
}

/// A component of the extended region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its number.
    pub number: u32,
    /// Its offset in an image of the standard form.
    pub offset: usize,
    /// Its size in bytes.
    pub bytes: usize,
}

impl Component {
    /// Those that there are, in the order of their numbers.
    pub const EXTENDED: [Self; 2] =
        [Self { number: 2, offset: EXTENDED_REGION, bytes: 256 }, Self { number: 9, offset: 2688, bytes: 8 }];

    /// The component's bit.
    #[must_use]
    pub const fn bit(self) -> XFeatures {
        XFeatures::from_bits_truncate(1 << self.number)
    }
}

/// Byte offset of the header.
pub const HEADER: usize = 512;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 64;
/// Byte offset of the extended region.
pub const EXTENDED_REGION: usize = HEADER + HEADER_BYTES;

const MXCSR: std::ops::Range<usize> = XsaveImage::MXCSR..XsaveImage::MXCSR + 8;
const X87: [std::ops::Range<usize>; 2] = [0..XsaveImage::MXCSR, XsaveImage::ST0..XsaveImage::XMM0];
const XMM: std::ops::Range<usize> = XsaveImage::XMM0..XsaveImage::XMM0 + 256;
/// MXCSR in its initial configuration, and the bits of it that exist.
const MXCSR_INIT: u32 = 0x1f80;
const MXCSR_MASK: u32 = 0xffff;
/// Bit of XCOMP_BV: the image has the compacted form.
const COMPACTED: u64 = 1 << 63;

/// Bytes of an image of the standard form that has room for these components.
#[must_use]
pub fn standard_bytes(which: XFeatures) -> usize {
    extended(which).map(|c| c.offset + c.bytes).max().unwrap_or(EXTENDED_REGION)
}

/// Bytes of an image of the compacted form with these components.
#[must_use]
pub fn compacted_bytes(which: XFeatures) -> usize {
    EXTENDED_REGION + extended(which).map(|c| c.bytes).sum::<usize>()
}

fn extended(which: XFeatures) -> impl Iterator<Item = Component> {
    Component::EXTENDED.into_iter().filter(move |c| which.contains(c.bit()))
}

/// Where a component lies in an image of the form that XCOMP_BV tells.
fn offset(component: Component, form: Form) -> usize {
    match form {
        Form::Standard => component.offset,
        Form::Compacted(which) => {
            let before = extended(which).take_while(|c| c.number < component.number);
            EXTENDED_REGION + before.map(|c| c.bytes).sum::<usize>()
        }
    }
}

/// The form of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Each component has its own place.
    Standard,
    /// These components lie one behind the other.
    Compacted(XFeatures),
}

/// Which instruction saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Save {
    /// XSAVE: every component that is asked for.
    All,
    /// XSAVEOPT: those that are in use.
    Optimised,
    /// XSAVEC: those that are in use, in the compacted form.
    Compacted,
}

/// A header that has passed the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// XSTATE_BV: components that the image holds.
    pub present: XFeatures,
    /// The form of the image.
    pub form: Form,
}

impl Header {
    /// Checks a header as XRSTOR does.
    ///
    /// # Errors
    /// [`BadImage`] for what raises #GP(0).
    pub fn parse(bytes: &[u8; HEADER_BYTES], xcr0: XFeatures, set: Features) -> Result<Self, BadImage> {
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[8 * at + i]));
        let components = |bits: u64| match XFeatures::from_bits(bits) {
            Some(which) if xcr0.contains(which) => Ok(which),
            _ => Err(BadImage),
        };
        let present = components(word(0))?;
        let compacted = word(1) & COMPACTED != 0 && set.contains(Features::XSAVEC);
        let form = if compacted { Form::Compacted(components(word(1) & !COMPACTED)?) } else { Form::Standard };
        let sound = match form {
            Form::Standard => word(1) == 0 && word(2) == 0,
            Form::Compacted(which) => which.contains(present) && (2..8).all(|at| word(at) == 0),
        };
        if sound { Ok(Self { present, form }) } else { Err(BadImage) }
    }
}

/// The image cannot be restored: #GP(0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadImage;

/// Why a restoration did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreError<E> {
    /// The image cannot be read.
    Read(E),
    /// It is none.
    Bad(BadImage),
}

/// The managed state of a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XState {
    /// x87, XMM registers and MXCSR.
    pub legacy: XsaveImage,
    /// Upper halves of the YMM registers.
    pub ymm_high: [u128; 16],
    /// Rights of the protection keys.
    pub pkru: u32,
}

/// Some bytes of an image, and where they go.
pub type Piece = (usize, Vec<u8>);

impl XState {
    /// The components that are not in their initial configuration.
    #[must_use]
    pub fn in_use(&self) -> XFeatures {
        let initial = XsaveImage::default();
        let mut used = XFeatures::empty();
        used.set(XFeatures::X87, X87.into_iter().any(|part| self.legacy.0[part.clone()] != initial.0[part]));
        used.set(XFeatures::SSE, self.legacy.0[XMM].iter().any(|&byte| byte != 0) || self.mxcsr() != MXCSR_INIT);
        used.set(XFeatures::AVX, self.ymm_high.iter().any(|&half| half != 0));
        used.set(XFeatures::PKRU, self.pkru != 0);
        used
    }

    fn mxcsr(&self) -> u32 {
        u32::from_le_bytes(std::array::from_fn(|i| self.legacy.0[XsaveImage::MXCSR + i]))
    }

    fn component(&self, component: Component) -> Vec<u8> {
        match component.bit() {
            XFeatures::AVX => self.ymm_high.iter().flat_map(|half| half.to_le_bytes()).collect(),
            _ => u64::from(self.pkru).to_le_bytes().to_vec(),
        }
    }

    fn set_component(&mut self, component: Component, bytes: &[u8]) {
        match component.bit() {
            XFeatures::AVX => {
                for (half, from) in self.ymm_high.iter_mut().zip(bytes.chunks_exact(16)) {
                    *half = u128::from_le_bytes(std::array::from_fn(|i| from[i]));
                }
            }
            _ => self.pkru = u32::from_le_bytes(std::array::from_fn(|i| bytes[i])),
        }
    }

    /// What an instruction writes that saves the components `which`, in ascending order but for the header, which comes
    /// last. `old` is XSTATE_BV as it stands in memory, of which components that were not asked for keep their bits.
    #[must_use]
    pub fn save(&self, which: XFeatures, save: Save, old: u64) -> Vec<Piece> {
        let present = self.in_use() & which;
        let written = if save == Save::All { which } else { present };
        let form = if save == Save::Compacted { Form::Compacted(which) } else { Form::Standard };
        let legacy = |part: std::ops::Range<usize>| (part.start, self.legacy.0[part].to_vec());
        let mut pieces = Vec::new();
        if written.contains(XFeatures::X87) {
            pieces.extend(X87.map(legacy));
        }
        let with_mxcsr = match save {
            Save::Compacted => written.contains(XFeatures::SSE),
            _ => which.intersects(XFeatures::SSE | XFeatures::AVX),
        };
        if with_mxcsr {
            pieces.push(legacy(MXCSR));
        }
        if written.contains(XFeatures::SSE) {
            pieces.push(legacy(XMM));
        }
        pieces.extend(extended(written).map(|c| (offset(c, form), self.component(c))));
        let header = match form {
            Form::Standard => (old & !which.bits() | present.bits()).to_le_bytes().to_vec(),
            Form::Compacted(_) => [present.bits(), which.bits() | COMPACTED].map(u64::to_le_bytes).concat(),
        };
        pieces.push((HEADER, header));
        pieces
    }

    /// Restores the components `which` from an image with this header; those that it does not hold get their initial
    /// configuration. `read` fills a buffer from an offset of the image.
    ///
    /// # Errors
    /// [`RestoreError`]; the state is then as before.
    pub fn restore<E>(
        &mut self,
        which: XFeatures,
        header: Header,
        mut read: impl FnMut(usize, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), RestoreError<E>> {
        let mut new = self.clone();
        let initial = XsaveImage::default();
        let held = header.present & which;
        let mxcsr_from_image = match header.form {
            Form::Standard => which.intersects(XFeatures::SSE | XFeatures::AVX),
            Form::Compacted(_) => held.contains(XFeatures::SSE),
        };
        let mut legacy = |part: std::ops::Range<usize>, to: &mut XsaveImage, from_image: bool| {
            if from_image {
                return read(part.start, &mut to.0[part]).map_err(RestoreError::Read);
            }
            to.0[part.clone()].copy_from_slice(&initial.0[part]);
            Ok(())
        };
        if which.contains(XFeatures::X87) {
            for part in X87 {
                legacy(part, &mut new.legacy, held.contains(XFeatures::X87))?;
            }
        }
        if mxcsr_from_image || which.contains(XFeatures::SSE) {
            legacy(XsaveImage::MXCSR..XsaveImage::MXCSR + 4, &mut new.legacy, mxcsr_from_image)?;
        }
        if which.contains(XFeatures::SSE) {
            legacy(XMM, &mut new.legacy, held.contains(XFeatures::SSE))?;
        }
        for component in extended(which) {
            let mut bytes = vec![0; component.bytes];
            if held.contains(component.bit()) {
                read(offset(component, header.form), &mut bytes).map_err(RestoreError::Read)?;
            }
            new.set_component(component, &bytes);
        }
        if new.mxcsr() & !MXCSR_MASK != 0 {
            return Err(RestoreError::Bad(BadImage));
        }
        *self = new;
        Ok(())
    }
}

impl UserContext {
    /// The state that XSAVE manages.
    #[must_use]
    pub fn xstate(&self) -> XState {
        XState { legacy: self.xsave.clone(), ymm_high: self.ymm_high, pkru: self.pkru }
    }

    /// Sets the state that XSAVE manages.
    pub fn set_xstate(&mut self, state: XState) {
        (self.xsave, self.ymm_high, self.pkru) = (state.legacy, state.ymm_high, state.pkru);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    const ALL: XFeatures = XFeatures::all();

    fn busy() -> XState {
        let mut state = XState::default();
        state.legacy.0[..4].copy_from_slice(&[0x7f, 2, 0, 0x38]);
        state.legacy.0[XMM].fill(0x11);
        state.ymm_high = [7; 16];
        state.pkru = 0x5555_5554;
        state
    }

    fn image(state: &XState, which: XFeatures, save: Save, fill: u8) -> Vec<u8> {
        let mut bytes = vec![fill; standard_bytes(ALL)];
        bytes[HEADER..EXTENDED_REGION].fill(0);
        for (at, piece) in state.save(which, save, 0) {
            bytes[at..at + piece.len()].copy_from_slice(&piece);
        }
        bytes
    }

    fn restored(image: &[u8], which: XFeatures, into: &XState) -> Result<XState, RestoreError<Infallible>> {
        let header = std::array::from_fn(|i| image[HEADER + i]);
        let header = Header::parse(&header, ALL, Features::all()).map_err(RestoreError::Bad)?;
        let mut state = into.clone();
        state.restore(which, header, |at, to| {
            to.copy_from_slice(&image[at..at + to.len()]);
            Ok(())
        })?;
        Ok(state)
    }

    #[test]
    fn what_is_saved_comes_back_in_every_form() {
        for save in [Save::All, Save::Optimised, Save::Compacted] {
            for state in [busy(), XState { pkru: 3, ..XState::default() }, XState { pkru: 0, ..busy() }] {
                let image = image(&state, ALL, save, 0xcc);
                // An image that leaves MXCSR out has garbage there, which only the compacted form ignores.
                assert_eq!(restored(&image, ALL, &busy()).as_ref(), Ok(&state), "{save:?}");
            }
        }
    }

    /// What a program on silicon finds in an area of CCH bytes; see the tests of the core for the instructions themselves.
    #[test]
    fn pieces_are_those_that_silicon_writes() {
        let initial = XState::default();
        let all = image(&initial, XFeatures::AVX, Save::All, 0xcc);
        assert_eq!((all[0], all[24], all[160], all[576], all[512]), (0xcc, 0x80, 0xcc, 0, 0));
        let optimised = image(&initial, XFeatures::AVX, Save::Optimised, 0xcc);
        assert_eq!((optimised[24], optimised[28], optimised[576]), (0x80, 0xff, 0xcc));
        let compacted = image(&initial, XFeatures::AVX, Save::Compacted, 0xcc);
        assert_eq!((compacted[24], compacted[576]), (0xcc, 0xcc));
        assert_eq!(compacted[520..528], (COMPACTED | 4).to_le_bytes());
        let kept = busy().save(XFeatures::AVX, Save::All, 0xff);
        assert_eq!(kept.last().map(|p| p.1[0]), Some(0xff));
    }

    #[test]
    fn the_compacted_form_leaves_no_gaps() {
        let which = XFeatures::SSE | XFeatures::PKRU;
        let pieces = busy().save(which, Save::Compacted, 0);
        assert!(pieces.iter().any(|(at, bytes)| *at == EXTENDED_REGION && bytes.len() == 8));
        assert_eq!((compacted_bytes(which), compacted_bytes(ALL), standard_bytes(ALL)), (584, 840, 2696));
    }

    #[test]
    fn bad_headers_are_refused() {
        let parse = |words: [u64; 8], set| {
            let bytes = words.map(u64::to_le_bytes).concat();
            Header::parse(&std::array::from_fn(|i| bytes[i]), XFeatures::all() - XFeatures::PKRU, set).is_ok()
        };
        let v3 = Features::V3;
        assert!(parse([7, 0, 0, 9, 9, 9, 9, 9], v3), "the standard form looks at three words");
        assert!(parse([5, COMPACTED | 7, 0, 0, 0, 0, 0, 0], v3));
        for bad in [
            [8, 0, 0, 0, 0, 0, 0, 0],
            [1 << 9, 0, 0, 0, 0, 0, 0, 0],
            [7, 1, 0, 0, 0, 0, 0, 0],
            [7, 0, 1, 0, 0, 0, 0, 0],
            [7, COMPACTED | 3, 0, 0, 0, 0, 0, 0],
            [0, COMPACTED | 8, 0, 0, 0, 0, 0, 0],
            [7, COMPACTED | 7, 0, 0, 0, 0, 0, 1],
        ] {
            assert!(!parse(bad, v3), "{bad:x?}");
        }
        assert!(!parse([7, COMPACTED | 7, 0, 0, 0, 0, 0, 0], v3 - Features::XSAVEC));
    }

    #[test]
    fn a_bit_of_mxcsr_that_does_not_exist_is_refused() {
        let mut bad = image(&busy(), ALL, Save::All, 0);
        bad[XsaveImage::MXCSR + 2] = 1;
        assert_eq!(restored(&bad, XFeatures::AVX, &busy()), Err(RestoreError::Bad(BadImage)));
        assert!(restored(&bad, XFeatures::X87, &busy()).is_ok());
    }
}
