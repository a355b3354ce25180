//! The walker against a second, naive statement of the rules, over all combinations of the bits that matter.
//!
//! The statement below is written from the rules and shares nothing with the crate. It keeps to their order: read down
//! to the leaf, then judge, then set A and D.

use arch::{Access, AccessKind, ControlRegs, Cr0, Cr3, Cr4, Efer, LinearAddr, Pfn, PhysAddr, PhysAddrWidth};
use arch::{Privilege, Vendor};
use pagewalk_paging::{AccessedOnFault, GigabytePages, NoModel, PagingContext, PhysMem, translate};
use proptest::prelude::*;
use std::cell::RefCell;

const LA: u64 = 0x1234_5678_9abc;

/// The processor and its control bits, one flag each.
#[derive(Clone, Copy, Debug)]
struct Cpu {
    wp: bool,
    smep: bool,
    smap: bool,
    ac: bool,
    nxe: bool,
    gb: bool,
    amd: bool,
    m: u8,
    on_success_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    User,
    Kernel,
    KernelImplicit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Read,
    Write,
    Fetch,
}

/// The physical address or the error code, and the four entries afterwards.
type Answer = (Result<u64, u32>, [u64; 4]);

const fn bit(value: u64, n: u32) -> bool {
    value >> n & 1 == 1
}

/// Bits `high:low`, both included; nothing if `high` is below `low`.
const fn field(high: u32, low: u32) -> u64 {
    let mut mask = 0;
    let mut n = low;
    while n <= high {
        mask |= 1 << n;
        n += 1;
    }
    mask
}

/// Whether an entry of a level (4 = PML4E to 1 = PTE) has a reserved bit set.
fn reserved(cpu: Cpu, level: u32, entry: u64) -> bool {
    let large = bit(entry, 7) && (level == 2 || level == 3);
    (entry & field(51, u32::from(cpu.m))) != 0
        || (!cpu.nxe && bit(entry, 63))
        || (level == 4 && bit(entry, 7))
        || (level == 4 && cpu.amd && bit(entry, 8))
        || (level == 3 && large && !cpu.gb)
        || (level == 3 && large && entry & field(29, 13) != 0)
        || (level == 2 && large && entry & field(20, 13) != 0)
}

/// Whether the rights of a complete path deny the access.
fn denied(cpu: Cpu, path: &[u64], who: Who, what: What) -> bool {
    let writable = path.iter().all(|&e| bit(e, 1));
    let user_address = path.iter().all(|&e| bit(e, 2));
    let no_execute = path.iter().any(|&e| bit(e, 63));
    if who == Who::User {
        return !user_address || (what == What::Write && !writable) || (what == What::Fetch && no_execute);
    }
    let smap_denies = cpu.smap && user_address && !(cpu.ac && who == Who::Kernel);
    match what {
        What::Read => smap_denies,
        What::Write => smap_denies || (cpu.wp && !writable),
        What::Fetch => no_execute || (cpu.smep && user_address),
    }
}

fn by_the_rules(cpu: Cpu, entries: [u64; 4], la: u64, who: Who, what: What) -> Answer {
    let about = if what == What::Write { 2 } else { 0 }
        + if who == Who::User { 4 } else { 0 }
        + if what == What::Fetch && (cpu.smep || cpu.nxe) { 16 } else { 0 };
    let mut used = 0;
    let mut fault = None;
    for (i, entry) in entries.into_iter().enumerate() {
        let level = 4 - i as u32;
        if !bit(entry, 0) {
            fault = Some(about);
            break;
        }
        if reserved(cpu, level, entry) {
            fault = Some(about + 1 + 8);
            break;
        }
        used = i + 1;
        if level == 1 || (level < 4 && bit(entry, 7)) {
            break;
        }
    }
    let mut after = entries;
    // `used` entries were read and found good. The last is a leaf unless the walk ended early.
    let leaf = used.saturating_sub(1);
    let mut flagged = used;
    if fault.is_none() && denied(cpu, &entries[..used], who, what) {
        fault = Some(about + 1);
        flagged = leaf; // the leaf of a denied access stays as it is
    }
    if fault.is_some() && cpu.on_success_only {
        flagged = 0;
    }
    after[..flagged].iter_mut().for_each(|e| *e |= 1 << 5);
    if let Some(code) = fault {
        return (Err(code), after);
    }
    if what == What::Write {
        after[leaf] |= 1 << 6;
    }
    let size = [39, 30, 21, 12][leaf];
    let frame = entries[leaf] & field(u32::from(cpu.m) - 1, size);
    (Ok(frame | la & field(size - 1, 0)), after)
}

