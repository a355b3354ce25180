//! Section M: memory types.

use crate::tables::{PDE, PDPTE, PTE, Path, USER_READ};
use arch::{MemoryType, Pat, PatIndex};

#[test]
fn mmu_220_the_index_is_pat_pcd_pwt() {
    for (path, leaf, pat_bit) in [(Path::open(), PTE, 7), (Path::large_2m(), PDE, 12), (Path::large_1g(), PDPTE, 12)] {
        for index in 0..8_u64 {
            let path = path.clone().toggle(leaf, (index & 3) << 3 | (index >> 2) << pat_bit);
            let translation = path.access(USER_READ).result.unwrap();
            assert_eq!(u64::from(translation.pat.value()), index);
        }
    }
}

#[test]
fn mmu_221_an_entry_is_read_with_pat_0() {
    assert_eq!(PatIndex::of_reference(!0).value(), 3);
    assert_eq!(PatIndex::of_reference(1 << 3 | 1 << 7 | 1 << 12).value(), 1);
}

#[test]
fn mmu_222_types_after_reset() {
    use MemoryType::{Uncacheable, UncacheableMinus, WriteBack, WriteThrough};
    let types = [WriteBack, WriteThrough, UncacheableMinus, Uncacheable];
    for index in 0..8_usize {
        let path = Path::open().toggle(PTE, (index as u64 & 3) << 3 | (index as u64 >> 2) << 7);
        assert_eq!(path.access(USER_READ).result.unwrap().memory_type, types[index % 4]);
    }
}

#[test]
fn mmu_222_pat_and_mtrr_together() {
    use MemoryType::{
        Uncacheable as Uc, UncacheableMinus as UcMinus, WriteBack as Wb, WriteCombining as Wc, WriteProtected as Wp,
        WriteThrough as Wt,
    };
    let pats = [Uc, UcMinus, Wc, Wt, Wb, Wp];
    for (mtrr, effective) in [
        (Uc, [Uc, Uc, Wc, Uc, Uc, Uc]),
        (Wc, [Uc, Wc, Wc, Uc, Wc, Uc]),
        (Wt, [Uc, Uc, Wc, Wt, Wt, Wp]),
        (Wb, [Uc, UcMinus, Wc, Wt, Wb, Wp]),
        (Wp, [Uc, Wc, Wc, Wt, Wp, Wp]),
    ] {
        assert_eq!(pats.map(|pat| mtrr.with_pat(pat)), effective, "MTRR {mtrr}");
    }
}

#[test]
fn mmu_222_the_pat_msr_decides() {
    let pat = Pat::new(0x0007_0406_0007_0401).unwrap();
    let path = Path::open().under(|ctx| ctx.regs.pat = pat);
    assert_eq!(path.access(USER_READ).result.unwrap().memory_type, MemoryType::WriteCombining);
    assert_eq!([0x02, 0x03, 0x08, 0xff].map(Pat::new), [None; 4]);
}
