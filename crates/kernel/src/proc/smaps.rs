//! `/proc/<pid>/smaps` and `smaps_rollup` (`show_smap`, `show_smaps_rollup`).

use crate::kernel::Kernel;
use crate::mm::{MemSizeStats, Mm, MmView, VmFlags, Vma};
use crate::{Errno, Hw};
use arch::Features;
use event::Pid;
use std::fmt::Write as _;

/// The letters of a mapping's flags, in the order of Linux's bits (`show_smap_vma_flags`).
const MNEMONICS: [(VmFlags, &str); 23] = [
    (VmFlags::READ, "rd"),
    (VmFlags::WRITE, "wr"),
    (VmFlags::EXEC, "ex"),
    (VmFlags::SHARED, "sh"),
    (VmFlags::MAYREAD, "mr"),
    (VmFlags::MAYWRITE, "mw"),
    (VmFlags::MAYEXEC, "me"),
    (VmFlags::MAYSHARE, "ms"),
    (VmFlags::GROWSDOWN, "gd"),
    (VmFlags::LOCKED, "lo"),
    (VmFlags::SEQ_READ, "sr"),
    (VmFlags::RAND_READ, "rr"),
    (VmFlags::DONTCOPY, "dc"),
    (VmFlags::DONTEXPAND, "de"),
    (VmFlags::LOCKONFAULT, "lf"),
    (VmFlags::ACCOUNT, "ac"),
    (VmFlags::NORESERVE, "nr"),
    (VmFlags::HUGETLB, "ht"),
    (VmFlags::WIPEONFORK, "wf"),
    (VmFlags::DONTDUMP, "dd"),
    (VmFlags::HUGEPAGE, "hg"),
    (VmFlags::NOHUGEPAGE, "nh"),
    (VmFlags::MERGEABLE, "mg"),
];

impl Kernel {
    pub(super) fn smaps(&mut self, hw: &Hw<'_>, pid: Pid) -> Result<Vec<u8>, Errno> {
        let process = self.process(pid).ok_or(Errno::ESRCH)?;
        let Some(mm) = self.mm_of(process) else { return Ok(Vec::new()) };
        let keys = self.features.contains(Features::PKU);
        let view = self.mm_view(hw);
        let blocks: Vec<_> = mm.vmas().map(|vma| (*vma, mm.vma_name(vma), block(mm, &view, vma, keys))).collect();
        let mut out = Vec::new();
        for (vma, name, block) in blocks {
            out.extend(self.map_line(&vma, name)?);
            out.extend(block.into_bytes());
        }
        Ok(out)
    }

    pub(super) fn smaps_rollup(&self, hw: &Hw<'_>, pid: Pid) -> Result<Vec<u8>, Errno> {
        let process = self.process(pid).ok_or(Errno::ESRCH)?;
        let Some(mm) = self.mm_of(process) else { return Err(Errno::ESRCH) };
        let view = self.mm_view(hw);
        let mut all = MemSizeStats::default();
        for vma in mm.vmas() {
            all += &mm.smap_gather_stats(&view, vma);
        }
        let (Some(first), Some(last)) = (mm.vmas().next(), mm.vmas().next_back()) else { return Ok(Vec::new()) };
        let line = format!("{:08x}-{:08x} ---p 00000000 00:00 0 ", first.start.0, last.end.0);
        Ok(format!("{line:<72} [rollup]\n{}", sums(&all, Of::Process)).into_bytes())
    }
}

/// Whose sums are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Mapping,
    Process,
}

/// What follows the line of a mapping.
fn block(mm: &Mm, view: &MmView<'_>, vma: &Vma, keys: bool) -> String {
    let mut out = String::new();
    let page = vma.page_size().bytes();
    for (name, bytes) in [("Size", vma.len()), ("KernelPageSize", page), ("MMUPageSize", page)] {
        line(&mut out, name, bytes);
    }
    out += &sums(&mm.smap_gather_stats(view, vma), Of::Mapping);
    let _fits = writeln!(out, "{:<16}{:>8}", "THPeligible:", u8::from(mm.thp_allowed(view.frames, vma)));
    if keys {
        let _fits = writeln!(out, "{:<16}{:>8}", "ProtectionKey:", vma.flags.pkey());
    }
    let flags: String =
        MNEMONICS.iter().filter(|(flag, _)| vma.flags.contains(*flag)).map(|(_, name)| format!("{name} ")).collect();
    out + "VmFlags: " + &flags + "\n"
}

/// The sums, in Linux's order (`__show_smap`).
fn sums(stats: &MemSizeStats, of: Of) -> String {
    let by_kind = [("Pss_Anon", stats.pss_anon), ("Pss_File", stats.pss_file), ("Pss_Shmem", stats.pss_shmem)];
    let mut out = String::new();
    line(&mut out, "Rss", stats.resident);
    line(&mut out, "Pss", stats.pss.bytes());
    line(&mut out, "Pss_Dirty", stats.pss_dirty.bytes());
    if of == Of::Process {
        by_kind.iter().for_each(|(name, pss)| line(&mut out, name, pss.bytes()));
    }
    let rest = [
        ("Shared_Clean", stats.shared_clean),
        ("Shared_Dirty", stats.shared_dirty),
        ("Private_Clean", stats.private_clean),
        ("Private_Dirty", stats.private_dirty),
        ("Referenced", stats.referenced),
        ("Anonymous", stats.anonymous),
        ("KSM", 0),
        ("LazyFree", stats.lazyfree),
        ("AnonHugePages", stats.anon_huge),
        ("ShmemPmdMapped", 0),
        ("FilePmdMapped", 0),
        ("Shared_Hugetlb", stats.shared_hugetlb),
        ("Private_Hugetlb", stats.private_hugetlb),
        ("Swap", stats.swap),
        ("SwapPss", stats.swap_pss.bytes()),
        ("Locked", stats.pss_locked.bytes()),
    ];
    rest.iter().for_each(|&(name, bytes)| line(&mut out, name, bytes));
    out
}

/// A name, and bytes as KiB that end in column 24.
fn line(out: &mut String, name: &str, bytes: u64) {
    let name = format!("{name}:");
    let width = 24_usize.saturating_sub(name.len());
    let _fits = writeln!(out, "{name}{:>width$} kB", bytes / 1024);
}
