//! The x87 part of the FXSAVE image (SDM "FXSAVE").

use super::f80::F80;
use super::unit::{Fpu, LastInstruction};
use arch::XsaveImage;

/// Byte offsets in the image.
const FCW: usize = 0;
const FSW: usize = 2;
const FTW: usize = 4;
const FOP: usize = 6;
const FIP: usize = 8;
const FDP: usize = 16;

impl Fpu {
    /// Writes the x87 part of an FXSAVE image, and nothing else.
    pub(crate) fn store_fxsave(&self, image: &mut [u8; 512]) {
        image[FCW..][..2].copy_from_slice(&self.control.to_le_bytes());
        image[FSW..][..2].copy_from_slice(&self.status_word().to_le_bytes());
        image[FTW] = self.valid;
        image[FTW + 1] = 0;
        let LastInstruction { ip, data, opcode } = self.last;
        image[FOP..][..2].copy_from_slice(&opcode.to_le_bytes());
        image[FIP..][..8].copy_from_slice(&ip.to_le_bytes());
        image[FDP..][..8].copy_from_slice(&data.to_le_bytes());
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
        let pointer = |at: usize| u64::from_le_bytes(std::array::from_fn(|n| image[at + n]));
        self.last = LastInstruction::new(pointer(FIP), pointer(FDP), word(FOP));
        for i in 0..8 {
            let at = XsaveImage::ST0 + 16 * usize::from(i);
            self.regs[usize::from(self.physical(i))] = F80::from_bytes(std::array::from_fn(|n| image[at + n]));
        }
    }
}
