//! A small memory with tables, a core's control state, and a hierarchy that is driven through `paging::translate`.

use arch::{Access, AccessKind, ControlRegs, Cr0, Cr3, Cr4, LinearAddr, PageFault, PageSize, Pfn, PhysAddr, Privilege};
use paging::tlb::{
    Geometry, HierarchyConfig, Lookup, Prefetch, SecondLevel, ServedBy, SpuriousFaults, TableCacheConfig, TableRef,
    TlbConfig, TlbHierarchy,
};
use paging::{
    Detail, EntryUse, HardwareModel, Invalidation, PagingContext, PhysMem, Translation, TranslationCache, translate,
};

pub(crate) const P: u64 = 1 << 0;
pub(crate) const RW: u64 = 1 << 1;
pub(crate) const US: u64 = 1 << 2;
pub(crate) const A: u64 = 1 << 5;
pub(crate) const D: u64 = 1 << 6;
pub(crate) const PS: u64 = 1 << 7;
pub(crate) const G: u64 = 1 << 8;
pub(crate) const XD: u64 = 1 << 63;
/// Everything open.
pub(crate) const OPEN: u64 = P | RW | US;

pub(crate) const SIZES: [PageSize; 3] = [PageSize::Size4K, PageSize::Size2M, PageSize::Size1G];
pub(crate) const USER_READ: Access = Access::new(AccessKind::Read, Privilege::User);
pub(crate) const USER_WRITE: Access = Access::new(AccessKind::Write, Privilege::User);
pub(crate) const USER_FETCH: Access = Access::new(AccessKind::Fetch, Privilege::User);
pub(crate) const SUPER_READ: Access = Access::new(AccessKind::Read, Privilege::Supervisor);
pub(crate) const SUPER_WRITE: Access = Access::new(AccessKind::Write, Privilege::Supervisor);
pub(crate) const SUPER_FETCH: Access = Access::new(AccessKind::Fetch, Privilege::Supervisor);

/// Entries by address; memory beside them reads 0 and takes anything.
#[derive(Clone, Default)]
pub(crate) struct Mem(pub(crate) std::collections::BTreeMap<u64, u64>);

impl PhysMem for Mem {
    fn ram_bytes(&self) -> u64 {
        1 << 46
    }
    fn load_entry(&self, pa: PhysAddr) -> u64 {
        self.0.get(&pa.0).copied().unwrap_or(0)
    }
    fn store_entry(&mut self, pa: PhysAddr, value: u64) {
        self.0.insert(pa.0, value);
    }
    fn compare_exchange_entry(&mut self, pa: PhysAddr, current: u64, new: u64) -> Result<(), u64> {
        match self.load_entry(pa) {
            found if found == current => self.store_entry(pa, new),
            found => return Err(found),
        }
        Ok(())
    }
    fn read(&self, _: PhysAddr, _: &mut [u8]) {
        unreachable!("only entries are read")
    }
    fn write(&mut self, _: PhysAddr, _: &[u8]) {
        unreachable!("only entries are written")
    }
    fn zero_frame(&mut self, _: Pfn) {
        unreachable!("only entries are written")
    }
    fn copy_frame(&mut self, _: Pfn, _: Pfn) {
        unreachable!("only entries are written")
    }
}

/// The hierarchy, and what passes by it.
pub(crate) struct Watched {
    pub(crate) caches: TlbHierarchy,
    /// The entries that walks have read since this was last emptied.
    pub(crate) loads: Vec<u64>,
    pub(crate) updates: Vec<u64>,
    /// What the last look-up gave.
    pub(crate) last: Lookup,
}

impl TranslationCache for Watched {
    fn lookup(&mut self, ctx: &PagingContext, la: LinearAddr, access: Access) -> Option<Translation> {
        self.last = self.caches.look_up(ctx, la, access);
        match self.last {
            Lookup::Hit(_, t) | Lookup::Denied(_, t) => Some(t),
            Lookup::Miss => None,
        }
    }
    fn table(&mut self, ctx: &PagingContext, la: LinearAddr) -> Option<TableRef> {
        self.caches.table(ctx, la)
    }
    fn fill_tables(&mut self, ctx: &PagingContext, la: LinearAddr, start: Option<&TableRef>, walked: &[EntryUse]) {
        self.caches.fill_tables(ctx, la, start, walked);
    }
    fn fill(&mut self, ctx: &PagingContext, la: LinearAddr, kind: AccessKind, translation: &Translation) {
        self.caches.fill(ctx, la, kind, translation);
    }
    fn page_fault(&mut self, ctx: &PagingContext, la: LinearAddr) {
        self.caches.page_fault(ctx, la);
    }
    fn spurious_faults(&self) -> SpuriousFaults {
        self.caches.spurious_faults()
    }
    fn prefetch(&self) -> Prefetch {
        self.caches.prefetch()
    }
    fn prefetched(&mut self, ctx: &PagingContext, la: LinearAddr, entry: PhysAddr, translation: &Translation) {
        self.loads.push(entry.0);
        self.caches.prefetched(ctx, la, entry, translation);
    }
    fn displaced(&mut self) -> Option<LinearAddr> {
        self.caches.displaced()
    }
    fn invalidate(&mut self, what: Invalidation) {
        self.caches.invalidate(what);
    }
}