/// Four entries, wherever the walk looks for them: the first look is for the PML4E, and so on down.
struct Four {
    entries: [u64; 4],
    looked: RefCell<Vec<PhysAddr>>,
}

impl PhysMem for Four {
    fn ram_bytes(&self) -> u64 {
        u64::MAX
    }
    fn load_entry(&self, pa: PhysAddr) -> u64 {
        let mut looked = self.looked.borrow_mut();
        assert!(!looked.contains(&pa), "an entry is read once");
        looked.push(pa);
        self.entries[looked.len() - 1]
    }
    fn store_entry(&mut self, _: PhysAddr, _: u64) {
        unreachable!("the walker writes with compare-exchange only");
    }
    fn compare_exchange_entry(&mut self, pa: PhysAddr, current: u64, new: u64) -> Result<(), u64> {
        let i = self.looked.get_mut().iter().position(|&p| p == pa).expect("only what was read is written");
        assert_eq!(std::mem::replace(&mut self.entries[i], new), current);
        Ok(())
    }
    fn read(&self, _: PhysAddr, _: &mut [u8]) {
        unreachable!("the walker reads entries only");
    }
    fn write(&mut self, _: PhysAddr, _: &[u8]) {
        unreachable!("the walker writes entries only");
    }
    fn zero_frame(&mut self, _: Pfn) {
        unreachable!("the walker writes entries only");
    }
    fn copy_frame(&mut self, _: Pfn, _: Pfn) {
        unreachable!("the walker writes entries only");
    }
}

fn context(cpu: Cpu) -> PagingContext {
    let mut cr0 = Cr0::PE | Cr0::PG;
    cr0.set(Cr0::WP, cpu.wp);
    let mut cr4 = Cr4::PAE;
    cr4.set(Cr4::SMEP, cpu.smep);
    cr4.set(Cr4::SMAP, cpu.smap);
    let mut efer = Efer::LME | Efer::LMA;
    efer.set(Efer::NXE, cpu.nxe);
    let mut ctx = PagingContext::new(ControlRegs { cr0, cr3: Cr3(0x1000), cr4, efer });
    ctx.alignment_check = cpu.ac;
    ctx.width = PhysAddrWidth::new(cpu.m).expect("36 to 52");
    ctx.gigabyte_pages = if cpu.gb { GigabytePages::Supported } else { GigabytePages::Absent };
    ctx.vendor = if cpu.amd { Vendor::Amd } else { Vendor::Intel };
    ctx.accessed_on_fault =
        if cpu.on_success_only { AccessedOnFault::OnSuccessOnly } else { AccessedOnFault::AsTraversed };
    ctx
}

fn by_the_walker(ctx: &PagingContext, entries: [u64; 4], la: u64, who: Who, what: What) -> Answer {
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
    let mut four = Four { entries, looked: RefCell::default() };
    let result = translate(&mut NoModel, &mut four, ctx, LinearAddr(la), Access::new(kind, privilege));
    let result = result.map(|t| t.apply(LinearAddr(la)).0).map_err(|fault| {
        assert_eq!(fault.cr2, LinearAddr(la));
        fault.code.bits()
    });
    (result, four.entries)
}

const WHO: [Who; 3] = [Who::User, Who::Kernel, Who::KernelImplicit];
const WHAT: [What; 3] = [What::Read, What::Write, What::Fetch];

/// The control bits that act on an access, in all combinations.
fn processors() -> impl Iterator<Item = Cpu> {
    (0..1 << 6).map(|n: u64| Cpu {
        wp: bit(n, 0),
        smep: bit(n, 1),
        smap: bit(n, 2),
        ac: bit(n, 3),
        nxe: bit(n, 4),
        gb: true,
        amd: false,
        m: 46,
        on_success_only: bit(n, 5),
    })
}

/// All values of the bits in `places`, over `base`.
fn combinations(base: u64, places: &[u32]) -> impl Iterator<Item = u64> + Clone {
    (0..1_u64 << places.len()).map(move |n| {
        places
            .iter()
            .enumerate()
            .fold(base, |entry, (i, &place)| if bit(n, i as u32) { entry ^ 1 << place } else { entry })
    })
}

