//! Linear and physical addresses, frame numbers and page sizes.
//!
//! Arithmetic on addresses wraps at 2^64 as the processor's does (MMU-152, MMU-176); whether an address is canonical is a
//! question that the MMU asks, not an invariant of the type, because a guest may form any address.

use std::fmt;

/// log2 of the size of a page frame.
pub const FRAME_SHIFT: u32 = 12;
/// Bytes in a page frame.
pub const FRAME_SIZE: u64 = 1 << FRAME_SHIFT;

/// A linear address: what a program computes, before paging (SDM "Linear Address Space").
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinearAddr(pub u64);

/// A physical address: what paging gives (SDM "Paging").
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhysAddr(pub u64);

/// The number of a 4 KiB page frame of physical memory.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pfn(pub u64);

/// The sizes that a leaf entry can map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PageSize {
    /// 4 KiB, mapped by a PTE.
    Size4K,
    /// 2 MiB, mapped by a PDE with PS=1.
    Size2M,
    /// 4 MiB, mapped by a PDE with PS=1 of 32-bit paging.
    Size4M,
    /// 1 GiB, mapped by a PDPTE with PS=1.
    Size1G,
}

impl LinearAddr {
    /// The address `bytes` further on, wrapping at 2^64.
    #[must_use]
    pub const fn wrapping_add(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// The first address of the 4 KiB page that holds this one.
    #[must_use]
    pub const fn page_base(self) -> Self {
        Self(self.0 & !(FRAME_SIZE - 1))
    }

    /// The offset within the 4 KiB page, in bytes.
    #[must_use]
    pub const fn page_offset(self) -> u64 {
        self.0 & (FRAME_SIZE - 1)
    }

    /// The number of the 4 KiB page: the address without its low 12 bits.
    #[must_use]
    pub const fn page_number(self) -> u64 {
        self.0 >> FRAME_SHIFT
    }

    /// The first multiple of the page size at or above this address; `None` beyond 2^64.
    #[must_use]
    pub const fn page_align_up(self) -> Option<Self> {
        match self.0.checked_add(FRAME_SIZE - 1) {
            Some(a) => Some(Self(a & !(FRAME_SIZE - 1))),
            None => None,
        }
    }
}

impl PhysAddr {
    /// The frame that holds this address.
    #[must_use]
    pub const fn pfn(self) -> Pfn {
        Pfn(self.0 >> FRAME_SHIFT)
    }

    /// The offset within the frame, in bytes.
    #[must_use]
    pub const fn frame_offset(self) -> u64 {
        self.0 & (FRAME_SIZE - 1)
    }

    /// The address `bytes` further on.
    #[must_use]
    pub const fn wrapping_add(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes))
    }
}

impl Pfn {
    /// The physical address of the frame's first byte.
    #[must_use]
    pub const fn base(self) -> PhysAddr {
        PhysAddr(self.0 << FRAME_SHIFT)
    }
}

impl PageSize {
    /// Bytes that a leaf of this size maps.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        1 << self.shift()
    }

    /// log2 of [`Self::bytes`].
    #[must_use]
    pub const fn shift(self) -> u32 {
        match self {
            Self::Size4K => 12,
            Self::Size2M => 21,
            Self::Size4M => 22,
            Self::Size1G => 30,
        }
    }

    /// Mask of the address bits that are an offset within the page.
    #[must_use]
    pub const fn offset_mask(self) -> u64 {
        self.bytes() - 1
    }
}

impl fmt::Display for PageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size4K => "4 KiB",
            Self::Size2M => "2 MiB",
            Self::Size4M => "4 MiB",
            Self::Size1G => "1 GiB",
        })
    }
}

macro_rules! hex_fmt {
    ($($t:ident)*) => {$(
        impl fmt::Display for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }
        impl fmt::Debug for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($t), "({:#x})"), self.0)
            }
        }
    )*};
}
hex_fmt!(LinearAddr PhysAddr Pfn);
