//! The seam to a swap device: pages of memory in numbered slots.

use arch::FRAME_SIZE;
use std::fmt;
use std::io;
use thiserror::Error;

/// The bytes of one page.
pub type PageBytes = [u8; FRAME_SIZE as usize];

/// The number of a page on a swap device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SwapSlot(pub u32);

impl fmt::Display for SwapSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {}", self.0)
    }
}

/// A page that did not get to the device, or back.
#[derive(Debug, Error)]
pub enum SwapError {
    /// The page could not be read: what it held is lost to whoever needs it now.
    #[error("{0} of the swap device cannot be read")]
    Read(SwapSlot, #[source] io::Error),
    /// The page could not be written: the slot holds nothing of use, the page in memory is unharmed.
    #[error("{0} of the swap device cannot be written")]
    Write(SwapSlot, #[source] io::Error),
}

/// Where pages go that memory has no room for.
///
/// A device is plain storage: it knows neither which slots are in use nor for whom, does nothing behind the caller's back,
/// and takes no virtual time of its own. A slot that was never written may hold anything.
pub trait SwapDevice: fmt::Debug {
    /// How many slots it has; they are numbered from 0.
    fn slots(&self) -> u32;

    /// Copies the page in `slot`, which is below [`Self::slots`], into `page`.
    ///
    /// # Errors
    /// [`SwapError::Read`]; what `page` holds then is not to be used.
    fn read(&mut self, slot: SwapSlot, page: &mut PageBytes) -> Result<(), SwapError>;

    /// Copies `page` to `slot`, which is below [`Self::slots`].
    ///
    /// # Errors
    /// [`SwapError::Write`]; what the slot holds then is not to be used.
    fn write(&mut self, slot: SwapSlot, page: &PageBytes) -> Result<(), SwapError>;
}
