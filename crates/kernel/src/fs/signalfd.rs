//! signalfd as an open file: the signals that it is for. Reading takes them from whoever reads (`syscall/file/signalfd.rs`).

use super::Vfs;
use super::file::{FileKind, OpenFileId, OpenFlags};
use crate::Errno;
use crate::signal::SigSet;
use crate::wait::Channel;

impl Vfs {
    /// A new signalfd.
    ///
    /// # Errors
    /// `ENFILE`.
    pub(crate) fn open_signals(&mut self, mask: SigSet, flags: OpenFlags) -> Result<OpenFileId, Errno> {
        let file = self.files.insert(FileKind::Signal, None, flags | OpenFlags::RDWR)?;
        self.signal_masks.insert(file, mask);
        Ok(file)
    }

    /// The signals that it is for.
    pub(crate) fn signal_mask(&self, file: OpenFileId) -> SigSet {
        self.signal_masks.get(&file).copied().unwrap_or_default()
    }

    /// Makes it be for others.
    pub(crate) fn set_signal_mask(&mut self, file: OpenFileId, mask: SigSet) {
        self.signal_masks.insert(file, mask);
        self.wake(Channel::Event(file));
    }
}
