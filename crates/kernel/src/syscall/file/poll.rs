//! `poll` and `select`.
//!
//! Regular files are always ready; pipes, sockets and eventfds say what they hold; for standard streams the host is asked. What is
//! not ready is waited for on the channels of all files that are watched, up to the deadline.

use super::super::Restart;
use super::epoll::Watched;
use super::{Args, SysResult};
use crate::fs::{OpenFlags, Ready};
use crate::kernel::Kernel;
use crate::time::NSEC_PER_SEC;
use crate::{Errno, Hw};
use arch::LinearAddr;
use std::time::Duration;

/// POLLNVAL: the descriptor is not open.
const POLLNVAL: u16 = 0x20;
/// POLLRDNORM and POLLWRNORM, which come with POLLIN and POLLOUT.
const POLLRDNORM: u16 = 0x40;
const POLLWRNORM: u16 = 0x100;

/// Descriptors that a table has room for from the start; `select` looks at no more than the table has (Linux's
/// NR_OPEN_DEFAULT).
const FIRST_TABLE: usize = 64;

/// A descriptor to be watched.
#[derive(Clone, Copy, Debug)]
struct Watch {
    fd: i32,
    wanted: Ready,
    /// What was found: 0 if nothing.
    found: u16,
}

impl Watch {
    fn ready(&mut self, ready: Ready) {
        self.found = (ready & (self.wanted | Ready::ERR | Ready::HUP)).bits();
    }
}

impl Kernel {
    pub(super) fn sys_poll(&mut self, hw: &mut Hw<'_>, [fds, count, timeout, ..]: Args) -> SysResult {
        let millis = timeout as i32;
        let wait = u64::try_from(millis).ok().map(Duration::from_millis);
        self.poll_user(hw, fds, count, wait)
    }

    pub(super) fn sys_ppoll(&mut self, hw: &mut Hw<'_>, [fds, count, timeout, ..]: Args) -> SysResult {
        let wait = self.user_wait(hw, timeout, NSEC_PER_SEC)?;
        let ready = self.poll_user(hw, fds, count, wait)?;
        self.store_left(hw, timeout, NSEC_PER_SEC, wait);
        Ok(ready)
    }

    fn poll_user(&mut self, hw: &mut Hw<'_>, fds: u64, count: u64, wait: Option<Duration>) -> SysResult {
        let count = count & 0xffff_ffff;
        if count > self.fd_limit() {
            return Err(Errno::EINVAL);
        }
        let mut raw = vec![0; count as usize * 8];
        self.copy_from_user(hw, LinearAddr(fds), &mut raw)?;
        let mut watches: Vec<Watch> = raw.chunks_exact(8).map(read_pollfd).collect();
        let ready = self.wait_for(hw, &mut watches, wait)?;
        for (bytes, watch) in raw.chunks_exact_mut(8).zip(&watches) {
            let asked = u16::from_le_bytes([bytes[4], bytes[5]]);
            let mut found = watch.found;
            if found & Ready::IN.bits() != 0 {
                found |= asked & POLLRDNORM;
            }
            if found & Ready::OUT.bits() != 0 {
                found |= asked & POLLWRNORM;
            }
            bytes[6..8].copy_from_slice(&found.to_le_bytes());
        }
        self.copy_to_user(hw, LinearAddr(fds), &raw)?;
        Ok(ready)
    }

    pub(super) fn sys_select(&mut self, hw: &mut Hw<'_>, args: Args) -> SysResult {
        let wait = self.user_wait(hw, args[4], 1_000_000)?;
        let ready = self.select_user(hw, args, wait)?;
        self.store_left(hw, args[4], 1_000_000, wait);
        Ok(ready)
    }

    pub(super) fn sys_pselect6(&mut self, hw: &mut Hw<'_>, args: Args) -> SysResult {
        let wait = self.user_wait(hw, args[4], NSEC_PER_SEC)?;
        let ready = self.select_user(hw, args, wait)?;
        self.store_left(hw, args[4], NSEC_PER_SEC, wait);
        Ok(ready)
    }

    fn select_user(&mut self, hw: &mut Hw<'_>, args: Args, wait: Option<Duration>) -> SysResult {
        let [count, sets @ .., _, _] = args;
        let count = count as u32 as i32;
        let places = self.vfs.fds(self.current.files).len().max(FIRST_TABLE) as u64;
        let count = u64::try_from(count).map_err(|_| Errno::EINVAL)?.min(places) as usize;
        let mut bits = [const { Vec::new() }; 3];
        for (set, pointer) in bits.iter_mut().zip(sets) {
            *set = vec![0; count.div_ceil(64) * 8];
            if pointer != 0 {
                self.copy_from_user(hw, LinearAddr(pointer), set)?;
            }
        }
        let mut watches = watched(&bits, count);
        self.wait_for(hw, &mut watches, wait)?;
        if watches.iter().any(|w| w.found & POLLNVAL != 0) {
            return Err(Errno::EBADF);
        }
        let mut found = [const { Vec::new() }; 3].map(|_: Vec<u8>| vec![0; count.div_ceil(64) * 8]);
        let mut total = 0;
        for watch in &watches {
            let (byte, bit) = (watch.fd as usize / 8, 1 << (watch.fd % 8));
            // Readable also means at the end, writable also means that a write fails at once.
            let seen = Ready::from_bits_truncate(watch.found);
            let hits = [seen.intersects(Ready::IN | Ready::HUP | Ready::ERR), seen.intersects(Ready::OUT | Ready::ERR)];
            for (i, _) in hits.into_iter().enumerate().filter(|&(i, hit)| hit && bits[i][byte] & bit != 0) {
                found[i][byte] |= bit;
                total += 1;
            }
        }
        for (set, pointer) in found.iter().zip(sets).filter(|&(_, pointer)| pointer != 0) {
            self.copy_to_user(hw, LinearAddr(pointer), set)?;
        }
        Ok(total)
    }

