//! The host's own standard streams.
//!
//! Calls that may wait for ever do so in slices, and look at the interrupt flag between them: so Ctrl-C stops a guest
//! that waits for input. What the streams are (terminal, pipe, file) is the host's to say, so that a program buffers its
//! output as it would natively.

use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, SeekFrom};
use rustix::termios;

#[cfg(target_os = "linux")]
use super::console::SettingsWhen;
use super::console::{Console, Ready, Seek, Stream, TerminalSettings, WindowSize};
use super::file::OpenFlags;
use super::host::stat_fd;
use super::meta::{Kind, Meta};
use crate::Errno;

/// How long a wait lasts before the interrupt flag is looked at.
const SLICE: Duration = Duration::from_millis(100);
/// What a pipe takes without waiting once it says that it is writable (PIPE_BUF).
const PIPE_BUF: usize = 4096;

/// Takes from the terminal what whoever runs the guest has drawn there.
pub type ClearTerminal = Box<dyn FnOnce()>;

/// The host's standard input, output and error.
pub struct HostConsole {
    interrupt: Arc<AtomicBool>,
    /// Which streams are regular files, which never make anybody wait.
    is_file: [bool; 3],
    /// Which streams may make a reader wait.
    waits: [bool; 3],
    /// Called before the guest first reads from a terminal or writes to one.
    clear: Option<ClearTerminal>,
}

impl std::fmt::Debug for HostConsole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostConsole")
            .field("is_file", &self.is_file)
            .field("waits", &self.waits)
            .finish_non_exhaustive()
    }
}

impl HostConsole {
    /// `interrupt` is set from outside, by a signal handler say, to cut short what waits; whoever set it clears it.
    /// `clear` is called once, before the guest first uses a terminal.
    #[must_use]
    pub fn new(interrupt: Arc<AtomicBool>, clear: Option<ClearTerminal>) -> Self {
        let is_file = |stream| stat_fd(fd(stream)).is_ok_and(|s| s.meta.kind == Kind::Regular);
        let waits = |stream| match stat_fd(fd(stream)).map(|s| s.meta.kind) {
            Ok(Kind::Fifo | Kind::Socket) => true,
            Ok(Kind::CharDevice) => termios::isatty(fd(stream)),
            _ => false,
        };
        Self { interrupt, is_file: Stream::ALL.map(is_file), waits: Stream::ALL.map(waits), clear }
    }

    fn clear_terminal(&mut self, stream: Stream) {
        if self.clear.is_some() && termios::isatty(fd(stream)) {
            self.clear.take().into_iter().for_each(|clear| clear());
        }
    }

    /// Waits until the stream is ready, unless it is one that never makes anybody wait.
    fn wait(&mut self, stream: Stream, wanted: Ready) -> Result<(), Errno> {
        if self.is_file[stream as usize] || self.flags(stream).contains(OpenFlags::NONBLOCK) {
            return Ok(());
        }
        self.poll(stream, wanted, None).map(|_| ())
    }
}

fn fd(stream: Stream) -> BorrowedFd<'static> {
    match stream {
        Stream::In => rustix::stdio::stdin(),
        Stream::Out => rustix::stdio::stdout(),
        Stream::Err => rustix::stdio::stderr(),
    }
}

/// The host's name for each event.
const EVENTS: [(Ready, PollFlags); 4] = [
    (Ready::IN, PollFlags::IN),
    (Ready::OUT, PollFlags::OUT),
    (Ready::ERR, PollFlags::ERR),
    (Ready::HUP, PollFlags::HUP),
];

/// One host poll of at most `wait`: what each stream is ready for.
fn poll_once(wants: &[(Stream, Ready)], wait: Duration) -> Result<Vec<Ready>, Errno> {
    let fds: Vec<_> = wants.iter().map(|&(stream, wanted)| (fd(stream), wanted)).collect();
    let flags = |wanted: Ready| EVENTS.iter().filter(|(r, _)| wanted.contains(*r)).map(|&(_, flag)| flag).collect();
    let mut polled: Vec<_> = fds.iter().map(|(fd, wanted)| PollFd::new(fd, flags(*wanted))).collect();
    let timeout = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
    match poll(&mut polled, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(e) => return Err(e.into()),
    }
    let seen = |fd: &PollFd<'_>| {
        EVENTS.iter().filter(|(_, flag)| fd.revents().contains(*flag)).map(|&(ready, _)| ready).collect()
    };
    Ok(polled.iter().map(seen).collect())
}

