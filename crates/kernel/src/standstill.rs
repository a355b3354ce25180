//! What is said when no process can ever run again: who waits in which call for what.

use crate::fs::{FileKind, OpenFlags};
use crate::kernel::{Disposition, Kernel};
use crate::process::{Process, State};
use crate::syscall::name_of;
use crate::wait::Channel;
use std::fmt;

/// A process that will not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Its id.
    pub pid: event::Pid,
    /// Its name.
    pub name: String,
    /// The call that it waits in; `None` for one that a signal has stopped.
    pub call: Option<&'static str>,
    /// What it waits for, in words.
    pub what: String,
}

impl fmt::Display for Blocked {
    /// `1000 (sh) waits in wait4 for its children: 1001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) ", self.pid.0, self.name)?;
        match self.call {
            Some(call) => write!(f, "waits in {call} for {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl Kernel {
    /// Nothing can happen any more.
    pub(crate) fn standstill(&self) -> Disposition {
        let blocked = |state| {
            let pids = self.pids_where(|process| process.state == state);
            pids.into_iter().filter_map(|pid| Some(self.describe(self.process(pid)?))).collect::<Vec<_>>()
        };
        let (stopped, waiting) = (blocked(State::Stopped), blocked(State::Waiting));
        if stopped.is_empty() {
            Disposition::Deadlock(waiting)
        } else {
            Disposition::Stopped([stopped, waiting].concat())
        }
    }

    fn describe(&self, process: &Process) -> Blocked {
        let name = String::from_utf8_lossy(process.name()).into_owned();
        let call = process.in_call.filter(|_| process.state == State::Waiting).map(name_of);
        let channels = process.wait.as_ref().map(|wait| &wait.channels[..]).unwrap_or_default();
        let what = match (process.state, channels) {
            (State::Stopped, _) => "is stopped by a signal".to_owned(),
            (_, []) => "a signal".to_owned(),
            (_, channels) => {
                channels.iter().map(|&channel| self.channel_in_words(channel)).collect::<Vec<_>>().join(", ")
            }
        };
        Blocked { pid: process.pid, name, call, what }
    }

    fn channel_in_words(&self, channel: Channel) -> String {
        match channel {
            Channel::Children(pid) => {
                let children = self.pids_where(|process| process.parent == pid);
                let ids: Vec<String> = children.iter().map(|pid| pid.0.to_string()).collect();
                format!("its children: {}", ids.join(" "))
            }
            Channel::Vfork(pid) => format!("its child {} to execute or end", pid.0),
            Channel::Pipe(pipe) => format!("a pipe, {}", self.pipe_in_words(pipe)),
            Channel::Socket(_) => "a socket".to_owned(),
            Channel::Event(file) => match self.vfs.file(file).kind {
                FileKind::Timer => "a timerfd that does not run".to_owned(),
                FileKind::Signal => "a signal".to_owned(),
                FileKind::Epoll => "what an epoll watches".to_owned(),
                FileKind::Pid => "the end of a process".to_owned(),
                _ => "an eventfd".to_owned(),
            },
            Channel::Lock(inode) => format!("a lock on {}", String::from_utf8_lossy(&self.vfs.inode_name(inode))),
            Channel::Stream(_) => "a standard stream".to_owned(),
            Channel::Futex(..) => "a futex".to_owned(),
            Channel::Foreground => "the terminal's foreground".to_owned(),
        }
    }

    /// Who has a pipe open.
    fn pipe_in_words(&self, pipe: crate::fs::PipeId) -> String {
        let holders = |holds: fn(OpenFlags) -> bool| {
            let is_end = |file| self.vfs.file(file).kind == FileKind::Pipe(pipe) && holds(self.vfs.file_flags(file));
            let has_end = |process: &Process| {
                !process.has_ended() && self.vfs.fds(process.files).iter().any(|(_, entry)| is_end(entry.file))
            };
            let ids: Vec<String> = self.pids_where(has_end).iter().map(|pid| pid.0.to_string()).collect();
            if ids.is_empty() { "nobody".to_owned() } else { ids.join(" ") }
        };
        format!("open for writing in {}, for reading in {}", holders(OpenFlags::writes), holders(OpenFlags::reads))
    }
}
