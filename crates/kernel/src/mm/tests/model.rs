//! Random system calls and accesses against a naive statement of what they do: an array of pages.

use crate::Errno::{self, EFAULT, EINVAL, ENOMEM};
use crate::mm::testing::{ANON, FIXED, Guest, PAGE};
use crate::mm::{Advice, MapFlags, MremapFlags, Prot, SEGV_ACCERR, SEGV_MAPERR, VmFlags};
use arch::{AccessKind, LinearAddr};
use proptest::prelude::*;

const PAGES: usize = 24;
/// The arena crosses from one page table to the next.
const BASE: u64 = 0x1000_0000 + (512 - PAGES as u64 / 2) * PAGE;

/// One page of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ModelPage {
    prot: Prot,
    /// May it need space? Linux's VM_ACCOUNT, which keeps mappings apart.
    account: bool,
    /// With which number its mapping has anonymous pages (`anon_vma`), once any page of it was written.
    anon: Option<u32>,
    /// By how many pages mremap has moved it since.
    moved: i64,
    byte: u8,
}

#[derive(Clone, Debug)]
enum Op {
    Mmap { at: usize, pages: usize, prot: Prot },
    MmapNoReplace { at: usize, pages: usize, prot: Prot },
    Munmap { at: usize, pages: usize },
    Mprotect { at: usize, pages: usize, prot: Prot },
    DontNeed { at: usize, pages: usize },
    Populate { at: usize, pages: usize },
    Shrink { at: usize, pages: usize, to: usize },
    Grow { at: usize, pages: usize, to: usize },
    Move { at: usize, pages: usize, to: usize, new_at: usize },
    Write { at: usize, byte: u8 },
    CopyToUser { at: usize, byte: u8 },
    Read { at: usize },
    Fetch { at: usize },
}

/// Pages that are one mapping.
#[derive(Clone, Copy, Debug)]
struct Run {
    at: usize,
    pages: usize,
    /// The first page, with what is known of all.
    page: ModelPage,
}

impl Run {
    fn end(&self) -> usize {
        self.at + self.pages
    }

    fn takes(&self, at: usize, page: &ModelPage) -> bool {
        let same_pages = self.page.anon.is_none() || page.anon.is_none() || self.page.anon == page.anon;
        self.end() == at && self.page.prot == page.prot && self.near(page) && same_pages
    }

    /// True if the rights alone may keep the two apart.
    fn near(&self, page: &ModelPage) -> bool {
        (self.page.account, self.page.moved) == (page.account, page.moved)
    }
}

#[derive(Clone, Debug, Default)]
struct Model {
    pages: [Option<ModelPage>; PAGES],
    /// Numbers given out.
    anons: u32,
}

impl Model {
    fn is_free(&self, at: usize, pages: usize) -> bool {
        self.pages[at..at + pages].iter().all(Option::is_none)
    }

    /// The mapping that `at` lies in, if it holds all `pages`.
    fn one_mapping(&self, at: usize, pages: usize) -> Result<ModelPage, Errno> {
        let run = self.run_at(at).ok_or(EFAULT)?;
        if at + pages <= run.end() { Ok(run.page) } else { Err(EFAULT) }
    }

    fn run_at(&self, at: usize) -> Option<Run> {
        self.runs().into_iter().find(|run| (run.at..run.end()).contains(&at))
    }

    fn mmap(&mut self, at: usize, pages: usize, prot: Prot) {
        let account = prot.contains(Prot::WRITE);
        self.pages[at..at + pages].fill(Some(ModelPage { prot, account, anon: None, moved: 0, byte: 0 }));
        self.settle();
    }

    /// Mapping by mapping. One that cannot be written any more and never was needs no space.
    fn mprotect(&mut self, at: usize, pages: usize, prot: Prot) -> Result<(), Errno> {
        let mut next = at;
        while next < at + pages {
            let run = self.run_at(next).ok_or(ENOMEM)?;
            for page in self.pages[next..run.end().min(at + pages)].iter_mut().flatten() {
                let changes = page.prot != prot;
                page.prot = prot;
                page.account = match prot.contains(Prot::WRITE) {
                    true => true,
                    false => page.account && (page.anon.is_some() || !changes),
                };
                next += 1;
            }
            self.settle();
        }
        Ok(())
    }

