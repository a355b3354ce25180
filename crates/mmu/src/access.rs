//! Loads and stores, with page crossing and write intent.

use crate::Mmu;
use crate::soft_tlb::SlotRights;
use arch::{Access, AccessKind, FRAME_SIZE, LinearAddr, PageFault, PhysAddr};
use paging::{Detail, HardwareModel, PhysMem, StoreLevel, Translation};

/// An access did not happen; [`Mmu::fault`] says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault;

/// Why an access did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemFault {
    /// #PF.
    Page(PageFault),
    /// The address is not canonical: #SS(0) for stack accesses, else #GP(0) (MMU-150).
    NonCanonical,
    /// The operand is not aligned, and alignment is checked: #AC(0) (MMU-159).
    Misaligned,
}

/// The alignment that #AC asks of an access of so many bytes (SDM "Alignment Check Exception"): that of integers and
/// floating-point numbers, and of the environments of x87. Vectors need none, as on Intel's processors.
const fn natural_alignment(bytes: usize) -> u64 {
    match bytes {
        2 | 14 | 94 => 2,
        4 | 28 | 108 => 4,
        8 | 10 => 8,
        _ => 1,
    }
}

/// What #AC asks of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alignment {
    /// [`natural_alignment`].
    Natural,
    /// Nothing.
    Any,
}

/// A little-endian value of 1 to 16 bytes that the core loads and stores in one piece.
/// Two of 16 bytes are one as well: a YMM register, the low half first.
pub trait Primitive: Copy + sealed::Sealed {
    /// Its bytes at the start of a buffer.
    fn to_bytes(self) -> [u8; MAX_PRIMITIVE_BYTES];
    /// The value of the first bytes of the buffer.
    fn from_bytes(bytes: &[u8; MAX_PRIMITIVE_BYTES]) -> Self;
}

/// The largest [`Primitive`], in bytes.
pub const MAX_PRIMITIVE_BYTES: usize = 32;

mod sealed {
    pub trait Sealed {}
}

macro_rules! primitive {
    ($($t:ty)*) => {$(
        impl sealed::Sealed for $t {}
        impl Primitive for $t {
            fn to_bytes(self) -> [u8; MAX_PRIMITIVE_BYTES] {
                let mut bytes = [0; MAX_PRIMITIVE_BYTES];
                bytes[..size_of::<$t>()].copy_from_slice(&self.to_le_bytes());
                bytes
            }
            fn from_bytes(bytes: &[u8; MAX_PRIMITIVE_BYTES]) -> Self {
                Self::from_le_bytes(std::array::from_fn(|i| bytes[i]))
            }
        }
    )*};
}
primitive!(u8 u16 u32 u64 u128);

impl sealed::Sealed for [u128; 2] {}
impl Primitive for [u128; 2] {
    fn to_bytes(self) -> [u8; MAX_PRIMITIVE_BYTES] {
        let mut bytes = [0; MAX_PRIMITIVE_BYTES];
        bytes[..16].copy_from_slice(&self[0].to_le_bytes());
        bytes[16..].copy_from_slice(&self[1].to_le_bytes());
        bytes
    }
    fn from_bytes(bytes: &[u8; MAX_PRIMITIVE_BYTES]) -> Self {
        std::array::from_fn(|half| u128::from_le_bytes(std::array::from_fn(|i| bytes[16 * half + i])))
    }
}

/// The physical pieces of an access: one, or two if it crosses a page.
#[derive(Clone, Copy)]
struct Pieces {
    low: PhysAddr,
    low_len: usize,
    high: PhysAddr,
}

impl<H: HardwareModel> Mmu<H> {
    /// Reads the value at `la`.
    ///
    /// # Errors
    /// [`Fault`] if the access faults; nothing has changed but A bits.
    #[inline(always)]
    pub fn load<T: Primitive>(&mut self, la: LinearAddr) -> Result<T, Fault> {
        match self.load_hit(la) {
            Some(value) => Ok(value),
            None => self.load_slow(la, Alignment::Natural),
        }
    }

    /// The value at `la` if the fast table has its page, without any other effect; [`Mmu::load`] gives the same. A caller
    /// that leaves the rest to a function of its own keeps its registers free of what a miss needs.
    #[inline(always)]
    pub fn load_hit<T: Primitive>(&self, la: LinearAddr) -> Option<T> {
        if H::DETAIL < Detail::EveryAccess { self.tlb.read_hit(la) } else { None }
    }

    /// Writes `value` at `la` if the fast table has its page for writing; as [`Mmu::store`] then. The frame holds no code.
    /// False if it has not, and nothing is written.
    #[inline(always)]
    pub fn store_hit<T: Primitive>(&mut self, la: LinearAddr, value: T) -> bool {
        H::DETAIL < Detail::EveryAccess && self.tlb.write_hit(la, value)
    }

