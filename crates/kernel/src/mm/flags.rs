//! The flags of memory system calls and of mappings, with Linux's values.

use bitflags::bitflags;

bitflags! {
    /// What a mapping allows (`PROT_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Prot: u64 {
        /// Data reads.
        const READ = 1;
        /// Data writes.
        const WRITE = 2;
        /// Instruction fetches.
        const EXEC = 4;
        /// Atomic operations; accepted and without effect.
        const SEM = 8;
        /// mprotect: extend the change down to the start of a mapping that grows down.
        const GROWSDOWN = 0x0100_0000;
        /// mprotect: the same upwards; there is no such mapping on x86.
        const GROWSUP = 0x0200_0000;
    }

    /// How a mapping is made (`MAP_*`). Bits that are not listed may be set; they are ignored.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct MapFlags: u64 {
        /// Writes are seen by all who map it. With PRIVATE: `MAP_SHARED_VALIDATE`.
        const SHARED = 1;
        /// Writes copy.
        const PRIVATE = 2;
        /// At this address, whatever was there.
        const FIXED = 0x10;
        /// Zero pages, no file.
        const ANONYMOUS = 0x20;
        /// In the first 2 GiB.
        const BITS_32 = 0x40;
        /// Grows down when touched below.
        const GROWSDOWN = 0x100;
        /// Ignored.
        const DENYWRITE = 0x800;
        /// Ignored.
        const EXECUTABLE = 0x1000;
        /// Pages stay in memory, and are filled at once.
        const LOCKED = 0x2000;
        /// No swap space is set aside.
        const NORESERVE = 0x4000;
        /// Pages are filled at once.
        const POPULATE = 0x8000;
        /// With POPULATE: only what is in memory; Linux then does nothing.
        const NONBLOCK = 0x1_0000;
        /// A stack; without effect but to keep large pages out.
        const STACK = 0x2_0000;
        /// From a pool of large pages; bits 31:26 say of which size (`MAP_HUGE_SHIFT`).
        const HUGETLB = 0x4_0000;
        /// For persistent memory.
        const SYNC = 0x8_0000;
        /// At this address, or not at all.
        const FIXED_NOREPLACE = 0x10_0000;
        /// Any other bit.
        const _ = !0;
    }

    /// How mremap works (`MREMAP_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct MremapFlags: u64 {
        /// The mapping may move.
        const MAYMOVE = 1;
        /// It moves to the given address, whatever was there.
        const FIXED = 2;
        /// Its pages move; the old mapping stays, empty.
        const DONTUNMAP = 4;
    }

    /// How msync works (`MS_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct MsyncFlags: u64 {
        /// Write back some time.
        const ASYNC = 1;
        /// Drop other mappings' copies.
        const INVALIDATE = 2;
        /// Write back now.
        const SYNC = 4;
    }

    /// What mlockall locks (`MCL_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct MclFlags: u32 {
        /// What is mapped now.
        const CURRENT = 1;
        /// What will be mapped.
        const FUTURE = 2;
        /// Pages once they are there.
        const ONFAULT = 4;
    }

    /// How the file behind a mapping was opened.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct FileMode: u8 {
        /// For reading (`FMODE_READ`).
        const READ = 1;
        /// For writing (`FMODE_WRITE`).
        const WRITE = 2;
        /// It is sealed against new shared mappings that write.
        const WRITE_SEALED = 4;
    }

    /// The properties of a mapping (`vm_flags`, `VM_*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct VmFlags: u64 {
        /// Data reads.
        const READ = 1;
        /// Data writes.
        const WRITE = 2;
        /// Fetches.
        const EXEC = 4;
        /// Writes reach the object: frames are not copied.
        const SHARED = 8;
        /// mprotect may grant reads.
        const MAYREAD = 0x10;
        /// mprotect may grant writes.
        const MAYWRITE = 0x20;
        /// mprotect may grant fetches.
        const MAYEXEC = 0x40;
        /// Made with `MAP_SHARED`, be it of a file that cannot be written.
        const MAYSHARE = 0x80;
        /// Grows down: a stack.
        const GROWSDOWN = 0x100;
        /// mlock.
        const LOCKED = 0x2000;
        /// `MADV_SEQUENTIAL`.
        const SEQ_READ = 0x8000;
        /// `MADV_RANDOM`.
        const RAND_READ = 0x1_0000;
        /// `MADV_DONTFORK`.
        const DONTCOPY = 0x2_0000;
        /// mremap does not grow it.
        const DONTEXPAND = 0x4_0000;
        /// `MLOCK_ONFAULT`: pages stay once they are there, and are not brought in.
        const LOCKONFAULT = 0x8_0000;
        /// Counted against what may be committed.
        const ACCOUNT = 0x10_0000;
        /// `MAP_NORESERVE`.
        const NORESERVE = 0x20_0000;
        /// Of pages from the pool of large ones (`MAP_HUGETLB`).
        const HUGETLB = 0x40_0000;
        /// `MADV_WIPEONFORK`.
        const WIPEONFORK = 0x200_0000;
        /// `MADV_DONTDUMP`.
        const DONTDUMP = 0x400_0000;
        /// `MADV_HUGEPAGE`.
        const HUGEPAGE = 0x2000_0000;
        /// `MADV_NOHUGEPAGE`, `MAP_STACK`.
        const NOHUGEPAGE = 0x4000_0000;
        /// `MADV_MERGEABLE`.
        const MERGEABLE = 0x8000_0000;
        /// The bits of the protection key (`VM_PKEY_BIT0` to `VM_PKEY_BIT3`).
        const PKEY = 0xf_0000_0000;
        /// With `HUGETLB`: the pages are of 1 GiB, not 2 MiB. Linux asks the file; no flag of it has this bit.
        const HUGETLB_1G = 1 << 62;
        /// With `HUGETLB`, in a private mapping: the pool has promised it its pages (`HPAGE_RESV_OWNER`).
        const RESV_OWNER = 1 << 63;
        /// Any of the three rights.
        const ACCESS = 7;
        /// Any of the three rights may be had.
        const MAYACCESS = 0x70;
    }
}