    fn write(&mut self, at: usize, byte: u8) -> Result<(), i32> {
        self.access(at, AccessKind::Write)?.byte = byte;
        let anon = self.anon_of(self.run_at(at).expect("it was just written"));
        self.pages[at].as_mut().expect("it was just written").anon = Some(anon);
        self.settle();
        Ok(())
    }

    /// The number of a mapping: its own, or that of one which only rights keep from being one with it, or a new one.
    fn anon_of(&mut self, run: Run) -> u32 {
        let (runs, near) = (self.runs(), |other: &&Run| other.near(&run.page) && other.page.anon.is_some());
        let above = runs.iter().filter(|other| other.at == run.end()).find(near);
        let below = || runs.iter().filter(|other| other.end() == run.at).find(near);
        let known = run.page.anon.or_else(|| above.or_else(below)?.page.anon);
        known.unwrap_or_else(|| {
            self.anons += 1;
            self.anons
        })
    }

    /// What is known of a mapping is known of all its pages.
    fn settle(&mut self) {
        for run in self.runs() {
            self.pages[run.at..run.end()].iter_mut().flatten().for_each(|page| page.anon = run.page.anon);
        }
    }

    fn dont_need(&mut self, at: usize, pages: usize) -> Result<(), Errno> {
        let range = &mut self.pages[at..at + pages];
        range.iter_mut().flatten().for_each(|page| page.byte = 0);
        if range.iter().all(Option::is_some) { Ok(()) } else { Err(ENOMEM) }
    }

    /// What Linux says of filling pages: stops at the first mapping that cannot be read, with `EINVAL`; holes are `ENOMEM`.
    fn populate(&self, at: usize, pages: usize) -> Result<(), Errno> {
        let range = &self.pages[at..at + pages];
        if range.iter().flatten().any(|page| !page.prot.contains(Prot::READ)) {
            return Err(EINVAL);
        }
        if range.iter().all(Option::is_some) { Ok(()) } else { Err(ENOMEM) }
    }

    fn grow(&mut self, at: usize, pages: usize, to: usize) -> Result<(), Errno> {
        let page = self.one_mapping(at, pages)?;
        if !self.is_free(at + pages, to - pages) {
            return Err(ENOMEM);
        }
        self.pages[at + pages..at + to].fill(Some(ModelPage { byte: 0, ..page }));
        self.settle();
        Ok(())
    }

    fn move_to(&mut self, at: usize, pages: usize, to: usize, new_at: usize) -> Result<(), Errno> {
        if at < new_at + to && new_at < at + pages {
            return Err(EINVAL);
        }
        if pages == to {
            return self.move_all(at, pages, new_at);
        }
        let page = self.one_mapping(at, pages)?;
        // Pages that were never written have no place that they come from.
        let moved = if page.anon.is_some() { page.moved + new_at as i64 - at as i64 } else { 0 };
        let old: Vec<_> = self.pages[at..at + pages].iter().flatten().map(|page| page.byte).collect();
        self.pages[at..at + pages].fill(None);
        for i in 0..to {
            let byte = old.get(i).copied().unwrap_or(0);
            self.pages[new_at + i] = Some(ModelPage { moved, byte, ..page });
        }
        self.settle();
        Ok(())
    }

    /// Mapping by mapping. What lies between them stays, here and there.
    fn move_all(&mut self, at: usize, pages: usize, new_at: usize) -> Result<(), Errno> {
        self.run_at(at).ok_or(EFAULT)?;
        for run in self.runs().into_iter().filter(|run| run.at < at + pages && at < run.end()) {
            let (start, end) = (run.at.max(at), run.end().min(at + pages));
            for from in start..end {
                let page = self.pages[from].take().expect("a mapping has all its pages");
                let to = from - at + new_at;
                let moved = if page.anon.is_some() { page.moved + to as i64 - from as i64 } else { 0 };
                self.pages[to] = Some(ModelPage { moved, ..page });
            }
            self.settle();
        }
        Ok(())
    }

