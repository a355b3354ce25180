//! `ioctl`: terminals, and the few requests that all files know.

use super::{Args, SysResult};
use crate::fs::{FileKind, OnExec, OpenFileId, OpenFlags, SettingsWhen, Stream, TerminalSettings};
use crate::kernel::Kernel;
use crate::signal::Signal;
use crate::{Errno, Hw};
use arch::LinearAddr;

const TCGETS: u32 = 0x5401;
const TCSETS: u32 = 0x5402;
const TCSETSW: u32 = 0x5403;
const TCSETSF: u32 = 0x5404;
/// `tcdrain` and `tcsendbreak`.
const TCSBRK: u32 = 0x5409;
const TIOCGWINSZ: u32 = 0x5413;
const FIONREAD: u32 = 0x541b;
const FIONBIO: u32 = 0x5421;
const FIONCLEX: u32 = 0x5450;
const FIOCLEX: u32 = 0x5451;

impl Kernel {
    pub(super) fn sys_ioctl(&mut self, hw: &mut Hw<'_>, [fd, request, arg, ..]: Args) -> SysResult {
        let file = self.file(fd)?;
        if self.vfs.file_flags(file).contains(OpenFlags::PATH) {
            return Err(Errno::EBADF);
        }
        match request as u32 {
            FIOCLEX => self.vfs.fds_mut(self.current.files).set_on_exec(fd, OnExec::Close).map(|()| 0),
            FIONCLEX => self.vfs.fds_mut(self.current.files).set_on_exec(fd, OnExec::Keep).map(|()| 0),
            FIONBIO => self.set_nonblocking(hw, file, arg),
            FIONREAD => {
                let bytes = self.readable_bytes(file)?;
                self.copy_to_user(hw, LinearAddr(arg), &bytes.to_le_bytes())?;
                Ok(0)
            }
            request => match self.vfs.file(file).kind {
                FileKind::Stream(stream) => self.terminal_request(hw, stream, request, arg),
                _ => Err(Errno::ENOTTY),
            },
        }
    }

    fn set_nonblocking(&mut self, hw: &mut Hw<'_>, file: OpenFileId, arg: u64) -> SysResult {
        let on = u32::from_le_bytes(self.read_user::<4>(hw, LinearAddr(arg))?) != 0;
        let mut flags = self.vfs.file_flags(file);
        flags.set(OpenFlags::NONBLOCK, on);
        self.vfs.set_file_flags(file, flags);
        Ok(0)
    }

    /// FIONREAD: what a read would give without waiting.
    fn readable_bytes(&mut self, file: OpenFileId) -> Result<u32, Errno> {
        let open = self.vfs.file(file);
        match (open.kind, open.inode) {
            (FileKind::Regular, Some(inode)) => {
                let left = self.vfs.inode_size(inode).saturating_sub(open.offset);
                // Linux stores the low 32 bits of the difference.
                Ok(left as u32)
            }
            (FileKind::Pipe(pipe), _) => Ok(self.vfs.pipe_len(pipe) as u32),
            (FileKind::Socket(id), _) => Ok(self.vfs.socket_readable(id) as u32),
            (FileKind::Stream(stream), _) => self.vfs.console().available(stream),
            _ => Err(Errno::ENOTTY),
        }
    }

    fn terminal_request(&mut self, hw: &mut Hw<'_>, stream: Stream, request: u32, arg: u64) -> SysResult {
        let settings = self.vfs.console().terminal(stream)?;
        if let Some(result) = self.job_control_request(hw, request, arg) {
            return result;
        }
        let arg = LinearAddr(arg);
        match request {
            TCGETS => self.copy_to_user(hw, arg, &encode(&settings))?,
            TCSETS => self.set_terminal(hw, stream, SettingsWhen::Now, arg)?,
            TCSETSW => self.set_terminal(hw, stream, SettingsWhen::Drain, arg)?,
            TCSETSF => self.set_terminal(hw, stream, SettingsWhen::Flush, arg)?,
            // What was written has gone to the host at once, and there is no line to break.
            TCSBRK => {}
            TIOCGWINSZ => {
                let size = self.vfs.console().window_size(stream)?;
                let words = [size.rows, size.columns, size.x_pixels, size.y_pixels];
                let bytes: Vec<u8> = words.into_iter().flat_map(u16::to_le_bytes).collect();
                self.copy_to_user(hw, arg, &bytes)?;
            }
            _ => return Err(Errno::ENOTTY),
        }
        Ok(0)
    }

    fn set_terminal(
        &mut self,
        hw: &mut Hw<'_>,
        stream: Stream,
        when: SettingsWhen,
        arg: LinearAddr,
    ) -> Result<(), Errno> {
        self.check_foreground(Signal::TTOU)?;
        let settings = decode(&self.read_user::<36>(hw, arg)?);
        self.vfs.console().set_terminal(stream, when, &settings)
    }
}

/// `struct termios` of the kernel: four words of modes, the line discipline, 19 codes.
fn encode(settings: &TerminalSettings) -> [u8; 36] {
    let mut out = [0; 36];
    for (bytes, mode) in out.chunks_exact_mut(4).zip(settings.modes) {
        bytes.copy_from_slice(&mode.to_le_bytes());
    }
    out[16] = settings.line;
    out[17..].copy_from_slice(&settings.codes);
    out
}

fn decode(raw: &[u8; 36]) -> TerminalSettings {
    let mode = |i: usize| u32::from_le_bytes(raw[4 * i..4 * i + 4].try_into().expect("four bytes"));
    let codes = raw[17..].try_into().expect("the rest is 19 bytes");
    TerminalSettings { modes: [mode(0), mode(1), mode(2), mode(3)], line: raw[16], codes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_the_way_to_the_guest_and_back() {
        let codes = std::array::from_fn(|i| i as u8);
        let settings = TerminalSettings { modes: [1, 0x8000_0002, 3, 4], line: 5, codes };
        assert_eq!(decode(&encode(&settings)), settings);
    }
}
