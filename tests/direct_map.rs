//! The kernel half is there, mapped for the supervisor alone: a user's access to the direct map of all physical pages is a
//! violation of rights (P=1, U=1), not a missing page, and Linux answers it with SIGSEGV, SEGV_MAPERR.

mod common;

use arch::{Access, PageFault};
use common::elf;
use pagewalk::{
    AccessKind, BufferConsole, Cause, Ending, ExitStatus, FaultReport, Interrupt, LinearAddr, Machine, MachineConfig,
    PageFaultCode, Signal, ViewConfig,
};
use paging::{Detail, HardwareModel, Invalidation, PagingContext, Translation, TranslationCache};
use std::cell::Cell;
use std::rc::Rc;

/// Where Linux maps all physical pages (4-level paging, no KASLR).
const DIRECT_MAP: u64 = 0xffff_8880_0000_0000;
/// The last byte of the address space: nothing is mapped there.
const LAST: u64 = u64::MAX;
const SEGV_MAPERR: i32 = 1;

/// `mov rax, address`, then `access`, then `ud2`, which would be another signal.
fn touching(address: u64, access: &[u8]) -> Vec<u8> {
    let mut code = vec![0x48, 0xb8];
    code.extend(address.to_le_bytes());
    code.extend(access);
    code.extend([0x0f, 0x0b]);
    elf::program(&code)
}

const READ: &[u8] = &[0x8a, 0x00]; // mov al, [rax]
const WRITE: &[u8] = &[0x88, 0x00]; // mov [rax], al
const FETCH: &[u8] = &[0xff, 0xe0]; // jmp rax

/// Listens for faults where the hardware raises them. What the kernel layer reports is not enough: like Linux it claims
/// P=1 for all of the kernel half, so that programs do not learn its layout.
struct Recorder(Rc<Cell<Option<PageFault>>>);

impl TranslationCache for Recorder {
    fn lookup(&mut self, _: &PagingContext, _: LinearAddr, _: Access) -> Option<Translation> {
        None
    }

    fn fill(&mut self, _: &PagingContext, _: LinearAddr, _: AccessKind, _: &Translation) {}

    fn displaced(&mut self) -> Option<LinearAddr> {
        None
    }

    fn invalidate(&mut self, _: Invalidation) {}
}

impl HardwareModel for Recorder {
    const DETAIL: Detail = Detail::Functional;

    fn fault(&mut self, fault: PageFault) {
        self.0.set(Some(fault));
    }
}

/// How a program died.
struct Death {
    /// The last fault, as the hardware raised it.
    raised: PageFault,
    signal: Signal,
    si_code: i32,
    report: FaultReport,
}

fn death_of(program: &[u8]) -> Death {
    let root = tempfile::tempdir().expect("a temporary folder");
    write_program(&root.path().join("program"), program);
    let view = ViewConfig { root: Some(root.path().into()), cwd: "/".into(), ..ViewConfig::default() };
    let config = MachineConfig { ram_bytes: 8 << 20, ..MachineConfig::new(view) };
    let last = Rc::default();
    let console = Box::new(BufferConsole::new(""));
    let mut machine = Machine::with_model(config, console, Interrupt::new(), Recorder(Rc::clone(&last)))
        .expect("there is memory for a machine");
    machine.exec(b"/program", &[b"program".to_vec()], &[]).expect("the program can be loaded");
    let Ending::Exit(ExitStatus::Killed(death)) = machine.run() else { panic!("it should have died") };
    let Some(Cause::Fault(report)) = death.cause else { panic!("died of {:?}", death.cause) };
    let raised = last.get().expect("there was a fault");
    Death { raised, signal: death.info.signal(), si_code: death.info.code(), report }
}

fn write_program(path: &std::path::Path, program: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, program).expect("the temporary folder takes a file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it is our file");
}

#[test]
fn a_user_access_to_the_direct_map_violates_a_right() {
    let (p, user) = (PageFaultCode::P, PageFaultCode::US);
    for (access, kind, code) in [
        (READ, AccessKind::Read, p | user),
        (WRITE, AccessKind::Write, p | user | PageFaultCode::WR),
        (FETCH, AccessKind::Fetch, p | user | PageFaultCode::ID),
    ] {
        for address in [DIRECT_MAP, DIRECT_MAP + (8 << 20) - 1] {
            let death = death_of(&touching(address, access));
            assert_eq!(death.raised, PageFault { cr2: LinearAddr(address), code });
            assert_eq!((death.signal, death.si_code), (Signal::SEGV, SEGV_MAPERR), "{kind:?} of {address:#x}");
            let FaultReport { addr, kind: reported, code: told, .. } = death.report;
            assert_eq!((addr, reported, told), (LinearAddr(address), kind, code));
        }
    }
}

#[test]
fn beyond_the_last_frame_and_at_the_end_nothing_is_mapped() {
    for address in [DIRECT_MAP + (1 << 40), LAST] {
        let death = death_of(&touching(address, READ));
        assert_eq!(death.raised, PageFault { cr2: LinearAddr(address), code: PageFaultCode::US });
        assert_eq!((death.signal, death.si_code), (Signal::SEGV, SEGV_MAPERR), "{address:#x}");
        assert!(death.report.code.contains(PageFaultCode::P), "the program does not learn that it is not mapped");
    }
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn the_host_kills_them_by_the_same_signal() {
    use std::os::unix::process::ExitStatusExt;
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (index, access) in [READ, WRITE, FETCH].into_iter().enumerate() {
        let path = folder.path().join(index.to_string());
        write_program(&path, &touching(DIRECT_MAP, access));
        let status = std::process::Command::new(&path).status().expect("the program starts");
        assert_eq!(status.signal(), Some(11));
    }
}
