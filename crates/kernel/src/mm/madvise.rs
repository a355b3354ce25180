//! madvise: what a program says of its use of memory (Linux's `do_madvise`).
//!
//! Advice that only hints is accepted, checked as Linux checks it, and kept as a flag of the mapping where Linux keeps one,
//! because it keeps mappings from being joined.

use super::flags::VmFlags;
use super::layout;
use super::vma::{Backing, Vma};
use super::{Mm, MmCx};
use crate::Errno;
use arch::{AccessKind, LinearAddr};
use event::Event;

macro_rules! advices {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        /// A piece of advice (`MADV_*`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Advice { $($(#[$doc])* $name = $value,)* }

        impl Advice {
            /// The advice with this number; `None` (`EINVAL`) if there is none.
            #[must_use]
            pub const fn from_raw(raw: u32) -> Option<Self> {
                match raw { $($value => Some(Self::$name),)* _ => None }
            }
        }
    };
}

advices! {
    /// No special use.
    Normal = 0;
    /// Random order.
    Random = 1;
    /// From the lowest address on.
    Sequential = 2;
    /// Soon.
    WillNeed = 3;
    /// The pages go: anonymous ones are zero again, those of a file the file's again.
    DontNeed = 4;
    /// The pages may go when memory is short.
    Free = 8;
    /// The file gets a hole.
    Remove = 9;
    /// Children do not get the mapping.
    DontFork = 10;
    /// They do.
    DoFork = 11;
    /// Equal pages may be shared.
    Mergeable = 12;
    /// They may not.
    Unmergeable = 13;
    /// Large pages are welcome.
    HugePage = 14;
    /// They are not.
    NoHugePage = 15;
    /// Not in a core dump.
    DontDump = 16;
    /// In a core dump.
    DoDump = 17;
    /// Children see zeros.
    WipeOnFork = 18;
    /// They see the pages.
    KeepOnFork = 19;
    /// Not soon.
    Cold = 20;
    /// Not soon: page out.
    PageOut = 21;
    /// Fill with pages to read.
    PopulateRead = 22;
    /// Fill with pages to write.
    PopulateWrite = 23;
    /// As `DontNeed`, also where locked.
    DontNeedLocked = 24;
    /// Make large pages now.
    Collapse = 25;
}

/// How a hint changes the flags of a mapping.
struct FlagChange {
    set: VmFlags,
    clear: VmFlags,
}

impl Advice {
    /// The flags that a hint leaves on the mapping (`madvise_vma_behavior`).
    const fn flag_change(self) -> Option<FlagChange> {
        let none = VmFlags::empty();
        let (set, clear) = match self {
            Self::Normal => (none, VmFlags::SEQ_READ.union(VmFlags::RAND_READ)),
            Self::Random => (VmFlags::RAND_READ, VmFlags::SEQ_READ),
            Self::Sequential => (VmFlags::SEQ_READ, VmFlags::RAND_READ),
            Self::DontFork => (VmFlags::DONTCOPY, none),
            Self::DoFork => (none, VmFlags::DONTCOPY),
            Self::Mergeable => (VmFlags::MERGEABLE, none),
            Self::Unmergeable => (none, VmFlags::MERGEABLE),
            Self::HugePage => (VmFlags::HUGEPAGE, VmFlags::NOHUGEPAGE),
            Self::NoHugePage => (VmFlags::NOHUGEPAGE, VmFlags::HUGEPAGE),
            Self::DontDump => (VmFlags::DONTDUMP, none),
            Self::DoDump => (none, VmFlags::DONTDUMP),
            Self::WipeOnFork => (VmFlags::WIPEONFORK, none),
            Self::KeepOnFork => (none, VmFlags::WIPEONFORK),
            _ => return None,
        };
        Some(FlagChange { set, clear })
    }
}

