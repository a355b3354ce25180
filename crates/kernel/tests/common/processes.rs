//! Several processes: whose registers the rig holds, and how another gets its turn.

use super::Rig;
use arch::Gpr;
use pagewalk_kernel::Disposition;

/// Numbers of the calls that make, end and watch processes.
pub(crate) mod nr {
    pub(crate) const MMAP: u64 = 9;
    pub(crate) const SCHED_YIELD: u64 = 24;
    pub(crate) const PAUSE: u64 = 34;
    pub(crate) const NANOSLEEP: u64 = 35;
    pub(crate) const ALARM: u64 = 37;
    pub(crate) const SETITIMER: u64 = 38;
    pub(crate) const GETPID: u64 = 39;
    pub(crate) const CLONE: u64 = 56;
    pub(crate) const FORK: u64 = 57;
    pub(crate) const VFORK: u64 = 58;
    pub(crate) const EXECVE: u64 = 59;
    pub(crate) const WAIT4: u64 = 61;
    pub(crate) const KILL: u64 = 62;
    pub(crate) const GETRUSAGE: u64 = 98;
    pub(crate) const SETPGID: u64 = 109;
    pub(crate) const GETPPID: u64 = 110;
    pub(crate) const SETSID: u64 = 112;
    pub(crate) const GETPGID: u64 = 121;
    pub(crate) const GETSID: u64 = 124;
    pub(crate) const RT_SIGPENDING: u64 = 127;
    pub(crate) const RT_SIGTIMEDWAIT: u64 = 128;
    pub(crate) const RT_SIGSUSPEND: u64 = 130;
    pub(crate) const PRCTL: u64 = 157;
    pub(crate) const FUTEX: u64 = 202;
    pub(crate) const CLOCK_GETTIME: u64 = 228;
    pub(crate) const EXIT_GROUP: u64 = 231;
    pub(crate) const TGKILL: u64 = 234;
    pub(crate) const WAITID: u64 = 247;
    pub(crate) const CLONE3: u64 = 435;
}

/// The first process.
pub(crate) const FIRST: u64 = 1000;
/// -1 as an argument.
pub(crate) const ANY: u64 = u64::MAX;

pub(crate) const EPERM: i64 = -1;
pub(crate) const ESRCH: i64 = -3;
pub(crate) const EBADF: i64 = -9;
pub(crate) const ECHILD: i64 = -10;
pub(crate) const EAGAIN: i64 = -11;
pub(crate) const EACCES: i64 = -13;
pub(crate) const EFAULT: i64 = -14;
pub(crate) const EINVAL: i64 = -22;

pub(crate) const SIGHUP: u64 = 1;
pub(crate) const SIGKILL: u64 = 9;
pub(crate) const SIGTERM: u64 = 15;
pub(crate) const SIGCHLD: u64 = 17;
pub(crate) const SIGCONT: u64 = 18;
pub(crate) const SIGSTOP: u64 = 19;
pub(crate) const SIGTSTP: u64 = 20;

pub(crate) const WNOHANG: u64 = 1;
pub(crate) const WUNTRACED: u64 = 2;
pub(crate) const WEXITED: u64 = 4;
pub(crate) const WCONTINUED: u64 = 8;
pub(crate) const WNOWAIT: u64 = 0x0100_0000;

impl Rig {
    /// Whose registers `ctx` holds.
    pub(crate) fn pid(&self) -> u64 {
        self.kernel.current_pid().0.into()
    }

    /// What the current process's last call returned.
    pub(crate) fn result(&self) -> i64 {
        self.ctx.reg(Gpr::Rax) as i64
    }

    /// A child; the parent goes on.
    pub(crate) fn fork(&mut self) -> u64 {
        let child = self.call(nr::FORK, &[]);
        assert!(child > 0, "fork: {child}");
        child as u64
    }

    /// A call after which the process does not go on: another one does.
    pub(crate) fn leave(&mut self, number: u64, args: &[u64]) {
        let before = self.pid();
        assert_eq!(self.syscall(number, args), Disposition::Resume, "call {number}");
        assert_ne!(self.pid(), before, "call {number} returned {}", self.result());
    }

    /// exit_group, after which another process goes on.
    pub(crate) fn exit(&mut self, status: u64) {
        self.leave(nr::EXIT_GROUP, &[status]);
    }

    /// Gives up turns until it is this process's.
    pub(crate) fn turn_to(&mut self, pid: u64) {
        for _ in 0..64 {
            if self.pid() == pid {
                return;
            }
            assert_eq!(self.syscall(nr::SCHED_YIELD, &[]), Disposition::Resume);
        }
        panic!("{pid} gets no turn");
    }

    /// Forks, and lets the child begin.
    pub(crate) fn fork_and_follow(&mut self) -> u64 {
        let child = self.fork();
        self.turn_to(child);
        assert_eq!(self.result(), 0, "fork in the child");
        child
    }

    /// The SYSCALL instruction that the registers stand before, of a call that was cut short.
    pub(crate) fn syscall_again(&mut self) -> Disposition {
        self.ctx.rip += 2;
        self.enter(|kernel, hw, ctx| kernel.syscall(hw, ctx))
    }

    /// So many instructions of whoever has his turn; the kernel layer is entered when it asks for it.
    pub(crate) fn run(&mut self, instructions: u64) -> Disposition {
        let end = self.instructions + instructions;
        loop {
            let event = self.kernel.next_event(self.instructions).unwrap_or(u64::MAX);
            if event > end {
                self.instructions = end;
                return Disposition::Resume;
            }
            self.instructions = event.max(self.instructions + 1);
            let disposition = self.enter(|kernel, hw, ctx| kernel.tick(hw, ctx));
            if disposition != Disposition::Resume || self.instructions >= end {
                return disposition;
            }
        }
    }

    pub(crate) fn kill(&mut self, pid: u64, signal: u64) {
        assert_eq!(self.call(nr::KILL, &[pid, signal]), 0, "kill {pid} {signal}");
    }

    /// CLOCK_MONOTONIC, in nanoseconds.
    pub(crate) fn now(&mut self, at: u64) -> u64 {
        assert_eq!(self.call(nr::CLOCK_GETTIME, &[1, at]), 0);
        self.peek_word(at) * 1_000_000_000 + self.peek_word(at + 8)
    }

    pub(crate) fn peek_u32(&mut self, at: u64) -> u32 {
        u32::from_le_bytes(self.peek(at, 4).try_into().unwrap())
    }

    /// A page that children share.
    pub(crate) fn shared_page(&mut self) -> u64 {
        self.call(nr::MMAP, &[0, 0x1000, 3, 0x21, ANY, 0]) as u64
    }
}
