//! CPUID: what a [`CpuModel`] says of itself, the same over all leaves.

use crate::model::{Cache, CpuModel, page_size_bit};
use arch::xstate::{self, Component};
use arch::{FeatureWord, Features};

/// The registers that CPUID sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the processor's")]
pub struct CpuidResult {
    pub eax: u32,
    pub ebx: u32,
    pub ecx: u32,
    pub edx: u32,
}

/// The highest leaf, and the highest extended one.
const LAST: u32 = 0x18;
const LAST_EXTENDED: u32 = 0x8000_0008;
/// Family 6; what it is beside nobody needs to know.
const SIGNATURE: u32 = 0x0002_06a7;
/// CLFLUSH line of 64 bytes; one logical processor.
const ONE_PROCESSOR: u32 = 0x0001_0800;
/// Physical and linear address bits.
const ADDRESS_BITS: u32 = 48 << 8 | 46;
/// The time-stamp counter counts nanoseconds of virtual time, whatever the processor does.
const INVARIANT_TSC: u32 = 1 << 8;
const TSC_HZ: u32 = 1_000_000_000;

const NAME: &[u8; 23] = b"pagewalk x86-64 machine";

const fn result(eax: u32, ebx: u32, ecx: u32, edx: u32) -> CpuidResult {
    CpuidResult { eax, ebx, ecx, edx }
}

impl CpuModel {
    /// CPUID for a leaf (EAX) and a subleaf (ECX). Leaves that are not there give zeros.
    #[must_use]
    pub fn cpuid(&self, leaf: u32, subleaf: u32) -> CpuidResult {
        let bits = |word| self.features.cpuid(word);
        match leaf {
            0 => vendor(LAST),
            1 => result(SIGNATURE, ONE_PROCESSOR, bits(FeatureWord::Leaf1Ecx), bits(FeatureWord::Leaf1Edx)),
            // "Look at leaf 4 for the caches, at leaf 18H for the TLBs."
            2 => result(0x00fe_ff01, 0, 0, 0),
            4 => self.cache(subleaf),
            7 if subleaf == 0 => result(0, bits(FeatureWord::Leaf7Ebx), bits(FeatureWord::Leaf7Ecx), 0),
            0xb => topology(subleaf),
            0xd => self.xsave(subleaf),
            // TSC frequency = crystal * EBX / EAX.
            0x15 => result(1, 1, TSC_HZ, 0),
            0x16 => result(TSC_HZ / 1_000_000, TSC_HZ / 1_000_000, 0, 0),
            0x18 => self.tlb(subleaf),
            0x8000_0000 => result(LAST_EXTENDED, 0, 0, 0),
            0x8000_0001 => result(0, 0, bits(FeatureWord::ExtendedEcx), bits(FeatureWord::ExtendedEdx)),
            0x8000_0002..=0x8000_0004 => brand(leaf - 0x8000_0002),
            0x8000_0006 => self.second_level(),
            0x8000_0007 => result(0, 0, 0, INVARIANT_TSC),
            0x8000_0008 => result(ADDRESS_BITS, 0, 0, 0),
            _ => CpuidResult::default(),
        }
    }

    /// Leaf 4: the caches, of 64-byte lines.
    fn cache(&self, n: u32) -> CpuidResult {
        let Some(cache) = self.geometry.caches.get(n as usize) else { return CpuidResult::default() };
        let &Cache { kind, level, ways, .. } = cache;
        result(kind as u32 | level << 5 | 1 << 8, (ways - 1) << 22 | (Cache::LINE_BYTES - 1), cache.sets() - 1, 0)
    }

    /// Leaf 80000006H: the second-level cache, once more.
    fn second_level(&self) -> CpuidResult {
        let Some(cache) = self.geometry.caches.iter().find(|cache| cache.level == 2) else {
            return CpuidResult::default();
        };
        // Codes for 1, 2, 4, 8 and 16 ways.
        let ways = match cache.ways {
            ways @ (1 | 2) => ways,
            4..=7 => 4,
            8..=15 => 6,
            _ => 8,
        };
        result(0, 0, cache.kib << 16 | ways << 12 | Cache::LINE_BYTES, 0)
    }

    /// Leaf 18H: the TLBs.
    fn tlb(&self, n: u32) -> CpuidResult {
        let last = self.geometry.tlbs.len() as u32 - 1;
        let eax = if n == 0 { last } else { 0 };
        let Some(tlb) = self.geometry.tlbs.get(n as usize) else { return CpuidResult::default() };
        let sizes = tlb.sizes.iter().fold(0, |bits, &size| bits | page_size_bit(size));
        result(eax, sizes | tlb.ways << 16, tlb.entries / tlb.ways, tlb.kind as u32 | tlb.level << 5)
    }

