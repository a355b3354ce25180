//! One path of four tables in a small memory, and what an access through it gives.

use arch::{Access, AccessKind, Cr3, LinearAddr, PageFault, PageFaultCode, Pfn, PhysAddr, Privilege};
use paging::{NoModel, PagingContext, PhysMem, Translation, translate};

pub(crate) const P: u64 = 1 << 0;
pub(crate) const RW: u64 = 1 << 1;
pub(crate) const US: u64 = 1 << 2;
pub(crate) const A: u64 = 1 << 5;
pub(crate) const D: u64 = 1 << 6;
pub(crate) const PS: u64 = 1 << 7;
pub(crate) const G: u64 = 1 << 8;
pub(crate) const XD: u64 = 1 << 63;
/// Reserved for every MAXPHYADDR below 52.
pub(crate) const RSVD: u64 = 1 << 51;

/// Indices into [`Path::entries`].
pub(crate) const PML4E: usize = 0;
pub(crate) const PDPTE: usize = 1;
pub(crate) const PDE: usize = 2;
pub(crate) const PTE: usize = 3;

/// An address whose four indices differ from one another.
pub(crate) const LA: LinearAddr = LinearAddr(0x1234_5678_9abc);

pub(crate) const USER_READ: Access = Access::new(AccessKind::Read, Privilege::User);
pub(crate) const USER_WRITE: Access = Access::new(AccessKind::Write, Privilege::User);
pub(crate) const USER_FETCH: Access = Access::new(AccessKind::Fetch, Privilege::User);
pub(crate) const SUPER_READ: Access = Access::new(AccessKind::Read, Privilege::Supervisor);
pub(crate) const SUPER_WRITE: Access = Access::new(AccessKind::Write, Privilege::Supervisor);
pub(crate) const SUPER_FETCH: Access = Access::new(AccessKind::Fetch, Privilege::Supervisor);
pub(crate) const IMPLICIT_READ: Access = Access::new(AccessKind::Read, Privilege::SupervisorImplicit);
pub(crate) const IMPLICIT_WRITE: Access = Access::new(AccessKind::Write, Privilege::SupervisorImplicit);

pub(crate) const USER: [Access; 3] = [USER_READ, USER_WRITE, USER_FETCH];
pub(crate) const SUPERVISOR: [Access; 3] = [SUPER_READ, SUPER_WRITE, SUPER_FETCH];
pub(crate) const EVERY_ACCESS: [Access; 6] = [USER_READ, USER_WRITE, USER_FETCH, SUPER_READ, SUPER_WRITE, SUPER_FETCH];

/// A memory of a few frames; addresses beyond it read all ones and ignore writes.
#[derive(Clone)]
pub(crate) struct Mem {
    pub(crate) bytes: Vec<u8>,
    /// Entries that turn into another value when they are next compared and exchanged: another agent's store.
    pub(crate) races: Vec<(PhysAddr, u64)>,
}

impl Mem {
    pub(crate) fn new(frames: usize) -> Self {
        Self { bytes: vec![0; frames << 12], races: Vec::new() }
    }
}

impl PhysMem for Mem {
    fn ram_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn load_entry(&self, pa: PhysAddr) -> u64 {
        let mut raw = [0; 8];
        self.read(pa, &mut raw);
        u64::from_le_bytes(raw)
    }

    fn store_entry(&mut self, pa: PhysAddr, value: u64) {
        self.write(pa, &value.to_le_bytes());
    }

    fn compare_exchange_entry(&mut self, pa: PhysAddr, current: u64, new: u64) -> Result<(), u64> {
        if let Some(race) = self.races.iter().position(|r| r.0 == pa) {
            let (_, value) = self.races.remove(race);
            self.store_entry(pa, value);
        }
        match self.load_entry(pa) {
            found if found == current => self.store_entry(pa, new),
            found => return Err(found),
        }
        Ok(())
    }

    fn read(&self, pa: PhysAddr, buf: &mut [u8]) {
        for (i, byte) in buf.iter_mut().enumerate() {
            *byte = self.bytes.get(pa.0 as usize + i).copied().unwrap_or(0xff);
        }
    }

