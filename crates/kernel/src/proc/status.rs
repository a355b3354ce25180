//! `/proc/<pid>/status` (`proc_pid_status`).

use super::escaped_comm;
use super::stat::{is_caught, is_code, is_data, is_stack, pages_where, signals_where};
use crate::kernel::Kernel;
use crate::process::{Ids, Process};
use crate::signal::SigAction;
use arch::FRAME_SIZE;

/// The least size of a table of descriptors that is shown.
const LEAST_FD_SIZE: usize = 64;
/// RLIMIT_SIGPENDING.
const SIGPENDING: u64 = 11;

impl Kernel {
    pub(super) fn status(&self, process: &Process) -> Vec<u8> {
        let name = [b"Name:\t", &escaped_comm(process)[..], b"\n"].concat();
        let umask = if process.has_ended() { String::new() } else { format!("Umask:\t{:04o}\n", process.fs.umask()) };
        let texts = [umask, self.identity(process), self.memory(process), rights(process)];
        [name, texts.concat().into_bytes()].concat()
    }

    fn identity(&self, process: &Process) -> String {
        let ((letter, state), pid) = (self.state(process), process.pid.0);
        let ids = |Ids { real, effective, saved, fs }| format!("{real}\t{effective}\t{saved}\t{fs}");
        let (uids, gids) = (ids(process.credentials.user), ids(process.credentials.group));
        let fds = self.vfs.proc_fds(pid).map_or(0, |fds| fds.len().next_power_of_two().max(LEAST_FD_SIZE));
        let groups: String = process.groups.iter().map(|group| format!("{group} ")).collect();
        format!(
            "State:\t{letter} ({state})\nTgid:\t{pid}\nNgid:\t0\nPid:\t{pid}\nPPid:\t{}\nTracerPid:\t0\n\
             Uid:\t{uids}\nGid:\t{gids}\nFDSize:\t{fds}\nGroups:\t{groups}\nNStgid:\t{pid}\nNSpid:\t{pid}\nNSpgid:\t{}\n\
             NSsid:\t{}\nKthread:\t0\n",
            self.parent_or_init(process.parent).0,
            process.pgrp.0,
            process.session.0
        )
    }

    fn memory(&self, process: &Process) -> String {
        let Some(mm) = self.mm_of(process) else { return String::new() };
        let total = mm.total_vm_pages();
        let rss = |kind| mm.rss().get(kind);
        let fields = [
            ("VmPeak", mm.peak_vm_pages()),
            ("VmSize", total),
            ("VmLck", mm.locked_vm_pages()),
            ("VmPin", 0),
            ("VmHWM", mm.peak_resident_pages()),
            ("VmRSS", mm.resident_pages()),
            ("RssAnon", rss(crate::mm::RssKind::Anon)),
            ("RssFile", rss(crate::mm::RssKind::File)),
            ("RssShmem", rss(crate::mm::RssKind::Shmem)),
            ("VmData", pages_where(mm, is_data)),
            ("VmStk", pages_where(mm, is_stack)),
            ("VmExe", pages_where(mm, is_code)),
            ("VmLib", 0),
            ("VmPTE", 0),
            ("VmSwap", rss(crate::mm::RssKind::Swap)),
            ("HugetlbPages", mm.rss().hugetlb()),
        ];
        let lines = fields.iter().map(|(name, pages)| format!("{name}:\t{:>8} kB\n", pages * (FRAME_SIZE / 1024)));
        let thp = u8::from(!mm.thp_disabled());
        lines.collect::<String>() + &format!("CoreDumping:\t0\nTHP_enabled:\t{thp}\nuntag_mask:\t{:#x}\n", u64::MAX)
    }
}

fn rights(process: &Process) -> String {
    let signals = &process.signals;
    let ignored = signals_where(process, SigAction::is_ignored).0;
    let caught = signals_where(process, is_caught).0;
    let queued = signals.pending_set().0.count_ones();
    let mut limits = process.limits;
    let most = limits.by_number(SIGPENDING).map_or(0, |limit| limit.soft);
    let caps = process.capabilities;
    format!(
        "Threads:\t1\nSigQ:\t{queued}/{most}\nSigPnd:\t{:016x}\nShdPnd:\t{:016x}\n\
         SigBlk:\t{:016x}\nSigIgn:\t{ignored:016x}\nSigCgt:\t{caught:016x}\nCapInh:\t{:016x}\nCapPrm:\t{:016x}\n\
         CapEff:\t{:016x}\nCapBnd:\t{:016x}\nCapAmb:\t{:016x}\nNoNewPrivs:\t{}\nSeccomp:\t0\n\
         Seccomp_filters:\t0\nCpus_allowed:\t1\nCpus_allowed_list:\t0\nMems_allowed:\t1\nMems_allowed_list:\t0\n\
         voluntary_ctxt_switches:\t{}\nnonvoluntary_ctxt_switches:\t{}\n",
        0,
        signals.pending_set().0,
        signals.blocked.0,
        caps.inheritable.bits(),
        caps.permitted.bits(),
        caps.effective.bits(),
        caps.bounding.bits(),
        caps.ambient.bits(),
        process.no_new_privs,
        process.usage.voluntary_switches,
        process.usage.involuntary_switches
    )
}
