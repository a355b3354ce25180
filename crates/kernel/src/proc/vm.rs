//! The texts about memory: /proc/meminfo, buddyinfo, zoneinfo, slabinfo, vmstat, and the one node's meminfo.
//!
//! What is in use is counted in frames, by the frame table; what it cannot know comes in a [`MemoryCounts`].

use crate::kernel::Kernel;
use crate::mm::buddy::{NR_ORDERS, Order};
use crate::mm::frames::FrameUse;
use crate::mm::hugetlb::HUGE_SIZES;
use crate::mm::reclaim::policy::PageKind;
use crate::mm::slab::Reclaim;
use crate::mm::zone::ZoneInfo;
use arch::{FRAME_SIZE, PageSize};

/// KiB of a frame.
const FRAME_KIB: u64 = FRAME_SIZE / 1024;
/// KiB of the region for `vmalloc` on x86-64 (`VMALLOC_TOTAL`).
const VMALLOC_KIB: u64 = (1 << 35) - 1;

/// Pages by what they hold and where they wait, for /proc/meminfo and vmstat.
#[derive(Clone, Copy, Debug, Default)]
struct MemoryCounts {
    file: u64,
    swap_cached: u64,
    active_anon: u64,
    inactive_anon: u64,
    active_file: u64,
    inactive_file: u64,
    unevictable: u64,
    mlocked: u64,
    swap_total: u64,
    swap_free: u64,
    dirty: u64,
    writeback: u64,
    anon: u64,
    mapped: u64,
    shmem: u64,
    anon_huge: u64,
    shmem_huge: u64,
    shmem_pmd_mapped: u64,
    file_huge: u64,
    file_pmd_mapped: u64,
}

impl Kernel {
    fn memory_counts(&self) -> MemoryCounts {
        let frames = &self.frames;
        let shmem = frames.used_for(FrameUse::Shmem);
        let [node, limited] = frames.lruvec.counts();
        let (active, inactive) =
            (|kind| node.active[kind] + limited.active[kind], |kind| node.inactive[kind] + limited.inactive[kind]);
        let swap = &frames.swap.table;
        let states = frames.page_states();
        MemoryCounts {
            file: frames.used_for(FrameUse::File) + shmem,
            shmem,
            swap_cached: swap.cached().into(),
            active_anon: active(PageKind::Anon),
            // Of a large page only the first frame is in a list.
            inactive_anon: inactive(PageKind::Anon) + frames.thp.mapped * (Order::PMD.frames() - 1),
            active_file: active(PageKind::File),
            inactive_file: inactive(PageKind::File),
            unevictable: frames.unevictable,
            mlocked: frames.unevictable,
            swap_total: swap.total().into(),
            swap_free: swap.free().into(),
            anon_huge: frames.thp.mapped * PageSize::Size2M.bytes() / FRAME_SIZE,
            dirty: states.dirty,
            anon: states.mapped_anon,
            mapped: states.mapped_file,
            ..MemoryCounts::default()
        }
    }

