//! The cores: a hardware model for each vCPU, all on the same page tables, told of what QEMU reports.
//!
//! Protocol: before an instruction's accesses come the pages it was fetched from, as far as they changed. A page that stays
//! is not looked up again, and an access that is settled is not passed on to a model that need not hear of every one:
//! either would find an entry whose use changes nothing.

use crate::memory::Memory;
use crate::settled::Settled;
use arch::{Access, AccessKind, ControlRegs, FRAME_SIZE, LinearAddr, PhysAddr, Privilege};
use paging::{Detail, HardwareModel, PagingContext};

/// The vCPUs of a program, and its page tables.
pub(crate) struct Host<H> {
    ctx: PagingContext,
    memory: Memory,
    /// What the model of a new vCPU is made from.
    fresh: H,
    vcpus: Vec<Vcpu<H>>,
}

/// A core.
struct Vcpu<H> {
    model: H,
    settled: Settled,
    /// The page that instructions come from.
    fetch_page: Option<u64>,
    /// The repeated instruction that was the last one to begin.
    repeating: Option<LinearAddr>,
}

impl<H: HardwareModel + Clone> Host<H> {
    /// A program that has not touched a page, on cores of which each begins as `fresh`.
    pub(crate) fn new(fresh: H) -> Self {
        let memory = Memory::new();
        let ctx = PagingContext::new(ControlRegs::long_mode(memory.root()));
        Self { ctx, memory, fresh, vcpus: Vec::new() }
    }

    /// The cores' models, of as many vCPUs as there were at once.
    pub(crate) fn models(&self) -> impl Iterator<Item = &H> {
        self.vcpus.iter().map(|vcpu| &vcpu.model)
    }

    /// A block begins, of so many instructions that retire.
    #[inline]
    pub(crate) fn begin(&mut self, vcpu: usize, la: LinearAddr, instructions: u16) {
        let core = self.vcpu(vcpu);
        if core.repeating.is_some_and(|repeating| repeating != la) {
            core.repeating = None;
        }
        core.model.retired(instructions.into());
        self.fetch(vcpu, la);
    }

    /// Instructions come from the page of `la` from now on.
    #[inline]
    pub(crate) fn fetch(&mut self, vcpu: usize, la: LinearAddr) {
        let core = self.vcpu(vcpu);
        if core.fetch_page != Some(la.page_number()) {
            core.fetch_page = Some(la.page_number());
            self.piece(vcpu, la, 0, AccessKind::Fetch);
        }
    }

    /// A repeated string instruction makes a round. It retires once, however many follow.
    pub(crate) fn repeat(&mut self, vcpu: usize, la: LinearAddr) {
        let core = self.vcpu(vcpu);
        if core.repeating != Some(la) {
            core.repeating = Some(la);
            core.model.retired(1);
        }
    }

    /// `size` bytes at `la` were read or written. Across a page's end that is two accesses, the low one first (MMU-170).
    #[inline]
    pub(crate) fn access(&mut self, vcpu: usize, la: LinearAddr, size: u64, kind: AccessKind) {
        let in_page = FRAME_SIZE - la.page_offset();
        if size <= in_page {
            return self.piece(vcpu, la, size, kind);
        }
        self.crossing(vcpu, la, size, kind, in_page);
    }

    /// Both pages are translated before either is accessed (MMU-173).
    #[cold]
    fn crossing(&mut self, vcpu: usize, la: LinearAddr, size: u64, kind: AccessKind, in_page: u64) {
        let high = la.wrapping_add(in_page);
        let pieces = [(la, in_page), (high, size - in_page)];
        let at = pieces.map(|(la, _)| self.translate(vcpu, la, kind));
        for ((la, size), pa) in pieces.into_iter().zip(at) {
            self.report(vcpu, la, pa, size, kind);
        }
    }

    /// An access within a page.
    #[inline]
    fn piece(&mut self, vcpu: usize, la: LinearAddr, size: u64, kind: AccessKind) {
        if H::DETAIL >= Detail::EveryAccess || !self.vcpu(vcpu).settled.has(la, kind) {
            let pa = self.translate(vcpu, la, kind);
            self.report(vcpu, la, pa, size, kind);
        }
    }

    fn report(&mut self, vcpu: usize, la: LinearAddr, pa: PhysAddr, size: u64, kind: AccessKind) {
        if H::DETAIL < Detail::EveryAccess {
            return;
        }
        let model = &mut self.vcpu(vcpu).model;
        match kind {
            AccessKind::Write => model.store(la, pa, size as u32),
            AccessKind::Read => model.load(la, pa, size as u32),
            AccessKind::Fetch => model.fetch(la, pa),
        }
    }

    /// `la` is canonical: QEMU reports only what it could do.
    fn translate(&mut self, vcpu: usize, la: LinearAddr, kind: AccessKind) -> PhysAddr {
        self.memory.touch(la);
        self.vcpu(vcpu);
        let Vcpu { model, settled, .. } = &mut self.vcpus[vcpu];
        let outcome = paging::translate(model, &mut self.memory, &self.ctx, la, Access::new(kind, Privilege::User));
        let translation = outcome.expect("a page that is mapped, with all rights");
        let mut kept = true;
        while let Some(page) = model.displaced() {
            kept &= page.page_base() != la.page_base();
            settled.drop_page(page);
        }
        // A page that the first level has no room for is looked up each time.
        if kept {
            settled.take(la, kind, model.store_level(), &translation);
        }
        translation.apply(la)
    }

