//! What /proc/sys sets, most of it of memory management (Linux's `kernel/sysctl.c`, `mm/*.c`, `ipc/ipc_sysctl.c`).
//!
//! A text is a number within the bounds of its setting. A setting whose change is an act, `drop_caches`, is left as a
//! request; who can serve it takes it.

use super::layout::{MAX_MAP_COUNT, MMAP_MIN_ADDR};
use crate::Errno;

/// The settings of memory management that are nobody else's: `min_free_kbytes` is the buddy allocator's, the amounts of
/// overcommitment are the commit limit's, `page-cluster` is the swap device's, those of large pages are their pools'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sysctl {
    /// How much rather file pages are dropped than anonymous ones are swapped, 0 to 200.
    pub(crate) swappiness: u64,
    /// 0: obvious overcommits are refused; 1: none; 2: all beyond the commit limit.
    pub(crate) overcommit_memory: u64,
    /// How readily inodes and names are dropped, in percent of Linux's habit.
    pub(crate) vfs_cache_pressure: u64,
    /// The most mappings of one process.
    pub(crate) max_map_count: usize,
    /// The lowest address that a program may map without being root.
    pub(crate) mmap_min_addr: u64,
    /// The group whose members may have shared memory of large pages.
    pub(crate) hugetlb_shm_group: u32,
    /// What a write to `drop_caches` asks for.
    pub(crate) drop_caches: Option<DropCaches>,
}

/// What is to be dropped (`drop_caches_sysctl_handler`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DropCaches {
    /// 1: clean pages of files.
    PageCache,
    /// 2: inodes and names that nobody uses.
    Slab,
    /// 3: both.
    All,
}

/// A number that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Setting {
    AdminReserveKbytes,
    DropCaches,
    HugetlbShmGroup,
    MaxMapCount,
    MinFreeKbytes,
    MmapMinAddr,
    NrHugepages,
    NrOvercommitHugepages,
    OvercommitKbytes,
    OvercommitMemory,
    OvercommitRatio,
    PageCluster,
    PidMax,
    ShmAll,
    ShmMax,
    ShmMni,
    Swappiness,
    UserReserveKbytes,
    VfsCachePressure,
}

impl Setting {
    /// The smallest and the largest value that can be written.
    const fn bounds(self) -> (u64, u64) {
        const INT_MAX: u64 = i32::MAX as u64;
        match self {
            Self::DropCaches => (1, 7),
            Self::OvercommitMemory => (0, 2),
            Self::PageCluster => (0, 31),
            Self::Swappiness => (0, 200),
            Self::PidMax => (301, 1 << 22),
            Self::ShmMni => (0, 1 << 15),
            Self::HugetlbShmGroup | Self::MaxMapCount => (0, INT_MAX),
            Self::MinFreeKbytes | Self::OvercommitRatio | Self::VfsCachePressure => (0, INT_MAX),
            Self::NrHugepages | Self::NrOvercommitHugepages | Self::MmapMinAddr => (0, u64::MAX),
            Self::AdminReserveKbytes | Self::UserReserveKbytes | Self::OvercommitKbytes => (0, u64::MAX),
            Self::ShmAll | Self::ShmMax => (0, u64::MAX),
        }
    }

    /// The number that a text sets it to (`proc_dointvec_minmax`): what stands before white space or a NUL.
    ///
    /// # Errors
    /// `EINVAL` if it is no number or out of bounds.
    pub(crate) fn parse(self, text: &[u8]) -> Result<u64, Errno> {
        let text = text.trim_ascii_start();
        let end = text.iter().position(|b| b.is_ascii_whitespace() || *b == 0).unwrap_or(text.len());
        let number = std::str::from_utf8(&text[..end]).map_err(|_| Errno::EINVAL)?;
        let number = match number.strip_prefix("0x").or_else(|| number.strip_prefix("0X")) {
            Some(hex) => parse_digits(hex, 16),
            None if number.len() > 1 && number.starts_with('0') => parse_digits(&number[1..], 8),
            None => parse_digits(number, 10),
        };
        let (min, max) = self.bounds();
        number.filter(|number| (min..=max).contains(number)).ok_or(Errno::EINVAL)
    }
}

/// Digits only: the library would take a sign too.
fn parse_digits(digits: &str, radix: u32) -> Option<u64> {
    digits.bytes().all(|b| b.is_ascii_alphanumeric()).then(|| u64::from_str_radix(digits, radix).ok())?
}

impl Default for Sysctl {
    fn default() -> Self {
        Self {
            swappiness: 60,
            overcommit_memory: 0,
            vfs_cache_pressure: 100,
            max_map_count: MAX_MAP_COUNT,
            mmap_min_addr: MMAP_MIN_ADDR,
            hugetlb_shm_group: 0,
            drop_caches: None,
        }
    }
}

impl Sysctl {
    /// Sets what belongs here to a value that [`Setting::parse`] gave.
    pub(crate) const fn set(&mut self, setting: Setting, value: u64) {
        match setting {
            Setting::DropCaches => {
                self.drop_caches = match value & 3 {
                    1 => Some(DropCaches::PageCache),
                    2 => Some(DropCaches::Slab),
                    3 => Some(DropCaches::All),
                    _ => self.drop_caches, // the third bit: no more messages about it
                };
            }
            Setting::MaxMapCount => self.max_map_count = value as usize,
            Setting::MmapMinAddr => self.mmap_min_addr = value,
            Setting::HugetlbShmGroup => self.hugetlb_shm_group = value as u32,
            Setting::OvercommitMemory => self.overcommit_memory = value,
            Setting::Swappiness => self.swappiness = value,
            Setting::VfsCachePressure => self.vfs_cache_pressure = value,
            _ => {} // who has it has been told
        }
    }
}