    /// `si_code` of an access, or the page.
    fn access(&mut self, at: usize, kind: AccessKind) -> Result<&mut ModelPage, i32> {
        let page = self.pages[at].as_mut().ok_or(SEGV_MAPERR)?;
        let allowed = match kind {
            AccessKind::Read => !page.prot.is_empty(),
            AccessKind::Write => page.prot.contains(Prot::WRITE),
            AccessKind::Fetch => page.prot.contains(Prot::EXEC),
        };
        if allowed { Ok(page) } else { Err(SEGV_ACCERR) }
    }

    /// The mappings. A page belongs to the one before it rather than to the one behind.
    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (at, page) in self.pages.iter().enumerate() {
            let Some(page) = page else { continue };
            match runs.last_mut().filter(|run| run.takes(at, page)) {
                Some(run) => {
                    run.pages += 1;
                    run.page.anon = run.page.anon.or(page.anon);
                }
                None => runs.push(Run { at, pages: 1, page: *page }),
            }
        }
        runs
    }
}

fn la(at: usize) -> u64 {
    BASE + at as u64 * PAGE
}

fn bytes(pages: usize) -> u64 {
    pages as u64 * PAGE
}

/// Does it, to both, and compares.
fn apply(guest: &mut Guest, model: &mut Model, op: &Op) {
    match *op {
        Op::Mmap { at, pages, prot } => {
            assert_eq!(guest.mmap(la(at), bytes(pages), prot, FIXED), Ok(la(at)));
            model.mmap(at, pages, prot);
        }
        Op::MmapNoReplace { at, pages, prot } => {
            let free = model.is_free(at, pages);
            let flags = ANON | MapFlags::FIXED_NOREPLACE;
            let expected = if free { Ok(la(at)) } else { Err(Errno::EEXIST) };
            assert_eq!(guest.mmap(la(at), bytes(pages), prot, flags), expected);
            if free {
                model.mmap(at, pages, prot);
            }
        }
        Op::Munmap { at, pages } => {
            assert_eq!(guest.munmap(la(at), bytes(pages)), Ok(()));
            model.pages[at..at + pages].fill(None);
        }
        Op::Mprotect { at, pages, prot } => {
            assert_eq!(guest.mprotect(la(at), bytes(pages), prot), model.mprotect(at, pages, prot));
        }
        Op::DontNeed { at, pages } => {
            assert_eq!(madvise(guest, at, pages, Advice::DontNeed), model.dont_need(at, pages));
        }
        Op::Populate { at, pages } => {
            assert_eq!(madvise(guest, at, pages, Advice::PopulateRead), model.populate(at, pages));
        }
        Op::Shrink { at, pages, to } => {
            let expected = if model.pages[at].is_some() { Ok(la(at)) } else { Err(EFAULT) };
            assert_eq!(mremap(guest, at, pages, to, MremapFlags::empty(), 0), expected);
            if expected.is_ok() {
                model.pages[at + to..at + pages].fill(None);
            }
        }
        Op::Grow { at, pages, to } => {
            let expected = model.grow(at, pages, to).map(|()| la(at));
            assert_eq!(mremap(guest, at, pages, to, MremapFlags::empty(), 0), expected);
        }
        Op::Move { at, pages, to, new_at } => {
            let expected = model.move_to(at, pages, to, new_at).map(|()| la(new_at));
            let flags = MremapFlags::MAYMOVE | MremapFlags::FIXED;
            assert_eq!(mremap(guest, at, pages, to, flags, new_at), expected);
        }
        Op::Write { at, byte } => {
            let outcome = guest.write(la(at) + 5, byte).map_err(|signal| signal.code);
            assert_eq!(outcome, model.write(at, byte));
        }
        Op::CopyToUser { at, byte } => {
            let outcome = guest.run(|mm, cx| mm.copy_to_user(cx, LinearAddr(la(at) + 5), &[byte]));
            let expected = model.write(at, byte);
            assert_eq!(outcome.is_ok(), expected.is_ok());
        }
        Op::Read { at } => {
            let outcome = guest.read(la(at) + 5).map_err(|signal| signal.code);
            assert_eq!(outcome, model.access(at, AccessKind::Read).map(|page| page.byte));
        }
        Op::Fetch { at } => {
            let outcome = guest.fetch(la(at)).map_err(|signal| signal.code);
            assert_eq!(outcome, model.access(at, AccessKind::Fetch).map(|_| ()));
        }
    }
}

