//! How much memory is promised, and how much may be (Linux's `__vm_enough_memory`, `vm_commit_limit`, `Committed_AS`).
//!
//! A mapping with [`VmFlags::ACCOUNT`] may need a frame or a slot of swap for each of its pages; so may shared memory, whose
//! inode counts for all its mappings. Each address space settles with the sum when its mappings have changed
//! (`Mm::settle_commit`); before they grow it asks whether they may (`Mm::vm_enough_memory`).

use super::frames::{FrameTable, FrameUse};
use super::{Mm, MmCx, VmFlags, Vma};
use crate::Errno;
use arch::{FRAME_SHIFT, FRAME_SIZE};

/// What is promised beyond what there is (`vm.overcommit_memory`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overcommit {
    /// 0: only what is more than all memory at once is refused.
    Guess,
    /// 1: everything is promised.
    Always,
    /// 2: nothing beyond the limit is promised.
    Never,
}

/// The sum of what is promised, and the rules for it.
#[derive(Clone, Copy, Debug)]
pub struct Commit {
    /// Pages that address spaces and shared memory may come to need (`vm_committed_as`).
    pub pages: u64,
    /// `vm.overcommit_memory`.
    pub overcommit: Overcommit,
    /// The part of RAM that may be promised, in percent (`vm.overcommit_ratio`).
    pub ratio: u64,
    /// The same in pages, if it was set so; the ratio is 0 then (`vm.overcommit_kbytes`).
    pub amount: Option<u64>,
    /// Pages kept for root and for a user, if that was set (`vm.admin_reserve_kbytes`, `vm.user_reserve_kbytes`).
    pub reserves: [Option<u64>; 2],
    /// Pages of swap.
    pub swap_pages: u64,
}

impl Default for Commit {
    fn default() -> Self {
        Self { pages: 0, overcommit: Overcommit::Guess, ratio: 50, amount: None, reserves: [None; 2], swap_pages: 0 }
    }
}

/// Kept for root to end something with, in bytes, and for a user: at most; else a 32nd of RAM (`admin_reserve_kbytes`,
/// `user_reserve_kbytes`).
const ADMIN_RESERVE: u64 = 8 << 20;
const USER_RESERVE: u64 = 128 << 20;

impl FrameTable {
    /// Pages that may be promised when nothing is overcommitted (`vm_commit_limit`); those of the pools are not among them.
    #[must_use]
    pub fn commit_limit_pages(&self) -> u64 {
        let of_ram = || (self.managed() - self.used_for(FrameUse::Hugetlb)) * self.commit.ratio / 100;
        let most = u64::MAX / FRAME_SIZE; // in bytes it is a number still
        self.commit.amount.unwrap_or_else(of_ram).min(most) + self.commit.swap_pages
    }

    /// Whether so many pages more may be promised (`__vm_enough_memory`). `of` is the size of the address space that asks,
    /// in pages.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn vm_enough_memory(&self, of: u64, pages: u64, rights: CommitRights) -> Result<(), Errno> {
        let enough = match self.commit.overcommit {
            _ if pages == 0 => true,
            Overcommit::Always => true,
            Overcommit::Guess => pages <= self.managed() + self.commit.swap_pages,
            Overcommit::Never => self.commit.pages.saturating_add(pages) < self.allowed(of, rights),
        };
        if enough { Ok(()) } else { Err(Errno::ENOMEM) }
    }

    fn allowed(&self, of: u64, rights: CommitRights) -> u64 {
        let for_root = if rights == CommitRights::Admin { 0 } else { self.admin_reserve() };
        self.commit_limit_pages().saturating_sub(for_root.saturating_add((of / 32).min(self.user_reserve())))
    }

    /// Pages kept for root.
    pub(crate) fn admin_reserve(&self) -> u64 {
        self.commit.reserves[0].unwrap_or_else(|| (self.total() / 32).min(ADMIN_RESERVE >> FRAME_SHIFT))
    }

    /// Pages kept for a user.
    pub(crate) fn user_reserve(&self) -> u64 {
        self.commit.reserves[1].unwrap_or_else(|| (self.total() / 32).min(USER_RESERVE >> FRAME_SHIFT))
    }
}

/// Who asks for a promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommitRights {
    /// Root (`CAP_SYS_ADMIN`): what is kept for it counts too.
    Admin,
    /// Anybody else.
    #[default]
    User,
}

impl Mm {
    /// Whether so many pages more of accounted memory may be had (`security_vm_enough_memory_mm`).
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn vm_enough_memory(&self, cx: &MmCx<'_, '_>, pages: u64) -> Result<(), Errno> {
        let rights = if self.limits.locked == u64::MAX { CommitRights::Admin } else { CommitRights::User };
        cx.frames.vm_enough_memory(self.total_vm_pages(), pages, rights)
    }

    /// Whether a child may have the same: mapping by mapping, and all together (`dup_mmap`).
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn copy_may_be_promised(&self, cx: &MmCx<'_, '_>) -> Result<(), Errno> {
        let inherited = |vma: &&Vma| vma.flags & (VmFlags::ACCOUNT | VmFlags::DONTCOPY) == VmFlags::ACCOUNT;
        let mut sum = 0;
        self.vmas.iter().filter(inherited).try_for_each(|vma| {
            sum += vma.pages();
            let more = if cx.frames.commit.overcommit == Overcommit::Never { sum } else { vma.pages() };
            self.vm_enough_memory(cx, more)
        })
    }

    /// Tells the sum what the mappings may need now (`vm_acct_memory`, `vm_unacct_memory`).
    pub(super) fn settle_commit(&mut self, cx: &mut MmCx<'_, '_>) {
        let now = self.vmas.pages().accounted;
        cx.frames.commit.pages = cx.frames.commit.pages + now - self.committed;
        self.committed = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_refuses_what_linux_refuses() {
        let mut frames = FrameTable::new(64 << 20);
        let pages = frames.managed();
        assert_eq!(pages, 16383, "all but the zero page");
        let ask = |frames: &FrameTable, pages| frames.vm_enough_memory(0, pages, CommitRights::Admin);
        assert_eq!(ask(&frames, pages), Ok(()));
        assert_eq!(ask(&frames, pages + 1), Err(Errno::ENOMEM));
        frames.commit.swap_pages = 1;
        assert_eq!(ask(&frames, pages + 1), Ok(()));
        frames.commit.overcommit = Overcommit::Always;
        assert_eq!(ask(&frames, u64::MAX), Ok(()));
        frames.commit.overcommit = Overcommit::Never;
        frames.commit.pages = 1000;
        assert_eq!(frames.commit_limit_pages(), pages / 2 + 1);
        assert_eq!(ask(&frames, pages / 2 - 1000), Ok(()));
        assert_eq!(ask(&frames, pages / 2 + 1 - 1000), Err(Errno::ENOMEM));
        let reserve = frames.total() / 32;
        let user = |pages| frames.vm_enough_memory(0, pages, CommitRights::User);
        assert_eq!(user(pages / 2 - 1000 - reserve), Ok(()));
        assert_eq!(user(pages / 2 - 1000 - reserve + 1), Err(Errno::ENOMEM));
        let large = |pages| frames.vm_enough_memory(3200, pages, CommitRights::Admin);
        assert_eq!(large(pages / 2 - 1000 - 99), Err(Errno::ENOMEM), "a 32nd of what it has is kept");
    }
}
