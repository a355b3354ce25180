//! Isolation: random programs of several processes, against a model of each process's bytes.
//!
//! After each step every process has a turn, in which each byte that the model knows is as the model says; nothing else can be
//! read, by the program or by the kernel layer on its behalf; its page tables map nothing that the model does not
//! know of; and no two processes can write the same frame, unless both have the same shared page there.

#[path = "../common/mod.rs"]
mod common;
mod model;

use arch::{Access, AccessKind, ControlRegs, LinearAddr, Pfn, PhysAddr, Privilege};
use common::processes::{ANY, EFAULT, FIRST, WNOHANG, nr};
use common::{CODE, DATA, HEAP, Rig, SCRATCH};
use model::{Bytes, Model, Page, Rights, SharedPage};
use pagewalk_kernel::Disposition;
use pagewalk_kernel::mm::frames::FrameUse;
use paging::{NoModel, PagingContext, PhysMem};
use proptest::prelude::*;
use std::collections::BTreeMap;

const PAGE: u64 = 0x1000;
/// Where programs map and unmap.
const ARENA: u64 = 0x1000_0000;
const ARENA_PAGES: u64 = 10;
const HEAP_PAGES: u64 = 4;
/// A page of the program's bss that is always there.
const BSS: u64 = DATA + 0x2000;
const FILE_PAGES: u64 = 3;
const MOST_PROCESSES: usize = 5;
/// The file's descriptor, which every process inherits.
const FD: u64 = 3;
const ENOMEM: i64 = -12;
const EAGAIN: i64 = -11;

/// What a mapping is of.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Private,
    Shared,
    FilePrivate,
    FileShared,
}

/// A range of the arena.
#[derive(Clone, Copy, Debug)]
struct Range {
    first: u64,
    pages: u64,
}

impl Range {
    fn start(self) -> u64 {
        ARENA + self.first * PAGE
    }

    fn addresses(self) -> impl Iterator<Item = u64> {
        (0..self.pages).map(move |n| self.start() + n * PAGE)
    }
}

/// How the child of a vfork leaves its parent's memory.
#[derive(Clone, Copy, Debug)]
enum Leave {
    Exec,
    Exit,
}

#[derive(Clone, Debug)]
enum Op {
    Map(Range, Kind, Rights),
    Unmap(Range),
    Protect(Range, Rights),
    Move { from: u64, to: u64 },
    Brk(u64),
    Write { page: usize, word: usize, value: u32 },
    KernelWrite { page: usize, value: u32 },
    Fork,
    Vfork { page: usize, value: u32, leave: Leave },
    Exec,
    Exit,
    Wait,
}

fn range() -> impl Strategy<Value = Range> {
    (0..ARENA_PAGES, 1..4_u64).prop_map(|(first, pages)| Range { first, pages: pages.min(ARENA_PAGES - first) })
}

fn rights() -> impl Strategy<Value = Rights> {
    prop_oneof![1 => Just(Rights::None), 2 => Just(Rights::Read), 5 => Just(Rights::Write)]
}

fn op() -> impl Strategy<Value = Op> {
    let kind = prop_oneof![Just(Kind::Private), Just(Kind::Shared), Just(Kind::FilePrivate), Just(Kind::FileShared)];
    let leave = prop_oneof![Just(Leave::Exec), Just(Leave::Exit)];
    prop_oneof![
        6 => (range(), kind, rights()).prop_map(|(range, kind, rights)| Op::Map(range, kind, rights)),
        2 => range().prop_map(Op::Unmap),
        3 => (range(), rights()).prop_map(|(range, rights)| Op::Protect(range, rights)),
        2 => (0..ARENA_PAGES, 0..ARENA_PAGES).prop_map(|(from, to)| Op::Move { from, to }),
        2 => (0..=HEAP_PAGES).prop_map(Op::Brk),
        12 => (any::<usize>(), 0..2_usize, 1..u32::MAX)
            .prop_map(|(page, word, value)| Op::Write { page, word, value }),
        2 => (any::<usize>(), 1..u32::MAX).prop_map(|(page, value)| Op::KernelWrite { page, value }),
        5 => Just(Op::Fork),
        1 => (any::<usize>(), any::<u32>(), leave).prop_map(|(page, value, leave)| Op::Vfork { page, value, leave }),
        1 => Just(Op::Exec),
        2 => Just(Op::Exit),
        1 => Just(Op::Wait),
    ]
}

/// The real machine and the model, side by side.
struct World {
    rig: Rig,
    model: Model,
}

