//! The fast table shows in nothing: random accesses and edits give the same with 1, 16 and 1024 slots, and the same as a
//! plain walk of every byte's page, as long as each edit is followed by its invalidation.

use arch::Privilege;
use arch::{Access, AccessKind, ControlRegs, Cr0, Cr3, Cr4, Efer, FRAME_SIZE, KeyRights, LinearAddr, Pfn, PhysAddr};
use pagewalk_mmu::{AlignmentCheck, MemFault, Mmu, Primitive, SlotCount};
use paging::{NoModel, PagingContext, PhysMem, Shootdown, translate};
use physmem::{Bus, CodeWrite, Ram};
use proptest::prelude::*;

const P: u64 = 1 << 0;
const RW: u64 = 1 << 1;
const US: u64 = 1 << 2;
const PS: u64 = 1 << 7;

const RAM_BYTES: u64 = 4 << 20;
const ROOT: u64 = 0x1000;
/// A root whose entries are the supervisor's.
const SUPERVISOR_ROOT: u64 = 0x7000;
const PDPT: u64 = 0x2000;
const PD: u64 = 0x3000;
/// Three page tables, for the first three PDEs.
const PT: u64 = 0x4000;
/// 4 KiB pages lie in these frames, some of them used twice.
const SMALL_FRAMES: u64 = 0x10;
/// 2 MiB pages lie here.
const LARGE: u64 = 2 << 20;
/// PTEs that differ in their slots, and some that do not: a table of 16 slots has 1 and 17 in the same.
const PAGES: [u64; 7] = [0, 1, 2, 15, 16, 17, 511];

/// What happens to a machine.
#[derive(Clone, Debug)]
enum Op {
    Load(u64, usize),
    Store(u64, usize, u8),
    ReadModifyWrite(u64, usize),
    CheckWrite(u64, usize),
    Fetch(u64),
    /// The PTE of a page changes; INVLPG follows.
    SetPte(u64, u64),
    /// A PDE changes; what follows is INVLPG within the page if it was large, else a flush.
    SetPde(u64, u64, u64),
    Registers(Registers),
    AlignmentCheck(AlignmentCheck),
    Privilege(Privilege),
    MarkCode(Pfn, u64),
}

/// Control state that a walk asks for.
#[derive(Clone, Copy, Debug)]
struct Registers {
    wp: bool,
    smap: bool,
    /// Without it XD is reserved.
    no_nxe: bool,
    /// Root tables that differ in US.
    supervisor_root: bool,
    /// Key 0, which all pages have, denies writes.
    key_denies: bool,
}

/// What it shows.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    result: Result<u128, MemFault>,
    code_writes: Vec<CodeWrite>,
}

/// An address near the end of a page more often than not, seldom one that is not canonical.
fn address() -> impl Strategy<Value = u64> {
    let offset = prop_oneof![0_u64..4096, 4080_u64..4096, Just(0)];
    let mapped = (0_u64..3, prop::sample::select(&PAGES), offset).prop_map(|(pd, pt, o)| pd << 21 | pt << 12 | o);
    prop_oneof![40 => mapped, 1 => 0x7fff_ffff_ffe0_u64..0x8000_0000_0010, 1 => u64::MAX - 20..=u64::MAX]
}

/// The bits of a leaf: mostly present and open.
fn flags() -> impl Strategy<Value = u64> {
    let bit =
        |likely: u32, bit: u32| prop::bool::weighted(f64::from(likely) / 10.0).prop_map(move |b| u64::from(b) << bit);
    let bits = (bit(9, 0), bit(7, 1), bit(8, 2), bit(3, 5), bit(3, 6), bit(2, 8), bit(1, 51), bit(2, 63));
    bits.prop_map(|(p, rw, us, a, d, g, rsvd, xd)| p | rw | us | a | d | g | rsvd | xd)
}

fn pte() -> impl Strategy<Value = u64> {
    let frame = prop_oneof![20 => (SMALL_FRAMES..SMALL_FRAMES + 8).prop_map(|f| f << 12), 1 => Just(1 << 40)];
    (frame, flags()).prop_map(|(frame, flags)| frame | flags)
}

/// A PDE of page table `index`, or of a large page.
fn pde(index: u64) -> impl Strategy<Value = u64> {
    let table = flags().prop_map(move |f| (PT + (index << 12)) | f | P);
    let page = flags().prop_map(|f| LARGE | PS | f);
    prop_oneof![table, page]
}