impl Mm {
    /// Takes advice for the pages of `addr..addr+len`. Holes are passed over, and make the result `ENOMEM`.
    ///
    /// # Errors
    /// `EINVAL` for an address within a page, a range that wraps, or advice that does not fit the mapping; `ENOMEM`;
    /// `EACCES` and `EOPNOTSUPP` for `Remove`; `EFAULT` where pages cannot be filled.
    pub fn madvise(&mut self, cx: &mut MmCx<'_, '_>, addr: LinearAddr, len: u64, advice: Advice) -> Result<(), Errno> {
        if addr.page_offset() != 0 {
            return Err(Errno::EINVAL);
        }
        let end = layout::page_align_len(len).and_then(|len| addr.0.checked_add(len)).ok_or(Errno::EINVAL)?;
        let (mut at, end) = (addr, LinearAddr(end));
        self.tell_of_mapping(cx.frames, |space| Event::Advise { space, start: addr, end, advice: advice as i32 });
        let mut outcome = Ok(());
        while at < end {
            let Some(vma) = self.vmas.intersection(at, end).copied() else { return Err(Errno::ENOMEM) };
            if vma.start > at {
                outcome = Err(Errno::ENOMEM);
                at = vma.start;
            }
            let next = vma.end.min(end);
            self.madvise_vma(cx, &vma, (at, next), advice)?;
            at = next;
        }
        outcome
    }

    fn madvise_vma(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        vma: &Vma,
        (start, end): (LinearAddr, LinearAddr),
        advice: Advice,
    ) -> Result<(), Errno> {
        check(vma, advice)?;
        let end = dontneed_end(vma, (start, end), advice)?;
        if let Some(FlagChange { set, clear }) = advice.flag_change() {
            let set = if vma.is_hugetlb() { set - VmFlags::MERGEABLE } else { set };
            let flags = (vma.flags - clear) | set;
            return if flags == vma.flags { Ok(()) } else { self.set_vma_flags(cx, (start, end), flags) };
        }
        match advice {
            Advice::DontNeed | Advice::DontNeedLocked => self.zap_page_range(cx, vma, (start, end)),
            Advice::Free => self.madvise_free(cx, (start, end)),
            Advice::Cold => self.madvise_cold(cx, (start, end)),
            Advice::PageOut => self.reclaim_range(cx, (start, end)),
            Advice::WillNeed => self.madvise_willneed(cx, vma, (start, end)),
            Advice::Remove => self.madvise_remove(cx, vma, (start, end))?,
            Advice::Collapse => self.madvise_collapse(cx, vma, (start, end))?,
            Advice::PopulateRead => self.populate(cx, (start, end), AccessKind::Read)?,
            Advice::PopulateWrite => self.populate(cx, (start, end), AccessKind::Write)?,
            _ => {}
        }
        Ok(())
    }
}

/// Where the pages end that are not needed: of large pages of a pool only whole ones go, as a program may not know what it
/// has (`madvise_dontneed_free_valid_vma`).
fn dontneed_end(vma: &Vma, (start, end): (LinearAddr, LinearAddr), advice: Advice) -> Result<LinearAddr, Errno> {
    if !matches!(advice, Advice::DontNeed | Advice::DontNeedLocked) {
        return Ok(end);
    }
    let within = vma.page_size().offset_mask();
    if start.0 & within != 0 { Err(Errno::EINVAL) } else { Ok(LinearAddr(end.0 & !within)) }
}

/// What Linux refuses for this mapping.
fn check(vma: &Vma, advice: Advice) -> Result<(), Errno> {
    let anonymous = vma.backing == Backing::Anonymous;
    let locked = vma.flags.contains(VmFlags::LOCKED);
    let hugetlb = vma.is_hugetlb();
    let shared_writable = vma.flags.contains(VmFlags::SHARED | VmFlags::MAYWRITE);
    match advice {
        Advice::DontNeed | Advice::Cold | Advice::PageOut if locked => Err(Errno::EINVAL),
        Advice::Cold | Advice::PageOut if hugetlb => Err(Errno::EINVAL),
        Advice::Free | Advice::WipeOnFork if !anonymous || locked && advice == Advice::Free => Err(Errno::EINVAL),
        Advice::Remove if anonymous || locked => Err(Errno::EINVAL),
        Advice::Remove if !shared_writable => Err(Errno::EACCES),
        Advice::PopulateRead if !vma.flags.contains(VmFlags::READ) => Err(Errno::EINVAL),
        Advice::PopulateWrite if !vma.flags.contains(VmFlags::WRITE) => Err(Errno::EINVAL),
        _ => Ok(()),
    }
}