    /// `meminfo_proc_show`, with the fields of Linux 6.18 in their order.
    pub(super) fn meminfo(&self) -> String {
        let counts = self.memory_counts();
        let used = |usage| self.frames.used_for(usage);
        let [reclaimable, unreclaimable] = [Reclaim::Reclaimable, Reclaim::Unreclaimable].map(|r| self.slab_frames(r));
        let total = self.frames.managed();
        let fields = [
            ("MemTotal", total),
            ("MemFree", self.frames.free_frames()),
            ("MemAvailable", self.available(&counts, reclaimable)),
            ("Buffers", 0),
            ("Cached", counts.file),
            ("SwapCached", counts.swap_cached),
            ("Active", counts.active_anon + counts.active_file),
            ("Inactive", counts.inactive_anon + counts.inactive_file),
            ("Active(anon)", counts.active_anon),
            ("Inactive(anon)", counts.inactive_anon),
            ("Active(file)", counts.active_file),
            ("Inactive(file)", counts.inactive_file),
            ("Unevictable", counts.unevictable),
            ("Mlocked", counts.mlocked),
            ("SwapTotal", counts.swap_total),
            ("SwapFree", counts.swap_free),
            ("Zswap", 0),
            ("Zswapped", 0),
            ("Dirty", counts.dirty),
            ("Writeback", counts.writeback),
            ("AnonPages", counts.anon),
            ("Mapped", counts.mapped),
            ("Shmem", counts.shmem),
            ("KReclaimable", reclaimable),
            ("Slab", reclaimable + unreclaimable),
            ("SReclaimable", reclaimable),
            ("SUnreclaim", unreclaimable),
            ("KernelStack", used(FrameUse::KernelStack)),
            ("PageTables", used(FrameUse::PageTable)),
            ("SecPageTables", 0),
            ("NFS_Unstable", 0),
            ("Bounce", 0),
            ("WritebackTmp", 0),
            ("CommitLimit", self.frames.commit_limit_pages()),
            ("Committed_AS", self.frames.commit.pages),
        ];
        let mut out: String = fields.into_iter().map(|(name, pages)| kib_line(name, pages * FRAME_KIB)).collect();
        out += &kib_line("VmallocTotal", VMALLOC_KIB);
        let fields = [
            ("VmallocUsed", 0),
            ("VmallocChunk", 0),
            ("Percpu", 0),
            ("AnonHugePages", counts.anon_huge),
            ("ShmemHugePages", counts.shmem_huge),
            ("ShmemPmdMapped", counts.shmem_pmd_mapped),
            ("FileHugePages", counts.file_huge),
            ("FilePmdMapped", counts.file_pmd_mapped),
            ("Balloon", 0),
        ];
        out.extend(fields.into_iter().map(|(name, pages)| kib_line(name, pages * FRAME_KIB)));
        let hugetlb = |size| self.frames.hugetlb.counts(size);
        let pool = hugetlb(PageSize::Size2M);
        let fields = [("Total", pool.total), ("Free", pool.free), ("Rsvd", pool.reserved), ("Surp", pool.surplus)];
        for (name, pages) in fields {
            out += &format!("{:<19}{pages:>5}\n", format!("HugePages_{name}:"));
        }
        out += &kib_line("Hugepagesize", 2048);
        let all = HUGE_SIZES.map(|size| hugetlb(size).total * (size.bytes() / 1024));
        out += &kib_line("Hugetlb", all.iter().sum());
        out + &self.direct_map()
    }

    /// `node_read_meminfo`: the same of the one node, in other words and another order.
    pub(super) fn node_meminfo(&self) -> String {
        let counts = self.memory_counts();
        let used = |usage| self.frames.used_for(usage);
        let [reclaimable, unreclaimable] = [Reclaim::Reclaimable, Reclaim::Unreclaimable].map(|r| self.slab_frames(r));
        let (total, free) = (self.frames.managed(), self.frames.free_frames());
        let fields = [
            ("MemTotal", total),
            ("MemFree", free),
            ("MemUsed", total - free),
            ("SwapCached", counts.swap_cached),
            ("Active", counts.active_anon + counts.active_file),
            ("Inactive", counts.inactive_anon + counts.inactive_file),
            ("Active(anon)", counts.active_anon),
            ("Inactive(anon)", counts.inactive_anon),
            ("Active(file)", counts.active_file),
            ("Inactive(file)", counts.inactive_file),
            ("Unevictable", counts.unevictable),
            ("Mlocked", counts.mlocked),
            ("Dirty", counts.dirty),
            ("Writeback", counts.writeback),
            ("FilePages", counts.file),
            ("Mapped", counts.mapped),
            ("AnonPages", counts.anon),
            ("Shmem", counts.shmem),
            ("KernelStack", used(FrameUse::KernelStack)),
            ("PageTables", used(FrameUse::PageTable)),
            ("SecPageTables", 0),
            ("NFS_Unstable", 0),
            ("Bounce", 0),
            ("WritebackTmp", 0),
            ("KReclaimable", reclaimable),
            ("Slab", reclaimable + unreclaimable),
            ("SReclaimable", reclaimable),
            ("SUnreclaim", unreclaimable),
            ("AnonHugePages", counts.anon_huge),
            ("ShmemHugePages", counts.shmem_huge),
            ("ShmemPmdMapped", counts.shmem_pmd_mapped),
            ("FileHugePages", counts.file_huge),
            ("FilePmdMapped", counts.file_pmd_mapped),
        ];
        let line = |(name, pages): (&str, u64)| format!("Node 0 {}", kib_line(name, pages * FRAME_KIB));
        let mut out: String = fields.into_iter().map(line).collect();
        let pool = self.frames.hugetlb.counts(PageSize::Size2M);
        for (name, pages) in [("Total", pool.total), ("Free", pool.free), ("Surp", pool.surplus)] {
            out += &format!("Node 0 {:<16}{pages:>5}\n", format!("HugePages_{name}:"));
        }
        out
    }

    /// How the direct map covers RAM: each part with the largest pages that fit (`arch_report_meminfo`).
    fn direct_map(&self) -> String {
        let mut left = self.frames.total() * FRAME_SIZE;
        let mut parts = [PageSize::Size1G, PageSize::Size2M, PageSize::Size4K].map(|size| {
            let part = left & !size.offset_mask();
            left -= part;
            part / 1024
        });
        parts.reverse();
        let names = ["DirectMap4k", "DirectMap2M", "DirectMap1G"];
        names.into_iter().zip(parts).map(|(name, kib)| kib_line(name, kib)).collect()
    }