fn op() -> impl Strategy<Value = Op> {
    let size = || prop::sample::select(&[1_usize, 2, 4, 8, 16][..]);
    let privilege = prop::sample::select(&[Privilege::User, Privilege::Supervisor, Privilege::SupervisorImplicit][..]);
    let frame = prop_oneof![SMALL_FRAMES..SMALL_FRAMES + 8, Just(LARGE >> 12), PT >> 12..(PT >> 12) + 3].prop_map(Pfn);
    prop_oneof![
        12 => (address(), size()).prop_map(|(la, size)| Op::Load(la, size)),
        12 => (address(), size(), any::<u8>()).prop_map(|(la, size, byte)| Op::Store(la, size, byte)),
        4 => (address(), size()).prop_map(|(la, size)| Op::ReadModifyWrite(la, size)),
        2 => (address(), 1_usize..100).prop_map(|(la, size)| Op::CheckWrite(la, size)),
        4 => address().prop_map(Op::Fetch),
        6 => (0_u64..3, prop::sample::select(&PAGES), pte()).prop_map(|(pd, pt, e)| Op::SetPte(pd << 21 | pt << 12, e)),
        2 => (0_u64..3).prop_flat_map(|i| (Just(i), pde(i), 0_u64..1 << 21)).prop_map(|(i, e, o)| Op::SetPde(i, e, o)),
        1 => registers().prop_map(Op::Registers),
        1 => any::<bool>().prop_map(|ac| Op::AlignmentCheck(if ac { AlignmentCheck::Set } else { AlignmentCheck::Clear })),
        1 => privilege.prop_map(Op::Privilege),
        2 => (frame, any::<u64>()).prop_map(|(pfn, lines)| Op::MarkCode(pfn, lines)),
    ]
}

fn place_of_pte(la: u64) -> PhysAddr {
    PhysAddr(PT + (la >> 21 << 12) + (la >> 12 & 0x1ff) * 8)
}

/// Mostly what a kernel has.
fn registers() -> impl Strategy<Value = Registers> {
    let (common, rare) = (|| prop::bool::weighted(0.7), || prop::bool::weighted(0.15));
    (common(), common(), rare(), rare(), rare()).prop_map(|(wp, smap, no_nxe, supervisor_root, key_denies)| Registers {
        wp,
        smap,
        no_nxe,
        supervisor_root,
        key_denies,
    })
}

impl Registers {
    const START: Self = Self { wp: true, smap: true, no_nxe: false, supervisor_root: false, key_denies: false };

    fn control(self) -> ControlRegs {
        let root = if self.supervisor_root { SUPERVISOR_ROOT } else { ROOT };
        let mut regs = ControlRegs::long_mode(Cr3(root));
        regs.cr0.set(Cr0::WP, self.wp);
        regs.cr0.set(Cr0::AM, false); // alignment checks are another test's
        regs.cr4.set(Cr4::SMAP, self.smap);
        regs.cr4.set(Cr4::PKE, true);
        regs.efer.set(Efer::NXE, !self.no_nxe);
        regs.pkru = KeyRights(if self.key_denies { 0b10 } else { 0 });
        regs
    }
}

/// RAM with tables, and small pages for a start.
fn memory() -> Bus {
    let mut bus = Bus::new(Ram::new(RAM_BYTES).expect("4 MiB"));
    bus.store_entry(PhysAddr(ROOT), PDPT | P | RW | US);
    bus.store_entry(PhysAddr(SUPERVISOR_ROOT), PDPT | P | RW);
    bus.store_entry(PhysAddr(PDPT), PD | P | RW | US);
    for i in 0..3 {
        bus.store_entry(PhysAddr(PD + i * 8), (PT + (i << 12)) | P | RW | US);
        for (n, page) in PAGES.iter().enumerate() {
            let frame = SMALL_FRAMES + (n as u64 + i) % 8;
            bus.store_entry(place_of_pte(i << 21 | page << 12), frame << 12 | P | RW | US);
        }
    }
    bus
}

/// Something that carries operations out.
trait Machine {
    fn bus(&mut self) -> &mut Bus;
    fn carry_out(&mut self, op: &Op) -> Result<u128, MemFault>;

    fn step(&mut self, op: &Op) -> Seen {
        let result = self.carry_out(op);
        Seen { result, code_writes: self.bus().code.take_writes() }
    }
}

impl Machine for Mmu<NoModel> {
    fn bus(&mut self) -> &mut Bus {
        &mut self.bus
    }

