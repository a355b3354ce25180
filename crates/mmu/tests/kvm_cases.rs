//! 20,000 random accesses that KVM answered, made again through the MMU: result, error code, CR2, A and D bits, and the
//! bytes that were read and written.
//!
//! A line of the file has the inputs, KVM's own answer (`out`; A bits on success only, MMU-114), how far it is to be
//! trusted, and what the rules give (`hw`; A bits as traversed). Both are checked, in two runs.

use arch::{ControlRegs, Cr0, Cr3, Cr4, Efer, LinearAddr, PhysAddr, PhysAddrWidth, Privilege};
use flate2::read::GzDecoder;
use pagewalk_mmu::{Fault, MemFault, Mmu, Primitive, SlotCount};
use paging::{AccessedOnFault, GigabytePages, NoModel, PagingContext, PhysMem};
use physmem::{Bus, Device, Ram};
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::rc::Rc;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/kvm-cases.jsonl.gz");
const RAM_BYTES: u64 = 64 << 20;
/// From here to the end of RAM, the aligned dword at p holds p; below it is 0, tables apart.
const PATTERN_START: u64 = 56 << 20;

/// A number that the file writes in hexadecimal.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(try_from = "String")]
struct Hex(u128);

impl TryFrom<String> for Hex {
    type Error = std::num::ParseIntError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        u128::from_str_radix(text.trim_start_matches("0x"), 16).map(Self)
    }
}

impl Hex {
    fn u64(self) -> u64 {
        u64::try_from(self.0).expect("the file's addresses and registers have 64 bits")
    }
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Ok,
    Pf,
    #[serde(alias = "gp")]
    Exc,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Access {
    Read,
    Write,
    Rmw,
    Fetch,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Trust {
    Full,
    KindOnly,
    Selfmod,
}

/// An answer, KVM's or the rules'.
#[derive(Deserialize)]
struct Answer {
    kind: Kind,
    err: Option<u32>,
    cr2: Option<Hex>,
    vec: Option<u8>,
    chg: Vec<(Hex, Hex)>,
    val: Option<Hex>,
    /// First and last byte of RAM that changed.
    ram: Option<(Hex, Hex)>,
    #[serde(default)]
    mmio: Vec<(Hex, u64, u8)>,
    /// The physical pieces.
    #[serde(default)]
    pa: Vec<(Hex, u64)>,
}

#[derive(Deserialize)]
struct Case {
    id: u32,
    maxphy: u8,
    gb1: u8,
    cpl: u8,
    cr0: Hex,
    cr3: Hex,
    cr4: Hex,
    efer: Hex,
    ac: u8,
    access: Access,
    size: usize,
    la: Hex,
    mem: Vec<(Hex, Hex, u8)>,
    out: Answer,
    trust: Trust,
    hw: Answer,
}

/// An access outside RAM: where, how many bytes, and whether a write.
type Mmio = (u64, u64, u8);

/// Everything outside RAM: reads all ones, notes each access.
struct Outside(Rc<RefCell<Vec<Mmio>>>);

impl Device for Outside {
    fn read(&mut self, offset: u64, buf: &mut [u8]) {
        self.0.borrow_mut().push((RAM_BYTES + offset, buf.len() as u64, 0));
        buf.fill(0xff);
    }
    fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.0.borrow_mut().push((RAM_BYTES + offset, bytes.len() as u64, 1));
    }
}

fn untouched(pa: u64) -> u8 {
    match pa {
        ..PATTERN_START => 0,
        PATTERN_START..RAM_BYTES => (pa & !3).to_le_bytes()[(pa & 3) as usize],
        _ => 0xff,
    }
}

/// What an access gave.
struct Given {
    result: Result<[u8; 16], MemFault>,
    /// Table entries that it changed.
    chg: BTreeMap<u64, u64>,
    /// Accesses outside RAM.
    mmio: Vec<Mmio>,
}

impl Case {
    fn context(&self, accessed_on_fault: AccessedOnFault) -> PagingContext {
        let mut ctx = PagingContext::new(ControlRegs {
            cr0: Cr0::from_bits_truncate(self.cr0.u64()),
            cr3: Cr3(self.cr3.u64()),
            cr4: Cr4::from_bits_truncate(self.cr4.u64()),
            efer: Efer::from_bits_truncate(self.efer.u64()),
        });
        ctx.alignment_check = self.ac != 0;
        ctx.width = PhysAddrWidth::new(self.maxphy).expect("36 to 52");
        ctx.gigabyte_pages = if self.gb1 == 0 { GigabytePages::Absent } else { GigabytePages::Supported };
        ctx.accessed_on_fault = accessed_on_fault;
        ctx
    }