impl World {
    fn new() -> Self {
        let mut rig = Rig::booted();
        let mut model = Model::default();
        let mut file = vec![0; (FILE_PAGES * PAGE) as usize];
        for index in 0..FILE_PAGES {
            let words = [0x1000 + index as u32, 0x2000 + index as u32];
            let at = (index * PAGE) as usize;
            file[at..at + 4].copy_from_slice(&words[0].to_le_bytes());
            file[at + 4092..at + 4096].copy_from_slice(&words[1].to_le_bytes());
            model.set_shared(SharedPage { object: 0, index }, words);
        }
        std::fs::write(rig.folder.path().join("file"), file).unwrap();
        rig.exec(b"/prog", &["prog"], &[]).unwrap();
        rig.poke(SCRATCH, b"/file\0");
        assert_eq!(rig.call(2, &[SCRATCH, 2]) as u64, FD, "open for reading and writing");
        let mut world = Self { rig, model };
        world.model.spaces.insert(FIRST, BTreeMap::new());
        world.start_afresh(FIRST);
        world
    }

    /// The model of a program that has just been executed.
    fn start_afresh(&mut self, pid: u64) {
        let zero = Page { bytes: Bytes::Private([0; 2]), rights: Rights::Write };
        self.model.spaces.insert(pid, BTreeMap::from([(BSS, zero)]));
    }

    /// The pages to which a process may write.
    fn writable(&self, pid: u64) -> Vec<u64> {
        let space = &self.model.spaces[&pid];
        space.iter().filter(|(_, page)| page.rights == Rights::Write).map(|(&at, _)| at).collect()
    }

    fn step(&mut self, who: usize, op: &Op) {
        let living = self.model.living();
        let pid = living[who % living.len()];
        self.rig.turn_to(pid);
        match *op {
            Op::Map(range, kind, rights) => self.map(pid, range, kind, rights),
            Op::Unmap(range) => {
                assert_eq!(self.rig.call(11, &[range.start(), range.pages * PAGE]), 0);
                let space = self.model.space(pid);
                space.retain(|at, _| !range.addresses().any(|gone| gone == *at));
            }
            Op::Protect(range, rights) => self.protect(pid, range, rights),
            Op::Move { from, to } => self.move_page(pid, ARENA + from * PAGE, ARENA + to * PAGE),
            Op::Brk(pages) => self.brk(pid, pages),
            Op::Write { page, word, value } => {
                let pages = self.writable(pid);
                self.write(pid, pages[page % pages.len()], word, value);
            }
            Op::KernelWrite { page, value } => self.kernel_write(pid, page, value),
            Op::Fork if living.len() < MOST_PROCESSES => {
                let child = self.rig.fork();
                self.model.fork(pid, child);
            }
            Op::Vfork { page, value, leave } if living.len() < MOST_PROCESSES => self.vfork(pid, page, value, leave),
            Op::Exec => {
                self.exec();
                self.start_afresh(pid);
            }
            Op::Exit if pid != FIRST => {
                self.rig.exit(0);
                self.model.spaces.remove(&pid);
            }
            Op::Wait => {
                let child = self.rig.call(nr::WAIT4, &[ANY, 0, WNOHANG, 0]);
                assert!(child <= 0 || !self.model.spaces.contains_key(&(child as u64)), "{child} lives");
            }
            Op::Fork | Op::Vfork { .. } | Op::Exit => {}
        }
    }

    fn map(&mut self, pid: u64, range: Range, kind: Kind, rights: Rights) {
        const SHARED: u64 = 1;
        const PRIVATE: u64 = 2;
        const FIXED: u64 = 0x10;
        const ANONYMOUS: u64 = 0x20;
        let (flags, fd) = match kind {
            Kind::Private => (PRIVATE | ANONYMOUS, ANY),
            Kind::Shared => (SHARED | ANONYMOUS, ANY),
            Kind::FilePrivate => (PRIVATE, FD),
            Kind::FileShared => (SHARED, FD),
        };
        let args = [range.start(), range.pages * PAGE, rights.prot(), flags | FIXED, fd, 0];
        assert_eq!(self.rig.call(nr::MMAP, &args) as u64, range.start());
        let object = if matches!(kind, Kind::Shared) { self.model.new_object() } else { 0 };
        for (index, at) in (0..).zip(range.addresses()) {
            let page = SharedPage { object, index };
            let bytes = match kind {
                Kind::Private => Bytes::Private([0; 2]),
                Kind::Shared | Kind::FileShared => Bytes::Shared(page),
                Kind::FilePrivate => Bytes::Unwritten(page),
            };
            self.model.space(pid).insert(at, Page { bytes, rights });
        }
    }

