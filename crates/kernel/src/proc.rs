//! The texts of /proc, in Linux's formats (`fs/proc`).
//!
//! Protocol. A text is made when it is read from its start, and kept by the open file until it is read from there again.
//! [`crate::fs`] says which texts there are; here is what is in them. A process that is gone gives `ESRCH`.

mod knob;
mod maps;
mod memory;
mod numa_maps;
mod remote;
mod small;
mod smaps;
mod stat;
mod status;
mod system;
mod vm;

pub(crate) use small::CallRegisters;

use crate::fs::{FileSystem, OpenFlags, ProcFile, ProcessFile};
use crate::kernel::Kernel;
use crate::mm::{Mm, MmCx};
use crate::process::{Process, Rlimit, State};
use crate::{Errno, Hw};
use arch::LinearAddr;
use event::Pid;

/// Clock ticks per second in which /proc counts times (USER_HZ).
const USER_HZ: u64 = 100;
/// The most of the arguments or the environment that is shown, in bytes: both are bounded by execve anyway.
const MAX_STRINGS: u64 = 8 << 20;

impl Kernel {
    /// A text of /proc as it is now.
    ///
    /// # Errors
    /// `ESRCH` if its process is gone, `ENOENT` if its descriptor is.
    pub(crate) fn proc_text(&mut self, hw: &mut Hw<'_>, file: ProcFile) -> Result<Vec<u8>, Errno> {
        self.settle_slabs(); // so that the texts are true now
        match file {
            ProcFile::System(file) => Ok(self.system_text(hw, file).into_bytes()),
            ProcFile::Process(pid, file) => self.process_text(hw, Pid(pid), file),
            ProcFile::Knob(_, knob) => Ok(self.knob_text(hw, knob.value).into_bytes()),
            ProcFile::FdInfo(pid, fd) => self.fd_info(pid, fd).map(String::into_bytes),
        }
    }

    fn process_text(&mut self, hw: &mut Hw<'_>, pid: Pid, file: ProcessFile) -> Result<Vec<u8>, Errno> {
        let process = self.process(pid).ok_or(Errno::ESRCH)?;
        Ok(match file {
            ProcessFile::Cmdline => return self.strings(hw, pid, |mm| (mm.arg_start, mm.arg_end)),
            ProcessFile::Environ => return self.strings(hw, pid, |mm| (mm.env_start, mm.env_end)),
            ProcessFile::Maps => return self.maps(pid),
            ProcessFile::Comm => [process.name(), b"\n"].concat(),
            ProcessFile::Cgroup => b"0::/\n".to_vec(),
            // What is written to or made piece by piece as it is read has no text.
            ProcessFile::ClearRefs | ProcessFile::Mem | ProcessFile::Pagemap => return Err(Errno::EINVAL),
            ProcessFile::Auxv => self.auxv_text(process),
            ProcessFile::CoredumpFilter => self.coredump_filter(process).into_bytes(),
            ProcessFile::IdMap => format!("{:>10} {:>10} {:>10}\n", 0, 0, u32::MAX).into_bytes(),
            ProcessFile::Mountinfo => self.mountinfo(),
            ProcessFile::NumaMaps => return self.numa_maps(hw, pid),
            ProcessFile::OomAdj => small::oom_adj(process).into_bytes(),
            ProcessFile::Personality => format!("{:08x}\n", process.personality).into_bytes(),
            ProcessFile::Schedstat => self.schedstat(hw, process).into_bytes(),
            ProcessFile::Setgroups => b"allow\n".to_vec(),
            ProcessFile::Syscall => self.syscall_text(process).into_bytes(),
            ProcessFile::TimerslackNs => format!("{}\n", process.timer_slack.get()).into_bytes(),
            // As on a kernel that does not tell its functions' names.
            ProcessFile::Wchan => b"0".to_vec(),
            ProcessFile::OomScore => format!("{}\n", self.oom_score(process)).into_bytes(),
            ProcessFile::OomScoreAdj => format!("{}\n", process.oom_score_adj).into_bytes(),
            ProcessFile::Smaps => return self.smaps(hw, pid),
            ProcessFile::SmapsRollup => return self.smaps_rollup(hw, pid),
            ProcessFile::Mounts => self.mounts(),
            ProcessFile::Limits => limits(process).into_bytes(),
            ProcessFile::Stat => self.stat_text(hw, process),
            ProcessFile::Statm => self.statm(process).into_bytes(),
            ProcessFile::Status => self.status(process),
        })
    }