fn madvise(guest: &mut Guest, at: usize, pages: usize, advice: Advice) -> Result<(), Errno> {
    guest.run(|mm, cx| mm.madvise(cx, LinearAddr(la(at)), bytes(pages), advice))
}

fn mremap(
    guest: &mut Guest,
    at: usize,
    pages: usize,
    to: usize,
    flags: MremapFlags,
    new_at: usize,
) -> Result<u64, Errno> {
    let (old, new) = (LinearAddr(la(at)), LinearAddr(la(new_at)));
    guest.run(|mm, cx| mm.mremap(cx, old, bytes(pages), bytes(to), flags, new)).map(|la| la.0)
}

/// The mappings are the model's runs, and no table serves nothing.
fn check(guest: &Guest, model: &Model) {
    let mappings: Vec<_> = guest
        .mm()
        .vmas()
        .map(|vma| (((vma.start.0 - BASE) / PAGE) as usize, vma.pages() as usize, vma.prot()))
        .collect();
    let expected: Vec<_> = model.runs().iter().map(|run| (run.at, run.pages, run.page.prot)).collect();
    assert_eq!(mappings, expected);
    assert!(guest.mm().vmas().all(|vma| vma.flags.contains(VmFlags::MAYACCESS)));
    guest.check_tables();
    let halves = [&model.pages[..PAGES / 2], &model.pages[PAGES / 2..]];
    let used = halves.iter().filter(|half| half.iter().any(Option::is_some)).count() as u64;
    let most = if used == 0 { 1 } else { 3 + used };
    assert!(guest.tables() <= most, "{} tables for {used} spans", guest.tables());
}

fn prot() -> impl Strategy<Value = Prot> {
    (0_u64..8).prop_map(Prot::from_bits_truncate)
}

fn span() -> impl Strategy<Value = (usize, usize)> {
    (0..PAGES).prop_flat_map(|at| (Just(at), 1..=(PAGES - at).min(8)))
}

fn op() -> impl Strategy<Value = Op> {
    let at = 0..PAGES;
    let grow = (0..PAGES - 1)
        .prop_flat_map(|at| (Just(at), 1..PAGES - at))
        .prop_flat_map(|(at, pages)| (Just(at), Just(pages), pages + 1..=PAGES - at));
    let shrink = span().prop_flat_map(|(at, pages)| (Just(at), Just(pages), 1..=pages));
    prop_oneof![
        3 => (span(), prot()).prop_map(|((at, pages), prot)| Op::Mmap { at, pages, prot }),
        1 => (span(), prot()).prop_map(|((at, pages), prot)| Op::MmapNoReplace { at, pages, prot }),
        2 => span().prop_map(|(at, pages)| Op::Munmap { at, pages }),
        3 => (span(), prot()).prop_map(|((at, pages), prot)| Op::Mprotect { at, pages, prot }),
        1 => span().prop_map(|(at, pages)| Op::DontNeed { at, pages }),
        1 => span().prop_map(|(at, pages)| Op::Populate { at, pages }),
        1 => shrink.prop_map(|(at, pages, to)| Op::Shrink { at, pages, to }),
        1 => grow.prop_map(|(at, pages, to)| Op::Grow { at, pages, to }),
        2 => (span(), span()).prop_map(|((at, pages), (new_at, to))| Op::Move { at, pages, to, new_at }),
        6 => (at.clone(), any::<u8>()).prop_map(|(at, byte)| Op::Write { at, byte }),
        2 => (at.clone(), any::<u8>()).prop_map(|(at, byte)| Op::CopyToUser { at, byte }),
        4 => at.clone().prop_map(|at| Op::Read { at }),
        1 => at.prop_map(|at| Op::Fetch { at }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_is_what_the_calls_say(ops in prop::collection::vec(op(), 1..120)) {
        let mut guest = Guest::with_ram(2 << 20);
        let mut model = Model::default();
        for op in &ops {
            apply(&mut guest, &mut model, op);
            check(&guest, &model);
        }
        for at in 0..PAGES {
            let expected = model.access(at, AccessKind::Read).map(|page| page.byte);
            prop_assert_eq!(guest.read(la(at) + 5).map_err(|signal| signal.code), expected);
        }
        guest.exit();
    }
}