    fn write(&mut self, pa: PhysAddr, bytes: &[u8]) {
        for (i, byte) in bytes.iter().enumerate() {
            if let Some(cell) = self.bytes.get_mut(pa.0 as usize + i) {
                *cell = *byte;
            }
        }
    }

    fn zero_frame(&mut self, frame: Pfn) {
        self.write(frame.base(), &[0; 4096]);
    }

    fn copy_frame(&mut self, from: Pfn, to: Pfn) {
        let mut page = [0; 4096];
        self.read(from.base(), &mut page);
        self.write(to.base(), &page);
    }
}

/// The entries that translate [`LA`], in tables at frames 1 to 4, and the control state.
#[derive(Clone)]
pub(crate) struct Path {
    pub(crate) entries: [u64; 4],
    pub(crate) ctx: PagingContext,
}

/// What an access gave, and what the four entries hold afterwards.
pub(crate) struct Outcome {
    pub(crate) result: Result<Translation, PageFault>,
    pub(crate) after: [u64; 4],
}

impl Path {
    /// A 4 KiB page at frame 5 with every right, A and D clear, under Linux's control registers.
    pub(crate) fn open() -> Self {
        let entries = [0x2000, 0x3000, 0x4000, 0x5000].map(|frame| frame | P | RW | US);
        Self { entries, ctx: PagingContext::new(arch::ControlRegs::long_mode(Cr3(0x1000))) }
    }

    /// The same path ending in a 2 MiB page at 0x4000_0000.
    pub(crate) fn large_2m() -> Self {
        let mut path = Self::open();
        path.entries[PDE] = 0x4000_0000 | P | RW | US | PS;
        path
    }

    /// The same path ending in a 1 GiB page at 0x4000_0000.
    pub(crate) fn large_1g() -> Self {
        let mut path = Self::open();
        path.entries[PDPTE] = 0x4000_0000 | P | RW | US | PS;
        path
    }

    /// The path with one entry's bits toggled.
    pub(crate) fn toggle(mut self, entry: usize, bits: u64) -> Self {
        self.entries[entry] ^= bits;
        self
    }

    /// The path under changed control state.
    pub(crate) fn under(mut self, change: impl FnOnce(&mut PagingContext)) -> Self {
        change(&mut self.ctx);
        self
    }

    /// A memory that holds the tables.
    pub(crate) fn memory(&self) -> Mem {
        let mut mem = Mem::new(6);
        for (i, &entry) in self.entries.iter().enumerate() {
            mem.store_entry(Self::place(i), entry);
        }
        mem
    }

    /// Where an entry lies.
    pub(crate) fn place(entry: usize) -> PhysAddr {
        let index = LA.0 >> (39 - 9 * entry) & 0x1ff;
        PhysAddr((entry as u64 + 1) << 12 | index << 3)
    }

    /// Makes an access to [`LA`] in a fresh memory.
    pub(crate) fn access(&self, access: Access) -> Outcome {
        let mut mem = self.memory();
        let before = mem.clone();
        let result = translate(&mut NoModel, &mut mem, &self.ctx, LA, access);
        let after = std::array::from_fn(|i| mem.load_entry(Self::place(i)));
        for i in 0..4 {
            mem.store_entry(Self::place(i), before.load_entry(Self::place(i)));
        }
        assert!(mem.bytes == before.bytes, "memory beside the four entries has changed");
        Outcome { result, after }
    }

    /// The error code of an access that must fault.
    pub(crate) fn error(&self, access: Access) -> u32 {
        match self.access(access).result {
            Err(fault) => fault.code.bits(),
            Ok(_) => panic!("{access:?} is allowed through {:x?}", self.entries),
        }
    }

    /// True if an access is allowed; a denied one must be a violation of rights.
    pub(crate) fn allows(&self, access: Access) -> bool {
        match self.access(access).result {
            Ok(_) => true,
            Err(fault) => {
                assert!(fault.code.contains(PageFaultCode::P) && !fault.code.contains(PageFaultCode::RSVD));
                false
            }
        }
    }
}
