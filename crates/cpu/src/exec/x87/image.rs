//! The x87 part of the FXSAVE image (SDM "FXSAVE").

use super::f80::F80;
use super::unit::Fpu;
use arch::XsaveImage;

/// Byte offsets in the image.
const FCW: usize = 0;
const FSW: usize = 2;
const FTW: usize = 4;
/// FOP, FIP and FDP: the core does not track the last instruction, so they are 0.
const LAST_INSTRUCTION: std::ops::Range<usize> = 6..24;

impl Fpu {
    /// Writes the x87 part of an FXSAVE image, and nothing else.
    pub(crate) fn store_fxsave(&self, image: &mut [u8; 512]) {
        image[FCW..][..2].copy_from_slice(&self.control.to_le_bytes());
        image[FSW..][..2].copy_from_slice(&self.status_word().to_le_bytes());
        image[FTW] = self.valid;
        image[FTW + 1] = 0;
        image[LAST_INSTRUCTION].fill(0);
        for i in 0..8 {
            let at = XsaveImage::ST0 + 16 * usize::from(i);
            image[at..][..10].copy_from_slice(&self.regs[usize::from(self.physical(i))].to_bytes());
            image[at + 10..][..6].fill(0);
        }
    }

    /// Reads the x87 part of an FXSAVE image.
    pub(crate) fn load_fxsave(&mut self, image: &[u8; 512]) {
        let word = |at: usize| u16::from_le_bytes([image[at], image[at + 1]]);
        self.set_control(word(FCW));
        self.set_status_word(word(FSW));
        self.valid = image[FTW];
        for i in 0..8 {
            let at = XsaveImage::ST0 + 16 * usize::from(i);
            self.regs[usize::from(self.physical(i))] = F80::from_bytes(std::array::from_fn(|n| image[at + n]));
        }
    }
}
