//! Control messages of sockets: descriptors that travel (SCM_RIGHTS; Linux's `net/core/scm.c`).

use crate::fs::{Descriptor, OnExec, OpenFileId};
use crate::kernel::Kernel;
use crate::process::Cap;
use crate::{Errno, Hw};
use arch::LinearAddr;

const SOL_SOCKET: u32 = 1;
const SCM_RIGHTS: u32 = 1;
const SCM_CREDENTIALS: u32 = 2;
/// Bytes of a `struct cmsghdr`: length, level, type.
const HEADER: usize = 16;
/// Descriptors that a message may carry (SCM_MAX_FD).
const SCM_MAX_FD: usize = 253;
/// Bytes of control messages that are looked at (`net.core.optmem_max`).
const MAX_CONTROL: u64 = 128 << 10;

impl Kernel {
    /// The open files that control messages want sent, a reference to each (`__scm_send`).
    ///
    /// # Errors
    /// `EINVAL` for what is malformed, too long, or no message that is known; `EBADF`; `EPERM` for somebody else's ids.
    pub(super) fn read_control(&mut self, hw: &mut Hw<'_>, (at, len): (u64, u64)) -> Result<Vec<OpenFileId>, Errno> {
        if len == 0 {
            return Ok(Vec::new());
        }
        if len > MAX_CONTROL {
            return Err(Errno::ENOBUFS);
        }
        let mut raw = vec![0; len as usize];
        self.copy_from_user(hw, LinearAddr(at), &mut raw)?;
        let mut files = Vec::new();
        let mut rest = &raw[..];
        while rest.len() >= HEADER {
            let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().expect("four bytes"));
            let len = u64::from_le_bytes(rest[..8].try_into().expect("eight bytes")) as usize;
            if len < HEADER || len > rest.len() {
                return Err(Errno::EINVAL);
            }
            match (word(8), word(12)) {
                (SOL_SOCKET, SCM_RIGHTS) => files.extend(self.files_of(&rest[HEADER..len])?),
                (SOL_SOCKET, SCM_CREDENTIALS) => self.check_credentials(&rest[HEADER..len])?,
                (SOL_SOCKET, _) => return Err(Errno::EINVAL),
                _ => {}
            }
            if files.len() > SCM_MAX_FD {
                return Err(Errno::EINVAL);
            }
            rest = &rest[len.next_multiple_of(8).min(rest.len())..];
        }
        for &file in &files {
            self.vfs.file_get(file);
        }
        Ok(files)
    }

    fn files_of(&self, fds: &[u8]) -> Result<Vec<OpenFileId>, Errno> {
        let numbers = fds.chunks_exact(4).map(|fd| i32::from_le_bytes(fd.try_into().expect("four bytes")));
        numbers.map(|fd| self.file(u64::try_from(fd).map_err(|_| Errno::EBADF)?)).collect()
    }

    /// Credentials are told to nobody here, but as on Linux only one's own may be given.
    fn check_credentials(&self, raw: &[u8]) -> Result<(), Errno> {
        let raw: &[u8; 12] = raw.try_into().map_err(|_| Errno::EINVAL)?;
        let word = |at: usize| u32::from_le_bytes(raw[at..at + 4].try_into().expect("four bytes"));
        let who = self.current.credentials;
        let is_uid = [who.user.real, who.user.effective, who.user.saved].contains(&word(4));
        let is_gid = [who.group.real, who.group.effective, who.group.saved].contains(&word(8));
        let me = &self.current;
        let is_pid = word(0) == me.pid.0 || me.may(Cap::SysAdmin);
        let is_own = is_pid && (is_uid || me.may(Cap::Setuid)) && (is_gid || me.may(Cap::Setgid));
        if is_own { Ok(()) } else { Err(Errno::EPERM) }
    }

    /// Gives received open files descriptors, as many as there is room and numbers for, and stores these in a control message
    /// (`scm_detach_fds`). Returns the bytes stored, and whether nothing was left out.
    pub(super) fn install_rights(
        &mut self,
        hw: &mut Hw<'_>,
        (at, room): (u64, u64),
        files: Vec<OpenFileId>,
        (on_exec, is_peek): (OnExec, bool),
    ) -> Result<(u64, bool), Errno> {
        if files.is_empty() {
            return Ok((0, true));
        }
        if is_peek {
            files.iter().for_each(|&file| self.vfs.file_get(file));
        }
        let fits = (room as usize).saturating_sub(HEADER) / 4;
        let fits = if at == 0 { 0 } else { fits };
        let limit = self.fd_limit();
        let mut fds: Vec<u8> = Vec::new();
        let mut left = files.into_iter();
        let count = left.len();
        for file in left.by_ref().take(fits) {
            match self.vfs.fds_mut(self.current.files).install(Descriptor { file, on_exec }, 0, limit) {
                Ok(fd) => fds.extend((fd as u32).to_le_bytes()),
                Err(_) => {
                    self.put_files(hw, vec![file]);
                    break;
                }
            }
        }
        self.put_files(hw, left.collect());
        let whole = fds.len() == 4 * count;
        if fds.is_empty() {
            return Ok((0, whole));
        }
        let len = HEADER + fds.len();
        let header = [&(len as u64).to_le_bytes()[..], &SOL_SOCKET.to_le_bytes(), &SCM_RIGHTS.to_le_bytes()].concat();
        if self.copy_to_user(hw, LinearAddr(at), &[&header[..], &fds].concat()).is_err() {
            for fd in fds.chunks_exact(4) {
                let fd = u32::from_le_bytes(fd.try_into().expect("four bytes"));
                self.sys_close(hw, [fd.into(), 0, 0, 0, 0, 0])?;
            }
            return Ok((0, false));
        }
        Ok(((len.next_multiple_of(8) as u64).min(room), whole))
    }
}