impl HostConsole {
    /// Polls in slices until something is ready, the time is up, or the flag is set.
    fn poll_sliced(&self, wants: &[(Stream, Ready)], wait: Option<Duration>) -> Result<Vec<Ready>, Errno> {
        let start = Instant::now();
        loop {
            let left = wait.map_or(SLICE, |wait| wait.saturating_sub(start.elapsed()).min(SLICE));
            let ready = poll_once(wants, left)?;
            if ready.iter().any(|ready| !ready.is_empty()) {
                return Ok(ready);
            }
            if wait.is_some_and(|wait| start.elapsed() >= wait) {
                return Ok(ready);
            }
            if self.interrupt.load(Ordering::Relaxed) {
                return Err(Errno::EINTR);
            }
        }
    }
}

impl Console for HostConsole {
    fn path(&self, stream: Stream) -> Option<PathBuf> {
        let link = format!("/proc/self/fd/{}", stream as usize);
        self.is_file[stream as usize].then(|| std::fs::read_link(link).ok()).flatten()
    }

    fn read(&mut self, stream: Stream, buf: &mut [u8]) -> Result<usize, Errno> {
        self.clear_terminal(stream);
        self.wait(stream, Ready::IN)?;
        Ok(rustix::io::read(fd(stream), buf)?)
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) -> Result<usize, Errno> {
        self.clear_terminal(stream);
        if self.is_file[stream as usize] {
            return Ok(rustix::io::write(fd(stream), bytes)?);
        }
        let mut done = 0;
        while done < bytes.len() {
            let part = &bytes[done..bytes.len().min(done + PIPE_BUF)];
            let result = self.wait(stream, Ready::OUT).and_then(|()| Ok(rustix::io::write(fd(stream), part)?));
            match result {
                Ok(n) => done += n,
                Err(_) if done > 0 => break,
                Err(e) => return Err(e),
            }
        }
        Ok(done)
    }

    fn stat(&self, stream: Stream) -> Result<(Meta, Option<(u64, u64)>), Errno> {
        let stat = stat_fd(fd(stream))?;
        Ok((stat.meta, (stat.meta.kind == Kind::Regular).then_some(stat.key)))
    }

    fn flags(&self, stream: Stream) -> OpenFlags {
        let host = rustix::fs::fcntl_getfl(fd(stream)).unwrap_or(OFlags::RDWR);
        let mut flags = match host & OFlags::ACCMODE {
            OFlags::RDONLY => OpenFlags::empty(),
            OFlags::WRONLY => OpenFlags::WRONLY,
            _ => OpenFlags::RDWR,
        };
        flags.set(OpenFlags::APPEND, host.contains(OFlags::APPEND));
        flags.set(OpenFlags::NONBLOCK, host.contains(OFlags::NONBLOCK));
        flags
    }

    fn poll(&mut self, stream: Stream, wanted: Ready, wait: Option<Duration>) -> Result<Ready, Errno> {
        Ok(self.poll_sliced(&[(stream, wanted)], wait)?[0])
    }

    fn may_wait(&self, stream: Stream) -> bool {
        self.waits[stream as usize]
    }

    fn poll_any(&mut self, wants: &[(Stream, Ready)], wait: Option<Duration>) -> Result<Vec<Stream>, Errno> {
        let ready = self.poll_sliced(wants, wait)?;
        let is_ready = |&(_, ready): &(&(Stream, Ready), Ready)| !ready.is_empty();
        Ok(wants.iter().zip(ready).filter(is_ready).map(|(&(stream, _), _)| stream).collect())
    }

