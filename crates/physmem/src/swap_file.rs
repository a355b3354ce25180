//! A swap device that is a file of the host.
//!
//! Invariant: the host has given all of the file's space before the first page goes out, so a full disk is an error at the
//! start and not in the middle of a run. Pages are read and written by `pread` and `pwrite`, never mapped: what the host
//! does to the file behind our back is then an error of one page, and not our own SIGBUS.
//!
//! Slot `n` is the file's page `n`.

use arch::{FRAME_SHIFT, FRAME_SIZE};
use paging::{PageBytes, SwapDevice, SwapError, SwapSlot};
use rustix::fs::{FallocateFlags, fallocate, fstatvfs};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use thiserror::Error;

/// The smallest device: Linux keeps the first page for a header, and one must be left for pages.
const MIN_PAGES: u64 = 2;
/// The largest device: 1 TiB, as much as the largest RAM.
const MAX_PAGES: u64 = 1 << (40 - FRAME_SHIFT);

/// Why there is no swap device.
#[derive(Debug, Error)]
pub enum SwapFileError {
    /// The size is out of range.
    #[error("a swap device has from 8 KiB to 1 TiB, not {0} bytes")]
    Size(u64),
    /// There is no file of that name, or it may not be read and written.
    #[error("the swap file cannot be opened for reading and writing")]
    Open(#[source] io::Error),
    /// It is a directory, a device, a pipe.
    #[error("the swap file is not a regular file")]
    NotRegular,
    /// Another machine swaps to it.
    #[error("the swap file is in use by another machine")]
    InUse,
    /// No unnamed file can be made in the host's folder for temporary files.
    #[error("no temporary file can be made for swap")]
    Temporary(#[source] io::Error),
    /// The host's limit on the size of files (RLIMIT_FSIZE) is lower.
    #[error("{bytes} bytes of swap are more than the {limit} bytes that a file may have (RLIMIT_FSIZE)")]
    FileSizeLimit {
        /// Bytes of the device.
        bytes: u64,
        /// Bytes that a file of this process may have.
        limit: u64,
    },
    /// The host's disk has no room for all of it.
    #[error("the host has no room for {bytes} bytes of swap")]
    NoSpace {
        /// Bytes of the device.
        bytes: u64,
        /// What the host says.
        #[source]
        cause: io::Error,
    },
}

/// A swap device over a regular file of the host.
#[derive(Debug)]
pub struct SwapFile {
    file: File,
    slots: u32,
}

impl SwapFile {
    /// A device of `bytes`, rounded down to whole pages, over an unnamed file in the host's folder for temporary files. The
    /// file is gone when the device is.
    ///
    /// # Errors
    /// [`SwapFileError`]; too little room on the host's disk is one.
    pub fn temporary(bytes: u64) -> Result<Self, SwapFileError> {
        let slots = slots_of(bytes)?;
        let file = tempfile::tempfile().map_err(SwapFileError::Temporary)?;
        Self::over(file, slots)
    }

    /// A device over a file that is there, as large as the whole pages in it. What the file holds is overwritten, apart from
    /// slots that nobody uses. It belongs to this device alone, as far as others ask (`flock`).
    ///
    /// # Errors
    /// [`SwapFileError`] if it is no regular file, may not be written, is too small, is in use, or has holes that the host's
    /// disk has no room for.
    pub fn open(path: &Path) -> Result<Self, SwapFileError> {
        // Looked at first, as to open a pipe or a device may do something.
        if !std::fs::metadata(path).map_err(SwapFileError::Open)?.is_file() {
            return Err(SwapFileError::NotRegular);
        }
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(SwapFileError::Open)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SwapFileError::InUse),
            Err(TryLockError::Error(cause)) => return Err(SwapFileError::Open(cause)),
        }
        let bytes = file.metadata().map_err(SwapFileError::Open)?.len();
        Self::over(file, slots_of(bytes)?)
    }

    /// Takes the file once the host has given all its space.
    fn over(file: File, slots: u32) -> Result<Self, SwapFileError> {
        let bytes = offset_of(slots);
        // To go beyond this limit is not only an error: it ends the process by SIGXFSZ.
        if let Some(limit) = getrlimit(Resource::Fsize).current.filter(|&limit| limit < bytes) {
            return Err(SwapFileError::FileSizeLimit { bytes, limit });
        }
        reserve(&file, slots).map_err(|cause| SwapFileError::NoSpace { bytes, cause })?;
        Ok(Self { file, slots })
    }
}

impl SwapDevice for SwapFile {
    fn slots(&self) -> u32 {
        self.slots
    }

    fn read(&mut self, slot: SwapSlot, page: &mut PageBytes) -> Result<(), SwapError> {
        self.file.read_exact_at(page, offset_of(slot.0)).map_err(|cause| SwapError::Read(slot, cause))
    }

    fn write(&mut self, slot: SwapSlot, page: &PageBytes) -> Result<(), SwapError> {
        debug_assert!(slot.0 < self.slots, "{slot} is beyond the device");
        self.file.write_all_at(page, offset_of(slot.0)).map_err(|cause| SwapError::Write(slot, cause))
    }
}

fn slots_of(bytes: u64) -> Result<u32, SwapFileError> {
    let pages = bytes >> FRAME_SHIFT;
    let in_range = (MIN_PAGES..=MAX_PAGES).contains(&pages);
    u32::try_from(pages).ok().filter(|_| in_range).ok_or(SwapFileError::Size(bytes))
}

