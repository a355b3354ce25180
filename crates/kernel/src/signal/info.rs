//! `siginfo_t`: what a handler is told about its signal (Linux's `include/uapi/asm-generic/siginfo.h`).

use super::{SigSet, Signal};
use arch::LinearAddr;
use event::Pid;

/// Bytes of a `siginfo_t` in user memory.
pub(crate) const SIGINFO_BYTES: usize = 128;
/// Bytes of it that carry anything (`struct kernel_siginfo`).
const MEANINGFUL_BYTES: usize = 48;

/// A signal and what is known of its cause, in the 48 meaningful bytes of Linux's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigInfo {
    signal: Signal,
    errno: i32,
    code: i32,
    /// The union, from offset 16 on.
    payload: [u8; MEANINGFUL_BYTES - 16],
}

/// The byte of the payload that marks what a timer of this process has sent (`si_sys_private`).
const TIMER_MARK: usize = 16;

/// The `si_code` values that the kernel layer itself uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "the names are Linux's")]
pub(crate) enum SigCode {
    SI_USER = 0,
    SI_KERNEL = 0x80,
    SI_TIMER = -2,
    SI_TKILL = -6,
}

/// A `siginfo_t` that a program has written, and the signal it is sent with.
pub(crate) struct UserInfo<'a> {
    pub(crate) signal: Signal,
    pub(crate) bytes: &'a [u8; SIGINFO_BYTES],
}

impl SigInfo {
    /// A signal from the kernel itself, about nothing in particular.
    #[must_use]
    pub const fn kernel(signal: Signal) -> Self {
        Self { signal, errno: 0, code: SigCode::SI_KERNEL as i32, payload: [0; 32] }
    }

    /// A signal about an address: a fault, or the instruction that trapped.
    #[must_use]
    pub fn fault(signal: Signal, code: i32, addr: LinearAddr) -> Self {
        let mut info = Self { code, ..Self::kernel(signal) };
        info.payload[..8].copy_from_slice(&addr.0.to_le_bytes());
        info
    }

    /// With the protection key that forbade the access (`si_pkey`).
    #[must_use]
    pub fn with_pkey(mut self, key: Option<u8>) -> Self {
        self.payload[16] = key.unwrap_or(0);
        self
    }

    /// A signal that a process sent.
    pub(crate) fn sent(signal: Signal, code: SigCode, pid: Pid, uid: u32) -> Self {
        let mut info = Self { code: code as i32, ..Self::kernel(signal) };
        info.payload[..4].copy_from_slice(&pid.0.to_le_bytes());
        info.payload[4..8].copy_from_slice(&uid.to_le_bytes());
        info
    }

    /// SIGCHLD, or what else a child's end is told by: `si_code` and `si_status` say what became of the child, and the two times what
    /// it used, in clock ticks (`do_notify_parent`).
    pub(crate) fn child(signal: Signal, (code, status): (i32, i32), pid: Pid, uid: u32, ticks: [u64; 2]) -> Self {
        let mut info = Self { code, ..Self::sent(signal, SigCode::SI_USER, pid, uid) };
        info.payload[8..12].copy_from_slice(&status.to_le_bytes());
        for (slot, time) in info.payload[16..].chunks_exact_mut(8).zip(ticks) {
            slot.copy_from_slice(&time.to_le_bytes());
        }
        info
    }

    /// A signal with what a program wrote about it (`rt_sigqueueinfo`).
    pub(crate) fn queued(user: &UserInfo<'_>) -> Self {
        let word = |at: usize| i32::from_le_bytes(user.bytes[at..at + 4].try_into().expect("four bytes"));
        let mut payload: [u8; 32] = user.bytes[16..MEANINGFUL_BYTES].try_into().expect("the union's size");
        if word(8) == SigCode::SI_TIMER as i32 {
            payload[TIMER_MARK] = 0;
        }
        Self { signal: user.signal, errno: word(4), code: word(8), payload }
    }

    /// The signal of a timer (timer_create).
    pub(crate) fn timer(signal: Signal, id: i32, value: u64) -> Self {
        let mut info = Self { code: SigCode::SI_TIMER as i32, ..Self::kernel(signal) };
        info.payload[..4].copy_from_slice(&id.to_le_bytes());
        info.payload[8..16].copy_from_slice(&value.to_le_bytes());
        info.payload[TIMER_MARK] = 1;
        info
    }