    /// As in Linux, what lies before a hole is changed, and the hole is an error.
    fn protect(&mut self, pid: u64, range: Range, rights: Rights) {
        let result = self.rig.call(10, &[range.start(), range.pages * PAGE, rights.prot()]);
        let space = self.model.space(pid);
        let whole = range.addresses().all(|at| match space.get_mut(&at) {
            Some(page) => {
                page.rights = rights;
                true
            }
            None => false,
        });
        assert_eq!(result, if whole { 0 } else { ENOMEM });
    }

    fn move_page(&mut self, pid: u64, from: u64, to: u64) {
        const MAYMOVE_FIXED: u64 = 3;
        if from == to {
            return;
        }
        let result = self.rig.call(25, &[from, PAGE, PAGE, MAYMOVE_FIXED, to]);
        let space = self.model.space(pid);
        match space.remove(&from) {
            Some(page) => {
                assert_eq!(result as u64, to);
                space.insert(to, page);
            }
            None => assert_eq!(result, EFAULT),
        }
    }

    fn brk(&mut self, pid: u64, pages: u64) {
        assert_eq!(self.rig.call(12, &[HEAP + pages * PAGE]) as u64, HEAP + pages * PAGE);
        let space = self.model.space(pid);
        for at in (0..HEAP_PAGES).map(|n| HEAP + n * PAGE) {
            if at >= HEAP + pages * PAGE {
                space.remove(&at);
            } else {
                space.entry(at).or_insert(Page { bytes: Bytes::Private([0; 2]), rights: Rights::Write });
            }
        }
    }

    fn write(&mut self, pid: u64, at: u64, word: usize, value: u32) {
        self.rig.poke(at + [0, PAGE - 4][word], &value.to_le_bytes());
        self.model.write(pid, at, word, value);
    }

    /// ARCH_GET_FS into any page of the arena: EFAULT where the program may not write.
    fn kernel_write(&mut self, pid: u64, page: usize, value: u32) {
        let at = ARENA + page as u64 % ARENA_PAGES * PAGE;
        self.rig.ctx.fs_base = value.into();
        let result = self.rig.call(158, &[0x1003, at]);
        if self.model.rights(pid, at) == Rights::Write {
            assert_eq!(result, 0);
            self.model.write(pid, at, 0, value);
        } else {
            assert_eq!(result, EFAULT);
        }
    }

    /// The child writes to its parent's memory, and leaves.
    fn vfork(&mut self, pid: u64, page: usize, value: u32, leave: Leave) {
        assert_eq!(self.rig.syscall(nr::VFORK, &[]), Disposition::Resume);
        let child = self.newest();
        self.rig.turn_to(child);
        let pages = self.writable(pid);
        self.write(pid, pages[page % pages.len()], 0, value);
        match leave {
            Leave::Exit => {
                assert_eq!(self.rig.syscall(nr::EXIT_GROUP, &[0]), Disposition::Resume);
            }
            Leave::Exec => {
                self.exec();
                self.start_afresh(child);
            }
        }
    }

    /// The process that was forked last.
    fn newest(&self) -> u64 {
        let forks = self.rig.events.0.iter().rev();
        let child = forks.filter_map(|e| if let event::Event::Fork { child, .. } = e { Some(child.0) } else { None });
        child.map(u64::from).next().expect("there was a fork")
    }

    fn exec(&mut self) {
        self.rig.poke(SCRATCH, b"/prog\0");
        assert_eq!(self.rig.syscall(nr::EXECVE, &[SCRATCH, 0, 0]), Disposition::Resume);
    }

    /// Every process has a turn and looks at its memory.
    fn check(&mut self) {
        let mut writers = BTreeMap::new();
        for pid in self.model.living() {
            self.rig.turn_to(pid);
            self.check_bytes(pid);
            self.check_tables(pid, &mut writers);
        }
    }

    fn check_bytes(&mut self, pid: u64) {
        let arena = (0..ARENA_PAGES).map(|n| ARENA + n * PAGE);
        let heap = (0..HEAP_PAGES + 1).map(|n| HEAP + n * PAGE);
        for at in arena.chain(heap).chain([BSS]) {
            match self.model.page(pid, at).filter(|page| page.rights > Rights::None) {
                Some(page) => {
                    let found = [0, PAGE - 4].map(|offset| self.rig.peek_u32(at + offset));
                    assert_eq!(found, self.model.words(page), "{pid} at {at:#x}: {page:?}");
                }
                None => self.check_unreadable(pid, at),
            }
        }
    }

