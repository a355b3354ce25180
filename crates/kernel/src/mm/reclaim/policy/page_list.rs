//! Doubly linked lists of pages, linked through an array beside the frames (Linux's `page->lru`).
//!
//! Invariant: a page is in at most one list of a [`PageLists`]. Every operation takes constant time. New pages go to the head,
//! the oldest is at the tail.

use crate::mm::reclaim::side_array::SideArray;
use arch::Pfn;

/// A list, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListId(pub(super) u8);

/// A page's place in a list, and what the owner of the lists keeps of it.
#[derive(Clone, Copy, Debug, Default)]
struct Node<D> {
    /// The list's number plus one, so that 0 is none.
    list: u8,
    /// The neighbour on the side of the head; itself at the head.
    newer: u64,
    /// The neighbour on the side of the tail; itself at the tail.
    older: u64,
    data: D,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    head: u64,
    tail: u64,
    len: u64,
}

/// Some lists of pages; each page in a list has a `D` that stays with it until it leaves the lists.
#[derive(Debug)]
pub(super) struct PageLists<D> {
    nodes: SideArray<Node<D>>,
    ends: Vec<Ends>,
}

impl<D: Copy + Default> PageLists<D> {
    /// So many empty lists.
    pub(super) fn new(lists: u8) -> Self {
        Self { nodes: SideArray::default(), ends: vec![Ends::default(); lists.into()] }
    }

    /// Pages in a list.
    pub(super) fn len(&self, list: ListId) -> u64 {
        self.ends[usize::from(list.0)].len
    }

    /// The list that a page is in.
    pub(super) fn list_of(&self, page: Pfn) -> Option<ListId> {
        self.nodes.get(page).list.checked_sub(1).map(ListId)
    }

    /// What is kept of a page; the default if it is in no list.
    pub(super) fn data(&self, page: Pfn) -> D {
        self.nodes.get(page).data
    }

    /// What is kept of a page, to be changed; `None` if it is in no list.
    pub(super) fn data_mut(&mut self, page: Pfn) -> Option<&mut D> {
        self.list_of(page)?;
        Some(&mut self.nodes.get_mut(page).data)
    }

    /// The oldest page of a list.
    pub(super) fn tail(&self, list: ListId) -> Option<Pfn> {
        let ends = self.ends[usize::from(list.0)];
        (ends.len > 0).then_some(Pfn(ends.tail))
    }

    /// The page that came right after this one in its list.
    pub(super) fn newer(&self, page: Pfn) -> Option<Pfn> {
        let node = self.nodes.get(page);
        (node.list != 0 && node.newer != page.0).then_some(Pfn(node.newer))
    }

    /// Puts a page at the head of a list. It must be in none.
    pub(super) fn push_head(&mut self, list: ListId, page: Pfn, data: D) {
        debug_assert!(self.list_of(page).is_none(), "{page:?} is in a list");
        let ends = &mut self.ends[usize::from(list.0)];
        let older = if ends.len > 0 { ends.head } else { page.0 };
        if ends.len == 0 {
            ends.tail = page.0;
        }
        ends.head = page.0;
        ends.len += 1;
        if older != page.0 {
            self.nodes.get_mut(Pfn(older)).newer = page.0;
        }
        *self.nodes.get_mut(page) = Node { list: list.0 + 1, newer: page.0, older, data };
    }

    /// Puts a page at the tail of a list. It must be in none.
    pub(super) fn push_tail(&mut self, list: ListId, page: Pfn, data: D) {
        debug_assert!(self.list_of(page).is_none(), "{page:?} is in a list");
        let ends = &mut self.ends[usize::from(list.0)];
        let newer = if ends.len > 0 { ends.tail } else { page.0 };
        if ends.len == 0 {
            ends.head = page.0;
        }
        ends.tail = page.0;
        ends.len += 1;
        if newer != page.0 {
            self.nodes.get_mut(Pfn(newer)).older = page.0;
        }
        *self.nodes.get_mut(page) = Node { list: list.0 + 1, newer, older: page.0, data };
    }

    /// Takes a page out of its list, if it is in one.
    pub(super) fn remove(&mut self, page: Pfn) -> Option<(ListId, D)> {
        let list = self.list_of(page)?;
        let node = self.nodes.take(page);
        let ends = &mut self.ends[usize::from(list.0)];
        let (is_head, is_tail) = (node.newer == page.0, node.older == page.0);
        if is_head {
            ends.head = node.older;
        }
        if is_tail {
            ends.tail = node.newer;
        }
        ends.len -= 1;
        // An end's link points to itself.
        if !is_head {
            self.nodes.get_mut(Pfn(node.newer)).older = if is_tail { node.newer } else { node.older };
        }
        if !is_tail {
            self.nodes.get_mut(Pfn(node.older)).newer = if is_head { node.older } else { node.newer };
        }
        Some((list, node.data))
    }
}
