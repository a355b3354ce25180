//! `/proc/<pid>/stat` and `statm` (`do_task_stat`, `proc_pid_statm`).

use super::USER_HZ;
use crate::Hw;
use crate::kernel::Kernel;
use crate::mm::{Mm, RssKind, VmFlags, Vma};
use crate::process::{Process, State};
use crate::signal::{SigAction, SigSet, Signal};
use crate::time::NSEC_PER_SEC;
use arch::FRAME_SIZE;

/// The number of the terminal that controls the first session: /dev/pts/0.
const TTY_NR: i128 = 136 << 8;

/// The signals whose action is of some kind.
pub(super) fn signals_where(process: &Process, which: impl Fn(&SigAction) -> bool) -> SigSet {
    let all = (1..=64).filter_map(Signal::new);
    all.filter(|&signal| which(&process.signals.action(signal))).fold(SigSet::EMPTY, SigSet::with)
}

pub(super) fn is_caught(action: &SigAction) -> bool {
    !action.is_default() && !action.is_ignored()
}

/// Pages of the mappings of some kind.
pub(super) fn pages_where(mm: &Mm, which: impl Fn(&Vma) -> bool) -> u64 {
    mm.vmas().filter(|vma| which(vma)).map(Vma::pages).sum()
}

/// The program's code: the executable mappings of files.
pub(super) fn is_code(vma: &Vma) -> bool {
    vma.flags.contains(VmFlags::EXEC) && vma.inode().is_some()
}

pub(super) fn is_stack(vma: &Vma) -> bool {
    vma.flags.contains(VmFlags::GROWSDOWN)
}

/// Private memory that can be written.
pub(super) fn is_data(vma: &Vma) -> bool {
    vma.flags.contains(VmFlags::WRITE) && !vma.is_shared() && !is_stack(vma)
}

impl Kernel {
    pub(super) fn stat_text(&self, hw: &Hw<'_>, process: &Process) -> Vec<u8> {
        let (state, _) = self.state(process);
        let rest: Vec<String> = self.stat_numbers(hw, process).iter().map(i128::to_string).collect();
        let head = format!("{} (", process.pid.0).into_bytes();
        [&head, process.name(), format!(") {state} {}\n", rest.join(" ")).as_bytes()].concat()
    }

    /// The fields from the fourth to the last.
    fn stat_numbers(&self, hw: &Hw<'_>, process: &Process) -> Vec<i128> {
        let mm = self.mm_of(process);
        let of_mm = |value: &dyn Fn(&Mm) -> u64| i128::from(mm.map_or(0, value));
        let ticks = |ns: u64| i128::from(ns / (NSEC_PER_SEC / USER_HZ));
        let (user, system) = (process.times.user_ns(hw.instructions), process.times.system_ns());
        let (usage, children) = (&process.usage, &process.children_usage);
        let set = |set: SigSet| i128::from(set.0 & 0x7fff_ffff);
        let nice = i128::from(process.nice);
        let (tty, foreground) = if self.terminal.session == Some(process.session) {
            (TTY_NR, i128::from(self.terminal.foreground.0))
        } else {
            (0, -1)
        };
        let ids = [self.parent_or_init(process.parent), process.pgrp, process.session];
        let mut all = ids.map(|pid| i128::from(pid.0)).to_vec();
        all.extend([tty, foreground, 0x40_0000]); // flags: PF_RANDOMIZE
        let faults = [usage.minor_faults, children.minor_faults, usage.major_faults, children.major_faults];
        all.extend(faults.map(i128::from));
        all.extend([user, system, children.user_ns, children.system_ns].map(ticks));
        all.extend([20 + nice, nice, 1, 0, ticks(process.start_ns)]);
        // vsize in bytes, rss in pages, rsslim.
        all.extend([of_mm(&|mm| mm.total_vm_pages() * FRAME_SIZE), of_mm(&Mm::resident_pages), u64::MAX.into()]);
        let code =
            |mm: &Mm| mm.vmas().filter(|vma| is_code(vma)).map(|vma| (vma.start.0, vma.end.0)).collect::<Vec<_>>();
        all.push(of_mm(&|mm| code(mm).first().map_or(0, |&(start, _)| start)));
        all.push(of_mm(&|mm| code(mm).last().map_or(0, |&(_, end)| end)));
        all.extend([of_mm(&|mm| mm.start_stack().0), 0, 0]); // startstack, kstkesp, kstkeip
        all.extend([set(process.signals.pending_set()), set(process.signals.blocked)]);
        all.extend([set(signals_where(process, SigAction::is_ignored)), set(signals_where(process, is_caught))]);
        let exit_signal = process.exit_signal.map_or(0, |signal| i128::from(signal.number()));
        all.extend([0, 0, 0, exit_signal, 0, 0, 0, 0, 0, 0]); // wchan to cguest_time
        all.extend([0, 0, 0]); // start_data, end_data, start_brk
        all.push(of_mm(&|mm| mm.strings().arg_start.0));
        all.push(of_mm(&|mm| mm.strings().arg_end.0));
        all.push(of_mm(&|mm| mm.strings().env_start.0));
        all.push(of_mm(&|mm| mm.strings().env_end.0));
        all.push(match process.state {
            State::Zombie(status) => status.word().into(),
            _ => 0,
        });
        all
    }

    pub(super) fn statm(&self, process: &Process) -> String {
        let Some(mm) = self.mm_of(process) else { return "0 0 0 0 0 0 0\n".to_owned() };
        let (size, resident) = (mm.total_vm_pages(), mm.resident_pages());
        let text = pages_where(mm, is_code);
        let data = pages_where(mm, |vma| is_data(vma) || is_stack(vma));
        let rss = |kind| mm.rss().get(kind);
        format!("{size} {resident} {} {text} 0 {data} 0\n", rss(RssKind::File) + rss(RssKind::Shmem))
    }
}
