//! The usual walk in one look: 4-level paging, a page of 4 KiB, A set throughout and D where a write needs it.
//!
//! It is there for speed alone. It reads entries by the same [`Format`] and judges by the same [`Rights`] as [`crate::Walk`],
//! and gives what that would give, with nothing to set; or nothing at all, and then the walk is made step by step from the
//! start. So it must never be asked by a host that has the reads of a walk reported.

use crate::format::{A, Format, G, P, PS, RW, US, XD};
use crate::{PagingContext, PhysMem, Rights, Translation};
use arch::{Access, Level, LinearAddr, PageSize, PagingMode, PhysAddr, ProtectionKey, Pte};

/// The address bits 51:12 of an entry.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// What a walk gives that has nothing to set, if it is a usual one; `None` says nothing of what the walk gives. `la` is
/// canonical.
#[inline(always)]
pub fn glance<M: PhysMem + ?Sized>(
    mem: &M,
    ctx: &PagingContext,
    la: LinearAddr,
    access: Access,
) -> Option<Translation> {
    if ctx.mode() != PagingMode::Level4 {
        return None;
    }
    let format = Format::new(ctx, PagingMode::Level4);
    let (mut table, mut leaf) = (ctx.regs.cr3.root().0, 0);
    let (mut every, mut any) = (u64::MAX, 0);
    for level in [Level::Pml4, Level::Pdpt, Level::Pd, Level::Pt] {
        let entry = mem.load_entry(PhysAddr(table + 8 * level.index(la)));
        // With PS or G a table's entry may be anything: a page, reserved, or valid.
        let unusual = format.reserved_always() | if level == Level::Pt { 0 } else { PS | G };
        if entry & (P | A | unusual) != P | A {
            return None;
        }
        (every, any) = (every & entry, any | entry);
        // What of the address lies beyond MAXPHYADDR is reserved, and so is 0.
        (table, leaf) = (entry & ADDRESS, entry);
    }
    let rights = Rights {
        writable: every & RW != 0,
        user: every & US != 0,
        no_execute: any & XD != 0,
        key: ProtectionKey::of_leaf(leaf),
    };
    let dirty = Pte(leaf).dirty();
    let nothing_to_set = dirty || !access.is_write();
    let usual = nothing_to_set && rights.allow(ctx, access);
    usual.then(|| Translation::new(ctx, PhysAddr(table), PageSize::Size4K, leaf, rights, dirty))
}