    /// The timer that sent it; `None` too for what a program has made to look like one's.
    pub(crate) fn timer_id(&self) -> Option<i32> {
        let is_timer = self.code == SigCode::SI_TIMER as i32 && self.payload[TIMER_MARK] == 1;
        is_timer.then(|| i32::from_le_bytes(self.payload[..4].try_into().expect("four bytes")))
    }

    /// With the expiries that it stands for beside the first (`si_overrun`), as the program sees it.
    pub(crate) fn with_overruns(mut self, overruns: i32) -> Self {
        self.payload[4..8].copy_from_slice(&overruns.to_le_bytes());
        self.payload[TIMER_MARK] = 0;
        self
    }

    /// The signal.
    #[must_use]
    pub const fn signal(&self) -> Signal {
        self.signal
    }

    /// `si_code`.
    #[must_use]
    pub const fn code(&self) -> i32 {
        self.code
    }

    /// `si_addr`, of a signal made by [`Self::fault`].
    #[must_use]
    pub fn addr(&self) -> LinearAddr {
        LinearAddr(u64::from_le_bytes(self.payload[..8].try_into().expect("eight bytes")))
    }

    /// The `struct signalfd_siginfo` of it (`signalfd_copyinfo`).
    pub(crate) fn to_signalfd(self) -> [u8; SIGINFO_BYTES] {
        const SI_TIMER: i32 = SigCode::SI_TIMER as i32;
        let mut bytes = [0; SIGINFO_BYTES];
        bytes[0..4].copy_from_slice(&u32::from(self.signal.number()).to_le_bytes());
        bytes[4..8].copy_from_slice(&self.errno.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.code.to_le_bytes());
        let is_fault = SigSet::SYNCHRONOUS.contains(self.signal) && self.code > 0;
        match self.code {
            // ssi_tid and ssi_overrun.
            SI_TIMER => {
                bytes[24..28].copy_from_slice(&self.payload[..4]);
                bytes[32..36].copy_from_slice(&self.payload[4..8]);
            }
            // ssi_addr.
            _ if is_fault => bytes[72..80].copy_from_slice(&self.payload[..8]),
            // ssi_pid and ssi_uid.
            _ => bytes[12..20].copy_from_slice(&self.payload[..8]),
        }
        if self.code < 0 {
            // ssi_int and ssi_ptr.
            bytes[44..48].copy_from_slice(&self.payload[8..12]);
            bytes[48..56].copy_from_slice(&self.payload[8..16]);
        } else if self.code > 0 && !is_fault {
            // ssi_status, ssi_utime, ssi_stime: of a child.
            bytes[40..44].copy_from_slice(&self.payload[8..12]);
            bytes[56..72].copy_from_slice(&self.payload[16..32]);
        }
        bytes
    }

    /// The `siginfo_t` as a handler sees it.
    pub(crate) fn to_bytes(self) -> [u8; SIGINFO_BYTES] {
        let mut bytes = [0; SIGINFO_BYTES];
        bytes[0..4].copy_from_slice(&i32::from(self.signal.number()).to_le_bytes());
        bytes[4..8].copy_from_slice(&self.errno.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.code.to_le_bytes());
        bytes[16..MEANINGFUL_BYTES].copy_from_slice(&self.payload);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Offsets as gcc gives them on x86-64 Linux: offsetof(siginfo_t, si_code) = 8, si_addr = 16, si_pid = 16, si_uid = 20.
    #[test]
    fn the_layout_is_linuxs() {
        let b = SigInfo::fault(Signal::SEGV, 2, LinearAddr(0x1122_3344_5566)).to_bytes();
        assert_eq!(b[..4], 11_i32.to_le_bytes());
        assert_eq!(b[8..12], 2_i32.to_le_bytes());
        assert_eq!(b[16..24], 0x1122_3344_5566_u64.to_le_bytes());
        let b = SigInfo::sent(Signal::USR1, SigCode::SI_TKILL, Pid(7), 9).to_bytes();
        assert_eq!(b[8..12], (-6_i32).to_le_bytes());
        assert_eq!((b[16], b[20]), (7, 9));
    }

    #[test]
    fn what_a_program_queued_comes_back() {
        let mut bytes = [0; SIGINFO_BYTES];
        bytes[8..12].copy_from_slice(&(-1_i32).to_le_bytes());
        bytes[24..32].copy_from_slice(&0xabcd_u64.to_le_bytes());
        let back = SigInfo::queued(&UserInfo { signal: Signal::USR2, bytes: &bytes }).to_bytes();
        assert_eq!(back[..4], 12_i32.to_le_bytes());
        assert_eq!(back[4..], bytes[4..]);
    }
}