    fn seek(&mut self, stream: Stream, to: Seek) -> Result<u64, Errno> {
        let to = match to {
            Seek::Start(offset) => SeekFrom::Start(offset),
            Seek::Current(delta) => SeekFrom::Current(delta),
            Seek::End(delta) => SeekFrom::End(delta),
            #[cfg(target_os = "linux")]
            Seek::Data(offset) => SeekFrom::Data(offset),
            #[cfg(target_os = "linux")]
            Seek::Hole(offset) => SeekFrom::Hole(offset),
            #[cfg(not(target_os = "linux"))]
            Seek::Data(_) | Seek::Hole(_) => return Err(Errno::EINVAL),
        };
        Ok(rustix::fs::seek(fd(stream), to)?)
    }

    fn read_at(&mut self, stream: Stream, offset: u64, buf: &mut [u8]) -> Result<usize, Errno> {
        Ok(rustix::io::pread(fd(stream), buf, offset)?)
    }

    fn write_at(&mut self, stream: Stream, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        Ok(rustix::io::pwrite(fd(stream), bytes, offset)?)
    }

    fn set_size(&mut self, stream: Stream, size: u64) -> Result<(), Errno> {
        Ok(rustix::fs::ftruncate(fd(stream), size)?)
    }

    fn available(&self, stream: Stream) -> Result<u32, Errno> {
        let bytes = rustix::io::ioctl_fionread(fd(stream))?;
        Ok(u32::try_from(bytes).unwrap_or(u32::MAX))
    }

    #[cfg(target_os = "linux")]
    fn terminal(&self, stream: Stream) -> Result<TerminalSettings, Errno> {
        let host = termios::tcgetattr(fd(stream))?;
        let mut codes = [0; 19];
        for (code, index) in codes.iter_mut().zip(CODES) {
            *code = host.special_codes[index];
        }
        let modes =
            [host.input_modes.bits(), host.output_modes.bits(), host.control_modes.bits(), host.local_modes.bits()];
        Ok(TerminalSettings { modes, line: host.line_discipline, codes })
    }

    #[cfg(target_os = "linux")]
    fn set_terminal(&mut self, stream: Stream, when: SettingsWhen, settings: &TerminalSettings) -> Result<(), Errno> {
        let mut host = termios::tcgetattr(fd(stream))?;
        let [input, output, control, local] = settings.modes;
        host.input_modes = termios::InputModes::from_bits_retain(input);
        host.output_modes = termios::OutputModes::from_bits_retain(output);
        host.control_modes = termios::ControlModes::from_bits_retain(control);
        host.local_modes = termios::LocalModes::from_bits_retain(local);
        host.line_discipline = settings.line;
        for (&code, index) in settings.codes.iter().zip(CODES) {
            host.special_codes[index] = code;
        }
        let when = match when {
            SettingsWhen::Now => termios::OptionalActions::Now,
            SettingsWhen::Drain => termios::OptionalActions::Drain,
            SettingsWhen::Flush => termios::OptionalActions::Flush,
        };
        Ok(termios::tcsetattr(fd(stream), when, &host)?)
    }

    /// Elsewhere the bits differ from Linux's: the guest sees a terminal in its usual state and may not change it.
    #[cfg(not(target_os = "linux"))]
    fn terminal(&self, stream: Stream) -> Result<TerminalSettings, Errno> {
        termios::tcgetattr(fd(stream))?;
        let codes = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0];
        Ok(TerminalSettings { modes: [0x500, 5, 0xbf, 0x8a3b], line: 0, codes })
    }

    fn window_size(&self, stream: Stream) -> Result<WindowSize, Errno> {
        let size = termios::tcgetwinsize(fd(stream))?;
        Ok(WindowSize { rows: size.ws_row, columns: size.ws_col, x_pixels: size.ws_xpixel, y_pixels: size.ws_ypixel })
    }
}

/// The places of `c_cc`, in Linux's order; the last two have no name.
#[cfg(target_os = "linux")]
const CODES: [termios::SpecialCodeIndex; 17] = {
    use termios::SpecialCodeIndex as I;
    [
        I::VINTR,
        I::VQUIT,
        I::VERASE,
        I::VKILL,
        I::VEOF,
        I::VTIME,
        I::VMIN,
        I::VSWTC,
        I::VSTART,
        I::VSTOP,
        I::VSUSP,
        I::VEOL,
        I::VREPRINT,
        I::VDISCARD,
        I::VWERASE,
        I::VLNEXT,
        I::VEOL2,
    ]
};
