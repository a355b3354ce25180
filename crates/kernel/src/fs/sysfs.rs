//! What is in /sys: large pages, and which processors and nodes there are.

use super::knob::{Knob, Value};
use super::procfs::SystemFile;
use crate::mm::hugetlb::PoolSetting as P;
use crate::mm::thp_setting::ThpSetting as T;
use arch::PageSize;

const fn fixed(path: &'static str, text: &'static str) -> Knob {
    Knob { path, permissions: 0o444, value: Value::Fixed(text) }
}

const fn thp(path: &'static str, setting: T) -> Knob {
    let permissions = if setting.is_shown_only() { 0o444 } else { 0o644 };
    Knob { path, permissions, value: Value::Thp(setting) }
}

const fn pool(path: &'static str, size: PageSize, setting: P) -> Knob {
    let permissions = if setting.is_shown_only() { 0o444 } else { 0o644 };
    Knob { path, permissions, value: Value::Pool(size, setting) }
}

/// In the order of their paths, name by name.
pub(super) const KNOBS: &[Knob] = &[
    fixed("devices/system/cpu/cpu0/topology/core_cpus_list", "0"),
    fixed("devices/system/cpu/cpu0/topology/core_id", "0"),
    fixed("devices/system/cpu/cpu0/topology/physical_package_id", "0"),
    fixed("devices/system/cpu/cpu0/topology/thread_siblings_list", "0"),
    fixed("devices/system/cpu/kernel_max", "0"),
    fixed("devices/system/cpu/offline", ""),
    fixed("devices/system/cpu/online", "0"),
    fixed("devices/system/cpu/possible", "0"),
    fixed("devices/system/cpu/present", "0"),
    fixed("devices/system/node/has_cpu", "0"),
    fixed("devices/system/node/has_memory", "0"),
    fixed("devices/system/node/has_normal_memory", "0"),
    fixed("devices/system/node/node0/cpulist", "0"),
    fixed("devices/system/node/node0/cpumap", "1"),
    fixed("devices/system/node/node0/distance", "10"),
    Knob {
        path: "devices/system/node/node0/meminfo",
        permissions: 0o444,
        value: Value::System(SystemFile::NodeMeminfo),
    },
    fixed("devices/system/node/online", "0"),
    fixed("devices/system/node/possible", "0"),
    pool("kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", PageSize::Size1G, P::Free),
    pool("kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", PageSize::Size1G, P::Total),
    pool("kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages_mempolicy", PageSize::Size1G, P::Total),
    pool("kernel/mm/hugepages/hugepages-1048576kB/nr_overcommit_hugepages", PageSize::Size1G, P::Overcommit),
    pool("kernel/mm/hugepages/hugepages-1048576kB/resv_hugepages", PageSize::Size1G, P::Reserved),
    pool("kernel/mm/hugepages/hugepages-1048576kB/surplus_hugepages", PageSize::Size1G, P::Surplus),
    pool("kernel/mm/hugepages/hugepages-2048kB/free_hugepages", PageSize::Size2M, P::Free),
    pool("kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", PageSize::Size2M, P::Total),
    pool("kernel/mm/hugepages/hugepages-2048kB/nr_hugepages_mempolicy", PageSize::Size2M, P::Total),
    pool("kernel/mm/hugepages/hugepages-2048kB/nr_overcommit_hugepages", PageSize::Size2M, P::Overcommit),
    pool("kernel/mm/hugepages/hugepages-2048kB/resv_hugepages", PageSize::Size2M, P::Reserved),
    pool("kernel/mm/hugepages/hugepages-2048kB/surplus_hugepages", PageSize::Size2M, P::Surplus),
    thp("kernel/mm/transparent_hugepage/defrag", T::Defrag),
    thp("kernel/mm/transparent_hugepage/enabled", T::Enabled),
    thp("kernel/mm/transparent_hugepage/hpage_pmd_size", T::HpagePmdSize),
    thp("kernel/mm/transparent_hugepage/khugepaged/alloc_sleep_millisecs", T::AllocSleep),
    thp("kernel/mm/transparent_hugepage/khugepaged/defrag", T::KhugepagedDefrag),
    thp("kernel/mm/transparent_hugepage/khugepaged/full_scans", T::FullScans),
    thp("kernel/mm/transparent_hugepage/khugepaged/max_ptes_none", T::MaxPtesNone),
    thp("kernel/mm/transparent_hugepage/khugepaged/max_ptes_shared", T::MaxPtesShared),
    thp("kernel/mm/transparent_hugepage/khugepaged/max_ptes_swap", T::MaxPtesSwap),
    thp("kernel/mm/transparent_hugepage/khugepaged/pages_collapsed", T::PagesCollapsed),
    thp("kernel/mm/transparent_hugepage/khugepaged/pages_to_scan", T::PagesToScan),
    thp("kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs", T::ScanSleep),
    thp("kernel/mm/transparent_hugepage/shmem_enabled", T::ShmemEnabled),
    thp("kernel/mm/transparent_hugepage/use_zero_page", T::UseZeroPage),
];
