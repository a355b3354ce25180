//! Random programs of up to five processes against a naive statement of what each of them sees.
//!
//! The model holds every process's pages by value: fork copies them all. Only what a shared mapping maps is held once, as a
//! page of an object, to which any number of pages refer; a private page of a file refers to it until it is written.

use crate::fs::InodeId;
use crate::mm::reclaim::policy::PolicyName;
use crate::mm::testing::{FIXED, Guest, PAGE};
use crate::mm::{Advice, FileMode, MapFlags, MapSource, MremapFlags, Prot, SEGV_ACCERR, SEGV_MAPERR, ThpMode};
use arch::LinearAddr;
use event::Pid;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// Where the programs have their mappings.
#[derive(Debug)]
struct Arena {
    base: u64,
    pages: usize,
    /// Mappings often begin and end at multiples of so many pages.
    unit: usize,
    kinds: &'static [Kind],
    thp: ThpMode,
    ram: u64,
    /// Too few at times.
    swap_slots: usize,
}

/// It crosses from one page table to the next.
static SMALL: Arena = Arena {
    base: 0x1000_0000 + (512 - 10) * PAGE,
    pages: 20,
    unit: 1,
    kinds: &[Kind::PrivateAnonymous, Kind::SharedAnonymous, Kind::PrivateFile, Kind::SharedFile],
    thp: ThpMode::Never,
    ram: 4 << 20,
    swap_slots: 24,
};

/// It has room for three pages of 2 MiB.
static LARGE: Arena = Arena {
    base: 0x1000_0000,
    pages: 3 * 512,
    unit: 512,
    kinds: &[Kind::PrivateAnonymous, Kind::PrivateAnonymous, Kind::PrivateAnonymous, Kind::SharedAnonymous],
    thp: ThpMode::Always,
    ram: 64 << 20,
    swap_slots: 2000,
};

const FILE_PAGES: usize = 12;
const MAX_PROCESSES: usize = 5;
/// The object that is the file; the others are shared anonymous memory.
const FILE: usize = 0;

/// The policies that go by what the entries say.
const POLICIES: [PolicyName; 6] =
    [PolicyName::Lru, PolicyName::Clock, PolicyName::Fifo, PolicyName::Random, PolicyName::TwoQ, PolicyName::Mglru];

/// The bytes of a page that are looked at: its first and its last.
type Bytes = [u8; 2];
const OFFSETS: [u64; 2] = [0, PAGE - 1];

/// Where the bytes of a page are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Store {
    Private(Bytes),
    /// A page of the file that this process has not written.
    Unwritten(usize),
    Shared {
        object: usize,
        index: usize,
    },
}

/// What a child gets of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtFork {
    Copy,
    Nothing,
    Zeros,
}

#[derive(Clone, Copy, Debug)]
struct ModelPage {
    prot: Prot,
    store: Store,
    /// Where a private page of the file comes from, should its copy go.
    file_index: Option<usize>,
    at_fork: AtFork,
}

type Process = BTreeMap<usize, ModelPage>;

#[derive(Debug)]
struct Model {
    processes: BTreeMap<Pid, Process>,
    objects: Vec<Vec<Bytes>>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    PrivateAnonymous,
    SharedAnonymous,
    PrivateFile,
    SharedFile,
}

#[derive(Clone, Debug)]
enum Op {
    Map { at: usize, pages: usize, prot: Prot, kind: Kind },
    Munmap { at: usize, pages: usize },
    Mprotect { at: usize, pages: usize, prot: Prot },
    Advise { at: usize, pages: usize, advice: Advice },
    Move { at: usize, pages: usize, to: usize },
    Write { at: usize, byte: usize, value: u8 },
    CopyToUser { at: usize, byte: usize, value: u8 },
    Read { at: usize, byte: usize },
    Fork,
    Exec,
    Exit,
    Reclaim { pages: u64 },
}

