//! Every cost of the table is one that some program pays: turning it changes the virtual time that the program sees, by as
//! much as it was turned times how often the service was done.

mod common;

use arch::{AccessKind, Exception, Gpr, LinearAddr, PageFault, PageFaultCode};
use common::processes::{ANY, nr};
use common::{CODE, DATA, HEAP, Rig, SCRATCH};
use pagewalk_kernel::{Costs, Disposition, Injection, Service};

const MUNMAP: u64 = 11;
const MADVISE: u64 = 28;
const RT_SIGACTION: u64 = 13;
const OPEN: u64 = 2;
/// Where nothing happens to be.
const HANDLER: u64 = CODE + 0x300;
const PROT_RW: u64 = 3;
const MAP_PRIVATE_ANONYMOUS: u64 = 0x22;

/// Services that take more than the program here does: page-out, slabs, writing files back.
const NOT_NEEDED: [Service; 10] = [
    Service::FaultSwapCached,
    Service::FaultSwapRead,
    Service::ScanEntry,
    Service::SlabPage,
    Service::DiskWriteRequest,
    Service::DiskWritePage,
    Service::SwapReadRequest,
    Service::SwapReadPage,
    Service::SwapWriteRequest,
    Service::SwapWritePage,
];

/// A bit of everything.
fn program(rig: &mut Rig) {
    rig.poke_words(SCRATCH, &[1]); // demand-zero, with paging structures
    rig.access(CODE, AccessKind::Fetch).unwrap(); // a page of the file, read by exec
    rig.access(DATA + 0x800, AccessKind::Read).unwrap(); // file-cached
    rig.poke_words(DATA + 0x800, &[1]); // copied
    let mapped = rig.call(nr::MMAP, &[0, 0x40000, PROT_RW, MAP_PRIVATE_ANONYMOUS, ANY, 0]) as u64;
    rig.access(mapped, AccessKind::Read).unwrap(); // the zero page
    (0..0x40000).step_by(0x1000).for_each(|at| rig.poke_words(mapped + at, &[1]));
    assert_eq!(rig.call(MUNMAP, &[mapped, 0x40000]), 0); // flushes everything
    read_file(rig);
    let child = rig.fork_and_follow();
    rig.poke_words(SCRATCH, &[2]); // copied, then
    rig.exit(0);
    rig.poke_words(SCRATCH, &[3]); // reused
    assert_eq!(rig.call(nr::WAIT4, &[child, 0, 0, 0]), child as i64);
    spurious(rig);
    handled(rig);
    touch_large_page(rig);
}

/// Maps a file that nobody has read, and touches it.
fn read_file(rig: &mut Rig) {
    rig.poke(SCRATCH, b"/other\0");
    let fd = rig.call(OPEN, &[SCRATCH, 0]);
    assert!(fd >= 0, "open: {fd}");
    let mapped = rig.call(nr::MMAP, &[0, 0x1000, 1, 2, fd as u64, 0]) as u64;
    rig.access(mapped, AccessKind::Read).unwrap();
}

/// Touches memory that is to have large pages.
fn touch_large_page(rig: &mut Rig) {
    const HUGEPAGE: u64 = 14;
    let len = 4 << 20;
    let mapped = rig.call(nr::MMAP, &[0, len, 3, 0x22, u64::MAX, 0]) as u64;
    assert_eq!(rig.call(MADVISE, &[mapped, len, HUGEPAGE]), 0);
    rig.access(mapped, AccessKind::Write).unwrap();
}

/// A fault on a page that is there, as a stale translation brings it.
fn spurious(rig: &mut Rig) {
    let fault = PageFault { cr2: LinearAddr(SCRATCH), code: PageFaultCode::US };
    assert_eq!(rig.enter(|kernel, hw, ctx| kernel.handle_fault(hw, ctx, fault)), Disposition::Resume);
}

/// A forbidden access and an exception, both of which a handler survives.
fn handled(rig: &mut Rig) {
    for signal in [8, 11] {
        rig.poke_words(SCRATCH, &[HANDLER + signal, 0x4400_0000, HANDLER, 0]);
        assert_eq!(rig.call(RT_SIGACTION, &[signal, SCRATCH, 0, 8]), 0);
    }
    rig.ctx.set_reg(Gpr::Rsp, HEAP - 8);
    let divide = Exception::DivideError;
    assert_eq!(rig.enter(|kernel, hw, ctx| kernel.handle_exception(hw, ctx, divide)), Disposition::Resume);
    assert!(rig.access(8, AccessKind::Write).is_err());
}

/// Virtual nanoseconds that the program takes under a table of costs.
fn time(text: &str, injections: &[&str]) -> u64 {
    let mut rig = Rig::configured(|config| {
        config.costs = Costs::parse(text).unwrap();
        config.injections = injections.iter().map(|rule| rule.parse::<Injection>().unwrap()).collect();
        let root = config.view.root.clone().unwrap();
        std::fs::write(root.join("other"), "contents").unwrap();
    });
    rig.exec(b"/prog", &["prog"], &[]).unwrap();
    program(&mut rig);
    rig.kernel.time_beside_instructions_ns()
}

#[test]
fn every_cost_can_be_turned() {
    let usual = time("", &[]);
    assert_eq!(usual, time("", &[]), "the same run takes the same time");
    for service in Service::ALL {
        let turned = |by: u64| time(&format!("{} = {}", service.key(), Costs::default().ns(service) + by), &[]) - usual;
        let (thousand, million) = (turned(1_000), turned(1_000_000));
        assert_eq!(thousand * 1000, million, "{service:?} is charged per time that it is done");
        assert_eq!(thousand == 0, NOT_NEEDED.contains(&service), "{service:?}");
    }
}

/// The figures that were there before the table was.
#[test]
fn the_usual_entries_cost_what_they_did() {
    let mut rig = Rig::new();
    rig.poke_words(SCRATCH, &[1]);
    let since = |rig: &Rig, before: u64| rig.kernel.time_beside_instructions_ns() - before;
    let before = rig.kernel.time_beside_instructions_ns();
    assert_eq!(rig.call(nr::GETPID, &[]), 1000);
    assert_eq!(since(&rig, before), 200);
    let before = rig.kernel.time_beside_instructions_ns();
    rig.poke_words(SCRATCH + 0x1000, &[1]);
    assert_eq!(since(&rig, before), 500, "a demand-zero page, with the clearing of it");
}
