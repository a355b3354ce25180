//! Makes the access of a case through the MMU, in RAM that holds its entries, and puts that RAM back.

use crate::{AccessKind, Case};
use arch::{FRAME_SIZE, LinearAddr, PagingMode, PhysAddr};
use mmu::{Fault, MAX_PRIMITIVE_BYTES, MemFault, Mmu, Primitive, SlotCount};
use paging::{AccessedOnFault, NoModel, PagingContext, PhysMem, Reason, Step, control};
use physmem::{Bus, Device, Ram};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// From so far below the end of RAM, the aligned dword at p holds p; all below is 0, entries apart.
const PATTERN_BYTES: u64 = 8 << 20;

/// An access outside RAM: where, how many bytes, and 1 for a write.
pub(crate) type Outside = (u64, u64, u8);

/// What an access gave.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    /// The bytes read, for a plain write those written, for a fetch nothing.
    pub(crate) result: Result<[u8; 16], MemFault>,
    /// Why it faulted.
    pub(crate) reason: Option<Reason>,
    /// Entries that it changed.
    pub(crate) changed: BTreeMap<u64, u64>,
    /// Where it went.
    pub(crate) pieces: Vec<(u64, u64)>,
    /// What it did outside RAM.
    pub(crate) outside: Vec<Outside>,
    /// The first byte that does not hold what it should.
    pub(crate) wrong_byte: Option<u64>,
    /// The same access, made once more, gave something else.
    pub(crate) repeats: bool,
}

/// Everything outside RAM: reads all ones, notes each access.
struct Beyond {
    ram_bytes: u64,
    seen: Rc<RefCell<Vec<Outside>>>,
}

impl Device for Beyond {
    fn read(&mut self, offset: u64, buf: &mut [u8]) {
        self.seen.borrow_mut().push((self.ram_bytes + offset, buf.len() as u64, 0));
        buf.fill(0xff);
    }
    fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.seen.borrow_mut().push((self.ram_bytes + offset, bytes.len() as u64, 1));
    }
}

/// A machine that makes one access after another in the same RAM.
pub(crate) struct Machine {
    bus: Option<Bus>,
    ram_bytes: u64,
    outside: Rc<RefCell<Vec<Outside>>>,
}

impl Machine {
    /// A machine with so much RAM, the pattern in its last part.
    pub(crate) fn new(ram_bytes: u64) -> Self {
        let mut bus = Bus::new(Ram::new(ram_bytes).expect("the host has address space"));
        let machine = Self { bus: None, ram_bytes, outside: Rc::default() };
        let start = ram_bytes - PATTERN_BYTES;
        let pattern: Vec<u8> = (start..ram_bytes).map(|pa| machine.untouched(pa)).collect();
        bus.write(PhysAddr(start), &pattern);
        bus.attach(ram_bytes..1 << 52, Box::new(Beyond { ram_bytes, seen: Rc::clone(&machine.outside) }));
        Self { bus: Some(bus), ..machine }
    }

    /// What a byte holds that no case has touched.
    pub(crate) fn untouched(&self, pa: u64) -> u8 {
        match pa {
            _ if pa >= self.ram_bytes => 0xff,
            _ if pa < self.ram_bytes - PATTERN_BYTES => 0,
            _ => (pa & !3).to_le_bytes()[(pa & 3) as usize],
        }
    }

    /// True if every entry of a case lies in RAM, at a multiple of its size.
    pub(crate) fn holds(&self, case: &Case) -> bool {
        case.mem.iter().all(|entry| entry.0.u64() < self.ram_bytes && entry.0.u64().is_multiple_of(4))
    }

    /// Makes the access; `None` if CR3 cannot be loaded, as a PDPTE has a reserved bit.
    pub(crate) fn run(&mut self, case: &Case, ctx: PagingContext) -> Option<Given> {
        let (bus, loaded) = self.set_up(case, ctx);
        let mut mmu = Mmu::new(bus, loaded.unwrap_or(ctx), SlotCount::new(16).expect("a power of two"), NoModel);
        mmu.set_privilege(case.privilege());
        let given = loaded.map(|_| self.access(case, &mut mmu));
        self.put_back(case, ctx, mmu.bus, given.as_ref().map_or(&[], |given| &given.pieces));
        given
    }

