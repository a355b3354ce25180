//! Accessed bits and TLBs: a page that is used through a cached translation does not get its A set again (MMU-184). So where
//! reclaim clears A and leaves the translation, as Linux does, what is paged out depends on the size of the TLB; where the
//! translation goes too, it does not.

use arch::{Access, AccessKind, LinearAddr, PageSize};
use kernel::ExitStatus;
use kernel::fs::{BufferConsole, ViewConfig};
use kernel::mm::reclaim::policy::PolicyName;
use kernel::mm::reclaim::{AgingFlush, ReclaimConfig};
use pagewalk_machine::{Ending, Interrupt, Machine, MachineConfig, SwapConfig};
use paging::tlb::{
    Geometry, HierarchyConfig, Indexing, Prefetch, Replacement, SecondLevel, SpuriousFaults, TableCacheConfig,
    TableRef, TlbConfig, TlbHierarchy,
};
use paging::{Detail, EntryUse, HardwareModel, Invalidation, PagingContext, Translation, TranslationCache};
use std::path::Path;

/// A core's translation caches as a model that counts nothing.
struct Caches(TlbHierarchy);

impl Caches {
    /// A single level of so many entries for loads and stores.
    fn new(entries: u32) -> Self {
        let array = |ways| {
            let geometry = Geometry { sets: 1, ways, index: Indexing::Plain, replacement: Replacement::Lru };
            TlbConfig::unified(geometry, &[PageSize::Size4K, PageSize::Size2M, PageSize::Size1G])
        };
        let config = HierarchyConfig {
            instruction: array(16),
            data: array(entries),
            store: None,
            second: SecondLevel::Absent,
            tables: TableCacheConfig::default(),
            spurious_faults: SpuriousFaults::Never,
            prefetch: Prefetch::None,
        };
        Self(TlbHierarchy::new(&config).unwrap())
    }
}

impl TranslationCache for Caches {
    fn lookup(&mut self, ctx: &PagingContext, la: LinearAddr, access: Access) -> Option<Translation> {
        self.0.lookup(ctx, la, access)
    }
    fn table(&mut self, ctx: &PagingContext, la: LinearAddr) -> Option<TableRef> {
        self.0.table(ctx, la)
    }
    fn fill_tables(&mut self, ctx: &PagingContext, la: LinearAddr, start: Option<&TableRef>, walked: &[EntryUse]) {
        self.0.fill_tables(ctx, la, start, walked);
    }
    fn fill(&mut self, ctx: &PagingContext, la: LinearAddr, kind: AccessKind, translation: &Translation) {
        self.0.fill(ctx, la, kind, translation);
    }
    fn page_fault(&mut self, ctx: &PagingContext, la: LinearAddr) {
        self.0.page_fault(ctx, la);
    }
    fn displaced(&mut self) -> Option<LinearAddr> {
        self.0.displaced()
    }
    fn invalidate(&mut self, what: Invalidation) {
        self.0.invalidate(what);
    }
}

impl HardwareModel for Caches {
    const DETAIL: Detail = Detail::FilteredTlb;
}

/// Touches page 0 between every two others, with room for three. What the sample says of its faults.
fn touch(aging: AgingFlush, entries: u32) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let config = MachineConfig {
        swap: Some(SwapConfig::Temporary(1 << 20)),
        reclaim: ReclaimConfig {
            policy: PolicyName::Clock,
            resident_limit: Some("3@0x10000000".parse().unwrap()),
            aging,
            page_cluster: Some(0),
        },
        ..MachineConfig::new(ViewConfig { root: Some(root), ..ViewConfig::default() })
    };
    let console = BufferConsole::new("");
    let captured = console.captured();
    let mut machine = Machine::with_model(config, Box::new(console), Interrupt::new(), Caches::new(entries)).unwrap();
    let pages = (1..40).flat_map(|page| [0, 1 + page % 7]).map(|page| page.to_string());
    let argv: Vec<Vec<u8>> = std::iter::once("touch".to_owned()).chain(pages).map(String::into_bytes).collect();
    machine.exec(b"/elf-samples/touch", &argv, &[]).unwrap();
    assert_eq!(machine.run(), Ending::Exit(ExitStatus::Exited(0)));
    String::from_utf8(captured.borrow().out.clone()).unwrap()
}

#[test]
fn with_lazy_ageing_the_size_of_the_tlb_shows_in_what_is_paged_out() {
    let [few, many] = [2, 64].map(|entries| touch(AgingFlush::Lazy, entries));
    assert_ne!(few, many, "page 0 looks unused while its translation is cached");
}

#[test]
fn with_eager_ageing_it_does_not() {
    let [few, more, many] = [2, 8, 64].map(|entries| touch(AgingFlush::Eager, entries));
    assert_eq!((&few, &few), (&more, &many));
    assert_eq!(few, touch(AgingFlush::Lazy, 2), "so few entries forget everything between two looks");
}
