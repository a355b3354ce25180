//! The walker against the naive statement of the rules, on whole accesses with any bits in any mode: tables in a memory,
//! pages crossed, addresses that are not canonical, entries that serve at several levels.

mod naive;

use arch::{Access, AccessKind, ControlRegs, Cr0, Cr3, Cr4, Efer, KeyRights, LinearAddr, PdpteRegs, Pfn, PhysAddr};
use arch::{PhysAddrWidth, Privilege, Vendor};
use naive::access::{self, Memory, Outcome, perform};
use naive::cpu::{Cpu, Mode, WHAT, WHO, What, Who, bit, field};
use naive::rules::Pf;
use pagewalk_paging::{AccessedOnFault, GigabytePages, Glance, PagingContext, PhysMem, Step, Walk};
use proptest::prelude::*;

/// Tables lie in these frames, so that paths often meet, also themselves.
const FRAMES: [u64; 3] = [0x1000, 0x2000, 0x3000];
const CR3: u64 = 0x1000;

fn context(cpu: &Cpu, memory: &Memory) -> PagingContext {
    let flag = |on: bool, bits: u64| if on { bits } else { 0 };
    let cr0 = Cr0::PE | Cr0::PG | Cr0::from_bits_retain(flag(cpu.wp, Cr0::WP.bits()));
    let cr4 = flag(cpu.mode != Mode::Bits32, Cr4::PAE.bits())
        | flag(cpu.mode == Mode::Long5, Cr4::LA57.bits())
        | flag(cpu.pse, Cr4::PSE.bits())
        | flag(cpu.smep, Cr4::SMEP.bits())
        | flag(cpu.smap, Cr4::SMAP.bits())
        | flag(cpu.pke, Cr4::PKE.bits())
        | flag(cpu.pks, Cr4::PKS.bits());
    let efer = flag(cpu.long(), (Efer::LME | Efer::LMA).bits()) | flag(cpu.nxe, Efer::NXE.bits());
    let mut ctx = PagingContext::new(ControlRegs {
        cr0,
        cr3: Cr3(CR3),
        cr4: Cr4::from_bits_retain(cr4),
        efer: Efer::from_bits_retain(efer),
        pkru: KeyRights(cpu.pkru),
        pkrs: KeyRights(cpu.pkrs),
        pdptes: PdpteRegs([0, 8, 16, 24].map(|offset| memory.get(&(CR3 + offset)).copied().unwrap_or(0))),
        ..ControlRegs::protected_mode()
    });
    ctx.alignment_check = cpu.ac;
    ctx.width = PhysAddrWidth::new(cpu.m as u8).expect("36 to 52");
    ctx.gigabyte_pages = if cpu.gb { GigabytePages::Supported } else { GigabytePages::Absent };
    ctx.vendor = if cpu.amd { Vendor::Amd } else { Vendor::Intel };
    ctx.accessed_on_fault =
        if cpu.on_success_only { AccessedOnFault::OnSuccessOnly } else { AccessedOnFault::AsTraversed };
    ctx
}

fn of_the_crate(who: Who, what: What) -> Access {
    let kind = match what {
        What::Read => AccessKind::Read,
        What::Write => AccessKind::Write,
        What::Fetch => AccessKind::Fetch,
    };
    let privilege = match who {
        Who::User => Privilege::User,
        Who::Kernel => Privilege::Supervisor,
        Who::KernelImplicit => Privilege::SupervisorImplicit,
    };
    Access::new(kind, privilege)
}

/// The same access by the crate: canonical check, a walk for each page, A and D in memory.
fn by_the_walker(ctx: &PagingContext, memory: &mut Memory, access: access::Access) -> Outcome {
    let la = LinearAddr(access.la);
    if !ctx.is_canonical(la, access.size) {
        return Outcome::GeneralProtection;
    }
    let in_first = (0x1000 - la.page_offset()).min(access.size);
    let mut pieces = Vec::new();
    for (la, size) in [(la, in_first), (la.wrapping_add(in_first), access.size - in_first)] {
        if size == 0 {
            continue;
        }
        match walk(ctx, memory, la, of_the_crate(access.who, access.what)) {
            Ok(pa) => pieces.push((pa.0, size)),
            Err(fault) => return Outcome::Fault(fault),
        }
    }
    Outcome::Done(pieces)
}

/// A memory of entries that is only read.
struct Frozen<'a>(&'a Memory);

impl PhysMem for Frozen<'_> {
    fn ram_bytes(&self) -> u64 {
        u64::MAX
    }
    fn load_entry(&self, pa: PhysAddr) -> u64 {
        self.0.get(&pa.0).copied().unwrap_or(0)
    }
    fn store_entry(&mut self, _: PhysAddr, _: u64) {
        unreachable!("a glance only reads");
    }
    fn compare_exchange_entry(&mut self, _: PhysAddr, _: u64, _: u64) -> Result<(), u64> {
        unreachable!("a glance only reads");
    }
    fn read(&self, _: PhysAddr, _: &mut [u8]) {
        unreachable!("a glance reads entries");
    }
    fn write(&mut self, _: PhysAddr, _: &[u8]) {
        unreachable!("a glance only reads");
    }
    fn zero_frame(&mut self, _: Pfn) {
        unreachable!("a glance only reads");
    }
    fn copy_frame(&mut self, _: Pfn, _: Pfn) {
        unreachable!("a glance only reads");
    }
}

