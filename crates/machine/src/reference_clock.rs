//! A model of the hardware that does nothing but tell the reference clock of each page that the program uses.
//!
//! An instruction is fetched before each of its accesses, so the page that instructions come from is used before each load,
//! store and fault of data. References to one page in a row are one, so a loop within a page is no more than its accesses.

use arch::{Access, AccessKind, LinearAddr, PageFault, PageFaultCode, PhysAddr};
use kernel::mm::reclaim::references::SharedReferences;
use paging::{Detail, HardwareModel, Invalidation, PagingContext, Translation, TranslationCache};

/// The model.
#[derive(Debug)]
pub struct ReferenceClock {
    references: SharedReferences,
    /// The page that instructions are fetched from.
    code: Option<(LinearAddr, PhysAddr)>,
}

impl ReferenceClock {
    /// A model that tells this clock.
    #[must_use]
    pub const fn new(references: SharedReferences) -> Self {
        Self { references, code: None }
    }

    fn refetch(&self) {
        if let Some((la, pa)) = self.code {
            self.references.access(la, pa.pfn(), AccessKind::Fetch);
        }
    }

    fn access(&self, la: LinearAddr, pa: PhysAddr, kind: AccessKind) {
        self.refetch();
        self.references.access(la, pa.pfn(), kind);
    }
}

impl TranslationCache for ReferenceClock {
    fn lookup(&mut self, _: &PagingContext, _: LinearAddr, _: Access) -> Option<Translation> {
        None
    }

    fn fill(&mut self, _: &PagingContext, _: LinearAddr, _: AccessKind, _: &Translation) {}

    fn displaced(&mut self) -> Option<LinearAddr> {
        None
    }

    fn invalidate(&mut self, _: Invalidation) {}
}

impl HardwareModel for ReferenceClock {
    const DETAIL: Detail = Detail::EveryAccess;

    fn fetch(&mut self, la: LinearAddr, pa: PhysAddr) {
        self.code = Some((la, pa));
        self.refetch();
    }

    fn load(&mut self, la: LinearAddr, pa: PhysAddr, _size: u32) {
        self.access(la, pa, AccessKind::Read);
    }

    fn store(&mut self, la: LinearAddr, pa: PhysAddr, _size: u32) {
        self.access(la, pa, AccessKind::Write);
    }

    /// The page of the instruction was used. The kernel layer may take it away now; it is fetched from again, wherever
    /// it is then.
    fn fault(&mut self, fault: PageFault) {
        let kind = if fault.code.contains(PageFaultCode::ID) {
            AccessKind::Fetch
        } else if fault.code.contains(PageFaultCode::WR) {
            AccessKind::Write
        } else {
            AccessKind::Read
        };
        if kind != AccessKind::Fetch {
            self.refetch();
        }
        self.references.fault(fault.cr2, kind);
        self.code = None;
    }
}