fn offset_of(slot: u32) -> u64 {
    u64::from(slot) << FRAME_SHIFT
}

/// Has the host give all blocks of the file now. Where the file system cannot do that by itself, every page is read and
/// written back, as `posix_fallocate` does. A disk that has too little is not filled first to find out.
fn reserve(file: &File, slots: u32) -> io::Result<()> {
    let disk = fstatvfs(file)?;
    let missing = offset_of(slots).saturating_sub(file.metadata()?.blocks().saturating_mul(512));
    if disk.f_bavail.saturating_mul(disk.f_frsize) < missing {
        return Err(Errno::NOSPC.into());
    }
    match fallocate(file, FallocateFlags::empty(), 0, offset_of(slots)) {
        Err(Errno::OPNOTSUPP) => rewrite(file, slots),
        outcome => Ok(outcome?),
    }
}

fn rewrite(file: &File, slots: u32) -> io::Result<()> {
    if file.metadata()?.len() < offset_of(slots) {
        file.set_len(offset_of(slots))?;
    }
    let mut page = [0; FRAME_SIZE as usize];
    for slot in 0..slots {
        file.read_exact_at(&mut page, offset_of(slot))?;
        file.write_all_at(&page, offset_of(slot))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use tempfile::TempDir;

    const KIB: u64 = 1024;

    fn file_of(bytes: u64) -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("swap");
        File::create(&path).unwrap().set_len(bytes).unwrap();
        (folder, path)
    }

    #[test]
    fn pages_go_out_and_come_back() {
        let mut swap = SwapFile::temporary(64 * KIB + 100).unwrap();
        assert_eq!(swap.slots(), 16);
        for slot in 0..16 {
            swap.write(SwapSlot(slot), &[slot as u8 + 1; 4096]).unwrap();
        }
        let mut page = [0; 4096];
        for slot in (0..16).rev() {
            swap.read(SwapSlot(slot), &mut page).unwrap();
            assert_eq!(page, [slot as u8 + 1; 4096], "slot {slot}");
        }
    }

    #[test]
    fn sizes_are_checked() {
        for bytes in [0, 4096, 8191, (1 << 40) + 4096, u64::MAX] {
            assert!(matches!(SwapFile::temporary(bytes), Err(SwapFileError::Size(b)) if b == bytes), "{bytes}");
        }
        assert_eq!(SwapFile::temporary(8192).unwrap().slots(), 2);
        let (_folder, small) = file_of(8191);
        assert!(matches!(SwapFile::open(&small), Err(SwapFileError::Size(8191))));
    }

    #[test]
    fn a_file_of_holes_is_filled_and_keeps_its_size() {
        let (_folder, path) = file_of(64 * KIB + 5);
        assert_eq!(std::fs::metadata(&path).unwrap().blocks(), 0);
        let mut swap = SwapFile::open(&path).unwrap();
        let meta = std::fs::metadata(&path).unwrap();
        assert!(meta.blocks() * 512 >= 64 * KIB, "{} blocks", meta.blocks());
        assert_eq!((swap.slots(), meta.len()), (16, 64 * KIB + 5));
        swap.write(SwapSlot(15), &[7; 4096]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((bytes[15 * 4096 - 1], bytes[15 * 4096], bytes[16 * 4096]), (0, 7, 0));
    }

    /// What is done where `fallocate` is not known.
    #[test]
    fn a_rewrite_changes_nothing_and_leaves_no_hole() {
        let (_folder, path) = file_of(0);
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        file.set_len(3 * 4096).unwrap();
        file.write_all_at(b"here", 4096).unwrap();
        rewrite(&file, 4).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((bytes.len(), &bytes[4096..4100]), (4 * 4096, &b"here"[..]));
        assert!(std::fs::metadata(&path).unwrap().blocks() * 512 >= 4 * 4096);
    }

    #[test]
    fn what_is_no_regular_file_is_refused() {
        let folder = TempDir::new().unwrap();
        assert!(matches!(SwapFile::open(folder.path()), Err(SwapFileError::NotRegular)));
        assert!(matches!(SwapFile::open(Path::new("/dev/null")), Err(SwapFileError::NotRegular)));
        let missing = SwapFile::open(&folder.path().join("none"));
        assert!(matches!(missing, Err(SwapFileError::Open(e)) if e.kind() == io::ErrorKind::NotFound));
    }

    #[test]
    fn one_file_serves_one_device() {
        let (_folder, path) = file_of(8 * KIB);
        let first = SwapFile::open(&path).unwrap();
        assert!(matches!(SwapFile::open(&path), Err(SwapFileError::InUse)));
        drop(first);
        assert!(SwapFile::open(&path).is_ok());
    }

    #[test]
    fn a_file_cut_off_behind_our_back_is_an_error_of_one_page() {
        let (_folder, path) = file_of(16 * KIB);
        let mut swap = SwapFile::open(&path).unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(4096).unwrap();
        let mut page = [0; 4096];
        assert!(swap.read(SwapSlot(0), &mut page).is_ok());
        assert!(matches!(swap.read(SwapSlot(2), &mut page), Err(SwapError::Read(SwapSlot(2), _))));
    }
}
