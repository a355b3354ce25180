//! The matrices.
//!
//! The two large ones vary leaf and next level in full: the PTE below a PDE that, when its PS bit is set, is the leaf itself.
//! The others vary what those leave out: entries further up, 1 GiB leaves, the reserved bits of large leaves, PAE, 32-bit.

use crate::naive::cpu::{Cpu, Mode};
use crate::shape::{CpuFlip, EntryFlip, Shape};

const P: u32 = 0;
const RW: u32 = 1;
const US: u32 = 2;
const A: u32 = 5;
const D: u32 = 6;
/// PS, and PAT in a PTE.
const PS: u32 = 7;
const G: u32 = 8;
const XD: u32 = 63;

const LA_4: u64 = 0x0000_1234_5678_9abc;
const LA_5: u64 = 0x0012_3456_789a_bcde;
const LA_32: u64 = 0xc9ab_cdef;

/// A present, writable user entry for the table or page at `base`.
const fn table(base: u64) -> u64 {
    base | 1 << P | 1 << RW | 1 << US
}

/// The key of the PTE, and the key of the other entries, of which a large leaf's counts.
const KEY: u64 = 5;
const LARGE_KEY: u64 = 10;

const fn with_key(entry: u64, key: u64) -> u64 {
    entry | key << 59
}

/// AD and WD of every key but the PTE's.
const OTHER_KEYS: u32 = !(0b11 << (2 * KEY));
const AD: u32 = 1 << (2 * KEY) | 1 << (2 * LARGE_KEY);
const WD: u32 = AD << 1;

const WP_: CpuFlip = |cpu| cpu.wp = !cpu.wp;
const SMEP_: CpuFlip = |cpu| cpu.smep = !cpu.smep;
const SMAP_: CpuFlip = |cpu| cpu.smap = !cpu.smap;
const AC_: CpuFlip = |cpu| cpu.ac = !cpu.ac;
const NXE_: CpuFlip = |cpu| cpu.nxe = !cpu.nxe;
const PKE_: CpuFlip = |cpu| cpu.pke = !cpu.pke;
const PKS_: CpuFlip = |cpu| cpu.pks = !cpu.pks;
const PSE_: CpuFlip = |cpu| cpu.pse = !cpu.pse;
const GB_: CpuFlip = |cpu| cpu.gb = !cpu.gb;
const AMD_: CpuFlip = |cpu| cpu.amd = !cpu.amd;
/// AD in PKRU, and WD in PKRS: all four pairs occur in each, and a mixed-up register shows.
const AD_: CpuFlip = |cpu| {
    cpu.pkru ^= AD;
    cpu.pkrs ^= WD;
};
const WD_: CpuFlip = |cpu| {
    cpu.pkru ^= WD;
    cpu.pkrs ^= AD;
};

const ALL_RIGHTS: &[CpuFlip] = &[WP_, SMEP_, SMAP_, AC_, NXE_, PKE_, PKS_, AD_, WD_];
const WITHOUT_KEYS: &[CpuFlip] = &[WP_, SMEP_, SMAP_, AC_, NXE_, PSE_];

fn processor(mode: Mode) -> Cpu {
    Cpu { pkru: OTHER_KEYS, pkrs: OTHER_KEYS, ..Cpu::new(mode) }
}

/// `bits` of the entry at `place`.
fn flips(place: usize, bits: &[u32]) -> impl Iterator<Item = EntryFlip> {
    bits.iter().map(move |&bit| (place, bit))
}

/// A path of tables in 4-level or 5-level paging, whose entries above the PTE have the other key.
fn long_path(levels: u64) -> Vec<u64> {
    let upper = (1..levels).map(|n| with_key(table(n * 0x40_0000), LARGE_KEY));
    upper.chain([with_key(table(0x12_3456_7000), KEY)]).collect()
}

/// Leaf and next level, everything.
fn leaf_and_next(name: &'static str, mode: Mode, la: u64) -> Shape {
    let path = long_path(processor(mode).levels() as u64);
    let (pde, pte) = (path.len() - 2, path.len() - 1);
    let bits = [P, RW, US, A, D, PS, 51, XD];
    let entry_flips = flips(pde, &bits).chain(flips(pte, &bits)).collect();
    Shape { name, cpu: processor(mode), cpu_flips: ALL_RIGHTS, path, entry_flips, la }
}