    fn privilege(&self) -> Privilege {
        if self.cpl == 3 { Privilege::User } else { Privilege::Supervisor }
    }

    fn la(&self) -> LinearAddr {
        LinearAddr(self.la.u64())
    }

    fn is_write(&self) -> bool {
        matches!(self.access, Access::Write | Access::Rmw)
    }

    /// A byte that no byte of the access holds before it. An untouched byte is 0, has its low two bits clear, is
    /// above 0x7f, is 3, or is bits 15:8 of its address, of which four bits are known.
    fn fill(&self) -> u8 {
        let nibble = |la: u64| (la >> 8 & 0xf) as u8;
        let taken = [nibble(self.la().0), nibble(self.la().0.wrapping_add(15))];
        (1..=3).find(|n| !taken.contains(n)).map_or(0, |n| 0x50 | n)
    }

    /// The entries as they are now.
    fn entries(&self, bus: &Bus) -> BTreeMap<u64, u64> {
        self.mem.iter().map(|e| (e.0.u64(), bus.load_entry(PhysAddr(e.0.u64())))).collect()
    }

    fn perform(&self, mmu: &mut Mmu<NoModel>) -> Result<[u8; 16], MemFault> {
        let done = match (self.access, self.size) {
            (Access::Fetch, _) => mmu.fetch_frame(self.la()).map(|frame| u128::from(frame.0).to_le_bytes()),
            (_, 1) => self.data::<u8>(mmu),
            (_, 2) => self.data::<u16>(mmu),
            (_, 4) => self.data::<u32>(mmu),
            (_, 8) => self.data::<u64>(mmu),
            (_, 16) => self.data::<u128>(mmu),
            (_, size) => panic!("case {}: size {size}", self.id),
        };
        done.map_err(|Fault| mmu.fault)
    }

    /// The bytes read, or for a plain write those written.
    fn data<T: Primitive>(&self, mmu: &mut Mmu<NoModel>) -> Result<[u8; 16], Fault> {
        let fill = T::from_bytes(&[self.fill(); 16]);
        match self.access {
            Access::Write => mmu.store(self.la(), fill).map(|()| fill.to_bytes()),
            Access::Rmw => {
                let old = mmu.load_for_write::<T>(self.la())?.to_bytes();
                mmu.store(self.la(), fill).expect("a store after load_for_write cannot fault");
                Ok(old)
            }
            Access::Read | Access::Fetch => mmu.load::<T>(self.la()).map(T::to_bytes),
        }
    }
}

/// A machine that runs one case after another in the same RAM.
struct Bench {
    bus: Option<Bus>,
    mmio: Rc<RefCell<Vec<Mmio>>>,
}

impl Bench {
    fn new() -> Self {
        let mut bus = Bus::new(Ram::new(RAM_BYTES).expect("64 MiB"));
        let pattern: Vec<u8> = (PATTERN_START..RAM_BYTES).map(untouched).collect();
        bus.write(PhysAddr(PATTERN_START), &pattern);
        let mmio = Rc::default();
        bus.attach(RAM_BYTES..1 << 52, Box::new(Outside(Rc::clone(&mmio))));
        Self { bus: Some(bus), mmio }
    }