    fn carry_out(&mut self, op: &Op) -> Result<u128, MemFault> {
        let done = match *op {
            Op::Load(la, 1) => self.load::<u8>(LinearAddr(la)).map(u128::from),
            Op::Load(la, 2) => self.load::<u16>(LinearAddr(la)).map(u128::from),
            Op::Load(la, 4) => self.load::<u32>(LinearAddr(la)).map(u128::from),
            Op::Load(la, 8) => self.load::<u64>(LinearAddr(la)).map(u128::from),
            Op::Load(la, _) => self.load::<u128>(LinearAddr(la)),
            Op::Store(la, size, byte) => {
                let bytes = [byte; pagewalk_mmu::MAX_PRIMITIVE_BYTES];
                let la = LinearAddr(la);
                match size {
                    1 => self.store(la, byte),
                    2 => self.store(la, u16::from_bytes(&bytes)),
                    4 => self.store(la, u32::from_bytes(&bytes)),
                    8 => self.store(la, u64::from_bytes(&bytes)),
                    _ => self.store(la, u128::from_bytes(&bytes)),
                }
                .map(|()| 0)
            }
            Op::ReadModifyWrite(la, size) => match size {
                1 => increment::<u8>(self, la),
                2 => increment::<u16>(self, la),
                4 => increment::<u32>(self, la),
                8 => increment::<u64>(self, la),
                _ => increment::<u128>(self, la),
            },
            Op::CheckWrite(la, size) => self.check_write(LinearAddr(la), size).map(|()| 0),
            Op::Fetch(la) => self.fetch_frame(LinearAddr(la)).map(|frame| u128::from(frame.0)),
            Op::SetPte(la, entry) => {
                self.bus.store_entry(place_of_pte(la), entry);
                self.invlpg(LinearAddr(la));
                Ok(0)
            }
            Op::SetPde(index, entry, offset) => {
                let place = PhysAddr(PD + index * 8);
                let was_large = self.bus.load_entry(place) & PS != 0;
                self.bus.store_entry(place, entry);
                let within = LinearAddr(index << 21 | offset);
                self.shoot_down(&mut if was_large { Shootdown::page(within) } else { Shootdown::all() });
                Ok(0)
            }
            Op::Registers(registers) => {
                self.load_control(registers.control());
                Ok(0)
            }
            Op::AlignmentCheck(ac) => {
                self.set_alignment_check(ac);
                Ok(0)
            }
            Op::Privilege(privilege) => {
                self.set_privilege(privilege);
                Ok(0)
            }
            Op::MarkCode(pfn, lines) => {
                self.mark_code(pfn, lines);
                Ok(0)
            }
        };
        done.map_err(|_| self.fault)
    }
}

/// Adds 1 to every byte; gives the old value.
fn increment<T: Primitive>(mmu: &mut Mmu<NoModel>, la: u64) -> Result<u128, pagewalk_mmu::Fault> {
    let old = mmu.load_for_write::<T>(LinearAddr(la))?.to_bytes();
    mmu.store(LinearAddr(la), T::from_bytes(&old.map(|b| b.wrapping_add(1)))).expect("checked as a write");
    Ok(u128::from_le_bytes(std::array::from_fn(|i| old[i])))
}

/// A machine without any table: every access walks for every byte of a new page.
struct Plain {
    bus: Bus,
    ctx: PagingContext,
    privilege: Privilege,
}

impl Plain {
    /// The physical address of each byte.
    fn bytes(&mut self, la: u64, size: usize, kind: AccessKind) -> Result<Vec<PhysAddr>, MemFault> {
        let bytes: Vec<u64> = (0..size as u64).map(|i| la.wrapping_add(i)).collect();
        if bytes.iter().any(|b| !matches!(b >> 47, 0 | 0x1_ffff)) {
            return Err(MemFault::NonCanonical);
        }
        let access = Access::new(kind, self.privilege);
        let mut addresses = Vec::new();
        let mut frame = Pfn(0);
        for (i, &byte) in bytes.iter().enumerate() {
            if i == 0 || byte % FRAME_SIZE == 0 {
                let walked = translate(&mut NoModel, &mut self.bus, &self.ctx, LinearAddr(byte), access);
                frame = walked.map_err(MemFault::Page)?.frame;
            }
            addresses.push(PhysAddr(frame.base().0 + byte % FRAME_SIZE));
        }
        Ok(addresses)
    }