    /// Strings in a process's memory, as far as they can be read.
    fn strings(
        &mut self,
        hw: &mut Hw<'_>,
        pid: Pid,
        range: impl FnOnce(&crate::mm::Strings) -> (LinearAddr, LinearAddr),
    ) -> Result<Vec<u8>, Errno> {
        let Some(process) = self.process(pid) else { return Err(Errno::ESRCH) };
        if process.has_ended() {
            return Ok(Vec::new());
        }
        let id = process.mm;
        let mm = &mut self.mms[id];
        let (start, end) = range(mm.strings());
        let mut bytes = vec![0; end.0.saturating_sub(start.0).min(MAX_STRINGS) as usize];
        let mut cx = MmCx { hw, frames: &mut self.frames, vfs: &mut self.vfs, pid };
        let copied =
            mm.copy_from_user(&mut cx, start, &mut bytes).map_or_else(|partial| partial.copied, |()| bytes.len());
        bytes.truncate(copied);
        Ok(bytes)
    }

    fn fd_info(&self, pid: u32, fd: u32) -> Result<String, Errno> {
        let file = self.vfs.proc_fds(pid).and_then(|fds| fds.get(fd.into()).ok()).ok_or(Errno::ENOENT)?;
        let open = self.vfs.file(file);
        let flags = open.flags & !OpenFlags::CLOEXEC;
        let ino = open.inode.map_or(0, crate::fs::InodeId::ino);
        Ok(format!("pos:\t{}\nflags:\t0{:o}\nmnt_id:\t1\nino:\t{ino}\n", open.offset, flags.bits()))
    }

    /// What is mounted where (`show_vfsmnt`).
    fn mounts(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (path, file_system) in self.vfs.mount_points() {
            let (device, kind) = names_of(file_system);
            out.extend([device, b" ", &escaped_path(&path), b" ", kind, b" rw,relatime 0 0\n"].concat());
        }
        out
    }

    /// What a process does, as a letter and a word.
    fn state(&self, process: &Process) -> (char, &'static str) {
        match process.state {
            State::Runnable => ('R', "running"),
            State::Waiting => ('S', "sleeping"),
            State::Stopped => ('T', "stopped"),
            State::Zombie(_) | State::Dead => ('Z', "zombie"),
        }
    }

    /// The address space of a process, unless it has ended.
    fn mm_of(&self, process: &Process) -> Option<&Mm> {
        (!process.has_ended()).then(|| &self.mms[process.mm])
    }
}

/// The device and the kind of a file system, as lists of mounts have them.
const fn names_of(file_system: FileSystem) -> (&'static [u8], &'static [u8]) {
    match file_system {
        FileSystem::Disk => (b"pagewalk", b"ext4"),
        FileSystem::Dev => (b"devtmpfs", b"devtmpfs"),
        FileSystem::Shm => (b"tmpfs", b"tmpfs"),
        FileSystem::Proc => (b"proc", b"proc"),
        FileSystem::Sys => (b"sysfs", b"sysfs"),
        FileSystem::Hugetlbfs => (b"none", b"hugetlbfs"),
    }
}

/// A path with what would confuse a reader of lists of mounts escaped (`mangle`).
fn escaped_path(path: &[u8]) -> Vec<u8> {
    let escape = |&b: &u8| match b {
        b' ' | b'\t' | b'\n' | b'\\' | b'#' => format!("\\{b:03o}").into_bytes(),
        b => vec![b],
    };
    path.iter().flat_map(escape).collect()
}

/// The name with what would confuse a reader of lines escaped (`proc_task_name`).
fn escaped_comm(process: &Process) -> Vec<u8> {
    let escape = |&b: &u8| match b {
        b'\n' => b"\\n".to_vec(),
        b'\\' => b"\\\\".to_vec(),
        b => vec![b],
    };
    process.name().iter().flat_map(escape).collect()
}

/// `/proc/<pid>/limits` (`proc_pid_limits`).
fn limits(process: &Process) -> String {
    const NAMES: [(&str, &str); 16] = [
        ("Max cpu time", "seconds"),
        ("Max file size", "bytes"),
        ("Max data size", "bytes"),
        ("Max stack size", "bytes"),
        ("Max core file size", "bytes"),
        ("Max resident set", "bytes"),
        ("Max processes", "processes"),
        ("Max open files", "files"),
        ("Max locked memory", "bytes"),
        ("Max address space", "bytes"),
        ("Max file locks", "locks"),
        ("Max pending signals", "signals"),
        ("Max msgqueue size", "bytes"),
        ("Max nice priority", ""),
        ("Max realtime priority", ""),
        ("Max realtime timeout", "us"),
    ];
    let mut out = format!("{:<25} {:<20} {:<20} {:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    let mut all = process.limits;
    for (number, (name, unit)) in NAMES.into_iter().enumerate() {
        let Some(&mut Rlimit { soft, hard }) = all.by_number(number as u64) else { continue };
        let [soft, hard] = [soft, hard].map(|n| if n == u64::MAX { "unlimited".to_owned() } else { n.to_string() });
        out += &match unit {
            "" => format!("{name:<25} {soft:<20} {hard:<20} \n"),
            unit => format!("{name:<25} {soft:<20} {hard:<20} {unit:<10}\n"),
        };
    }
    out
}