impl ModelPage {
    fn is_private_anonymous(&self) -> bool {
        matches!(self.store, Store::Private(_)) && self.file_index.is_none()
    }

    /// The page as `MADV_DONTNEED` leaves it.
    fn dropped(self) -> Self {
        let store = match (self.store, self.file_index) {
            (Store::Shared { .. }, _) => self.store,
            (_, Some(index)) => Store::Unwritten(index),
            (_, None) => Store::Private([0; 2]),
        };
        Self { store, ..self }
    }

    fn in_child(&self) -> Option<Self> {
        match self.at_fork {
            AtFork::Copy => Some(*self),
            AtFork::Nothing => None,
            AtFork::Zeros => Some(self.dropped()),
        }
    }
}

impl Model {
    fn bytes(&self, page: &ModelPage) -> Bytes {
        match page.store {
            Store::Private(bytes) => bytes,
            Store::Unwritten(index) => self.objects[FILE][index],
            Store::Shared { object, index } => self.objects[object][index],
        }
    }

    fn map(&mut self, pid: Pid, at: usize, pages: usize, prot: Prot, kind: Kind) {
        let object = match kind {
            Kind::SharedAnonymous => {
                self.objects.push(vec![[0; 2]; pages]);
                self.objects.len() - 1
            }
            _ => FILE,
        };
        let process = self.processes.get_mut(&pid).unwrap();
        for index in 0..pages {
            let (store, file_index) = match kind {
                Kind::PrivateAnonymous => (Store::Private([0; 2]), None),
                Kind::PrivateFile => (Store::Unwritten(index), Some(index)),
                Kind::SharedAnonymous | Kind::SharedFile => (Store::Shared { object, index }, None),
            };
            process.insert(at + index, ModelPage { prot, store, file_index, at_fork: AtFork::Copy });
        }
    }

    fn read(&self, pid: Pid, at: usize, byte: usize) -> Result<u8, i32> {
        let page = self.processes[&pid].get(&at).ok_or(SEGV_MAPERR)?;
        if page.prot.is_empty() { Err(SEGV_ACCERR) } else { Ok(self.bytes(page)[byte]) }
    }

    fn write(&mut self, pid: Pid, at: usize, byte: usize, value: u8) -> Result<(), i32> {
        let page = *self.processes[&pid].get(&at).ok_or(SEGV_MAPERR)?;
        if !page.prot.contains(Prot::WRITE) {
            return Err(SEGV_ACCERR);
        }
        let mut bytes = self.bytes(&page);
        bytes[byte] = value;
        match page.store {
            Store::Shared { object, index } => self.objects[object][index] = bytes,
            _ => self.processes.get_mut(&pid).unwrap().get_mut(&at).unwrap().store = Store::Private(bytes),
        }
        Ok(())
    }

    /// True if the advice suits all pages, so that it has no error.
    fn takes_advice(&self, pid: Pid, range: Range<usize>, advice: Advice) -> bool {
        let process = &self.processes[&pid];
        let suits = |page: &ModelPage| advice != Advice::WipeOnFork || page.is_private_anonymous();
        range.into_iter().all(|at| process.get(&at).is_some_and(suits))
    }

    fn advise(&mut self, pid: Pid, range: Range<usize>, advice: Advice) {
        for (_, page) in self.processes.get_mut(&pid).unwrap().range_mut(range) {
            page.at_fork = match (advice, page.at_fork) {
                (Advice::DontFork, _) => AtFork::Nothing,
                (Advice::WipeOnFork, AtFork::Copy) => AtFork::Zeros,
                (Advice::DoFork, AtFork::Nothing) => AtFork::Copy,
                (_, same) => same,
            };
            if advice == Advice::DontNeed {
                *page = page.dropped();
            }
        }
    }
}

/// Both, and which process runs next.
struct Run {
    arena: &'static Arena,
    guest: Guest,
    model: Model,
    inode: InodeId,
}