/// Where the protection key is in the flags of a mapping (`VM_PKEY_SHIFT`).
const PKEY_SHIFT: u32 = 32;

impl VmFlags {
    /// Anonymous writable memory as brk and bss have it (`VM_DATA_DEFAULT_FLAGS`).
    pub(super) const DATA_DEFAULT: Self = Self::READ.union(Self::WRITE).union(Self::MAYACCESS).union(Self::ACCOUNT);
    /// The initial stack (`VM_STACK_FLAGS`).
    pub(super) const STACK: Self = Self::DATA_DEFAULT.union(Self::GROWSDOWN);

    /// What mlock sets (`VM_LOCKED_MASK`).
    pub(super) const LOCKED_MASK: Self = Self::LOCKED.union(Self::LOCKONFAULT);

    /// The protection key of the pages (`vma_pkey`).
    #[must_use]
    pub const fn pkey(self) -> u8 {
        ((self.bits() & Self::PKEY.bits()) >> PKEY_SHIFT) as u8
    }

    /// The flags with this protection key, below 16.
    #[must_use]
    pub(super) const fn with_pkey(self, key: u8) -> Self {
        let key = Self::from_bits_truncate((key as u64 & 0xf) << PKEY_SHIFT);
        self.difference(Self::PKEY).union(key)
    }

    /// The flags of these rights (`calc_vm_prot_bits`).
    #[must_use]
    pub const fn of_prot(prot: Prot) -> Self {
        Self::from_bits_truncate(prot.bits() & Self::ACCESS.bits())
    }

    /// The rights that these flags give.
    #[must_use]
    pub const fn prot(self) -> Prot {
        Prot::from_bits_truncate(self.bits() & Self::ACCESS.bits())
    }

    /// The rights that mprotect may grant, as rights.
    pub(super) const fn may(self) -> Self {
        Self::from_bits_truncate((self.bits() & Self::MAYACCESS.bits()) >> 4)
    }
}
