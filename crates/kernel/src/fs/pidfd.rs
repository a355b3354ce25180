//! pidfd: a process as an open file (Linux's `fs/pidfs.c`). It is ready when the process has ended.
//!
//! It stands for one process for ever, whoever gets its id later: the kernel layer tells what becomes of the process.

use super::file::{FileKind, OpenFileId, OpenFlags};
use super::{FilesId, Ready, Vfs};
use crate::Errno;
use crate::wait::Channel;
use event::Pid;

/// What has become of the process of a pidfd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// It lives.
    Lives,
    /// It has ended, and its parent has not asked how.
    Ended,
    /// It is gone; another process may have its id.
    Gone,
}

/// What a pidfd stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct PidFile {
    pid: Pid,
    fate: Fate,
}

impl Vfs {
    /// A pidfd for a process that is not gone.
    ///
    /// # Errors
    /// `ENFILE`.
    pub(crate) fn open_pid(&mut self, pid: Pid, fate: Fate, flags: OpenFlags) -> Result<OpenFileId, Errno> {
        let file = self.files.insert(FileKind::Pid, None, flags | OpenFlags::RDWR)?;
        self.pid_files.insert(file, PidFile { pid, fate });
        Ok(file)
    }

    /// A pidfd gets its process, which was not there when it was made (CLONE_PIDFD).
    pub(crate) fn set_pid_of_fd(&mut self, files: FilesId, fd: u64, pid: Pid) {
        let Ok(file) = self.fds(files).get(fd) else { return };
        self.pid_files.insert(file, PidFile { pid, fate: Fate::Lives });
    }

    /// The process of a pidfd.
    ///
    /// # Errors
    /// `EBADF` for another file, `ESRCH` if the process is gone.
    pub(crate) fn pid_of_file(&self, file: OpenFileId) -> Result<Pid, Errno> {
        let PidFile { pid, fate } = self.pid_files.get(&file).ok_or(Errno::EBADF)?;
        if *fate == Fate::Gone { Err(Errno::ESRCH) } else { Ok(*pid) }
    }

    /// The pidfds of a process learn what becomes of it.
    pub(crate) fn tell_pid_files(&mut self, pid: Pid, fate: Fate) {
        let mut told = Vec::new();
        for (&file, place) in self.pid_files.iter_mut().filter(|(_, place)| place.pid == pid && place.fate < fate) {
            place.fate = fate;
            told.push(file);
        }
        for file in told {
            self.wake_for(Channel::Event(file), Ready::IN);
        }
    }

    pub(super) fn pid_ready(&self, file: OpenFileId) -> Ready {
        match self.pid_files.get(&file).map(|place| place.fate) {
            Some(Fate::Ended) => Ready::IN,
            Some(Fate::Gone) => Ready::IN | Ready::HUP,
            _ => Ready::empty(),
        }
    }
}
