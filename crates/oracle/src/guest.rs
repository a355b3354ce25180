//! The virtual machine: one processor, no operating system, and the entries of a case in its RAM.
//!
//! The code page holds for each kind and size of access the instruction and `ud2`. Every exception goes to a handler of one
//! `hlt`, on a stack of its own, so that the vector is seen in RIP and the frame at a known place. What the guest needs
//! for that is mapped by the last PML4 slot with A and D set, so that it changes no entry.

use crate::case::{Case, Ending, Entries, Mmio, Outcome};
use crate::expect::joined;
use crate::generate::Features;
use crate::layout::{self, DATA_AREA, FETCH_AREA, FILL, HANDLERS, KERNEL_CODE, RAM_BYTES, SUPPORT, USER_CODE};
use arch::{AccessKind, Cr4, Efer, LinearAddr, PhysAddr, PhysAddrWidth, Privilege};
use kvm_bindings::{CpuId, KVM_MAX_CPUID_ENTRIES, kvm_dtable, kvm_regs, kvm_segment, kvm_userspace_memory_region};
use kvm_ioctls::{Kvm, VcpuExit, VcpuFd, VmFd};
use memmap2::MmapMut;
use paging::GigabytePages;
use std::collections::BTreeMap;

/// What went wrong with the host's side.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// KVM refused a request.
    #[error("KVM: {0} failed: {1}")]
    Kvm(&'static str, #[source] kvm_ioctls::Error),
    /// No memory for the guest.
    #[error("the guest's RAM cannot be mapped: {0}")]
    Ram(#[source] std::io::Error),
}

/// Gives the name of a request to its error.
fn named<T>(name: &'static str, result: Result<T, kvm_ioctls::Error>) -> Result<T, GuestError> {
    result.map_err(|error| GuestError::Kvm(name, error))
}

/// An exit more than an access can need means that the guest runs astray.
const MOST_EXITS: u32 = 64;

const HLT: u8 = 0xf4;
const UD2_BYTES: u64 = 2;

/// The code of an access: its instruction, then `ud2`. The address is in RDI, the data in RAX.
fn access_code(kind: AccessKind, size: u64) -> &'static [u8] {
    match (kind, size) {
        (AccessKind::Read, 1) => &[0x8a, 0x07, 0x0f, 0x0b],
        (AccessKind::Read, 2) => &[0x66, 0x8b, 0x07, 0x0f, 0x0b],
        (AccessKind::Read, 4) => &[0x8b, 0x07, 0x0f, 0x0b],
        (AccessKind::Read, _) => &[0x48, 0x8b, 0x07, 0x0f, 0x0b],
        (AccessKind::Write, 1) => &[0x88, 0x07, 0x0f, 0x0b],
        (AccessKind::Write, 2) => &[0x66, 0x89, 0x07, 0x0f, 0x0b],
        (AccessKind::Write, 4) => &[0x89, 0x07, 0x0f, 0x0b],
        (AccessKind::Write, _) => &[0x48, 0x89, 0x07, 0x0f, 0x0b],
        (AccessKind::Fetch, _) => &[0xff, 0xe7], // jmp rdi
    }
}

/// Offset in a code page of the code of an access.
fn code_offset(kind: AccessKind, size: u64) -> u64 {
    let row = match kind {
        AccessKind::Read => 0,
        AccessKind::Write => 1,
        AccessKind::Fetch => 2,
    };
    row * 0x100 + size * 0x10
}

/// A virtual machine. The processor and the machine are dropped before the RAM that they use.
pub struct Guest {
    vcpu: VcpuFd,
    _vm: VmFd,
    ram: MmapMut,
    features: Features,
    /// The bytes of the data area that a case finds.
    pattern: Vec<u8>,
}