    /// Shows `look` the memory before the access; `None` if CR3 cannot be loaded.
    pub(crate) fn inspect<T>(
        &mut self,
        case: &Case,
        ctx: PagingContext,
        look: impl FnOnce(&Bus, &PagingContext) -> T,
    ) -> Option<T> {
        let (bus, loaded) = self.set_up(case, ctx);
        let seen = loaded.map(|ctx| look(&bus, &ctx));
        self.put_back(case, ctx, bus, &[]);
        seen
    }

    /// RAM with the entries of the case, and the control state once CR3 is loaded.
    fn set_up(&mut self, case: &Case, ctx: PagingContext) -> (Bus, Option<PagingContext>) {
        let mut bus = self.bus.take().expect("put back by every run");
        for entry in &case.mem {
            store(&mut bus, ctx.mode(), entry.0.u64(), entry.1.u64());
        }
        let loaded = load_pdptes(ctx, &bus);
        (bus, loaded)
    }

    /// Puts RAM back as it was before the entries and the data, which went to `pieces`.
    fn put_back(&mut self, case: &Case, ctx: PagingContext, mut bus: Bus, pieces: &[(u64, u64)]) {
        let size = 1 << ctx.mode().entry_size().shift();
        let entries = case.mem.iter().map(|entry| (entry.0.u64(), size));
        for (start, len) in entries.chain(pieces.iter().copied()) {
            let before: Vec<u8> = (start..start + len).map(|pa| self.untouched(pa)).collect();
            bus.write(PhysAddr(start), &before);
        }
        self.outside.take();
        self.bus = Some(bus);
    }

    /// Makes the access twice: the second time the fast table may know the page, which must show in nothing.
    fn access(&self, case: &Case, mmu: &mut Mmu<NoModel>) -> Given {
        let before = entries(case, mmu);
        let (pieces, reason) = pieces(case, mmu.context(), &mmu.bus);
        let result = perform(case, mmu);
        let after = entries(case, mmu);
        let by_walk = |(pa, e): (&u64, &u64)| (*pa, without_data(case, &pieces, *pa, *e, before[pa]));
        let changed = after.iter().map(by_walk).filter(|(pa, e)| before[pa] != *e).collect();
        let outside = self.outside.take();
        let wrong_byte = result.ok().and_then(|bytes| self.wrong_byte(case, &mmu.bus, &pieces, &bytes));
        let again = perform(case, mmu);
        let same = if case.access == AccessKind::Rmw { again.is_ok() == result.is_ok() } else { again == result };
        let repeats = same && entries(case, mmu) == after;
        Given { result, reason, changed, pieces, outside, wrong_byte, repeats }
    }

    /// The first byte that was read from elsewhere than `pieces`, or was not written there.
    fn wrong_byte(&self, case: &Case, bus: &Bus, pieces: &[(u64, u64)], bytes: &[u8; 16]) -> Option<u64> {
        if case.access == AccessKind::Fetch {
            return None;
        }
        let entry = |pa: u64| case.mem.iter().any(|e| (e.0.u64()..e.0.u64() + 8).contains(&pa));
        let places = pieces.iter().flat_map(|(start, len)| *start..start + len);
        let wrong = |(i, pa): &(usize, u64)| {
            let read = case.access == AccessKind::Write || bytes[*i] == self.untouched(*pa);
            let mut now = [fill(case)];
            if case.access != AccessKind::Read && *pa < self.ram_bytes {
                bus.read(PhysAddr(*pa), &mut now);
            }
            !(entry(*pa) || read && now[0] == fill(case))
        };
        places.enumerate().find(wrong).map(|(_, pa)| pa)
    }

    /// The first byte of RAM that a run did not put back: something was written astray.
    pub(crate) fn astray(&self) -> Option<u64> {
        let bus = self.bus.as_ref().expect("put back by every run");
        let mut page = [0; FRAME_SIZE as usize];
        (0..self.ram_bytes).step_by(page.len()).find_map(|base| {
            bus.read(PhysAddr(base), &mut page);
            (base..).zip(page).find(|&(pa, byte)| byte != self.untouched(pa)).map(|(pa, _)| pa)
        })
    }
}

fn store(bus: &mut Bus, mode: PagingMode, pa: u64, value: u64) {
    let bytes = 1_usize << mode.entry_size().shift();
    bus.write(PhysAddr(pa), &value.to_le_bytes()[..bytes]);
}