    /// What programs could get without swapping (`si_mem_available`).
    fn available(&self, counts: &MemoryCounts, reclaimable: u64) -> u64 {
        let marks = self.frames.watermarks();
        let easy = |pages: u64| pages - (pages / 2).min(marks.low);
        let cached = counts.active_file + counts.inactive_file;
        (self.frames.free_frames() + easy(cached) + easy(reclaimable)).saturating_sub(marks.high)
    }

    /// Free blocks of each order, by zone (`frag_show_print`).
    pub(super) fn buddyinfo(&self) -> String {
        let line = |(zone, blocks): (ZoneInfo, [u64; NR_ORDERS])| {
            let blocks: String = blocks.iter().map(|count| format!("{count:>6} ")).collect();
            format!("Node 0, zone {:>8} {blocks}\n", zone.name)
        };
        self.frames.zones().map(line).collect()
    }

    /// Watermarks and sizes, by zone: the part of `zoneinfo_show_print` that is not repeated in vmstat.
    pub(super) fn zoneinfo(&self) -> String {
        let text = |(zone, _): (ZoneInfo, _)| {
            let ZoneInfo { name, start_pfn, free, watermarks: marks, spanned, managed, pcp } = zone;
            format!(
                "Node 0, zone {name:>8}\n  pages free     {free}\n        boost    0\n        min      {}\n        low      {}\n\
                 \x20       high     {}\n        spanned  {spanned}\n        present  {spanned}\n        managed  {managed}\n\
                 \x20       cma      0\n        protection: (0, 0)\n      nr_free_pages {free}\n  pagesets\n    cpu: 0\n\
                 \x20             count:    {pcp}\n              high:     {}\n              batch:    {}\n\
                 \x20 node_unreclaimable:  0\n  start_pfn:           {start_pfn}\n",
                marks.min,
                marks.low,
                marks.high,
                ZoneInfo::PCP_HIGH,
                ZoneInfo::PCP_BATCH,
            )
        };
        self.frames.zones().map(text).collect()
    }

    /// The slab caches, format 2.1 (`cache_show`).
    pub(super) fn slabinfo(&self) -> String {
        let mut out = "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> \
                       <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> \
                       <num_slabs> <sharedavail>\n"
            .to_owned();
        for cache in self.slab_caches() {
            let (kind, slabs) = (cache.kind(), cache.slabs());
            out += &format!(
                "{:<17} {:>6} {:>6} {:>6} {:>4} {:>4} : tunables {:>4} {:>4} {:>4} : slabdata {slabs:>6} {slabs:>6} {:>6}\n",
                kind.name,
                cache.objects(),
                slabs * kind.per_slab(),
                kind.object_bytes,
                kind.per_slab(),
                kind.order().frames(),
                0,
                0,
                0,
                0,
            );
        }
        out
    }

    /// Pages by state, then counts of events (`vmstat_show`); those of Linux's names that mean something here.
    pub(super) fn vmstat(&self) -> String {
        let counts = self.memory_counts();
        let used = |usage| self.frames.used_for(usage);
        let states = [
            ("nr_free_pages", self.frames.free_frames()),
            ("nr_mlock", counts.mlocked),
            ("nr_inactive_anon", counts.inactive_anon),
            ("nr_active_anon", counts.active_anon),
            ("nr_inactive_file", counts.inactive_file),
            ("nr_active_file", counts.active_file),
            ("nr_unevictable", counts.unevictable),
            ("nr_slab_reclaimable", self.slab_frames(Reclaim::Reclaimable)),
            ("nr_slab_unreclaimable", self.slab_frames(Reclaim::Unreclaimable)),
            ("nr_anon_pages", counts.anon),
            ("nr_mapped", counts.mapped),
            ("nr_file_pages", counts.file + counts.swap_cached),
            ("nr_dirty", counts.dirty),
            ("nr_writeback", counts.writeback),
            ("nr_shmem", counts.shmem),
            ("nr_anon_transparent_hugepages", counts.anon_huge / 512),
            ("nr_kernel_stack", used(FrameUse::KernelStack) * FRAME_KIB),
            ("nr_page_table_pages", used(FrameUse::PageTable)),
            ("nr_swapcached", counts.swap_cached),
        ];
        let events = self.frames.stat.events();
        states.into_iter().chain(events).map(|(name, value)| format!("{name} {value}\n")).collect()
    }
}

fn kib_line(name: &str, kib: u64) -> String {
    format!("{:<16}{kib:>8} kB\n", format!("{name}:"))
}
