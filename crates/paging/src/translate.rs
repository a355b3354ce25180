//! The one miss path: cached translation, walk from the deepest cached table, A and D, fill.

use crate::format::G;
use crate::tlb::{Prefetch, SpuriousFaults};
use crate::{
    Denials, Detail, EntryUse, Glance, HardwareModel, NoModel, PagingContext, PhysMem, Rights, Step, Walk, WalkEnd,
    walk,
};
use arch::{Access, AccessKind, FRAME_SIZE, LinearAddr, MemoryType, PageFault, PageSize, PatIndex, Pfn, PhysAddr, Pte};

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
    /// What the leaf selects in the page attribute table (MMU-220).
    pub pat: PatIndex,
    /// The type that this gives, over the MTRRs' (MMU-222).
    pub memory_type: MemoryType,
}

impl Translation {
    /// What a leaf gives for the 4 KiB frame at `page`, once the access is judged.
    #[inline(always)]
    pub(crate) fn new(
        ctx: &PagingContext,
        page: PhysAddr,
        size: PageSize,
        leaf: u64,
        rights: Rights,
        dirty: bool,
    ) -> Self {
        let pat = PatIndex::of_leaf(leaf, if size == PageSize::Size4K { 7 } else { 12 });
        Self {
            frame: page.pfn(),
            size,
            rights,
            dirty,
            global: ctx.pge() && leaf & G != 0,
            pat,
            memory_type: ctx.mtrr.with_pat(ctx.regs.pat.memory_type(pat)),
        }
    }

    /// The physical address of `la`, which lies in this page.
    #[must_use]
    pub const fn apply(&self, la: LinearAddr) -> PhysAddr {
        PhysAddr(self.frame.base().0 | la.page_offset())
    }
}

/// Translates one access that lies within a page, sets A and D, and fills the model's caches.
///
/// `la` is the first byte of the access in its page and is canonical; the caller has checked. A walk that began at a cached
/// table and ended in a fault is made again from the root, unless the model wants spurious faults (MMU-185).
///
/// # Errors
/// The page fault that the access raises. A bits of the upper entries are set as MMU-114 allows and the context chooses.
#[inline]
pub fn translate<H: HardwareModel, M: PhysMem + ?Sized>(
    model: &mut H,
    mem: &mut M,
    ctx: &PagingContext,
    la: LinearAddr,
    access: Access,
) -> Result<Translation, PageFault> {
    if H::DETAIL == Detail::Functional
        && let Some(translation) = Glance::new(ctx).and_then(|glance| glance.translate(mem, la, access))
    {
        return Ok(translation); // a model that is told nothing caches nothing
    }
    step_by_step(model, mem, ctx, la, access)
}

/// The walk that tells the model of each step, sets A and D, and fills.
#[inline(never)]
fn step_by_step<H: HardwareModel, M: PhysMem + ?Sized>(
    model: &mut H,
    mem: &mut M,
    ctx: &PagingContext,
    la: LinearAddr,
    access: Access,
) -> Result<Translation, PageFault> {
    if !ctx.paging() {
        return probe(mem, ctx, la, access); // nothing to cache
    }
    if let Some(hit) = model.lookup(ctx, la, access) {
        let denials = hit.rights.denials(ctx, access);
        return if denials.is_empty() { Ok(hit) } else { Err(denied(model, ctx, la, access, denials)) };
    }
    let mut start = model.table(ctx, la);
    loop {
        let mut walk = match &start {
            Some(from) => Walk::resume(ctx, la, access, &from.table),
            None => Walk::start(ctx, la, access),
        };
        let outcome = match drive(model, mem, la, &mut walk) {
            Step::Fault(fault, _) => Err(fault),
            Step::Done(translation) => Ok(translation),
            Step::Load(_) => unreachable!("a walk is driven until it ends"),
        };
        if !walk.settled() && !commit(model, mem, la, walk.end().entries()) {
            continue; // MMU-116
        }
        match &outcome {
            Ok(translation) => {
                model.fill_tables(ctx, la, start.as_ref(), walk.end().entries());
                model.fill(ctx, la, access.kind, translation);
                if model.prefetch() == Prefetch::NextPage
                    && let Some(leaf) = walk.end().entries().last()
                {
                    look_ahead(model, mem, ctx, (la, access), leaf);
                }
            }
            Err(_) if start.is_some() && model.spurious_faults() == SpuriousFaults::Never => {
                model.page_fault(ctx, la);
                start = None;
                continue;
            }
            Err(fault) => {
                model.page_fault(ctx, la); // and so would drop the tables of this walk, had they been filled
                model.fault(*fault);
            }
        }
        return outcome;
    }
}

