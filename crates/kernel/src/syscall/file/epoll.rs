//! `epoll_create`, `epoll_ctl`, `epoll_wait`, and what of a file is waited for.

use super::super::Restart;
use super::{Args, SysResult};
use crate::fs::{EpollEvent, FileKind, OnExec, OpenFileId, OpenFlags, Ready};
use crate::kernel::Kernel;
use crate::signal::SigSet;
use crate::wait::{Channel, Wait};
use crate::{Errno, Hw};
use arch::LinearAddr;

const EPOLL_CTL_ADD: u32 = 1;
const EPOLL_CTL_DEL: u32 = 2;
const EPOLL_CTL_MOD: u32 = 3;
/// EPOLLEXCLUSIVE: only one of several epolls is woken. Here all are.
const EPOLLEXCLUSIVE: u32 = 1 << 28;
/// Bytes of a `struct epoll_event`, which is packed on x86-64.
const EVENT_BYTES: u64 = 12;
/// Events that one call reports at most (EP_MAX_EVENTS).
const EP_MAX_EVENTS: u64 = i32::MAX as u64 / EVENT_BYTES;

/// What ends a wait for files: what changes them, the time at which one is ready by itself, signals that are read.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    channels: Vec<Channel>,
    look_at: Option<u64>,
    signals: SigSet,
}

impl Watched {
    /// The wait.
    pub(super) fn wait(mut self) -> Wait {
        self.channels.sort_unstable();
        self.channels.dedup();
        Wait { look_at: self.look_at, ..Wait::on_any(self.channels).wanting(self.signals) }
    }
}

impl Kernel {
    /// Adds what ends a wait for something of a file.
    pub(super) fn watch(&mut self, watched: &mut Watched, file: OpenFileId, wanted: Ready) {
        watched.channels.extend(self.vfs.channel_for(file, wanted));
        let at = self.vfs.ready_at(file).map(|at| self.clock.monotonic_of(at));
        watched.look_at = [watched.look_at, at].into_iter().flatten().min();
        match self.vfs.file(file).kind {
            FileKind::Signal => watched.signals = watched.signals | self.vfs.signal_mask(file),
            FileKind::Epoll => {
                for (file, wanted) in self.vfs.epoll_watched(file) {
                    self.watch(watched, file, wanted);
                }
            }
            _ => {}
        }
    }

    /// What a file is ready for, for the current process: signals are its own.
    pub(super) fn file_ready(&mut self, file: OpenFileId, wanted: Ready) -> Result<Ready, Errno> {
        let is_in = match self.vfs.file(file).kind {
            FileKind::Signal => !(self.current.signals.pending_set() & self.vfs.signal_mask(file)).is_empty(),
            FileKind::Epoll => {
                let mut any = false;
                for ((file, _), event) in self.vfs.epoll_items(file) {
                    any |= !(self.file_ready(file, event.wanted())? & event.wanted()).is_empty();
                }
                any
            }
            _ => return self.vfs.ready(file, wanted),
        };
        Ok(if is_in { Ready::IN } else { Ready::empty() })
    }

    pub(super) fn sys_epoll_create(&mut self, hw: &mut Hw<'_>, [size, ..]: Args) -> SysResult {
        if (size as i32) <= 0 {
            return Err(Errno::EINVAL);
        }
        self.sys_epoll_create1(hw, [0; 6])
    }

    pub(super) fn sys_epoll_create1(&mut self, hw: &mut Hw<'_>, [flags, ..]: Args) -> SysResult {
        super::only(flags, OpenFlags::CLOEXEC.bits().into())?;
        let file = self.vfs.open_epoll()?;
        self.install(hw, file, if flags == 0 { OnExec::Keep } else { OnExec::Close })
    }

    /// An epoll behind a descriptor.
    fn epoll(&self, fd: u64) -> Result<OpenFileId, Errno> {
        let file = self.file(fd)?;
        if self.vfs.file(file).kind == FileKind::Epoll { Ok(file) } else { Err(Errno::EINVAL) }
    }

    pub(super) fn sys_epoll_ctl(&mut self, hw: &mut Hw<'_>, [epfd, op, fd, at, ..]: Args) -> SysResult {
        let event = match op as u32 {
            EPOLL_CTL_DEL => EpollEvent { events: 0, data: 0 },
            _ => {
                let raw: [u8; EVENT_BYTES as usize] = self.read_user(hw, LinearAddr(at))?;
                let (events, data) = raw.split_at(4);
                EpollEvent {
                    events: u32::from_le_bytes(events.try_into().expect("four bytes")) & !EPOLLEXCLUSIVE,
                    data: u64::from_le_bytes(data.try_into().expect("eight bytes")),
                }
            }
        };
        let file = self.file(epfd).and_then(|_| self.file(fd))?;
        if self.vfs.file_flags(file).contains(OpenFlags::PATH) {
            return Err(Errno::EBADF);
        }
        let epoll = self.epoll(epfd)?;
        let key = (file, fd as u32);
        match op as u32 {
            EPOLL_CTL_ADD => self.vfs.epoll_add(epoll, key, event)?,
            EPOLL_CTL_DEL => self.vfs.epoll_remove(epoll, key)?,
            EPOLL_CTL_MOD => self.vfs.epoll_modify(epoll, key, event)?,
            _ => return Err(Errno::EINVAL),
        }
        Ok(0)
    }

    /// `epoll_wait` and `epoll_pwait`, whose mask is in force already.
    pub(super) fn sys_epoll_wait(&mut self, hw: &mut Hw<'_>, [epfd, events, max, timeout, ..]: Args) -> SysResult {
        let wait = u64::try_from(timeout as i32).ok().map(|ms| ms * 1_000_000);
        self.epoll_wait(hw, epfd, (events, max), wait)
    }

    pub(super) fn sys_epoll_pwait2(&mut self, hw: &mut Hw<'_>, [epfd, events, max, timeout, ..]: Args) -> SysResult {
        let wait = if timeout == 0 { None } else { Some(self.read_timespec(hw, timeout)?) };
        self.epoll_wait(hw, epfd, (events, max), wait)
    }

    fn epoll_wait(&mut self, hw: &mut Hw<'_>, epfd: u64, (events, max): (u64, u64), wait: Option<u64>) -> SysResult {
        let max = max & 0xffff_ffff;
        if max == 0 || max > EP_MAX_EVENTS {
            return Err(Errno::EINVAL);
        }
        let epoll = self.epoll(epfd)?;
        let mut found = 0;
        for (key, event) in self.vfs.epoll_items(epoll) {
            if found == max {
                break;
            }
            let ready = self.file_ready(key.0, event.wanted())? & event.wanted();
            if ready.is_empty() {
                self.vfs.epoll_unlist(epoll, key);
                continue;
            }
            let raw = [&u32::from(ready.bits()).to_le_bytes()[..], &event.data.to_le_bytes()].concat();
            match self.copy_to_user(hw, LinearAddr(events.wrapping_add(found * EVENT_BYTES)), &raw) {
                Ok(()) => {}
                Err(_) if found > 0 => break,
                Err(e) => return Err(e),
            }
            self.vfs.epoll_reported(epoll, key);
            found += 1;
        }
        let until = self.deadline(hw, wait);
        if found > 0 || wait == Some(0) || self.is_past(hw, until) {
            return Ok(found);
        }
        let mut watched = Watched::default();
        self.watch(&mut watched, epoll, Ready::IN);
        Err(self.wait(watched.wait().until(until).restart(Restart::NoHand)))
    }
}