/// Compares for every processor and access; gives how many were compared.
fn compare(entries: impl Iterator<Item = [u64; 4]> + Clone, adjust: impl Fn(Cpu) -> Cpu) -> u32 {
    let mut compared = 0;
    for cpu in processors().map(adjust) {
        let ctx = context(cpu);
        for entries in entries.clone() {
            for (who, what) in WHO.iter().flat_map(|&who| WHAT.iter().map(move |&what| (who, what))) {
                let expected = by_the_rules(cpu, entries, LA, who, what);
                let given = by_the_walker(&ctx, entries, LA, who, what);
                assert_eq!(given, expected, "{cpu:?} {who:?} {what:?} {entries:#x?}");
                compared += 1;
            }
        }
    }
    compared
}

const TABLE: [u64; 4] = [0x2007, 0x3007, 0x4007, 0x5007];
/// P, R/W, U/S, a reserved bit, XD.
const DECIDING: [u32; 5] = [0, 1, 2, 51, 63];

#[test]
fn every_pte_with_every_pde() {
    let ptes = combinations(TABLE[3], &[0, 1, 2, 5, 6, 51, 63]);
    let pairs = combinations(TABLE[2], &DECIDING).flat_map(|e2| ptes.clone().map(move |e1| (e2, e1)));
    assert_eq!(compare(pairs.map(|(e2, e1)| [TABLE[0], TABLE[1], e2, e1]), |cpu| cpu), 64 * 9 * 32 * 128);
}

#[test]
fn every_2m_pde_with_every_pdpte() {
    let pdes = combinations(0x4000_0087, &[0, 1, 2, 5, 6, 13, 20, 63]);
    let pairs = combinations(TABLE[1], &DECIDING).flat_map(|e3| pdes.clone().map(move |e2| (e3, e2)));
    assert_eq!(compare(pairs.map(|(e3, e2)| [TABLE[0], e3, e2, 0]), |cpu| cpu), 64 * 9 * 32 * 256);
}

#[test]
fn every_1g_pdpte_with_every_pml4e() {
    for gb in [true, false] {
        let pdptes = combinations(0x4000_0087, &[0, 1, 2, 5, 6, 13, 29]);
        let pml4es = combinations(TABLE[0], &[0, 1, 2, 7, 63]);
        let pairs = pml4es.flat_map(|e4| pdptes.clone().map(move |e3| [e4, e3, TABLE[2], TABLE[3]]));
        assert_eq!(compare(pairs, |cpu| Cpu { gb, ..cpu }), 64 * 9 * 32 * 128);
    }
}

/// An entry with any bits, more often with few of the reserved ones.
fn entry() -> impl Strategy<Value = u64> {
    let sparse = (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(a, b, c)| a & b & c | 7);
    prop_oneof![1 => any::<u64>(), 4 => sparse.clone(), 4 => sparse.prop_map(|e| e & !field(51, 13) & !(1 << 63))]
}

/// A canonical address whose four indices differ, so that no two entries lie at one place.
fn address() -> impl Strategy<Value = u64> {
    let indices = |la: u64| [39, 30, 21, 12].map(|shift| la >> shift & 0x1ff);
    any::<u64>().prop_map(|la| ((la << 16) as i64 >> 16) as u64).prop_filter("indices differ", move |&la| {
        let all = indices(la);
        (1..4).all(|i| !all[..i].contains(&all[i]))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_entries_on_any_processor(
        entries in prop::array::uniform4(entry()),
        flags: u64,
        m in 36_u8..=52,
        la in address(),
        who in prop::sample::select(&WHO),
        what in prop::sample::select(&WHAT),
    ) {
        let cpu = Cpu {
            wp: bit(flags, 0),
            smep: bit(flags, 1),
            smap: bit(flags, 2),
            ac: bit(flags, 3),
            nxe: bit(flags, 4),
            gb: bit(flags, 5),
            amd: bit(flags, 6),
            m,
            on_success_only: bit(flags, 7),
        };
        prop_assert_eq!(
            by_the_walker(&context(cpu), entries, la, who, what),
            by_the_rules(cpu, entries, la, who, what)
        );
    }
}