impl Guest {
    /// A machine whose physical addresses have `width` bits, or as many as the host's if that is `None`.
    ///
    /// # Errors
    /// What KVM or the host's memory refuses.
    pub fn new(kvm: &Kvm, width: Option<PhysAddrWidth>) -> Result<Self, GuestError> {
        let mut cpuid = named("KVM_GET_SUPPORTED_CPUID", kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES))?;
        let features = choose_features(&mut cpuid, width);
        let mut ram = MmapMut::map_anon(RAM_BYTES as usize).map_err(GuestError::Ram)?;
        let vm = named("KVM_CREATE_VM", kvm.create_vm())?;
        give_ram(&vm, &mut ram)?;
        let vcpu = named("KVM_CREATE_VCPU", vm.create_vcpu(0))?;
        named("KVM_SET_CPUID2", vcpu.set_cpuid2(&cpuid))?;
        let pattern = DATA_AREA.map(|pa| layout::initial_byte(PhysAddr(pa))).collect();
        let mut guest = Self { vcpu, _vm: vm, ram, features, pattern };
        guest.fill();
        Ok(guest)
    }

    /// What its processor offers.
    #[must_use]
    pub const fn features(&self) -> Features {
        self.features
    }

    /// Puts everything into RAM that all cases share.
    fn fill(&mut self) {
        self.ram[DATA_AREA.start as usize..DATA_AREA.end as usize].copy_from_slice(&self.pattern);
        self.bytes(FETCH_AREA.start, (FETCH_AREA.end - FETCH_AREA.start) as usize).fill(HLT);
        for page in [KERNEL_CODE, USER_CODE] {
            for kind in [AccessKind::Read, AccessKind::Write, AccessKind::Fetch] {
                for size in [1, 2, 4, 8] {
                    let bytes = access_code(kind, size);
                    self.bytes(page + code_offset(kind, size), bytes.len()).copy_from_slice(bytes);
                }
            }
        }
        self.bytes(KERNEL_CODE + HANDLERS, 32).fill(HLT);
        self.fill_system_structures();
        self.fill_support_tables();
    }

    /// GDT, IDT and TSS: 64-bit code at selector 8, each vector on the stack that the TSS names first.
    fn fill_system_structures(&mut self) {
        self.put(layout::GDT + 8, 0x00af_9b00_0000_ffff);
        self.put(layout::GDT + 16, 0x00cf_9300_0000_ffff);
        for vector in 0..32 {
            let handler = SUPPORT + KERNEL_CODE + HANDLERS + vector;
            let gate = 0x8e << 40 | 1 << 32 | 8 << 16; // a present interrupt gate, interrupt stack 1, selector 8
            let low = handler & 0xffff | gate | (handler >> 16 & 0xffff) << 48;
            self.put(layout::IDT + 16 * vector, low);
            self.put(layout::IDT + 16 * vector + 8, handler >> 32);
        }
        self.bytes(layout::TSS + 36, 8).copy_from_slice(&(SUPPORT + layout::STACK_TOP).to_le_bytes());
    }

    /// The tables of the last PML4 slot: all for the supervisor but the user's code.
    fn fill_support_tables(&mut self) {
        self.put(layout::SUPPORT_PDPT, layout::SUPPORT_PD | 0x67);
        self.put(layout::SUPPORT_PD, layout::SUPPORT_PT | 0x67);
        for page in (0x1000..=USER_CODE).step_by(0x1000) {
            let rights = if page == USER_CODE { 0x67 } else { 0x63 };
            self.put(layout::SUPPORT_PT + page / 0x1000 * 8, page | rights);
        }
    }

    fn bytes(&mut self, pa: u64, len: usize) -> &mut [u8] {
        &mut self.ram[pa as usize..pa as usize + len]
    }

    fn put(&mut self, pa: u64, value: u64) {
        self.bytes(pa, 8).copy_from_slice(&value.to_le_bytes());
    }

    fn get(&self, pa: u64) -> u64 {
        let at = pa as usize;
        u64::from_le_bytes(self.ram[at..at + 8].try_into().expect("8 bytes"))
    }

    /// Makes the access of a case. Its tables must not have been used before in this machine.
    ///
    /// # Errors
    /// A request that KVM refuses; whatever the guest does is an outcome.
    pub fn perform(&mut self, case: &Case) -> Result<Outcome, GuestError> {
        for (pa, (entry, _)) in &case.entries {
            self.put(pa.0, *entry);
        }
        self.put(case.regs.cr3.0 + 8 * layout::SUPPORT_SLOT, layout::SUPPORT_PDPT | 0x67);
        self.set_registers(case)?;
        let mut mmio = Vec::new();
        let stopped = self.run(case, &mut mmio)?;
        let ending = match stopped {
            Some(what) => Ending::Other(what),
            None => self.ending(case)?,
        };
        Ok(Outcome {
            ending,
            changed: self.changed(&case.entries),
            mmio: joined(mmio),
            written: if case.kind == AccessKind::Write { self.take_written() } else { Vec::new() },
        })
    }

    fn set_registers(&self, case: &Case) -> Result<(), GuestError> {
        let cpl = if case.privilege == Privilege::User { 3 } else { 0 };
        let mut sregs = named("KVM_GET_SREGS", self.vcpu.get_sregs())?;
        sregs.cr0 = case.regs.cr0.bits();
        sregs.cr2 = 0;
        sregs.cr3 = case.regs.cr3.0;
        sregs.cr4 = case.regs.cr4.bits();
        sregs.efer = case.regs.efer.bits();
        sregs.cs = segment(8 | cpl, 0xb, cpl);
        sregs.cs.l = 1;
        let data = segment(0x10 | cpl, 3, cpl);
        (sregs.ss, sregs.ds, sregs.es, sregs.fs, sregs.gs) = (data, data, data, data, data);
        sregs.tr = kvm_segment { base: SUPPORT + layout::TSS, limit: 0x67, s: 0, g: 0, db: 0, ..segment(0x18, 0xb, 0) };
        sregs.ldt = kvm_segment { unusable: 1, ..Default::default() };
        sregs.gdt = kvm_dtable { base: SUPPORT + layout::GDT, limit: 0x17, ..Default::default() };
        sregs.idt = kvm_dtable { base: SUPPORT + layout::IDT, limit: 0x1ff, ..Default::default() };
        named("KVM_SET_SREGS", self.vcpu.set_sregs(&sregs))?;
        let page = if cpl == 3 { USER_CODE } else { KERNEL_CODE };
        let regs = kvm_regs {
            rax: if case.kind == AccessKind::Write { u64::from_le_bytes([FILL; 8]) } else { 0 },
            rdi: case.la.0,
            rip: SUPPORT + page + code_offset(case.kind, case.size),
            rsp: SUPPORT + layout::STACK_TOP - 0x800,
            rflags: 2 | u64::from(case.alignment_check) << 18,
            ..Default::default()
        };
        named("KVM_SET_REGS", self.vcpu.set_regs(&regs))
    }

    /// Runs up to the handler's `hlt`; gives another end in words.
    fn run(&mut self, case: &Case, mmio: &mut Vec<Mmio>) -> Result<Option<String>, GuestError> {
        for _ in 0..MOST_EXITS {
            match self.vcpu.run() {
                Ok(VcpuExit::Hlt) => return Ok(None),
                Ok(VcpuExit::MmioRead(pa, data)) => {
                    mmio.push(Mmio { pa: PhysAddr(pa), len: data.len() as u64, kind: AccessKind::Read });
                    data.fill(0xff);
                }
                Ok(VcpuExit::MmioWrite(pa, data)) => {
                    mmio.push(Mmio { pa: PhysAddr(pa), len: data.len() as u64, kind: AccessKind::Write });
                }
                Ok(exit) => return Ok(Some(format!("{exit:?}"))),
                Err(error) if error.errno() == EINTR => {}
                Err(error) => return Err(GuestError::Kvm("KVM_RUN", error)),
            }
        }
        Ok(Some(format!("case {} does not end", case.id)))
    }

    /// What RIP and the exception frame say. A fetch leads to `hlt`, which halts at CPL 0 and is #GP(0) at CPL 3.
    fn ending(&self, case: &Case) -> Result<Ending, GuestError> {
        let regs = named("KVM_GET_REGS", self.vcpu.get_regs())?;
        let user = case.privilege == Privilege::User;
        if case.kind == AccessKind::Fetch && !user && regs.rip == case.la.0.wrapping_add(1) {
            return Ok(Ending::Done(None));
        }
        let vector = regs.rip.wrapping_sub(SUPPORT + KERNEL_CODE + HANDLERS + 1);
        let has_code = matches!(vector, 8 | 10..=14 | 17);
        let code = if has_code { self.get(layout::STACK_TOP - 48) } else { 0 };
        let rip = self.get(layout::STACK_TOP - 40);
        let instruction = SUPPORT + if user { USER_CODE } else { KERNEL_CODE } + code_offset(case.kind, case.size);
        let behind = instruction + access_code(case.kind, case.size).len() as u64 - UD2_BYTES;
        Ok(match (vector, case.kind) {
            (6, AccessKind::Read) if rip == behind => Ending::Done(Some(regs.rax)),
            (6, AccessKind::Write) if rip == behind => Ending::Done(None),
            (13, AccessKind::Fetch) if user && code == 0 && rip == case.la.0 => Ending::Done(None),
            (13, _) if code == 0 && rip == instruction => Ending::GeneralProtection,
            (14, AccessKind::Fetch) if rip == case.la.0 => self.page_fault(code)?,
            (14, AccessKind::Read | AccessKind::Write) if rip == instruction => self.page_fault(code)?,
            _ => Ending::Other(format!("vector {vector:#x}, error code {code:#x}, rip {rip:#x}")),
        })
    }

    fn page_fault(&self, code: u64) -> Result<Ending, GuestError> {
        let sregs = named("KVM_GET_SREGS", self.vcpu.get_sregs())?;
        Ok(Ending::PageFault { code: code as u32, cr2: LinearAddr(sregs.cr2) })
    }

    fn changed(&self, entries: &Entries) -> BTreeMap<PhysAddr, u64> {
        let now = entries.iter().map(|(pa, (old, _))| (*pa, *old, self.get(pa.0)));
        now.filter(|(_, old, new)| old != new).map(|(pa, _, new)| (pa, new)).collect()
    }

    /// The bytes of the data area that have changed, which it puts back.
    fn take_written(&mut self) -> Vec<PhysAddr> {
        let mut written = Vec::new();
        let area = &mut self.ram[DATA_AREA.start as usize..DATA_AREA.end as usize];
        for (i, (now, before)) in area.chunks_mut(4096).zip(self.pattern.chunks(4096)).enumerate() {
            if now != before {
                let start = DATA_AREA.start + i as u64 * 4096;
                let differ = (start..).zip(now.iter().zip(before)).filter(|(_, (now, before))| now != before);
                written.extend(differ.map(|(pa, _)| PhysAddr(pa)));
                now.copy_from_slice(before);
            }
        }
        written
    }
}