/// 1 GiB leaves and the entry above them.
fn gigabyte(name: &'static str, mode: Mode, la: u64) -> Shape {
    let path = long_path(processor(mode).levels() as u64);
    let pdpte = path.len() - 3;
    let mut path = path;
    path[pdpte] = with_key(table(0x12_4000_0000), LARGE_KEY);
    let entry_flips =
        flips(pdpte - 1, &[P, RW, US, PS, G, XD]).chain(flips(pdpte, &[P, RW, US, A, PS, 12, 13, 29, 51]));
    let entry_flips = entry_flips.collect();
    Shape {
        name,
        cpu: Cpu { nxe: true, ..processor(mode) },
        cpu_flips: &[WP_, SMEP_, SMAP_, PKE_, AD_, GB_, AMD_],
        path,
        entry_flips,
        la,
    }
}

/// The two entries at the root.
fn root(name: &'static str, mode: Mode, la: u64) -> Shape {
    let path = long_path(processor(mode).levels() as u64);
    let bits = [P, RW, US, A, PS, G, 51, XD];
    let entry_flips = flips(0, &bits).chain(flips(1, &bits)).collect();
    Shape { name, cpu: processor(mode), cpu_flips: &[WP_, SMEP_, SMAP_, NXE_, AMD_], path, entry_flips, la }
}

/// The address bits of a 2 MiB leaf, on both sides of its limits.
fn large_address(name: &'static str, mode: Mode, m: u32, la: u64) -> Shape {
    let path = match mode {
        Mode::Pae => vec![table(0x1000) & !6, table(0x40_0000), table(0x2000)],
        _ => long_path(processor(mode).levels() as u64),
    };
    let pde = path.len() - 2;
    let low = [P, PS, 12, 13, 17, 20, 21];
    let high = [35, 36, 45, 46, 51, 52, 58];
    let entry_flips = flips(pde, &low).chain(flips(pde, &high)).collect();
    Shape { name, cpu: Cpu { m, ..processor(mode) }, cpu_flips: &[NXE_, PSE_, WP_], path, entry_flips, la }
}

/// PAE: PTE, PDE, and P of the PDPTE register. PKE, PKS and bit 7 of the PTE mean nothing there.
fn pae() -> Shape {
    let path = vec![0x1001, table(0x40_0000), table(0x12_3456_7000)];
    let pde = [P, RW, US, A, PS, 62, XD];
    let pte = [P, RW, US, A, D, PS, 51, 52, XD];
    let entry_flips = flips(0, &[P]).chain(flips(1, &pde)).chain(flips(2, &pte)).collect();
    let cpu = Cpu { pke: true, pks: true, pkru: u32::MAX, pkrs: u32::MAX, ..processor(Mode::Pae) };
    Shape { name: "PAE", cpu, cpu_flips: WITHOUT_KEYS, path, entry_flips, la: LA_32 }
}

/// 32-bit paging: PTE and PDE, with PSE-36.
fn bits32(name: &'static str, m: u32) -> Shape {
    let path = vec![table(0x40_0000), table(0x3456_7000)];
    let pde = [P, RW, US, A, D, PS, 12, 13, 17, 20, 21];
    let entry_flips = flips(0, &pde).chain(flips(1, &[P, RW, US, A, D, PS])).collect();
    let cpu = Cpu { m, pke: true, pkru: u32::MAX, ..processor(Mode::Bits32) };
    Shape { name, cpu, cpu_flips: WITHOUT_KEYS, path, entry_flips, la: LA_32 }
}

/// All matrices.
pub(crate) fn all() -> Vec<Shape> {
    vec![
        leaf_and_next("4-level", Mode::Long4, LA_4),
        leaf_and_next("5-level", Mode::Long5, LA_5),
        gigabyte("4-level, 1 GiB", Mode::Long4, LA_4),
        gigabyte("5-level, 1 GiB", Mode::Long5, LA_5),
        root("4-level, root", Mode::Long4, LA_4),
        root("5-level, root", Mode::Long5, LA_5),
        large_address("4-level, 2 MiB, M=36", Mode::Long4, 36, LA_4),
        large_address("4-level, 2 MiB, M=46", Mode::Long4, 46, LA_4),
        large_address("4-level, 2 MiB, M=52", Mode::Long4, 52, LA_4),
        large_address("PAE, 2 MiB, M=36", Mode::Pae, 36, LA_32),
        large_address("PAE, 2 MiB, M=52", Mode::Pae, 52, LA_32),
        pae(),
        bits32("32-bit, M=36", 36),
        bits32("32-bit, M=40", 40),
        bits32("32-bit, M=46", 46),
    ]
}