    /// Neither the program nor the kernel layer reads there.
    fn check_unreadable(&mut self, pid: u64, at: u64) {
        let context = PagingContext::new(ControlRegs::long_mode(self.rig.kernel.cr3()));
        let access = Access::new(AccessKind::Read, Privilege::User);
        let read = paging::translate(&mut NoModel, &mut self.rig.bus, &context, LinearAddr(at), access);
        assert!(read.is_err(), "{pid} can read {at:#x}");
        // FUTEX_WAIT for a value that is never there reads the word, and does not wait.
        let result = self.rig.call(nr::FUTEX, &[at, 128, u32::MAX.into(), 0]);
        assert_ne!(result, EAGAIN, "{pid}: the kernel layer reads {at:#x}");
        assert_eq!(result, EFAULT);
    }

    /// What the page tables map is known, and what they let be written is nobody else's.
    fn check_tables(&self, pid: u64, writers: &mut BTreeMap<u64, (u64, Option<SharedPage>)>) {
        for leaf in leaves(&self.rig) {
            let page = self.model.page(pid, leaf.at);
            assert!(page.is_some() || is_of_the_program(leaf.at), "{pid}: {:#x} is mapped", leaf.at);
            if !leaf.is_writable {
                continue;
            }
            let shared = page.and_then(|page| if let Bytes::Shared(shared) = page.bytes { Some(shared) } else { None });
            let (other, theirs) = *writers.entry(leaf.frame.0).or_insert((pid, shared));
            let may = other == pid || shared.is_some() && shared == theirs;
            assert!(may, "{pid} and {other} write frame {:?}, {shared:?} and {theirs:?}", leaf.frame);
        }
    }
}

/// A page that the program's file and stack account for.
fn is_of_the_program(at: u64) -> bool {
    (CODE..CODE + PAGE).contains(&at)
        || (DATA..HEAP).contains(&at)
        || (0x7fff_ff00_0000..0x7fff_ffff_f000).contains(&at)
}

/// An entry that maps a page of the user half.
struct Leaf {
    at: u64,
    frame: Pfn,
    is_writable: bool,
}

/// All that the current process's page tables map.
fn leaves(rig: &Rig) -> Vec<Leaf> {
    fn walk(rig: &Rig, table: u64, level: u32, base: u64, found: &mut Vec<Leaf>) {
        let entries = if level == 3 { 256 } else { 512 };
        for index in 0..entries {
            let entry = rig.bus.load_entry(PhysAddr(table + index * 8));
            if entry & 1 == 0 {
                continue;
            }
            let (at, frame) = (base | index << (12 + 9 * level), entry & 0x000f_ffff_ffff_f000);
            match level {
                0 => found.push(Leaf { at, frame: Pfn(frame >> 12), is_writable: entry & 2 != 0 }),
                _ => walk(rig, frame, level - 1, at, found),
            }
        }
    }
    let mut found = Vec::new();
    walk(rig, rig.kernel.cr3().0 & 0x000f_ffff_ffff_f000, 3, 0, &mut found);
    found
}

/// Ends everybody, the first process somewhere in between.
fn end(rig: &mut Rig) {
    rig.turn_to(FIRST);
    while rig.syscall(nr::EXIT_GROUP, &[0]) == Disposition::Resume {}
}

/// Frames in use by purpose: paging structures, anonymous pages, pages of files.
fn frames(rig: &Rig) -> [usize; 3] {
    let total = rig.kernel.frames().in_use() + rig.kernel.frames().total();
    let used = (0..total.min(rig.kernel.frames().total())).map(|n| rig.kernel.frames().get(Pfn(n)));
    let used: Vec<_> = used.filter(|frame| frame.refs > 0).collect();
    [FrameUse::PageTable, FrameUse::Anon, FrameUse::File].map(|usage| used.iter().filter(|f| f.usage == usage).count())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_process_reaches_anothers_bytes(steps in proptest::collection::vec((any::<usize>(), op()), 1..40)) {
        let mut world = World::new();
        for (who, op) in &steps {
            world.step(*who, op);
            world.check();
        }
        end(&mut world.rig);
        let [tables, anonymous, files] = frames(&world.rig);
        let mut bare = Rig::new();
        end(&mut bare);
        prop_assert_eq!((tables, anonymous), (frames(&bare)[0], 0));
        prop_assert!(files <= 1 + FILE_PAGES as usize, "{files} frames of files that have four pages");
    }
}
