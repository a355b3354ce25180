//! The crate's walker, asked in the words of the naive statement.

use crate::naive::cpu::{Cpu, Mode, What, Who};
use crate::naive::rules::{Answer, Pf};
use arch::{Access, AccessKind, ControlRegs, Cr0, Cr3, Cr4, Efer, KeyRights, LinearAddr, PagingMode, PdpteRegs};
use arch::{PhysAddrWidth, Privilege, Vendor};
use pagewalk_paging::{AccessedOnFault, GigabytePages, PagingContext, Step, Walk};

/// Where the root table is, unless a test says otherwise.
const ROOT: u64 = 0x1000;

/// The walker of one processor.
pub(crate) struct Walker {
    ctx: PagingContext,
}

impl Walker {
    pub(crate) fn new(cpu: &Cpu) -> Self {
        let mut ctx = PagingContext::new(registers(cpu));
        ctx.alignment_check = cpu.ac;
        ctx.width = PhysAddrWidth::new(cpu.m as u8).expect("36 to 52");
        ctx.gigabyte_pages = if cpu.gb { GigabytePages::Supported } else { GigabytePages::Absent };
        ctx.vendor = if cpu.amd { Vendor::Amd } else { Vendor::Intel };
        ctx.accessed_on_fault =
            if cpu.on_success_only { AccessedOnFault::OnSuccessOnly } else { AccessedOnFault::AsTraversed };
        Self { ctx }
    }

    /// Feeds the walk these entries, wherever it looks for them.
    pub(crate) fn judge(&self, path: &[u64], la: u64, who: Who, what: What) -> Answer {
        if self.ctx.mode() == PagingMode::Pae {
            let mut ctx = self.ctx;
            ctx.regs.pdptes = PdpteRegs([path[0]; 4]);
            return feed(&ctx, &path[1..], la, who, what, 1);
        }
        feed(&self.ctx, path, la, who, what, 0)
    }
}

/// Drives the walk with `entries`, the first of which has place `first` in the path.
fn feed(ctx: &PagingContext, entries: &[u64], la: u64, who: Who, what: What, first: usize) -> Answer {
    let mut walk = Walk::start(ctx, LinearAddr(la), access(who, what));
    let mut step = walk.first();
    let mut entries = entries.iter();
    while let Step::Load(_) = step {
        step = walk.step(*entries.next().expect("a walk ends with its path"));
    }
    let result = match step {
        Step::Done(translation) => Ok(translation.apply(LinearAddr(la)).0),
        Step::Fault(fault, _) => Err(Pf { cr2: fault.cr2.0, err: fault.code.bits() }),
        Step::Load(_) => unreachable!("the walk has ended"),
    };
    let mut set = [0; 5];
    for (place, used) in set[first..].iter_mut().zip(walk.end().entries()) {
        *place = used.set.bits().into();
        assert!(!walk.settled() || used.seen & *place == *place, "a settled walk leaves nothing to be set");
    }
    Answer { result, set }
}

fn registers(cpu: &Cpu) -> ControlRegs {
    let long = cpu.long();
    let mut cr0 = Cr0::PE | Cr0::PG;
    cr0.set(Cr0::WP, cpu.wp);
    let mut cr4 = Cr4::empty();
    for (flag, on) in [
        (Cr4::PAE, cpu.mode != Mode::Bits32),
        (Cr4::LA57, cpu.mode == Mode::Long5),
        (Cr4::PSE, cpu.pse),
        (Cr4::SMEP, cpu.smep),
        (Cr4::SMAP, cpu.smap),
        (Cr4::PKE, cpu.pke),
        (Cr4::PKS, cpu.pks),
    ] {
        cr4.set(flag, on);
    }
    let mut efer = Efer::empty();
    efer.set(Efer::LME | Efer::LMA, long);
    efer.set(Efer::NXE, cpu.nxe);
    let (pkru, pkrs) = (KeyRights(cpu.pkru), KeyRights(cpu.pkrs));
    ControlRegs { cr0, cr3: Cr3(ROOT), cr4, efer, pkru, pkrs, ..ControlRegs::protected_mode() }
}

fn access(who: Who, what: What) -> Access {
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