    /// Makes the access twice. The second time the fast table may know the page, which must show in nothing.
    fn run(&mut self, case: &Case, policy: AccessedOnFault) -> Given {
        let mut bus = self.bus.take().expect("put back by every run");
        for (pa, entry, _) in &case.mem {
            bus.store_entry(PhysAddr(pa.u64()), entry.u64());
        }
        let before = case.entries(&bus);
        let mut mmu = Mmu::new(bus, case.context(policy), SlotCount::new(16).expect("a power of two"), NoModel);
        mmu.set_privilege(case.privilege());

        let result = case.perform(&mut mmu);
        let after = case.entries(&mmu.bus);
        let chg = after.iter().filter(|(pa, e)| before[*pa] != **e).map(|(pa, e)| (*pa, *e)).collect();
        let mmio = self.mmio.take();
        if case.trust != Trust::Selfmod {
            self.check_data(case, &mmu.bus, &result);
            self.repeat(case, &mut mmu, &result, &after);
        }

        let mut bus = mmu.bus;
        for (pa, ..) in &case.mem {
            bus.store_entry(PhysAddr(pa.u64()), 0);
        }
        for (start, len) in &case.hw.pa {
            (start.u64()..start.u64() + len).for_each(|pa| bus.write(PhysAddr(pa), &[untouched(pa)]));
        }
        self.mmio.take();
        self.bus = Some(bus);
        Given { result, chg, mmio }
    }

    fn repeat(
        &self,
        case: &Case,
        mmu: &mut Mmu<NoModel>,
        first: &Result<[u8; 16], MemFault>,
        after: &BTreeMap<u64, u64>,
    ) {
        let again = case.perform(mmu);
        if case.access == Access::Rmw && first.is_ok() {
            assert!(again.is_ok(), "case {}: a repeated access faults", case.id);
        } else {
            assert_eq!(&again, first, "case {}: a repeated access differs", case.id);
        }
        assert_eq!(&case.entries(&mmu.bus), after, "case {}: a repeated access changes entries", case.id);
    }

    /// Checks every byte that was read or written against the physical pieces that the rules give.
    fn check_data(&self, case: &Case, bus: &Bus, result: &Result<[u8; 16], MemFault>) {
        let (Ok(bytes), id) = (result, case.id) else { return };
        let pieces = case.hw.pa.iter().flat_map(|(start, len)| start.u64()..start.u64() + len);
        if case.access == Access::Fetch {
            let frame = u128::from_le_bytes(*bytes);
            return assert_eq!(frame << 12 | u128::from(case.la().page_offset()), case.hw.pa[0].0.0, "case {id}");
        }
        for (i, pa) in pieces.enumerate() {
            let held = if case.access == Access::Write { case.fill() } else { untouched(pa) };
            assert_eq!(bytes[i], held, "case {id}: byte at {pa:#x}");
            if case.is_write() && pa < RAM_BYTES {
                let mut now = [0];
                bus.read(PhysAddr(pa), &mut now);
                assert_eq!(now[0], case.fill(), "case {id}: {pa:#x} was not written");
            }
        }
        if case.access == Access::Read
            && let Some(val) = case.out.val
        {
            assert_eq!(u128::from_le_bytes(*bytes), val.0, "case {id}");
        }
    }