fn walk(ctx: &PagingContext, memory: &mut Memory, la: LinearAddr, access: Access) -> Result<PhysAddr, Pf> {
    let mut walk = Walk::start(ctx, la, access);
    let mut step = walk.first();
    while let Step::Load(pa) = step {
        step = walk.step(memory.get(&pa.0).copied().unwrap_or(0));
    }
    let glance = Glance::new(ctx);
    if let Some(glanced) = glance.and_then(|glance| glance.translate(&Frozen(memory), la, access)) {
        assert_eq!(step, Step::Done(glanced), "the usual walk is a walk");
        assert!(walk.settled(), "and has nothing to set");
    }
    for used in walk.end().entries().iter().filter(|used| !used.set.is_empty()) {
        *memory.get_mut(&used.pa.0).expect("only what is not 0 gets A") |= u64::from(used.set.bits());
    }
    match step {
        Step::Done(translation) => Ok(translation.apply(la)),
        Step::Fault(fault, _) => Err(Pf { cr2: fault.cr2.0, err: fault.code.bits() }),
        Step::Load(_) => unreachable!("the walk has ended"),
    }
}

/// An entry with any bits; more often one that leads on to a table.
fn entry() -> impl Strategy<Value = u64> {
    let sparse = (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(a, b, c)| a & b & c | 7);
    let table = (sparse.clone(), prop::sample::select(&FRAMES))
        .prop_map(|(bits, frame)| bits & !field(51, 12) & !(1 << 7) & !(1 << 63) | frame);
    prop_oneof![1 => any::<u64>(), 2 => sparse, 6 => table]
}

fn processor(mode: Mode, flags: u32, m: u32, keys: (u32, u32)) -> Cpu {
    let flag = |n| bit(flags.into(), n);
    Cpu {
        m,
        gb: flag(0),
        amd: flag(1),
        wp: flag(2),
        pse: flag(3),
        smep: flag(4),
        smap: flag(5),
        ac: flag(6),
        nxe: flag(7),
        pke: flag(8),
        pks: flag(9),
        on_success_only: flag(10),
        pkru: keys.0,
        pkrs: keys.1,
        ..Cpu::new(mode)
    }
}

/// Entries at every place that a walk with one of these few indices can look at.
fn memory(mode: Mode, indices: [u64; 2], entries: &[u64]) -> Memory {
    let size = if mode == Mode::Bits32 { 4 } else { 8 };
    let mut places: Vec<u64> = FRAMES.iter().flat_map(|frame| indices.map(|index| frame + index * size)).collect();
    if mode == Mode::Pae {
        places.extend([0, 8, 16, 24].map(|offset| CR3 + offset));
    }
    places.sort_unstable();
    places.dedup();
    let value = |entry: u64| if mode == Mode::Bits32 { entry & field(31, 0) } else { entry };
    places.into_iter().zip(entries).map(|(place, entry)| (place, value(*entry))).collect()
}

/// A linear address of these indices at its levels.
fn linear(mode: Mode, indices: [u64; 2], choice: u64, offset: u64) -> u64 {
    let (bits, levels) = match mode {
        Mode::Bits32 => (10, 2),
        Mode::Pae => (9, 2),
        Mode::Long4 => (9, 4),
        Mode::Long5 => (9, 5),
    };
    let la = (0..levels).fold(offset, |la, n| la | indices[(choice >> n & 1) as usize] << (12 + bits * n));
    let unused = if mode == Mode::Long5 { 7 } else { 16 };
    match mode {
        Mode::Bits32 => la,
        Mode::Pae => la | (choice >> 8 & 3) << 30,
        // One in 32 is not canonical.
        Mode::Long4 | Mode::Long5 => ((la << unused) as i64 >> unused) as u64 ^ u64::from(choice >> 8 & 31 == 0) << 60,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_access_on_any_memory(
        mode in prop::sample::select(&[Mode::Bits32, Mode::Pae, Mode::Long4, Mode::Long5]),
        flags: u32,
        keys: (u32, u32),
        m in 36_u32..=52,
        indices in prop::array::uniform2(0_u64..512),
        entries in prop::collection::vec(entry(), 10),
        choice: u64,
        (offset, size) in (0_u64..0x1000, prop::sample::select(&[1_u64, 2, 4, 8, 16, 32])),
        who in prop::sample::select(&WHO),
        what in prop::sample::select(&WHAT),
    ) {
        let cpu = processor(mode, flags, m, keys);
        // The second index follows the first, so that the page behind is mapped too.
        let indices = [indices[0], if bit(choice, 20) { (indices[0] + 1) % 512 } else { indices[1] }];
        let mut stated = memory(mode, indices, &entries);
        let mut walked = stated.clone();
        let offset = if bit(choice, 21) { 0xfff } else { offset };
        let access = access::Access { la: linear(mode, indices, choice, offset), size, who, what };
        let ctx = context(&cpu, &walked);
        prop_assert_eq!(by_the_walker(&ctx, &mut walked, access), perform(&cpu, CR3, &mut stated, access));
        prop_assert_eq!(walked, stated);
    }
}