    /// Replaces the value at `la` by what `f` makes of it if the fast table has its page for writing; as
    /// [`Mmu::load_for_write`] and [`Mmu::store`] then. The frame holds no code. False if it has not, and `f` has not run.
    #[inline(always)]
    pub fn modify_hit<T: Primitive>(&mut self, la: LinearAddr, f: impl FnOnce(T) -> T) -> bool {
        H::DETAIL < Detail::EveryAccess && self.tlb.modify_hit(la, f)
    }

    /// Writes `value` at `la`.
    ///
    /// # Errors
    /// [`Fault`] if the access faults; no byte is written (MMU-173).
    #[inline(always)]
    pub fn store<T: Primitive>(&mut self, la: LinearAddr, value: T) -> Result<(), Fault> {
        if self.store_hit(la, value) {
            return Ok(());
        }
        self.store_slow(la, value, Alignment::Natural)
    }

    /// Reads the value at `la` for an instruction that will write it: checked as a write, once (MMU-094). The store that
    /// follows cannot fault.
    ///
    /// # Errors
    /// [`Fault`] as for a store.
    #[inline(always)]
    pub fn load_for_write<T: Primitive>(&mut self, la: LinearAddr) -> Result<T, Fault> {
        if H::DETAIL < Detail::EveryAccess
            && let Some(value) = self.tlb.write_intent_hit(la)
        {
            return Ok(value);
        }
        if H::DETAIL == Detail::EveryAccess
            && let Some(value) = self.tlb.write_intent_hit(la)
        {
            self.report_hit::<T>(la, AccessKind::Read);
            return Ok(value);
        }
        let pieces = self.pieces(la, size_of::<T>(), AccessKind::Write, Alignment::Natural)?;
        self.report(la, size_of::<T>(), pieces, AccessKind::Read);
        Ok(self.read_pieces(pieces))
    }

    /// As [`Mmu::load`], of one lane of a vector, whose alignment #AC does not ask for.
    ///
    /// # Errors
    /// [`Fault`] as for a load.
    #[inline(always)]
    pub fn load_lane<T: Primitive>(&mut self, la: LinearAddr) -> Result<T, Fault> {
        match self.load_hit(la) {
            Some(value) => Ok(value),
            None => self.load_slow(la, Alignment::Any),
        }
    }

    /// As [`Mmu::store`], of one lane of a vector, whose alignment #AC does not ask for.
    ///
    /// # Errors
    /// [`Fault`] as for a store.
    #[inline(always)]
    pub fn store_lane<T: Primitive>(&mut self, la: LinearAddr, value: T) -> Result<(), Fault> {
        if self.store_hit(la, value) {
            return Ok(());
        }
        self.store_slow(la, value, Alignment::Any)
    }

    /// Checks that `size` bytes at `la`, at most a page, can be written, so that stores to them cannot fault.
    ///
    /// # Errors
    /// [`Fault`] as for a store.
    pub fn check_write(&mut self, la: LinearAddr, size: usize) -> Result<(), Fault> {
        self.pieces(la, size, AccessKind::Write, Alignment::Natural).map(drop)
    }

    /// Reads `buf.len()` bytes at `la`, at most a page, in one access.
    ///
    /// # Errors
    /// [`Fault`] as for a load.
    pub fn load_bytes(&mut self, la: LinearAddr, buf: &mut [u8]) -> Result<(), Fault> {
        let pieces = self.pieces(la, buf.len(), AccessKind::Read, Alignment::Natural)?;
        self.report(la, buf.len(), pieces, AccessKind::Read);
        let (low, high) = buf.split_at_mut(pieces.low_len);
        self.bus.read(pieces.low, low);
        self.bus.read(pieces.high, high);
        Ok(())
    }

