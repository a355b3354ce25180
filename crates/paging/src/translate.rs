//! The one miss path: cached translation, walk, A and D, fill.

use crate::{EntryUse, HardwareModel, PagingContext, PhysMem, Rights, Step, Walk};
use arch::{Access, LinearAddr, PageFault, PageSize, Pfn, PhysAddr};

/// Bits that may differ without the walk having to start again: A and D.
const ACCESSED_DIRTY: u64 = 0x60;

/// What a translation says of one 4 KiB page (MMU-180).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Translation {
    /// The 4 KiB frame, also within a larger page.
    pub frame: Pfn,
    /// Size of the page that the leaf maps.
    pub size: PageSize,
    /// Combined rights of the path.
    pub rights: Rights,
    /// D of the leaf, after this access.
    pub dirty: bool,
    /// G of the leaf, with CR4.PGE=1 (MMU-190).
    pub global: bool,
}

impl Translation {
    /// The physical address of `la`, which lies in this page.
    #[must_use]
    pub const fn apply(&self, la: LinearAddr) -> PhysAddr {
        PhysAddr(self.frame.base().0 | la.page_offset())
    }
}

/// Translates one access that lies within a page, sets A and D, and fills the model's caches.
///
/// `la` is the first byte of the access in its page and is canonical; the caller has checked.
///
/// # Errors
/// The page fault that the access raises. A bits of the upper entries are set as MMU-114 allows and the context chooses.
pub fn translate<H: HardwareModel, M: PhysMem + ?Sized>(
    model: &mut H,
    mem: &mut M,
    ctx: &PagingContext,
    la: LinearAddr,
    access: Access,
) -> Result<Translation, PageFault> {
    if let Some(hit) = model.lookup(ctx, la, access) {
        return Ok(hit);
    }
    loop {
        let (end, outcome) = match walk(model, mem, ctx, la, access) {
            Step::Done(end, translation) => (end, Ok(translation)),
            Step::Fault(end, fault) => (end, Err(fault)),
            Step::Load(_) => unreachable!("a walk is driven until it ends"),
        };
        if !commit(model, mem, la, end.entries()) {
            continue; // MMU-116
        }
        match &outcome {
            Ok(translation) => {
                model.fill(la, access.kind, translation);
            }
            Err(fault) => model.fault(*fault),
        }
        return outcome;
    }
}

/// What an access would give, without setting A or D or filling any cache: for debuggers, and for the kernel layer's
/// questions about a page.
///
/// # Errors
/// The page fault that the access would raise.
pub fn probe<M: PhysMem + ?Sized>(
    mem: &M,
    ctx: &PagingContext,
    la: LinearAddr,
    access: Access,
) -> Result<Translation, PageFault> {
    let (mut walk, mut pa) = Walk::start(ctx, la, access);
    loop {
        match walk.step(mem.load_entry(pa)) {
            Step::Load(next) => pa = next,
            Step::Done(_, translation) => return Ok(translation),
            Step::Fault(_, fault) => return Err(fault),
        }
    }
}

fn walk<H: HardwareModel, M: PhysMem + ?Sized>(
    model: &mut H,
    mem: &M,
    ctx: &PagingContext,
    la: LinearAddr,
    access: Access,
) -> Step {
    let (mut walk, mut pa) = Walk::start(ctx, la, access);
    loop {
        model.walk_load(la, pa);
        match walk.step(mem.load_entry(pa)) {
            Step::Load(next) => pa = next,
            end => return end,
        }
    }
}

/// Sets A and D where they are not set yet (MMU-110, MMU-111). False if an entry has become another since it was read.
///
/// An entry that serves at several levels of a self-map gets the bits of each use, so a difference in A and D alone is no
/// reason to start again (MMU-122).
fn commit<H: HardwareModel, M: PhysMem + ?Sized>(
    model: &mut H,
    mem: &mut M,
    la: LinearAddr,
    entries: &[EntryUse],
) -> bool {
    for entry in entries {
        let mut current = entry.seen;
        while current & entry.set != entry.set {
            match mem.compare_exchange_entry(entry.pa, current, current | entry.set) {
                Ok(()) => {
                    model.walk_update(la, entry.pa);
                    break;
                }
                Err(found) if (found ^ entry.seen) & !ACCESSED_DIRTY == 0 => current = found,
                Err(_) => return false,
            }
        }
    }
    true
}