    /// Checks that no byte has changed but those that each run put back: nothing was written astray.
    fn check_untouched(&self) {
        let bus = self.bus.as_ref().expect("put back by every run");
        let mut page = [0; 4096];
        for base in (0..RAM_BYTES).step_by(4096) {
            bus.read(PhysAddr(base), &mut page);
            let astray = (base..).zip(page).find(|&(pa, byte)| byte != untouched(pa));
            assert_eq!(astray, None, "a byte was written astray");
        }
    }
}

fn kind(given: &Given) -> Kind {
    match given.result {
        Ok(_) => Kind::Ok,
        Err(MemFault::Page(_)) => Kind::Pf,
        Err(MemFault::NonCanonical) => Kind::Exc,
    }
}

/// Compares kind, vector, error code, CR2 and changed entries.
fn agrees(given: &Given, answer: &Answer) -> bool {
    let fault = match given.result {
        Err(MemFault::Page(fault)) => Some(fault),
        _ => None,
    };
    let gp = kind(given) == Kind::Exc;
    kind(given) == answer.kind
        && answer.vec.is_none_or(|vec| gp && vec == 13)
        && (gp || fault.map(|f| f.code.bits()) == answer.err)
        && fault.map(|f| u128::from(f.cr2.0)) == answer.cr2.map(|c| c.0)
        && given.chg == answer.chg.iter().map(|(pa, e)| (pa.u64(), e.u64())).collect()
}

/// Accesses outside RAM, adjacent ones joined: KVM reports at most 8 bytes at a time.
fn joined(mut mmio: Vec<Mmio>) -> Vec<Mmio> {
    mmio.sort_unstable();
    mmio.dedup_by(|next, last| {
        let adjacent = last.0 + last.1 == next.0 && last.2 == next.2;
        last.1 += if adjacent { next.1 } else { 0 };
        adjacent
    });
    mmio
}

/// Compares where data was read and written: outside RAM exactly, in RAM but for the outer two bytes of a 16-byte store,
/// which may already have held what KVM's guest wrote.
fn data_agrees(case: &Case, given: &Given) -> bool {
    let recorded = case.out.mmio.iter().map(|(pa, len, write)| (pa.u64(), *len, *write)).collect();
    let slack = if case.size == 16 { 2 } else { 0 };
    let in_ram = |pa: &u64| *pa < RAM_BYTES;
    let written = case.hw.pa.iter().flat_map(|(pa, len)| [pa.u64(), pa.u64() + len - 1]).filter(in_ram);
    let ram_agrees = case.out.ram.is_none_or(|(first, last)| {
        let (low, high) = (written.clone().min(), written.max());
        first.u64().checked_sub(low.unwrap_or(u64::MAX)).is_some_and(|d| d <= slack)
            && high.unwrap_or(0).checked_sub(last.u64()).is_some_and(|d| d <= slack)
    });
    joined(given.mmio.clone()) == joined(recorded) && (ram_agrees || given.result.is_err())
}

#[test]
fn the_mmu_agrees_with_20_000_kvm_cases() {
    let lines = BufReader::new(GzDecoder::new(File::open(FILE).expect("the case file"))).lines();
    let mut bench = Bench::new();
    let (mut full, mut kind_only, mut unusable) = (0, 0, 0);
    let mut differ = Vec::new();
    for line in lines {
        let case: Case = serde_json::from_str(&line.expect("gzip")).expect("a case");
        let as_kvm = bench.run(&case, AccessedOnFault::OnSuccessOnly);
        let as_rules = bench.run(&case, AccessedOnFault::AsTraversed);
        let agreed = match case.trust {
            Trust::Full => {
                full += 1;
                agrees(&as_kvm, &case.out) && data_agrees(&case, &as_kvm) && agrees(&as_rules, &case.hw)
            }
            Trust::KindOnly => {
                kind_only += 1;
                kind(&as_kvm) == case.out.kind && agrees(&as_rules, &case.hw)
            }
            Trust::Selfmod => {
                unusable += 1;
                true
            }
        };
        if !agreed {
            differ.push((case.id, as_kvm.result, as_kvm.chg));
        }
    }
    bench.check_untouched();
    println!("{full} full, {kind_only} by kind only, {unusable} not usable, {} differ", differ.len());
    assert!(differ.is_empty(), "{} cases differ, the first: {:#x?}", differ.len(), &differ[..differ.len().min(5)]);
    assert_eq!((full, kind_only, unusable), (19_075, 924, 1));
}