    fn value(&self, bytes: &[PhysAddr]) -> [u8; 16] {
        let mut value = [0; 16];
        for (pa, byte) in bytes.iter().zip(&mut value) {
            self.bus.read(*pa, std::slice::from_mut(byte));
        }
        value
    }

    /// One bus write a piece, as a machine's would be.
    fn write(&mut self, bytes: &[PhysAddr], value: &[u8; 16]) {
        let split = bytes.iter().position(|pa| pa.frame_offset() == 0).unwrap_or(0);
        let (low, high) = bytes.split_at(split);
        let (low_value, high_value) = value[..bytes.len()].split_at(split);
        for (piece, value) in [(low, low_value), (high, high_value)] {
            if let Some(first) = piece.first() {
                self.bus.write(*first, value);
            }
        }
    }
}

impl Machine for Plain {
    fn bus(&mut self) -> &mut Bus {
        &mut self.bus
    }

    fn carry_out(&mut self, op: &Op) -> Result<u128, MemFault> {
        match *op {
            Op::Load(la, size) => {
                let bytes = self.bytes(la, size, AccessKind::Read)?;
                return Ok(u128::from_le_bytes(self.value(&bytes)));
            }
            Op::Store(la, size, byte) => {
                let bytes = self.bytes(la, size, AccessKind::Write)?;
                self.write(&bytes, &[byte; 16]);
            }
            Op::ReadModifyWrite(la, size) => {
                let bytes = self.bytes(la, size, AccessKind::Write)?;
                let old = self.value(&bytes);
                self.write(&bytes, &old.map(|b| b.wrapping_add(1)));
                return Ok(u128::from_le_bytes(old));
            }
            Op::CheckWrite(la, size) => drop(self.bytes(la, size, AccessKind::Write)?),
            Op::Fetch(la) => {
                let bytes = self.bytes(la, 1, AccessKind::Fetch)?;
                return Ok(u128::from(bytes[0].pfn().0));
            }
            Op::SetPte(la, entry) => self.bus.store_entry(place_of_pte(la), entry),
            Op::SetPde(index, entry, _) => self.bus.store_entry(PhysAddr(PD + index * 8), entry),
            Op::Registers(registers) => self.ctx.regs = registers.control(),
            Op::AlignmentCheck(ac) => self.ctx.alignment_check = ac == AlignmentCheck::Set,
            Op::Privilege(privilege) => self.privilege = privilege,
            Op::MarkCode(pfn, lines) => drop(self.bus.code.mark(pfn, lines)),
        }
        Ok(0)
    }
}

fn with_slots(slots: usize) -> Mmu<NoModel> {
    let slots = SlotCount::new(slots).expect("a power of two");
    Mmu::new(memory(), PagingContext::new(Registers::START.control()), slots, NoModel)
}

fn plain() -> Plain {
    Plain { bus: memory(), ctx: PagingContext::new(Registers::START.control()), privilege: Privilege::User }
}

/// The first frame that two memories differ in.
fn difference(a: &Bus, b: &Bus) -> Option<Pfn> {
    let frame = |bus: &Bus, pfn: Pfn| {
        let mut bytes = [0; FRAME_SIZE as usize];
        bus.read(pfn.base(), &mut bytes);
        bytes
    };
    (0..RAM_BYTES / FRAME_SIZE).map(Pfn).find(|&pfn| frame(a, pfn) != frame(b, pfn))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_number_of_slots_shows_in_nothing(ops in prop::collection::vec(op(), 1..300)) {
        let [mut one, mut few, mut many] = [1, 16, 1024].map(with_slots);
        for op in &ops {
            let seen = one.step(op);
            prop_assert_eq!(&few.step(op), &seen, "16 slots, {:x?}", op);
            prop_assert_eq!(&many.step(op), &seen, "1024 slots, {:x?}", op);
        }
        prop_assert_eq!(difference(&one.bus, &few.bus), None);
        prop_assert_eq!(difference(&one.bus, &many.bus), None);
        prop_assert_eq!((few.counters(), many.counters()), (one.counters(), one.counters()));
    }

    #[test]
    fn the_fast_table_gives_what_a_plain_walk_gives(ops in prop::collection::vec(op(), 1..300), slots in 0_u32..11) {
        let (mut mmu, mut plain) = (with_slots(1 << slots), plain());
        for op in &ops {
            prop_assert_eq!(mmu.step(op), plain.step(op), "{:x?}", op);
        }
        prop_assert_eq!(difference(&mmu.bus, &plain.bus), None);
    }
}
