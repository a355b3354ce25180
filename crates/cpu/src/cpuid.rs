//! CPUID: the x86-64 baseline, and just what is there.

/// The registers that CPUID sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the processor's")]
pub struct CpuidResult {
    pub eax: u32,
    pub ebx: u32,
    pub ecx: u32,
    pub edx: u32,
}

/// Leaf 1, EDX: FPU, TSC, MSR, PAE, CX8, PGE, CMOV, PAT, CLFLUSH, MMX, FXSR, SSE, SSE2.
const FEATURES_EDX: u32 = 1
    | 1 << 4
    | 1 << 5
    | 1 << 6
    | 1 << 8
    | 1 << 13
    | 1 << 15
    | 1 << 16
    | 1 << 19
    | 1 << 23
    | 1 << 24
    | 1 << 25
    | 1 << 26;
/// Leaf 80000001H, EDX: SYSCALL, NX, 1 GiB pages, long mode.
const EXTENDED_EDX: u32 = 1 << 11 | 1 << 20 | 1 << 26 | 1 << 29;
/// Physical and linear address bits.
const ADDRESS_BITS: u32 = 48 << 8 | 46;

/// What AT_HWCAP holds: the features of leaf 1, EDX.
#[must_use]
pub const fn hwcap() -> u32 {
    FEATURES_EDX
}

/// CPUID for a leaf (EAX) and a subleaf (ECX). Leaves that are not there give zeros.
#[must_use]
pub fn cpuid(leaf: u32, subleaf: u32) -> CpuidResult {
    let r = |eax, ebx, ecx, edx| CpuidResult { eax, ebx, ecx, edx };
    let text = |s: &[u8; 12]| {
        let word = |i: usize| u32::from_le_bytes([s[i], s[i + 1], s[i + 2], s[i + 3]]);
        (word(0), word(4), word(8))
    };
    match leaf {
        0 => {
            let (ebx, edx, ecx) = text(b"GenuineIntel");
            r(7, ebx, ecx, edx)
        }
        // Family 6; CLFLUSH line of 64 bytes; one logical processor.
        1 => r(0x0002_06a7, 0x0001_0800, 0, FEATURES_EDX),
        // "Look at leaf 4 for the caches."
        2 => r(0x0000_ff01, 0, 0, 0),
        4 => cache(subleaf),
        0x8000_0000 => r(0x8000_0008, 0, 0, 0),
        0x8000_0001 => r(0, 0, 1, EXTENDED_EDX), // LAHF
        0x8000_0002..=0x8000_0004 => brand(leaf - 0x8000_0002),
        0x8000_0008 => r(ADDRESS_BITS, 0, 0, 0),
        _ => CpuidResult::default(),
    }
}

/// Leaf 4: caches of 64-byte lines, as (type, level, KiB, ways).
fn cache(n: u32) -> CpuidResult {
    let caches = [(1, 1, 32, 8), (2, 1, 32, 8), (3, 2, 1024, 16), (3, 3, 16384, 16)];
    let Some(&(kind, level, kib, ways)) = caches.get(n as usize) else { return CpuidResult::default() };
    let sets = kib * 1024 / 64 / ways;
    CpuidResult { eax: kind | level << 5 | 1 << 8, ebx: (ways - 1) << 22 | 63, ecx: sets - 1, edx: 0 }
}

fn brand(part: u32) -> CpuidResult {
    let mut name = [0; 48];
    name[..23].copy_from_slice(b"pagewalk x86-64 machine");
    let word = |i: u32| {
        let at = (part * 16 + i * 4) as usize;
        u32::from_le_bytes([name[at], name[at + 1], name[at + 2], name[at + 3]])
    };
    CpuidResult { eax: word(0), ebx: word(1), ecx: word(2), edx: word(3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_baseline_is_reported() {
        let one = cpuid(1, 0);
        assert_eq!(one.ecx, 0, "no SSE3 or later");
        assert_ne!(one.edx & (1 << 26), 0, "SSE2");
        assert_ne!(one.edx & (1 << 23), 0, "MMX");
        assert_eq!(cpuid(7, 0), CpuidResult::default());
    }

    #[test]
    fn caches_have_the_size_that_their_geometry_gives() {
        let c = cpuid(4, 2);
        let size = ((c.ebx >> 22) + 1) * ((c.ebx & 0xfff) + 1) * (c.ecx + 1);
        assert_eq!(size, 1024 * 1024);
        assert_eq!(cpuid(4, 4).eax & 31, 0);
    }
}
