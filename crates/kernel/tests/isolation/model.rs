//! What each process's memory should hold, kept in the simplest way: a map from page to bytes for each.
//!
//! A page is known by two words, the first and the last of it.

use std::collections::BTreeMap;

/// A page's first and last 32 bits.
pub(crate) type Words = [u32; 2];

/// A page that several mappings can share: of the file (object 0), or of a shared anonymous mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SharedPage {
    pub(crate) object: usize,
    pub(crate) index: u64,
}

/// Where a page's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bytes {
    Private(Words),
    Shared(SharedPage),
    /// Private, but not written yet: the file's.
    Unwritten(SharedPage),
}

/// What a program may do to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rights {
    None,
    Read,
    Write,
}

impl Rights {
    /// `PROT_*`.
    pub(crate) const fn prot(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Read => 1,
            Self::Write => 3,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) bytes: Bytes,
    pub(crate) rights: Rights,
}

/// An address space, by the page's address.
pub(crate) type Space = BTreeMap<u64, Page>;

/// All address spaces, and what they share.
#[derive(Default)]
pub(crate) struct Model {
    /// By process id.
    pub(crate) spaces: BTreeMap<u64, Space>,
    shared: BTreeMap<SharedPage, Words>,
    /// Shared objects made so far; object 0 is the file.
    objects: usize,
}

impl Model {
    /// Another shared anonymous object.
    pub(crate) fn new_object(&mut self) -> usize {
        self.objects += 1;
        self.objects
    }

    /// Gives the file's page its contents.
    pub(crate) fn set_shared(&mut self, page: SharedPage, words: Words) {
        self.shared.insert(page, words);
    }

    pub(crate) fn living(&self) -> Vec<u64> {
        self.spaces.keys().copied().collect()
    }

    pub(crate) fn page(&self, pid: u64, at: u64) -> Option<Page> {
        self.spaces[&pid].get(&at).copied()
    }

    pub(crate) fn rights(&self, pid: u64, at: u64) -> Rights {
        self.page(pid, at).map_or(Rights::None, |page| page.rights)
    }

    pub(crate) fn words(&self, page: Page) -> Words {
        match page.bytes {
            Bytes::Private(words) => words,
            Bytes::Shared(page) | Bytes::Unwritten(page) => self.shared.get(&page).copied().unwrap_or_default(),
        }
    }

    /// A store, which the rights allow.
    pub(crate) fn write(&mut self, pid: u64, at: u64, which: usize, value: u32) {
        let page = self.spaces[&pid][&at];
        let mut words = self.words(page);
        words[which] = value;
        if let Bytes::Shared(shared) = page.bytes {
            self.shared.insert(shared, words);
        } else {
            let private = Page { bytes: Bytes::Private(words), ..page };
            self.space(pid).insert(at, private);
        }
    }

    pub(crate) fn space(&mut self, pid: u64) -> &mut Space {
        self.spaces.get_mut(&pid).expect("the process lives")
    }

    /// A child has the same bytes, and goes its own way.
    pub(crate) fn fork(&mut self, parent: u64, child: u64) {
        let copy = self.spaces[&parent].clone();
        self.spaces.insert(child, copy);
    }
}
