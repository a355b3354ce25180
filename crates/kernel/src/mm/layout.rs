//! Where things lie in an address space: Linux's layout on x86-64 with address randomisation off and no vDSO.

use arch::{FRAME_SIZE, LinearAddr};

/// The first address that no process can map (`TASK_SIZE_MAX`): the last page below 2^47 stays unmapped, so that no
/// instruction ends at a non-canonical address.
pub const TASK_SIZE_MAX: u64 = 0x7fff_ffff_f000;
/// The end of the initial stack.
pub const STACK_TOP: LinearAddr = LinearAddr(TASK_SIZE_MAX);
/// The lowest address that may be mapped, if nobody says otherwise (`vm.mmap_min_addr`).
pub const MMAP_MIN_ADDR: u64 = 0x1_0000;
/// Bytes kept free below a mapping that grows down (`stack_guard_gap`, 256 pages).
pub(super) const STACK_GUARD_GAP: u64 = 256 * FRAME_SIZE;
/// The most mappings of one process, if nobody says otherwise (`vm.max_map_count`).
pub const MAX_MAP_COUNT: usize = 65530;
/// Where a static position-independent program is loaded (`ELF_ET_DYN_BASE`, two thirds of the address space).
pub const ELF_ET_DYN_BASE: LinearAddr = LinearAddr(0x5555_5555_4000);
/// Bytes that one leaf of a page directory would map: large anonymous mappings are aligned to it.
pub(super) const PMD_SIZE: u64 = 1 << 21;

/// Least and greatest room that is left for the stack (`mmap_base`).
const GAP_MIN: u64 = 128 << 20;
const GAP_MAX: u64 = TASK_SIZE_MAX / 6 * 5;

/// The limits on an address space that a process can set, in bytes; `u64::MAX` is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmLimits {
    /// `RLIMIT_STACK`.
    pub stack: u64,
    /// `RLIMIT_AS`.
    pub address_space: u64,
    /// `RLIMIT_DATA`.
    pub data: u64,
    /// `RLIMIT_MEMLOCK`; no limit for who may lock as much as they like (`CAP_IPC_LOCK`).
    pub locked: u64,
    /// The lowest address that is mapped without being root (`vm.mmap_min_addr`).
    pub min_addr: u64,
    /// Whether lower ones may be mapped where they are ordered (`CAP_SYS_RAWIO`).
    pub raw_io: bool,
}

impl Default for MmLimits {
    /// Linux's defaults: 8 MiB of stack and of locked memory, else no limit.
    fn default() -> Self {
        let unlimited = u64::MAX;
        Self {
            stack: 8 << 20,
            address_space: unlimited,
            data: unlimited,
            locked: 8 << 20,
            min_addr: MMAP_MIN_ADDR,
            raw_io: false,
        }
    }
}

/// The address below which mappings are placed, downwards (`mmap_base`).
pub(crate) fn mmap_base(stack_limit: u64) -> LinearAddr {
    let gap = stack_limit.saturating_add(STACK_GUARD_GAP).clamp(GAP_MIN, GAP_MAX);
    page_align(TASK_SIZE_MAX - gap)
}

/// Where the search upwards begins when there is no room below [`mmap_base`] (`mmap_legacy_base`).
pub(super) fn mmap_legacy_base() -> LinearAddr {
    page_align(TASK_SIZE_MAX / 3)
}

/// Rounds an address of the lower half up to a page.
fn page_align(la: u64) -> LinearAddr {
    LinearAddr(la).page_align_up().expect("the lower half is far from 2^64")
}

/// Rounds a length in bytes up to whole pages; `None` if that does not fit in 64 bits.
pub(super) const fn page_align_len(len: u64) -> Option<u64> {
    match LinearAddr(len).page_align_up() {
        Some(aligned) => Some(aligned.0),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_linux_s() {
        assert_eq!(mmap_base(8 << 20), LinearAddr(0x7fff_f7ff_f000)); // as /proc/self/maps under setarch -R
        assert_eq!(mmap_base(256 << 20), LinearAddr(TASK_SIZE_MAX - (257 << 20)));
        assert_eq!(mmap_base(u64::MAX), page_align(TASK_SIZE_MAX - GAP_MAX));
        assert_eq!(mmap_legacy_base(), LinearAddr(0x2aaa_aaaa_a000).wrapping_add(0x1000));
    }
}
