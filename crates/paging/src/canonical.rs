//! Canonical addresses of a core that runs with 4-level paging (SDM "Canonical Addressing").

use arch::{LinearAddr, LinearWidth};

/// True if every byte of an access of `size` bytes (at least 1) at `la` is canonical for 48-bit linear addresses:
/// bits 63:47 all equal (MMU-150). The whole operand is checked before any byte is translated (MMU-151).
#[must_use]
pub const fn is_canonical(la: LinearAddr, size: u64) -> bool {
    LinearWidth::Bits48.is_canonical(la, size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mmu_150_bits_63_to_47_are_equal() {
        for (la, canonical) in [
            (0, true),
            (0x0000_7fff_ffff_ffff, true),
            (0x0000_8000_0000_0000, false),
            (0xffff_7fff_ffff_ffff, false),
            (0xffff_8000_0000_0000, true),
            (u64::MAX, true),
            (1 << 63, false),
        ] {
            assert_eq!(is_canonical(LinearAddr(la), 1), canonical, "{la:#x}");
        }
    }

    #[test]
    fn mmu_151_the_whole_operand_is_canonical() {
        assert!(is_canonical(LinearAddr(0x7fff_ffff_fff8), 8));
        assert!(!is_canonical(LinearAddr(0x7fff_ffff_fffc), 8));
        assert!(!is_canonical(LinearAddr(0xffff_7fff_ffff_fffc), 8));
    }

    #[test]
    fn mmu_176_an_access_may_wrap_at_2_to_the_64() {
        assert!(is_canonical(LinearAddr(u64::MAX - 3), 8));
    }
}
