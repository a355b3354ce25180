//! Robust futexes: what a process that ends still has locked says so, and one who waits for each is woken (Linux's
//! `exit_robust_list`, `handle_futex_death`).
//!
//! The list is in the program's memory and may be anything: the walk is bounded and ends at the first thing that makes no sense.

use crate::Hw;
use crate::kernel::Kernel;
use arch::LinearAddr;

/// Entries that are looked at (ROBUST_LIST_LIMIT).
const ROBUST_LIST_LIMIT: usize = 2048;
/// Somebody waits for the futex.
const FUTEX_WAITERS: u32 = 0x8000_0000;
/// Its owner has ended.
const FUTEX_OWNER_DIED: u32 = 0x4000_0000;
/// The owner's thread id.
const FUTEX_TID_MASK: u32 = 0x3fff_ffff;
/// The bit of an entry that says that its futex inherits priority.
const PI: u64 = 1;

/// Whether a futex is on the list, or was about to be put on it or taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Listed,
    Pending,
}

impl Kernel {
    /// Lets go of the robust futexes that the current process has; it ends or executes another program.
    pub(crate) fn exit_robust_list(&mut self, hw: &mut Hw<'_>) {
        let head = std::mem::take(&mut self.current.robust_list);
        if head.0 == 0 {
            return;
        }
        // struct robust_list_head: the list, the offset of a futex from its entry, the entry that is being changed.
        let words = [0, 8, 16].map(|at| self.read_user_u64(hw, head.wrapping_add(at)));
        let [Ok(mut next), Ok(offset), Ok(pending)] = words else { return };
        let futex = |entry: u64| LinearAddr((entry & !PI).wrapping_add(offset));
        for _ in 0..ROBUST_LIST_LIMIT {
            let entry = next;
            if entry & !PI == head.0 {
                break;
            }
            let following = self.read_user_u64(hw, LinearAddr(entry & !PI));
            let is_handled = entry & !PI == pending & !PI
                || self.handle_futex_death(hw, futex(entry), entry & PI, Entry::Listed).is_some();
            let (true, Ok(following)) = (is_handled, following) else { return };
            next = following;
        }
        if pending & !PI != 0 {
            let _unusable = self.handle_futex_death(hw, futex(pending), pending & PI, Entry::Pending);
        }
    }

    /// `None` if the futex cannot be one.
    fn handle_futex_death(&mut self, hw: &mut Hw<'_>, at: LinearAddr, pi: u64, entry: Entry) -> Option<()> {
        if !at.0.is_multiple_of(4) {
            return None;
        }
        let value = u32::from_le_bytes(self.read_user(hw, at).ok()?);
        let owner = value & FUTEX_TID_MASK;
        // It has been unlocked already, but nobody has been woken yet.
        if entry == Entry::Pending && pi == 0 && owner == 0 {
            self.wake_one(at);
            return Some(());
        }
        if owner != self.current.pid.0 {
            return Some(());
        }
        let dead = value & FUTEX_WAITERS | FUTEX_OWNER_DIED;
        self.copy_to_user(hw, at, &dead.to_le_bytes()).ok()?;
        if pi == 0 && value & FUTEX_WAITERS != 0 {
            self.wake_one(at);
        }
        Some(())
    }
}
