//! RAM as one anonymous mapping of the host.
//!
//! Protocol: all access is through raw pointers into the mapping, bounds-checked here; no Rust reference to guest memory
//! ever exists, so a [`FramePtr`] held by the MMU never conflicts with one. A simulated machine is used by one host thread
//! at a time.
#![allow(unsafe_code, reason = "guest memory is reached by pointer, checked against the size of RAM")]

use arch::{FRAME_SIZE, Pfn, PhysAddr};
use memmap2::{MmapOptions, MmapRaw};
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// The smallest RAM: room for the kernel layer's own tables and a small program.
const MIN_BYTES: u64 = 1 << 20;
/// Bytes of the host's memory that are asked for at once.
const POPULATE_BATCH: u64 = 64 << 10;
/// The largest RAM: 1 TiB of address space.
const MAX_BYTES: u64 = 1 << 40;

/// Why there is no RAM.
#[derive(Debug, Error)]
pub enum RamError {
    /// The size is out of range or not a multiple of 4 KiB.
    #[error("RAM must be a multiple of 4 KiB from 1 MiB to 1 TiB, not {0} bytes")]
    Size(u64),
    /// The host has no address space for it.
    #[error("the host cannot reserve {0} bytes for RAM")]
    Host(u64, #[source] std::io::Error),
}

/// Simulated RAM from physical address 0 on.
#[derive(Debug)]
pub struct Ram {
    map: MmapRaw,
    bytes: u64,
    /// The first byte that the host was not yet asked to populate, see [`Ram::will_use`].
    populated: u64,
}

/// The host address of a frame's first byte. Valid for 4096 bytes as long as the [`Ram`] lives.
pub type FramePtr = *mut u8;

impl Ram {
    /// `bytes` of RAM, all zero.
    ///
    /// # Errors
    /// [`RamError`] if the size is out of range or the host refuses.
    pub fn new(bytes: u64) -> Result<Self, RamError> {
        if !(MIN_BYTES..=MAX_BYTES).contains(&bytes) || !bytes.is_multiple_of(FRAME_SIZE) {
            return Err(RamError::Size(bytes));
        }
        let map = MmapOptions::new()
            .len(usize::try_from(bytes).map_err(|_| RamError::Size(bytes))?)
            .no_reserve_swap()
            .map_anon()
            .map_err(|e| RamError::Host(bytes, e))?;
        Ok(Self { map: map.into(), bytes, populated: 0 })
    }

    /// Size in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many of `len` bytes from `pa` on lie in RAM.
    #[must_use]
    pub fn span(&self, pa: PhysAddr, len: usize) -> usize {
        let rest = self.bytes.saturating_sub(pa.0);
        usize::try_from(rest).map_or(len, |rest| rest.min(len))
    }

    /// The host address of a frame.
    ///
    /// # Panics
    /// If the frame is beyond RAM.
    #[must_use]
    pub fn frame_ptr(&self, pfn: Pfn) -> FramePtr {
        self.ptr(pfn.base(), FRAME_SIZE as usize)
    }

    /// The physical address of a frame that [`Self::frame_ptr`] has given.
    #[must_use]
    pub fn address_of(&self, frame: FramePtr) -> PhysAddr {
        PhysAddr((frame.addr() - self.frame_ptr(Pfn(0)).addr()) as u64)
    }

    /// Copies RAM from `pa` on into `buf`. The bytes lie in RAM.
    pub fn read(&self, pa: PhysAddr, buf: &mut [u8]) {
        let src = self.ptr(pa, buf.len());
        // SAFETY: `ptr` has checked that the bytes lie in the mapping, and `buf` is host memory outside of it.
        unsafe { std::ptr::copy_nonoverlapping(src, buf.as_mut_ptr(), buf.len()) }
    }

    /// Copies `bytes` to RAM from `pa` on. The bytes lie in RAM.
    pub fn write(&mut self, pa: PhysAddr, bytes: &[u8]) {
        let dst = self.ptr(pa, bytes.len());
        // SAFETY: as in `read`.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), dst, bytes.len()) }
    }

    /// Sets a frame to zero.
    pub fn zero_frame(&mut self, pfn: Pfn) {
        let dst = self.frame_ptr(pfn);
        // SAFETY: `frame_ptr` has checked that the frame's 4096 bytes lie in the mapping.
        unsafe { dst.write_bytes(0, FRAME_SIZE as usize) }
    }