fn bytes(pages: usize) -> u64 {
    pages as u64 * PAGE
}

impl Arena {
    const fn la(&self, at: usize) -> u64 {
        self.base + at as u64 * PAGE
    }
}

impl Run {
    fn new(arena: &'static Arena, policy: PolicyName) -> Self {
        let mut guest = Guest::with_swap(arena.ram, arena.swap_slots, policy);
        guest.frames.thp.mode = arena.thp;
        let file: Vec<u8> = (0..FILE_PAGES).flat_map(|i| [100 + i as u8; PAGE as usize]).collect();
        let inode = guest.file(&file);
        let objects = vec![(0..FILE_PAGES).map(|i| [100 + i as u8; 2]).collect()];
        Self { arena, guest, model: Model { processes: BTreeMap::from([(Pid(1), Process::new())]), objects }, inode }
    }

    /// One of the processes that are there.
    fn pick(&self, who: usize) -> Pid {
        *self.model.processes.keys().nth(who % self.model.processes.len()).unwrap()
    }

    /// Does it, to both, and compares.
    fn apply(&mut self, pid: Pid, op: &Op) {
        self.guest.switch(pid);
        let Self { arena, guest, model, .. } = self;
        let la = |at| arena.la(at);
        let process = model.processes.get_mut(&pid).unwrap();
        match *op {
            Op::Map { at, pages, prot, kind } => self.map(pid, at, pages, prot, kind),
            Op::Munmap { at, pages } => {
                assert_eq!(guest.munmap(la(at), bytes(pages)), Ok(()));
                process.retain(|page, _| !(at..at + pages).contains(page));
            }
            Op::Mprotect { at, pages, prot } => {
                let known = (at..at + pages).take_while(|page| process.contains_key(page)).count();
                assert_eq!(guest.mprotect(la(at), bytes(pages), prot).is_ok(), known == pages);
                process.range_mut(at..at + known).for_each(|(_, page)| page.prot = prot);
            }
            Op::Advise { at, pages, advice } => {
                if advice == Advice::Collapse {
                    // Whether that can be is the guest's to say.
                    let _ = guest.run(|mm, cx| mm.madvise(cx, LinearAddr(la(at)), bytes(pages), advice));
                } else if model.takes_advice(pid, at..at + pages, advice) {
                    guest.run(|mm, cx| mm.madvise(cx, LinearAddr(la(at)), bytes(pages), advice)).unwrap();
                    model.advise(pid, at..at + pages, advice);
                }
            }
            Op::Move { at, pages, to } => self.move_pages(pid, at, pages, to),
            Op::Write { at, byte, value } => {
                let outcome = guest.write(la(at) + OFFSETS[byte], value).map_err(|signal| signal.code);
                assert_eq!(outcome, model.write(pid, at, byte, value));
            }
            Op::CopyToUser { at, byte, value } => {
                let to = LinearAddr(la(at) + OFFSETS[byte]);
                let outcome = guest.run(|mm, cx| mm.copy_to_user(cx, to, &[value]));
                assert_eq!(outcome.is_ok(), model.write(pid, at, byte, value).is_ok());
            }
            Op::Read { at, byte } => {
                let outcome = guest.read(la(at) + OFFSETS[byte]).map_err(|signal| signal.code);
                assert_eq!(outcome, model.read(pid, at, byte));
            }
            Op::Fork => self.fork(pid),
            Op::Exec => {
                guest.exec();
                process.clear();
            }
            Op::Exit => self.exit(pid),
            Op::Reclaim { pages } => _ = guest.reclaim(pages),
        }
    }

