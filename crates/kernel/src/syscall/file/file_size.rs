//! How large a file may become: RLIMIT_FSIZE. A write goes as far as the limit; one that starts there, and a new length beyond
//! it, fail with `EFBIG` and SIGXFSZ (Linux's `generic_write_check_limits` and `inode_newsize_ok`).

use crate::Errno;
use crate::fs::{At, InodeId, OpenFileId};
use crate::kernel::Kernel;
use crate::process::{RLIM_INFINITY, Resource};
use crate::signal::{SigCode, SigInfo, Signal, Target};

impl Kernel {
    /// Bytes that a write may still put into a file from there on.
    ///
    /// # Errors
    /// Of a host file that cannot be asked for its size.
    pub(super) fn room_in_file(&mut self, file: OpenFileId, at: At) -> Result<u64, Errno> {
        let limit = self.current.limits.get(Resource::Fsize).soft;
        if limit == RLIM_INFINITY {
            return Ok(u64::MAX);
        }
        Ok(self.vfs.start_of_write(file, at)?.map_or(u64::MAX, |start| limit.saturating_sub(start)))
    }

    /// Whether a file may get a new length.
    ///
    /// # Errors
    /// `EFBIG`, with the signal, if it would grow beyond the limit.
    pub(super) fn may_grow(&mut self, inode: InodeId, size: u64) -> Result<(), Errno> {
        let limit = self.current.limits.get(Resource::Fsize).soft;
        if size > self.vfs.inode_size(inode) && size > limit { Err(self.file_too_large()) } else { Ok(()) }
    }

    /// The signal for what is beyond the limit, and the error.
    pub(super) fn file_too_large(&mut self) -> Errno {
        let (pid, uid) = (self.current.pid, self.current.credentials.user.real);
        self.current.signals.raise(Target::Thread, SigInfo::sent(Signal::XFSZ, SigCode::SI_USER, pid, uid));
        Errno::EFBIG
    }
}
