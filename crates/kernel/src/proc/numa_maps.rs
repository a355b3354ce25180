//! `/proc/<pid>/numa_maps` (`show_numa_map`): all memory is on node 0. Which pages are active is the policy's affair, and left out.

use crate::kernel::Kernel;
use crate::mm::{PageCounts, Vma, VmaName};
use crate::{Errno, Hw};
use event::Pid;
use std::fmt::Write as _;

impl Kernel {
    pub(super) fn numa_maps(&self, hw: &Hw<'_>, pid: Pid) -> Result<Vec<u8>, Errno> {
        let process = self.process(pid).ok_or(Errno::ESRCH)?;
        let Some(mm) = self.mm_of(process) else { return Ok(Vec::new()) };
        let view = self.mm_view(hw);
        let mut out = Vec::new();
        for vma in mm.vmas() {
            out.extend(format!("{:08x} default", vma.start.0).into_bytes());
            match mm.vma_name(vma) {
                VmaName::File(inode) => out.extend([&b" file="[..], &self.vfs.inode_name(inode)].concat()),
                VmaName::Heap => out.extend(b" heap"),
                VmaName::Stack => out.extend(b" stack"),
                _ => {}
            }
            out.extend(counts(vma, &mm.count_pages(&view, vma)).into_bytes());
        }
        Ok(out)
    }
}

fn counts(vma: &Vma, pages: &PageCounts) -> String {
    let mut out = String::from(if vma.is_hugetlb() { " huge" } else { "" });
    if pages.all == 0 {
        return out + "\n";
    }
    let mut put = |name: &str, count: u64, is_shown: bool| {
        if is_shown {
            let _fits = write!(out, " {name}={count}");
        }
    };
    put("anon", pages.anon, pages.anon > 0);
    put("dirty", pages.dirty, pages.dirty > 0);
    put("mapped", pages.all, pages.all != pages.anon && pages.all != pages.dirty);
    put("mapmax", pages.most_maps, pages.most_maps > 1);
    put("swapcache", pages.swap_cached, pages.swap_cached > 0);
    put("N0", pages.all, true);
    out + &format!(" kernelpagesize_kB={}\n", vma.page_size().bytes() / 1024)
}