    /// Writes `bytes` at `la`, at most a page, in one access.
    ///
    /// # Errors
    /// [`Fault`] as for a store.
    pub fn store_bytes(&mut self, la: LinearAddr, bytes: &[u8]) -> Result<(), Fault> {
        let pieces = self.pieces(la, bytes.len(), AccessKind::Write, Alignment::Natural)?;
        self.report(la, bytes.len(), pieces, AccessKind::Write);
        self.write_pieces(pieces, bytes);
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn load_slow<T: Primitive>(&mut self, la: LinearAddr, alignment: Alignment) -> Result<T, Fault> {
        if H::DETAIL == Detail::EveryAccess
            && let Some(value) = self.tlb.read_hit(la)
        {
            self.report_hit::<T>(la, AccessKind::Read);
            return Ok(value);
        }
        let pieces = self.pieces(la, size_of::<T>(), AccessKind::Read, alignment)?;
        self.report(la, size_of::<T>(), pieces, AccessKind::Read);
        Ok(self.read_pieces(pieces))
    }

    #[cold]
    #[inline(never)]
    fn store_slow<T: Primitive>(&mut self, la: LinearAddr, value: T, alignment: Alignment) -> Result<(), Fault> {
        if H::DETAIL == Detail::EveryAccess && self.tlb.write_hit(la, value) {
            self.report_hit::<T>(la, AccessKind::Write);
            return Ok(());
        }
        let pieces = self.pieces(la, size_of::<T>(), AccessKind::Write, alignment)?;
        self.report(la, size_of::<T>(), pieces, AccessKind::Write);
        self.write_pieces(pieces, &value.to_bytes()[..size_of::<T>()]);
        Ok(())
    }

    fn read_pieces<T: Primitive>(&self, p: Pieces) -> T {
        let mut bytes = [0; MAX_PRIMITIVE_BYTES];
        let (low, high) = bytes[..size_of::<T>()].split_at_mut(p.low_len);
        self.bus.read(p.low, low);
        if !high.is_empty() {
            self.bus.read(p.high, high);
        }
        T::from_bytes(&bytes)
    }

    fn write_pieces(&mut self, p: Pieces, bytes: &[u8]) {
        let (low, high) = bytes.split_at(p.low_len);
        self.bus.write(p.low, low);
        if !high.is_empty() {
            self.bus.write(p.high, high);
        }
    }

    /// Translates an access in one or two pieces, low page first (MMU-160, MMU-170, MMU-174).
    fn pieces(&mut self, la: LinearAddr, size: usize, kind: AccessKind, alignment: Alignment) -> Result<Pieces, Fault> {
        let width = self.ctx.mode().linear_width();
        // On Intel's processors #AC comes before #PF, and before the bytes behind the first are looked at.
        let misaligned = alignment == Alignment::Natural && !la.0.is_multiple_of(natural_alignment(size));
        if misaligned && self.checks_alignment() && width.is_canonical(la, 1) {
            return Err(self.raise(MemFault::Misaligned));
        }
        if !width.is_canonical(la, size as u64) {
            return Err(self.raise(MemFault::NonCanonical));
        }
        let la = width.wrap(la);
        let in_page = (FRAME_SIZE - la.page_offset()) as usize;
        let low = self.data_page(la, kind)?;
        if size <= in_page {
            return Ok(Pieces { low, low_len: size, high: low });
        }
        if H::DETAIL >= Detail::EveryAccess {
            self.model.page_crossing(la);
        }
        let high = self.data_page(width.wrap(la.page_base().wrapping_add(FRAME_SIZE)), kind)?;
        Ok(Pieces { low, low_len: in_page, high })
    }

    /// Translates what lies within one page and fills the slot.
    fn data_page(&mut self, la: LinearAddr, kind: AccessKind) -> Result<PhysAddr, Fault> {
        let outcome = self.ask(la, kind);
        let kept = self.drop_displaced(la);
        let translation = match &outcome {
            Ok(translation) => translation,
            Err(fault) => return Err(self.page_fault(la, *fault)),
        };
        let pa = translation.apply(la);
        let checked = H::DETAIL == Detail::EveryTranslation || self.checks_alignment();
        if kept && !checked && self.bus.is_ram(translation.frame) {
            self.fill(la, kind, translation);
        }
        Ok(pa)
    }

    /// Tells the model of an access that the fast table has just served.
    fn report_hit<T: Primitive>(&mut self, la: LinearAddr, kind: AccessKind) {
        let pa = PhysAddr(self.bus.ram().address_of(self.tlb.host(la)).0 | la.page_offset());
        let size = size_of::<T>() as u32;
        match kind {
            AccessKind::Write => self.model.store(la, pa, size),
            AccessKind::Read | AccessKind::Fetch => self.model.load(la, pa, size),
        }
    }

    /// Tells a model that wants to know of an access that has succeeded, piece by piece. What only asks whether a write
    /// would succeed is not told: the write that follows is.
    fn report(&mut self, la: LinearAddr, size: usize, p: Pieces, kind: AccessKind) {
        if H::DETAIL < Detail::EveryAccess {
            return;
        }
        let width = self.ctx.mode().linear_width();
        let high = (width.wrap(la.page_base().wrapping_add(FRAME_SIZE)), p.high, size - p.low_len);
        for (la, pa, size) in [(width.wrap(la), p.low, p.low_len), high].into_iter().filter(|piece| piece.2 > 0) {
            match kind {
                AccessKind::Write => self.model.store(la, pa, size as u32),
                AccessKind::Read | AccessKind::Fetch => self.model.load(la, pa, size as u32),
            }
        }
    }

    /// A slot grants what the rights allow; where stores have a first level of their own, only what the access asked for.
    fn fill(&mut self, la: LinearAddr, kind: AccessKind, translation: &Translation) {
        let apart = self.model.store_level() == StoreLevel::Own;
        let allow = |of| (!apart || of == kind) && translation.rights.allow(&self.ctx, Access::new(of, self.privilege));
        let rights = SlotRights {
            read: allow(AccessKind::Read),
            write: allow(AccessKind::Write) && translation.dirty && !self.bus.code.is_watched(translation.frame),
        };
        let host = self.bus.ram().frame_ptr(translation.frame);
        let rights = if apart { self.tlb.with_granted(la, host, rights) } else { rights };
        self.tlb.fill(la, translation.size, host, rights);
    }
}