    /// Asks the host for the memory of a frame and those behind it, 64 KiB at a time, as a fault of the host's for each would cost
    /// more than the guest's own. Frames are taken from the lowest on, so one mark says what was asked for; what was missed
    /// below it, and what the host refuses, comes by faults.
    pub fn will_use(&mut self, pfn: Pfn) {
        let at = pfn.base().0;
        if at >= self.populated {
            let start = at - at % POPULATE_BATCH;
            self.populated = (start + POPULATE_BATCH).min(self.bytes);
            #[cfg(target_os = "linux")]
            let _refused = {
                let len = (self.populated - start) as usize;
                self.map.advise_range(memmap2::Advice::PopulateWrite, start as usize, len)
            };
        }
    }

    /// Copies one frame onto another.
    pub fn copy_frame(&mut self, from: Pfn, to: Pfn) {
        let (src, dst) = (self.frame_ptr(from), self.frame_ptr(to));
        // SAFETY: both frames lie in the mapping; `copy` allows them to be the same.
        unsafe { std::ptr::copy(src, dst, FRAME_SIZE as usize) }
    }

    /// The 8 bytes at `pa`, a multiple of 8 in RAM, as one atomic cell.
    #[must_use]
    pub fn cell(&self, pa: PhysAddr) -> Cell<'_> {
        let ptr = self.ptr(pa, 8).cast::<u64>();
        assert!(ptr.is_aligned(), "{pa} is not a multiple of 8");
        // SAFETY: in bounds, aligned, and the mapping outlives the borrow of `self`.
        Cell(unsafe { AtomicU64::from_ptr(ptr) })
    }

    /// The 8 bytes at `pa`, if they are in RAM and `pa` a multiple of 8: what a page walk reads.
    #[inline]
    #[must_use]
    pub fn load_cell(&self, pa: PhysAddr) -> Option<u64> {
        if pa.0 >= self.bytes || !pa.0.is_multiple_of(8) {
            return None;
        }
        // SAFETY: RAM is a number of whole frames, so all 8 bytes are in the mapping if the first is; it begins at a frame,
        // so they are aligned; and it outlives the borrow of `self`.
        let cell = unsafe { AtomicU64::from_ptr(self.map.as_mut_ptr().add(pa.0 as usize).cast()) };
        Some(Cell(cell).load())
    }

    fn ptr(&self, pa: PhysAddr, len: usize) -> *mut u8 {
        assert!(self.span(pa, len) == len, "{pa} and {len} bytes are not in RAM");
        // SAFETY: the offset was just checked to lie within the mapping.
        unsafe { self.map.as_mut_ptr().add(pa.0 as usize) }
    }
}

/// Eight bytes of RAM that are read and written in one access, little-endian as the guest sees them.
pub struct Cell<'a>(&'a AtomicU64);

impl Cell<'_> {
    /// The value.
    #[must_use]
    pub fn load(&self) -> u64 {
        u64::from_le(self.0.load(Ordering::Relaxed))
    }

    /// Replaces the value.
    pub fn store(&self, value: u64) {
        self.0.store(value.to_le(), Ordering::Relaxed);
    }

    /// Replaces the value if it is `current`.
    ///
    /// # Errors
    /// The value that was found instead.
    pub fn compare_exchange(&self, current: u64, new: u64) -> Result<(), u64> {
        let found = self.0.compare_exchange(current.to_le(), new.to_le(), Ordering::Relaxed, Ordering::Relaxed);
        found.map(drop).map_err(u64::from_le)
    }
}

// SAFETY: a `Ram` owns its mapping, which any thread may use; the pointers handed out go with the machine that holds both.
unsafe impl Send for Ram {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_checked() {
        for bytes in [0, 4096, (1 << 20) + 1, u64::MAX, 1 << 41] {
            assert!(matches!(Ram::new(bytes), Err(RamError::Size(_))), "{bytes}");
        }
    }

    #[test]
    fn bytes_go_in_and_come_out() {
        let mut ram = Ram::new(1 << 20).unwrap();
        ram.write(PhysAddr(4094), &[1, 2, 3, 4]);
        let mut buf = [0; 4];
        ram.read(PhysAddr(4094), &mut buf);
        assert_eq!(buf, [1, 2, 3, 4]);
        ram.copy_frame(Pfn(0), Pfn(7));
        ram.zero_frame(Pfn(0));
        ram.read(PhysAddr(4094), &mut buf);
        assert_eq!(buf, [0, 0, 3, 4]);
        assert_eq!(ram.cell(PhysAddr(8 * 4096 - 8)).load(), 0x0201 << 48);
    }

    #[test]
    #[should_panic(expected = "not in RAM")]
    fn nothing_is_read_beyond_the_end() {
        Ram::new(1 << 20).unwrap().read(PhysAddr((1 << 20) - 1), &mut [0; 2]);
    }
}