    fn map(&mut self, pid: Pid, at: usize, pages: usize, prot: Prot, kind: Kind) {
        let source = match kind {
            Kind::PrivateAnonymous | Kind::SharedAnonymous => MapSource::Anonymous,
            Kind::PrivateFile | Kind::SharedFile => {
                MapSource::File { inode: self.inode, offset: 0, mode: FileMode::READ | FileMode::WRITE }
            }
        };
        let flags = match kind {
            Kind::PrivateAnonymous => FIXED,
            Kind::SharedAnonymous => MapFlags::SHARED | MapFlags::ANONYMOUS | MapFlags::FIXED,
            Kind::PrivateFile => MapFlags::PRIVATE | MapFlags::FIXED,
            Kind::SharedFile => MapFlags::SHARED | MapFlags::FIXED,
        };
        self.guest.run(|mm, cx| mm.mmap(cx, LinearAddr(self.arena.la(at)), bytes(pages), prot, flags, source)).unwrap();
        self.model.map(pid, at, pages, prot, kind);
    }

    /// Moves pages, with holes between them; whether they may be moved is the guest's to say, but never onto themselves.
    fn move_pages(&mut self, pid: Pid, at: usize, pages: usize, to: usize) {
        let (old, new, len) = (LinearAddr(self.arena.la(at)), LinearAddr(self.arena.la(to)), bytes(pages));
        let flags = MremapFlags::MAYMOVE | MremapFlags::FIXED;
        if self.guest.run(|mm, cx| mm.mremap(cx, old, len, len, flags, new)).is_ok() {
            assert!(at.abs_diff(to) >= pages, "{pages} pages from {at} to {to}");
            let process = self.model.processes.get_mut(&pid).unwrap();
            for i in 0..pages {
                if let Some(page) = process.remove(&(at + i)) {
                    process.insert(to + i, page);
                }
            }
        }
    }

    fn fork(&mut self, pid: Pid) {
        if self.model.processes.len() < MAX_PROCESSES {
            let child = self.guest.fork().unwrap();
            let pages = self.model.processes[&pid].iter();
            let copy = pages.filter_map(|(at, page)| Some((*at, page.in_child()?))).collect();
            self.model.processes.insert(child, copy);
        }
    }

    /// The last process stays.
    fn exit(&mut self, pid: Pid) {
        self.model.processes.remove(&pid);
        match self.model.processes.keys().next() {
            Some(next) => {
                self.guest.switch(*next);
                self.guest.kill(pid);
            }
            None => {
                self.guest.exec();
                self.model.processes.insert(pid, Process::new());
            }
        }
    }

    /// Each process has the model's mappings, and whatever an entry gives is what the model has there.
    fn check(&self) {
        self.guest.check_tables();
        for (pid, process) in &self.model.processes {
            let vmas = self.guest.mm_of(*pid).vmas();
            let mapped =
                vmas.flat_map(|vma| (vma.start.0..vma.end.0).step_by(PAGE as usize).map(|la| (la, vma.prot())));
            assert!(mapped.eq(process.iter().map(|(at, page)| (self.arena.la(*at), page.prot))), "{pid:?}");
            for at in 0..self.arena.pages {
                let there = OFFSETS.map(|offset| self.guest.peek(*pid, self.arena.la(at) + offset));
                let known = process.get(&at).map(|page| self.model.bytes(page).map(Some));
                assert!(there == [None; 2] || Some(there) == known, "{pid:?}, page {at}: {there:?}, not {known:?}");
            }
        }
    }

    /// Reads everything in every process.
    fn check_by_reading(&mut self) {
        for pid in self.model.processes.keys().copied().collect::<Vec<_>>() {
            for (at, byte) in (0..self.arena.pages).flat_map(|at| [(at, 0), (at, 1)]) {
                self.apply(pid, &Op::Read { at, byte });
            }
        }
    }
}

fn prot() -> impl Strategy<Value = Prot> {
    prop_oneof![4 => Just(Prot::READ | Prot::WRITE), 1 => (0_u64..8).prop_map(Prot::from_bits_truncate)]
}