    /// A vCPU, which may be new.
    #[inline]
    fn vcpu(&mut self, index: usize) -> &mut Vcpu<H> {
        if index >= self.vcpus.len() {
            let fresh = &self.fresh;
            let new = || Vcpu { model: fresh.clone(), settled: Settled::new(), fetch_page: None, repeating: None };
            self.vcpus.resize_with(index + 1, new);
        }
        &mut self.vcpus[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use timing::config::PRESETS;
    use timing::{Counters, Counting, EveryLookup, Filtered, HardwareFile, Side, Telling};

    type Model = Counting<Filtered>;

    fn host() -> Host<Model> {
        of("classroom", None)
    }

    /// On a preset, with a replacement policy of the data TLB.
    fn of<T: Telling + Clone>(preset: &str, policy: Option<&str>) -> Host<Counting<T>> {
        let mut file = HardwareFile::open(preset).unwrap();
        if let Some(policy) = policy {
            file.set(&format!("dtlb.4k.replacement={policy}").parse().unwrap()).unwrap();
        }
        Host::new(Counting::new(&file.config().unwrap().tlb).unwrap())
    }

    fn counters<T: Telling + Clone>(host: &Host<Counting<T>>) -> Vec<Counters> {
        host.models().map(|model| *model.counters()).collect()
    }

    /// Blocks, loads and stores of two vCPUs, near each other and far.
    fn drive<T: Telling + Clone>(host: &mut Host<Counting<T>>) -> Vec<Counters> {
        let mut random = 88_172_645_463_325_252_u64;
        for _ in 0..20_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let (vcpu, far) = ((random >> 8 & 1) as usize, random >> 9 & 7 == 0);
            let la = LinearAddr((random >> 16) & if far { 0xff_ffff } else { 0x7fff });
            match random & 7 {
                0 => host.begin(vcpu, la, 3),
                1..=4 => host.access(vcpu, la, 8, AccessKind::Read),
                _ => host.access(vcpu, la, 8, AccessKind::Write),
            }
        }
        counters(host)
    }

    #[test]
    fn settled_accesses_do_not_change_what_is_counted() {
        let presets = PRESETS.iter().map(|preset| (preset.name, None));
        let policies = ["fifo", "nru", "random", "srrip", "tree-plru"].map(|policy| ("classroom", Some(policy)));
        for (preset, policy) in presets.chain(policies) {
            let fast = drive(&mut of::<Filtered>(preset, policy));
            let slow = drive(&mut of::<EveryLookup>(preset, policy));
            assert_eq!(fast, slow, "{preset} {policy:?}");
            assert!(fast[1][Side::Store].misses() > 100, "{preset} {policy:?}");
        }
    }

    #[test]
    fn a_page_without_room_in_the_first_level_is_looked_up_each_time() {
        let mut file = HardwareFile::open("classroom").unwrap();
        file.set(&"dtlb.4k=none".parse().unwrap()).unwrap();
        let mut host = Host::new(Counting::<Filtered>::new(&file.config().unwrap().tlb).unwrap());
        for _ in 0..5 {
            host.access(0, LinearAddr(0x5000), 8, AccessKind::Read);
        }
        let load = counters(&host)[0][Side::Load];
        assert_eq!((load.walks(), load.stlb_hit), (1, 4));
    }

    #[test]
    fn a_first_touch_walks_and_sets_the_bits_without_a_fault() {
        let mut host = host();
        host.access(0, LinearAddr(0x5000), 8, AccessKind::Write);
        host.access(0, LinearAddr(0x5008), 8, AccessKind::Read);
        let store = counters(&host)[0][Side::Store];
        assert_eq!((store.walks(), store.faulted, store.loads, store.updates), (1, 0, 4, 4));
        assert_eq!(counters(&host)[0][Side::Load].misses(), 0);
    }

    #[test]
    fn an_access_across_pages_is_two() {
        let mut host = host();
        host.access(0, LinearAddr(0x5ffc), 4, AccessKind::Read);
        assert_eq!(counters(&host)[0][Side::Load].walks(), 1);
        host.access(0, LinearAddr(0x6ffd), 4, AccessKind::Read);
        assert_eq!(counters(&host)[0][Side::Load].walks(), 3);
    }

    #[test]
    fn each_vcpu_has_tlbs_of_its_own_and_the_tables_are_shared() {
        let mut host = host();
        for vcpu in [0, 1] {
            host.access(vcpu, LinearAddr(0x5000), 4, AccessKind::Write);
        }
        let updates: Vec<_> =
            counters(&host).iter().map(|c| (c[Side::Store].walks(), c[Side::Store].updates)).collect();
        assert_eq!(updates, [(1, 4), (1, 0)]);
    }

    #[test]
    fn instructions_are_fetched_where_the_page_changes() {
        let mut host = host();
        for la in [0x1000, 0x1ff0, 0x2000, 0x1000, 0x2000, 0x3000, 0x1000] {
            host.begin(0, LinearAddr(la), 10);
        }
        let found = counters(&host)[0];
        assert_eq!(found.instructions, 70);
        // Two entries: 1 and 2 are there until 3 displaces 1.
        assert_eq!((found[Side::Fetch].walks(), found[Side::Fetch].stlb_hit), (3, 1));
    }

    #[test]
    fn a_repeated_instruction_retires_once_each_time_it_is_come_to() {
        let mut host = host();
        let repeat = |host: &mut Host<Model>, from: u64, before: u16| {
            host.begin(0, LinearAddr(from), before);
            host.repeat(0, LinearAddr(0x1010));
            for _ in 0..5 {
                host.begin(0, LinearAddr(0x1010), 0);
                host.repeat(0, LinearAddr(0x1010));
            }
        };
        repeat(&mut host, 0x1000, 4);
        assert_eq!(counters(&host)[0].instructions, 5);
        host.begin(0, LinearAddr(0x1012), 1);
        repeat(&mut host, 0x1010, 0);
        assert_eq!(counters(&host)[0].instructions, 7);
    }
}
