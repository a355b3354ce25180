//! Making processes, executing programs, waiting for children, and ending.

use super::{Call, Outcome, SysResult};
use crate::fork::{ChildMemory, CloneArgs};
use crate::fs::OpenFlags;
use crate::kernel::Kernel;
use crate::process::{Process, State};
use crate::signal::Signal;
use crate::wait::{Channel, Wait};
use crate::{Errno, Hw};
use arch::{LinearAddr, UserContext};
use bitflags::bitflags;
use event::Pid;

bitflags! {
    /// Options of wait4 and waitid.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct WaitOptions: u32 {
        const NOHANG = 1;
        /// WUNTRACED, WSTOPPED.
        const STOPPED = 2;
        const EXITED = 4;
        const CONTINUED = 8;
        const NOWAIT = 0x0100_0000;
        /// __WNOTHREAD, __WALL, __WCLONE.
        const KINDS = 0xe000_0000;
        const ALL = 0x4000_0000;
        const CLONE = 0x8000_0000;
    }
}

/// Strings in an argument list; the limit on bytes comes first.
const MAX_ARG_STRINGS: usize = 1 << 20;

/// Which children a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Children {
    Any,
    Pid(Pid),
    Group(Pid),
}

impl Children {
    fn has(self, process: &Process) -> bool {
        match self {
            Self::Any => true,
            Self::Pid(pid) => process.pid == pid,
            Self::Group(pgrp) => process.pgrp == pgrp,
        }
    }
}

/// What a child has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct News {
    pid: Pid,
    uid: u32,
    /// The status word of wait4.
    word: u32,
    /// `si_code` and `si_status`.
    code_and_status: (i32, i32),
}