/// Where something begins: anywhere, or at a border of units.
fn place(arena: &'static Arena, last: usize) -> impl Strategy<Value = usize> {
    prop_oneof![0..=last, (0..=last / arena.unit).prop_map(|units| units * arena.unit)]
}

/// Up to eight pages, or up to eight units.
fn span(arena: &'static Arena) -> impl Strategy<Value = (usize, usize)> {
    place(arena, arena.pages - 1).prop_flat_map(|at| {
        let (pages, unit) = (arena.pages - at, arena.unit);
        let units = (1..=(pages / unit).clamp(1, 8)).prop_map(move |units| (units * unit).min(pages));
        (Just(at), prop_oneof![1..=pages.min(8), units])
    })
}

fn op(arena: &'static Arena) -> impl Strategy<Value = Op> {
    let advices = [
        Advice::DontNeed,
        Advice::DontNeed,
        Advice::DontFork,
        Advice::DoFork,
        Advice::WipeOnFork,
        Advice::Cold,
        Advice::PageOut,
        Advice::Collapse,
    ];
    let (at, byte) = (0..arena.pages, 0..OFFSETS.len());
    let (kind, advice) = (prop::sample::select(arena.kinds.to_vec()), prop::sample::select(advices.to_vec()));
    let span = move || span(arena);
    let places = span().prop_flat_map(move |(at, pages)| (Just((at, pages)), place(arena, arena.pages - pages)));
    prop_oneof![
        4 => (span(), prot(), kind).prop_map(|((at, pages), prot, kind)| Op::Map { at, pages, prot, kind }),
        1 => span().prop_map(|(at, pages)| Op::Munmap { at, pages }),
        2 => (span(), prot()).prop_map(|((at, pages), prot)| Op::Mprotect { at, pages, prot }),
        2 => (span(), advice).prop_map(|((at, pages), advice)| Op::Advise { at, pages, advice }),
        1 => places.prop_map(|((at, pages), to)| Op::Move { at, pages, to }),
        10 => (at.clone(), byte.clone(), 1..=u8::MAX).prop_map(|(at, byte, value)| Op::Write { at, byte, value }),
        3 => (at.clone(), byte.clone(), 1..=u8::MAX).prop_map(|(at, byte, value)| Op::CopyToUser { at, byte, value }),
        5 => (at, byte).prop_map(|(at, byte)| Op::Read { at, byte }),
        4 => Just(Op::Fork),
        1 => Just(Op::Exec),
        2 => Just(Op::Exit),
        4 => (1..60 * arena.unit as u64).prop_map(|pages| Op::Reclaim { pages }),
    ]
}

/// Runs a program of several processes to its end.
fn run(arena: &'static Arena, policy: PolicyName, ops: &[(usize, Op)]) {
    let mut run = Run::new(arena, policy);
    for (who, op) in ops {
        run.apply(run.pick(*who), op);
        run.check();
    }
    run.check_by_reading();
    run.check();
    run.guest.exit();
}

/// How many programs, unless `PAGEWALK_SEQUENCES` says so.
fn sequences(usual: u32) -> u32 {
    std::env::var("PAGEWALK_SEQUENCES").map_or(usual, |text| text.parse().expect("PAGEWALK_SEQUENCES is a number"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: sequences(256), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_process_sees_its_own_bytes_and_what_it_shares(
        policy in prop::sample::select(POLICIES.to_vec()),
        ops in prop::collection::vec((any::<usize>(), op(&SMALL)), 1..150),
    ) {
        run(&SMALL, policy, &ops);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: sequences(48), failure_persistence: None, ..ProptestConfig::default() })]

    /// With a page of 2 MiB wherever one fits.
    #[test]
    fn each_process_sees_its_own_bytes_in_large_pages(
        policy in prop::sample::select(POLICIES.to_vec()),
        ops in prop::collection::vec((any::<usize>(), op(&LARGE)), 1..60),
    ) {
        run(&LARGE, policy, &ops);
    }
}