    /// The longest wait, as seconds and parts of a second in user memory; a null pointer means for ever.
    fn user_wait(&mut self, hw: &mut Hw<'_>, pointer: u64, parts: u64) -> Result<Option<Duration>, Errno> {
        if pointer == 0 {
            return Ok(None);
        }
        let raw = self.read_user::<16>(hw, LinearAddr(pointer))?;
        let word = |i: usize| i64::from_le_bytes(raw[8 * i..8 * i + 8].try_into().expect("eight bytes"));
        let (Ok(seconds), Ok(part)) = (u64::try_from(word(0)), u64::try_from(word(1))) else {
            return Err(Errno::EINVAL);
        };
        // Only a timespec must be normalised.
        if part >= parts && parts == NSEC_PER_SEC {
            return Err(Errno::EINVAL);
        }
        let seconds = seconds.saturating_add(part / parts);
        Ok(Some(Duration::new(seconds, (part % parts * (NSEC_PER_SEC / parts)) as u32)))
    }

    /// Stores what is left of a wait (`poll_select_finish`). Memory that cannot be written does not matter.
    fn store_left(&mut self, hw: &mut Hw<'_>, pointer: u64, parts: u64, wait: Option<Duration>) {
        let Some(until) = self.poll_deadline(hw, wait).filter(|_| wait != Some(Duration::ZERO)) else { return };
        let left = until.saturating_sub(self.clock.monotonic_ns(hw.instructions));
        let (seconds, part) = (left / NSEC_PER_SEC, left % NSEC_PER_SEC / (NSEC_PER_SEC / parts));
        let words = [seconds.to_le_bytes(), part.to_le_bytes()].concat();
        let _as_linux = self.copy_to_user(hw, LinearAddr(pointer), &words);
    }

    fn poll_deadline(&self, hw: &Hw<'_>, wait: Option<Duration>) -> Option<u64> {
        self.deadline(hw, wait.map(|wait| u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Looks whether one of the descriptors is ready, and else waits. Returns how many are.
    fn wait_for(&mut self, hw: &mut Hw<'_>, watches: &mut [Watch], wait: Option<Duration>) -> SysResult {
        let ready = self.look(watches)?;
        let until = self.poll_deadline(hw, wait);
        if ready > 0 || wait == Some(Duration::ZERO) || self.is_past(hw, until) {
            return Ok(ready);
        }
        let mut watched = Watched::default();
        for watch in watches.iter() {
            let Some(file) = u64::try_from(watch.fd).ok().and_then(|fd| self.file(fd).ok()) else { continue };
            self.watch(&mut watched, file, watch.wanted);
        }
        Err(self.wait(watched.wait().until(until).restart(Restart::NoHand)))
    }

    /// Looks at each descriptor without waiting. Returns how many are ready.
    fn look(&mut self, watches: &mut [Watch]) -> SysResult {
        for watch in watches.iter_mut() {
            let Ok(fd) = u64::try_from(watch.fd) else { continue };
            let file = match self.file(fd) {
                Ok(file) if !self.vfs.file_flags(file).contains(OpenFlags::PATH) => file,
                _ => {
                    watch.found = POLLNVAL;
                    continue;
                }
            };
            let ready = self.file_ready(file, watch.wanted)?;
            watch.ready(ready);
        }
        Ok(watches.iter().filter(|w| w.found != 0).count() as u64)
    }
}

/// A `struct pollfd`.
fn read_pollfd(bytes: &[u8]) -> Watch {
    let fd = i32::from_le_bytes(bytes[..4].try_into().expect("four bytes"));
    let events = u16::from_le_bytes([bytes[4], bytes[5]]);
    let mut wanted = Ready::from_bits_truncate(events) & (Ready::IN | Ready::OUT | Ready::RDHUP);
    wanted.set(Ready::IN, events & (Ready::IN.bits() | POLLRDNORM) != 0);
    wanted.set(Ready::OUT, events & (Ready::OUT.bits() | POLLWRNORM) != 0);
    Watch { fd, wanted, found: 0 }
}

/// The descriptors in the first two of three sets; nothing is ever exceptional.
fn watched(sets: &[Vec<u8>; 3], count: usize) -> Vec<Watch> {
    let has = |set: &[u8], fd: usize| set[fd / 8] & (1 << (fd % 8)) != 0;
    let mut watches = Vec::new();
    for fd in 0..count {
        let mut wanted = Ready::empty();
        wanted.set(Ready::IN, has(&sets[0], fd));
        wanted.set(Ready::OUT, has(&sets[1], fd));
        if !wanted.is_empty() || has(&sets[2], fd) {
            watches.push(Watch { fd: fd as i32, wanted, found: 0 });
        }
    }
    watches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_reports_what_was_asked_and_errors() {
        let mut raw = 3i32.to_le_bytes().to_vec();
        raw.extend_from_slice(&[1, 0, 0, 0]);
        let mut watch = read_pollfd(&raw);
        watch.ready(Ready::IN | Ready::OUT | Ready::HUP);
        assert_eq!((watch.fd, watch.found), (3, 0x11));
    }
}