impl News {
    /// The head of a `siginfo_t`, as waitid writes it.
    fn to_siginfo(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let (code, status) = self.code_and_status;
        let words = [Signal::CHLD.number().into(), 0, code as u32, 0, self.pid.0, self.uid, status as u32, 0];
        for (slot, word) in bytes.chunks_exact_mut(4).zip(words) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

impl Kernel {
    pub(super) fn process_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        let args = call.args;
        Some(match call.number {
            56 => self.sys_clone(hw, call.ctx, args),
            57 => self.fork(hw, call.ctx, &CloneArgs::FORK).into(),
            58 => self.fork(hw, call.ctx, &CloneArgs { memory: ChildMemory::Borrowed, ..CloneArgs::FORK }).into(),
            435 => self.sys_clone3(hw, call.ctx, args).unwrap_or_else(|errno| Outcome::Return(Err(errno))),
            59 => self.sys_execve(hw, call.ctx, [args[0], args[1], args[2]]),
            322 => self.sys_execveat(hw, call.ctx, args),
            60 | 231 => Outcome::Exit(args[0] as u8),
            61 => self.sys_wait4(hw, args).into(),
            247 => self.sys_waitid(hw, args).into(),
            272 => self.sys_unshare(args).into(),
            _ => return None,
        })
    }

    /// Makes a child. After vfork, and when made again, waits until the child has memory of its own.
    pub(super) fn fork(&mut self, hw: &mut Hw<'_>, ctx: &UserContext, args: &CloneArgs) -> SysResult {
        let child = match self.retry() {
            Some(retry) => Pid(retry.done as u32),
            None => self.clone_current(hw, ctx, args)?,
        };
        if self.borrows_mm(child) {
            return Err(self.wait(Wait::on(Channel::Vfork(child)).killable().done(child.0.into())));
        }
        Ok(child.0.into())
    }

    fn sys_execve(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext, [path, argv, envp]: [u64; 3]) -> Outcome {
        match self.user_cstr(hw, LinearAddr(path)) {
            Ok(path) => self.execute(hw, ctx, &path, argv, envp),
            Err(errno) => Outcome::Return(Err(errno)),
        }
    }

    /// Executes by path, or, with AT_EMPTY_PATH, by descriptor.
    fn sys_execveat(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext, args: [u64; 6]) -> Outcome {
        let [dirfd, path, argv, envp, flags, _] = args;
        match self.execveat_path(hw, dirfd, path, flags) {
            Ok(path) => self.execute(hw, ctx, &path, argv, envp),
            Err(errno) => Outcome::Return(Err(errno)),
        }
    }

    /// The path by which Linux names the file of an execveat: `/dev/fd/N` before what is relative to a descriptor.
    fn execveat_path(&mut self, hw: &mut Hw<'_>, dirfd: u64, path: u64, flags: u64) -> Result<Vec<u8>, Errno> {
        const AT_FDCWD: i32 = -100;
        const AT_SYMLINK_NOFOLLOW: u64 = 0x100;
        const AT_EMPTY_PATH: u64 = 0x1000;
        if flags & 0xffff_ffff & !(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0 {
            return Err(Errno::EINVAL);
        }
        let path = self.user_cstr(hw, LinearAddr(path))?;
        if path.starts_with(b"/") || !path.is_empty() && dirfd as i32 == AT_FDCWD {
            return Ok(path);
        }
        if path.is_empty() && flags & AT_EMPTY_PATH == 0 {
            return Err(Errno::ENOENT);
        }
        self.vfs.fds(self.current.files).get(dirfd)?;
        let dir = format!("/dev/fd/{}", dirfd as u32).into_bytes();
        Ok(if path.is_empty() { dir } else { [&dir[..], b"/", &path].concat() })
    }

    fn execute(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext, path: &[u8], argv: u64, envp: u64) -> Outcome {
        let strings = self.user_strings(hw, argv).and_then(|argv| Ok((argv, self.user_strings(hw, envp)?)));
        let (argv, envp) = match strings {
            Ok(strings) => strings,
            Err(errno) => return Outcome::Return(Err(errno)),
        };
        match self.exec(hw, path, &argv, &envp) {
            Ok(new) => {
                *ctx = new;
                Outcome::RegistersSet
            }
            Err(error) => Outcome::Return(Err(error.errno())),
        }
    }

    /// The strings of an argument list, which a null pointer ends; none for a null list.
    fn user_strings(&mut self, hw: &mut Hw<'_>, list: u64) -> Result<Vec<Vec<u8>>, Errno> {
        let mut strings = Vec::new();
        let mut bytes = 0;
        if list == 0 {
            return Ok(strings);
        }
        loop {
            let at = self.read_user_u64(hw, LinearAddr(list.wrapping_add(8 * strings.len() as u64)))?;
            if at == 0 {
                return Ok(strings);
            }
            let (mm, mut cx) = self.mm_cx(hw);
            let string = mm.copy_cstr_from_user(&mut cx, LinearAddr(at), crate::exec::MAX_ARG_BYTES);
            let string = string.map_err(|e| if e == Errno::ENAMETOOLONG { Errno::E2BIG } else { e })?;
            bytes += string.len() + 9;
            if bytes as u64 > crate::exec::MOST_ARG_BYTES || strings.len() >= MAX_ARG_STRINGS {
                return Err(Errno::E2BIG);
            }
            strings.push(string);
        }
    }

    fn sys_wait4(&mut self, hw: &mut Hw<'_>, [pid, status, options, usage, ..]: [u64; 6]) -> SysResult {
        let options = WaitOptions::from_bits(options as u32).ok_or(Errno::EINVAL)?;
        if options.intersects(WaitOptions::EXITED | WaitOptions::NOWAIT) {
            return Err(Errno::EINVAL);
        }
        let which = match pid as i32 {
            i32::MIN => return Err(Errno::ESRCH),
            -1 => Children::Any,
            0 => Children::Group(self.current.pgrp),
            pid if pid < 0 => Children::Group(Pid(pid.unsigned_abs())),
            pid => Children::Pid(Pid(pid.unsigned_abs())),
        };
        let Some(news) = self.wait_for_child(which, options | WaitOptions::EXITED)? else { return Ok(0) };
        let used = self.take_news(&news, options);
        if status != 0 {
            self.copy_to_user(hw, LinearAddr(status), &news.word.to_le_bytes())?;
        }
        if usage != 0 {
            self.copy_to_user(hw, LinearAddr(usage), &used.to_bytes())?;
        }
        Ok(news.pid.0.into())
    }

    /// As Linux does, writes the structure of an error too: all zero, as if there were no news.
    fn sys_waitid(&mut self, hw: &mut Hw<'_>, [kind, id, info, options, usage, _]: [u64; 6]) -> SysResult {
        let options = WaitOptions::from_bits(options as u32);
        let found = options.ok_or(Errno::EINVAL).and_then(|options| self.waitid_news(kind as u32, id, options));
        if found == Err(Errno::ERESTARTSYS) {
            return Err(Errno::ERESTARTSYS);
        }
        let news = found.as_ref().ok().copied().flatten();
        let used = news.map(|news| self.take_news(&news, options.unwrap_or(WaitOptions::empty()))).unwrap_or_default();
        if usage != 0 && news.is_some() {
            self.copy_to_user(hw, LinearAddr(usage), &used.to_bytes())?;
        }
        if info != 0 {
            let bytes = news.map_or([0; 32], News::to_siginfo);
            self.copy_to_user(hw, LinearAddr(info), &bytes[..28])?;
        }
        found.map(|_| 0)
    }

    fn waitid_news(&mut self, kind: u32, id: u64, options: WaitOptions) -> Result<Option<News>, Errno> {
        if !options.intersects(WaitOptions::EXITED | WaitOptions::STOPPED | WaitOptions::CONTINUED) {
            return Err(Errno::EINVAL);
        }
        let pid = Pid(id as u32);
        let which = match kind {
            0 => Children::Any,
            1 if id as i32 > 0 => Children::Pid(pid),
            2 if id as i32 > 0 => Children::Group(pid),
            2 if id as u32 == 0 => Children::Group(self.current.pgrp),
            3 if id as i32 >= 0 => return self.wait_for_pidfd(id, options),
            _ => return Err(Errno::EINVAL),
        };
        self.wait_for_child(which, options)
    }

    /// P_PIDFD: one that does not wait says so in another way than WNOHANG.
    fn wait_for_pidfd(&mut self, fd: u64, options: WaitOptions) -> Result<Option<News>, Errno> {
        let file = self.vfs.fds(self.current.files).get(fd)?;
        let pid = self.vfs.pid_of_file(file).map_err(|e| if e == Errno::ESRCH { Errno::ECHILD } else { e })?;
        if options.contains(WaitOptions::NOHANG) || !self.vfs.file_flags(file).contains(OpenFlags::NONBLOCK) {
            return self.wait_for_child(Children::Pid(pid), options);
        }
        let news = self.wait_for_child(Children::Pid(pid), options | WaitOptions::NOHANG)?;
        news.map(Some).ok_or(Errno::EAGAIN)
    }

    /// The first child with news; waits for it unless NOHANG, then `None`.
    fn wait_for_child(&mut self, which: Children, options: WaitOptions) -> Result<Option<News>, Errno> {
        let me = self.current.pid;
        let is_kind = |child: &Process| {
            let is_clone = child.exit_signal != Some(Signal::CHLD);
            options.contains(WaitOptions::ALL) || is_clone == options.contains(WaitOptions::CLONE)
        };
        let mut any = false;
        for child in self.processes.iter().filter(|child| child.parent == me && which.has(child) && is_kind(child)) {
            any = true;
            if let Some(news) = news_of(child, options) {
                return Ok(Some(news));
            }
        }
        if !any {
            return Err(Errno::ECHILD);
        }
        if options.contains(WaitOptions::NOHANG) {
            return Ok(None);
        }
        Err(self.wait(Wait::on(Channel::Children(me))))
    }

    /// The parent knows now: a zombie goes, other news are not told again. Gives what the child used.
    fn take_news(&mut self, news: &News, options: WaitOptions) -> crate::process::Usage {
        let Some(child) = self.processes.get_mut(news.pid) else { return crate::process::Usage::default() };
        let used = child.usage_with_children();
        if options.contains(WaitOptions::NOWAIT) {
            return used;
        }
        if child.has_ended() {
            self.forget_process(news.pid);
            self.current.children_usage.add(&used);
        } else {
            child.job_event = None;
        }
        used
    }
}

fn news_of(child: &Process, options: WaitOptions) -> Option<News> {
    use crate::process::JobEvent;
    let (word, code_and_status) = match (child.state, child.job_event) {
        (State::Zombie(status), _) if options.contains(WaitOptions::EXITED) => {
            (status.word(), status.code_and_status())
        }
        (State::Zombie(_) | State::Dead, _) => return None,
        (State::Stopped, Some(event @ JobEvent::Stopped(_))) if options.contains(WaitOptions::STOPPED) => {
            (event.word(), event.code_and_status())
        }
        (_, Some(event @ JobEvent::Continued)) if options.contains(WaitOptions::CONTINUED) => {
            (event.word(), event.code_and_status())
        }
        _ => return None,
    };
    Some(News { pid: child.pid, uid: child.credentials.user.real, word, code_and_status })
}