    /// Leaf 0DH: the state components and where XSAVE puts them.
    fn xsave(&self, subleaf: u32) -> CpuidResult {
        let Some(xcr0) = xstate::xcr0(self.features) else { return CpuidResult::default() };
        let all = xstate::standard_bytes(xcr0) as u32;
        match subleaf {
            0 => result(xcr0.bits() as u32, all, all, 0),
            1 => {
                let compacted = self.features.contains(Features::XSAVEC);
                let bytes = if compacted { xstate::compacted_bytes(xcr0) as u32 } else { 0 };
                result(self.features.cpuid(FeatureWord::LeafDEax), bytes, 0, 0)
            }
            n => match Component::EXTENDED.iter().find(|c| c.number == n && xcr0.contains(c.bit())) {
                Some(c) => result(c.bytes as u32, c.offset as u32, 0, 0),
                None => CpuidResult::default(),
            },
        }
    }
}

/// Leaf 0BH: one thread in one core.
fn topology(level: u32) -> CpuidResult {
    match level {
        0 | 1 => result(0, 1, (level + 1) << 8 | level, 0),
        _ => result(0, 0, level & 0xff, 0),
    }
}

fn vendor(last: u32) -> CpuidResult {
    let word = |s: &[u8; 4]| u32::from_le_bytes(*s);
    result(last, word(b"Genu"), word(b"ntel"), word(b"ineI"))
}

fn brand(part: u32) -> CpuidResult {
    let mut name = [0; 48];
    name[..NAME.len()].copy_from_slice(NAME);
    let word = |i: u32| {
        let at = (part * 16 + i * 4) as usize;
        u32::from_le_bytes([name[at], name[at + 1], name[at + 2], name[at + 3]])
    };
    result(word(0), word(1), word(2), word(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(features: Features) -> CpuModel {
        CpuModel { features, ..CpuModel::default() }
    }

    #[test]
    fn a_level_reports_its_features_and_no_others() {
        let v1 = of(Features::V1);
        assert_eq!(v1.cpuid(1, 0).ecx, 0, "no SSE3 or later");
        assert_eq!(v1.cpuid(7, 0).ebx & (1 << 5 | 1 << 3), 0, "no AVX2, no BMI1");
        assert_eq!(v1.cpuid(0xd, 0), CpuidResult::default());
        let v3 = of(Features::V3);
        for bit in [0, 9, 12, 13, 19, 20, 22, 23, 26, 27, 28, 29] {
            assert_ne!(v3.cpuid(1, 0).ecx & 1 << bit, 0, "leaf 1, ECX bit {bit}");
        }
        assert_eq!(v3.cpuid(7, 0).ecx & (1 << 3 | 1 << 4), 0, "no protection keys");
        assert_ne!(of(Features::all()).cpuid(7, 0).ecx & 1 << 4, 0, "OSPKE");
        assert_eq!(v3.cpuid(7, 1), CpuidResult::default());
    }

    #[test]
    fn the_xsave_leaf_is_that_of_the_silicon() {
        let v3 = of(Features::V3);
        assert_eq!(v3.cpuid(0xd, 0), result(7, 832, 832, 0));
        assert_eq!(v3.cpuid(0xd, 1), result(0xf, 832, 0, 0));
        assert_eq!(v3.cpuid(0xd, 2), result(256, 576, 0, 0));
        assert_eq!(v3.cpuid(0xd, 9), CpuidResult::default());
        let pku = of(Features::all());
        assert_eq!(pku.cpuid(0xd, 0), result(0x207, 2696, 2696, 0));
        assert_eq!(pku.cpuid(0xd, 1).ebx, 840);
        assert_eq!(pku.cpuid(0xd, 9), result(8, 2688, 0, 0));
    }

    #[test]
    fn caches_have_the_size_that_their_geometry_gives() {
        let model = CpuModel::default();
        let c = model.cpuid(4, 2);
        let size = ((c.ebx >> 22) + 1) * ((c.ebx & 0xfff) + 1) * (c.ecx + 1);
        assert_eq!(size, 1024 * 1024);
        assert_eq!(model.cpuid(4, 4).eax & 31, 0);
        assert_eq!(model.cpuid(0x8000_0006, 0).ecx >> 16, 1024, "KiB");
    }

    #[test]
    fn the_tlbs_are_listed_to_the_last() {
        let model = CpuModel::default();
        let last = model.cpuid(0x18, 0).eax;
        assert!((0..=last).all(|n| model.cpuid(0x18, n).edx & 31 != 0));
        assert_eq!(model.cpuid(0x18, last + 1), CpuidResult::default());
    }
}