/// Linux's EINTR.
const EINTR: i32 = 4;

/// Gives the mapping to the machine as its RAM from physical address 0 on.
#[allow(unsafe_code)]
fn give_ram(vm: &VmFd, ram: &mut MmapMut) -> Result<(), GuestError> {
    let region = kvm_userspace_memory_region {
        slot: 0,
        flags: 0,
        guest_phys_addr: 0,
        memory_size: RAM_BYTES,
        userspace_addr: ram.as_mut_ptr() as u64,
    };
    // SAFETY: the region is exactly the mapping `ram`, which `Guest` keeps until after the machine is closed (its fields
    // are dropped in order; if `Guest::new` fails, the machine is closed without having run). The guest writes to it only
    // during `VcpuFd::run`, while `Guest` is borrowed mutably and no slice of it lives.
    named("KVM_SET_USER_MEMORY_REGION", unsafe { vm.set_user_memory_region(region) })
}

fn segment(selector: u64, kind: u8, dpl: u64) -> kvm_segment {
    kvm_segment {
        base: 0,
        limit: 0xffff_ffff,
        selector: selector as u16,
        type_: kind,
        present: 1,
        dpl: dpl as u8,
        db: if kind == 0xb { 0 } else { 1 },
        s: 1,
        l: 0,
        g: 1,
        ..Default::default()
    }
}

