//! Counts of what memory management has done, as /proc/vmstat shows them (Linux's `enum vm_event_item`).

use arch::{FRAME_SHIFT, Pfn};

/// Makes the counters and the list of their names from one list.
macro_rules! events {
    ($($name:ident),* $(,)?) => {
        /// Event counters, with Linux's names and in its order. They only grow.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub(crate) struct VmStat {
            $(pub(crate) $name: u64,)*
        }

        impl VmStat {
            /// All counters, by name.
            pub(crate) fn events(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }
        }
    };
}

events! {
    workingset_refault_anon,
    workingset_refault_file,
    workingset_activate_anon,
    workingset_activate_file,
    pgpgin,
    pgpgout,
    pswpin,
    pswpout,
    pgalloc_dma32,
    pgalloc_normal,
    allocstall_normal,
    pgfree,
    pgactivate,
    pgdeactivate,
    pglazyfree,
    pgfault,
    pgmajfault,
    pglazyfreed,
    pgrefill,
    pgreuse,
    pgsteal_kswapd,
    pgsteal_direct,
    pgscan_kswapd,
    pgscan_direct,
    pgscan_anon,
    pgscan_file,
    pgsteal_anon,
    pgsteal_file,
    kswapd_low_wmark_hit_quickly,
    kswapd_high_wmark_hit_quickly,
    pageoutrun,
    drop_pagecache,
    drop_slab,
    oom_kill,
    unevictable_pgs_culled,
    unevictable_pgs_mlocked,
    unevictable_pgs_munlocked,
    thp_fault_alloc,
    thp_fault_fallback,
    thp_collapse_alloc,
    thp_split_page,
    thp_split_pmd,
    swap_ra,
    swap_ra_hit,
}

impl VmStat {
    /// Counts frames that were handed out, in the column of their zone.
    pub(super) const fn count_alloc(&mut self, pfn: Pfn, frames: u64) {
        if pfn.0 < 1 << (32 - FRAME_SHIFT) {
            self.pgalloc_dma32 += frames;
        } else {
            self.pgalloc_normal += frames;
        }
    }
}