/// Looks at the entry behind a walk's last, if that is of a page table and the next page's entry too.
fn look_ahead<H: HardwareModel, M: PhysMem + ?Sized>(
    model: &mut H,
    mem: &M,
    ctx: &PagingContext,
    (la, access): (LinearAddr, Access),
    leaf: &EntryUse,
) {
    let next = la.page_base().wrapping_add(FRAME_SIZE);
    let (end, step) = inspect(mem, ctx, next, Access { kind: AccessKind::Read, ..access });
    let Some(entry) = end.entries().last() else { return };
    let is_behind = entry.pa == leaf.pa.wrapping_add(1 << entry.size.shift()) && entry.pa.pfn() == leaf.pa.pfn();
    if !is_behind {
        return;
    }
    model.looked_ahead(entry.pa, Pte(entry.seen));
    let Step::Done(translation) = step else { return };
    let is_settled = |entry: &EntryUse| entry.seen & u64::from(entry.set.bits()) == u64::from(entry.set.bits());
    if translation.size == PageSize::Size4K && end.entries().iter().all(is_settled) {
        model.prefetched(ctx, next, entry.pa, &translation);
    }
}

/// The fault of an access that a cached translation denies.
#[cold]
fn denied<H: HardwareModel>(
    model: &mut H,
    ctx: &PagingContext,
    la: LinearAddr,
    access: Access,
    denials: Denials,
) -> PageFault {
    let fault = walk::page_fault(ctx, la, access, denials.code());
    model.page_fault(ctx, la);
    model.fault(fault);
    fault
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
    match inspect(mem, ctx, la, access).1 {
        Step::Done(translation) => Ok(translation),
        Step::Fault(fault, _) => Err(fault),
        Step::Load(_) => unreachable!("a walk is driven until it ends"),
    }
}

/// The whole walk for an access, without setting A or D or filling any cache: the entries used, and its last step,
/// [`Step::Done`] or [`Step::Fault`]. For a view of it.
pub fn inspect<M: PhysMem + ?Sized>(mem: &M, ctx: &PagingContext, la: LinearAddr, access: Access) -> (WalkEnd, Step) {
    let mut walk = Walk::start(ctx, la, access);
    let last = drive(&mut NoModel, mem, la, &mut walk);
    (*walk.end(), last)
}

/// Feeds a walk what it asks for until it ends, and gives its last step.
#[inline(always)]
fn drive<H: HardwareModel, M: PhysMem + ?Sized>(model: &mut H, mem: &M, la: LinearAddr, walk: &mut Walk<'_>) -> Step {
    let mut step = walk.first();
    while let Step::Load(pa) = step {
        let value = mem.load_sized(pa, walk.entry_size());
        model.walk_load(la, walk.level(), pa, Pte(value));
        step = walk.step(value);
    }
    step
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
        let set = u64::from(entry.set.bits());
        while current & set != set {
            match mem.compare_exchange_sized(entry.pa, entry.size, current, current | set) {
                Ok(()) => {
                    model.walk_update(la, entry.pa, Pte(current | set));
                    break;
                }
                Err(found) if (found ^ entry.seen) & !ACCESSED_DIRTY == 0 => current = found,
                Err(_) => return false,
            }
        }
    }
    true
}