impl HardwareModel for Watched {
    const DETAIL: Detail = Detail::FilteredTlb;
    fn walk_load(&mut self, _: LinearAddr, _: arch::Level, entry: PhysAddr, _: arch::Pte) {
        self.loads.push(entry.0);
    }
    fn walk_update(&mut self, _: LinearAddr, entry: PhysAddr, _: arch::Pte) {
        self.updates.push(entry.0);
    }
}

/// Memory, core and caches.
pub(crate) struct World {
    pub(crate) mem: Mem,
    pub(crate) ctx: PagingContext,
    pub(crate) model: Watched,
}

/// 16 entries of each size and cache, fully associative: nothing is displaced in a short test.
pub(crate) fn roomy() -> HierarchyConfig {
    let room = Geometry::new(1, 16);
    HierarchyConfig {
        instruction: TlbConfig::unified(room, &SIZES),
        data: TlbConfig::unified(room, &SIZES),
        store: None,
        second: SecondLevel::Absent,
        tables: TableCacheConfig { pml5e: Some(room), pml4e: Some(room), pdpte: Some(room), pde: Some(room) },
        spurious_faults: SpuriousFaults::Never,
        prefetch: Prefetch::None,
    }
}

/// The same without paging-structure caches.
pub(crate) fn no_tables() -> HierarchyConfig {
    HierarchyConfig { tables: TableCacheConfig::default(), ..roomy() }
}

/// The control registers of a 64-bit kernel with PCIDs and global pages.
pub(crate) fn registers(root: u64, pcid: u16) -> ControlRegs {
    let mut regs = ControlRegs::long_mode(Cr3(root | u64::from(pcid)));
    regs.cr0.insert(Cr0::WP);
    regs.cr4 |= Cr4::PGE | Cr4::PCIDE;
    regs
}

impl World {
    /// Empty memory, root table at 0x1000, PCID 1.
    pub(crate) fn new(config: &HierarchyConfig) -> Self {
        let caches = TlbHierarchy::new(config).expect("a possible configuration");
        Self {
            mem: Mem::default(),
            ctx: PagingContext::new(registers(0x1000, 1)),
            model: Watched { caches, loads: Vec::new(), updates: Vec::new(), last: Lookup::Miss },
        }
    }

    /// Tables at 0x1000, 0x2000, 0x3000 and 0x4000 that lead to `la`, and a PTE for frame `frame`.
    pub(crate) fn map(&mut self, la: u64, frame: u64, flags: u64) {
        for (level, table) in [(4, 0x2000), (3, 0x3000), (2, 0x4000)] {
            self.set(level, la, table | OPEN);
        }
        self.set(1, la, frame << 12 | flags);
    }

    /// Writes the entry for `la` in the one table of a level: 4 for the PML4 to 1 for the page table.
    pub(crate) fn set(&mut self, level: u64, la: u64, value: u64) {
        self.mem.0.insert(place(level, la), value);
    }

    pub(crate) fn get(&self, level: u64, la: u64) -> u64 {
        self.mem.load_entry(PhysAddr(place(level, la)))
    }

    pub(crate) fn access(&mut self, la: u64, access: Access) -> Result<Translation, PageFault> {
        self.model.loads.clear();
        self.model.updates.clear();
        translate(&mut self.model, &mut self.mem, &self.ctx, LinearAddr(la), access)
    }

    /// The frame that an access reaches, or the error code.
    pub(crate) fn frame(&mut self, la: u64, access: Access) -> Result<u64, u32> {
        self.access(la, access).map(|t| t.frame.0).map_err(|f| f.code.bits())
    }

    /// How many entries the last access has read.
    pub(crate) fn walked(&self) -> usize {
        self.model.loads.len()
    }

    /// Which level served an access, `None` for a walk.
    pub(crate) fn served(&mut self, la: u64, access: Access) -> Option<ServedBy> {
        self.access(la, access).expect("the access is allowed");
        match self.model.last {
            Lookup::Hit(by, _) => Some(by),
            Lookup::Denied(..) | Lookup::Miss => None,
        }
    }

    pub(crate) fn pcid(&mut self, pcid: u16) {
        self.ctx.regs.cr3 = Cr3(self.ctx.regs.cr3.0 & !0xfff | u64::from(pcid));
    }
}

/// Where the entry for `la` lies in the one table of its level.
pub(crate) fn place(level: u64, la: u64) -> u64 {
    let table = (5 - level) << 12;
    table | (la >> (12 + 9 * (level - 1)) & 0x1ff) << 3
}