/// Puts the width of physical addresses into CPUID, and reads from it what cases may use.
fn choose_features(cpuid: &mut CpuId, width: Option<PhysAddrWidth>) -> Features {
    let mut features = Features {
        width: PhysAddrWidth::default(),
        gigabyte_pages: GigabytePages::Absent,
        cr4: Cr4::PGE | Cr4::PSE,
        efer: Efer::empty(),
    };
    for leaf in cpuid.as_mut_slice() {
        match (leaf.function, leaf.index) {
            (7, 0) => {
                features.cr4.set(Cr4::SMEP, leaf.ebx >> 7 & 1 == 1);
                features.cr4.set(Cr4::SMAP, leaf.ebx >> 20 & 1 == 1);
            }
            (0x8000_0001, _) => {
                features.efer.set(Efer::NXE, leaf.edx >> 20 & 1 == 1);
                if leaf.edx >> 26 & 1 == 1 {
                    features.gigabyte_pages = GigabytePages::Supported;
                }
            }
            (0x8000_0008, _) => {
                let host = PhysAddrWidth::new(leaf.eax as u8).unwrap_or_default();
                features.width = width.unwrap_or(host);
                leaf.eax = leaf.eax & !0xff | u32::from(features.width.bits());
            }
            _ => {}
        }
    }
    features
}