/// PAE paging starts from registers, which the load of CR3 fills (MMU-014).
fn load_pdptes(ctx: PagingContext, bus: &Bus) -> Option<PagingContext> {
    if ctx.mode() != PagingMode::Pae {
        return Some(ctx);
    }
    let effect = control::write_cr3(&ctx, ctx.regs.cr3.0, bus).ok()?;
    Some(PagingContext { regs: effect.regs, ..ctx })
}

/// The entries as they are now.
fn entries(case: &Case, mmu: &Mmu<NoModel>) -> BTreeMap<u64, u64> {
    let size = mmu.context().mode().entry_size();
    case.mem.iter().map(|e| (e.0.u64(), mmu.bus.load_sized(PhysAddr(e.0.u64()), size))).collect()
}

/// The entry at `pa` with the bytes that the access itself wrote put back: an answer lists what the walk changed.
fn without_data(case: &Case, pieces: &[(u64, u64)], pa: u64, after: u64, before: u64) -> u64 {
    if matches!(case.access, AccessKind::Read | AccessKind::Fetch) {
        return after;
    }
    let is_data = |i: u64| pieces.iter().any(|(start, len)| (*start..start + len).contains(&(pa + i)));
    let mask = (0..8).filter(|i| is_data(*i)).fold(0, |mask, i| mask | 0xff << (8 * i));
    after & !mask | before & mask
}

/// Where the access goes, and why it cannot, by plain walks: one for each page.
fn pieces(case: &Case, ctx: &PagingContext, bus: &Bus) -> (Vec<(u64, u64)>, Option<Reason>) {
    let width = ctx.mode().linear_width();
    let (la, size) = (width.wrap(case.la()), case.size as u64);
    let mut pieces = Vec::new();
    if !ctx.is_canonical(la, size) {
        return (pieces, None);
    }
    let in_page = (FRAME_SIZE - la.page_offset()).min(size);
    for (la, len) in [(la, in_page), (width.wrap(la.wrapping_add(in_page)), size - in_page)] {
        if len == 0 {
            break;
        }
        match paging::inspect(bus, ctx, la, case.paging_access()).1 {
            Step::Done(translation) => pieces.push((translation.apply(la).0, len)),
            Step::Fault(_, reason) => return (Vec::new(), Some(reason)),
            Step::Load(_) => unreachable!("the walk has ended"),
        }
    }
    (pieces, None)
}

fn perform(case: &Case, mmu: &mut Mmu<NoModel>) -> Result<[u8; 16], MemFault> {
    let done = match (case.access, case.size) {
        (AccessKind::Fetch, _) => mmu.fetch_frame(case.la()).map(|_| [0; MAX_PRIMITIVE_BYTES]),
        (_, 1) => data::<u8>(case, mmu),
        (_, 2) => data::<u16>(case, mmu),
        (_, 4) => data::<u32>(case, mmu),
        (_, 8) => data::<u64>(case, mmu),
        _ => data::<u128>(case, mmu),
    };
    done.map(|bytes| std::array::from_fn(|i| bytes[i])).map_err(|Fault| mmu.fault)
}

fn data<T: Primitive>(case: &Case, mmu: &mut Mmu<NoModel>) -> Result<[u8; MAX_PRIMITIVE_BYTES], Fault> {
    let (la, value): (LinearAddr, T) = (case.la(), T::from_bytes(&[fill(case); MAX_PRIMITIVE_BYTES]));
    match case.access {
        AccessKind::Write => mmu.store(la, value).map(|()| value.to_bytes()),
        AccessKind::Rmw => {
            let old = mmu.load_for_write::<T>(la)?.to_bytes();
            mmu.store(la, value)?;
            Ok(old)
        }
        AccessKind::Read | AccessKind::Fetch => mmu.load::<T>(la).map(T::to_bytes),
    }
}

/// A byte that no byte of the access holds before it. An untouched byte is 0, has its low two bits clear, is above 0x7f,
/// is 3 to 7, or is bits 15:8 of its address, of which four bits are known.
fn fill(case: &Case) -> u8 {
    let nibble = |la: u64| (la >> 8 & 0xf) as u8;
    let taken = [nibble(case.la().0), nibble(case.la().0.wrapping_add(15))];
    (1..=3).find(|n| !taken.contains(n)).map_or(0, |n| 0x50 | n)
}

/// The control state of a case; `None` if the case has a processor that does not exist.
pub(crate) fn context(case: &Case, policy: AccessedOnFault) -> Option<PagingContext> {
    case.context(policy).filter(|_| matches!(case.size, 1 | 2 | 4 | 8 | 16))
}
