//! A program's life without a core: boot, exec, the first faults, output, exit; and what exec refuses.

mod common;

use arch::{AccessKind, Gpr};
use common::{CODE, DATA, ENTRY, HEAP, Rig, SCRATCH, add_program};
use event::{Event, Resolution};
use pagewalk_kernel::{Disposition, ExecError, ExitStatus};
use paging::PhysMem;

fn resolutions(rig: &Rig) -> Vec<Resolution> {
    rig.events.0.iter().filter_map(|e| if let Event::Fault(f) = e { Some(f.resolution) } else { None }).collect()
}

#[test]
fn a_program_is_loaded_page_by_page_writes_and_exits() {
    let mut rig = Rig::new();
    assert_eq!((rig.ctx.rip, rig.ctx.reg(Gpr::Rsp)), (ENTRY, 0x7fff_ffff_d800));
    rig.events.0.clear();

    let pa = rig.access(ENTRY, AccessKind::Fetch).unwrap();
    let mut code = [0; 4];
    rig.bus.read(pa, &mut code);
    assert_eq!(code, [0x90, 0x90, 0x0f, 0x05], "the file's bytes");
    assert_eq!(resolutions(&rig).len(), 1, "one page, one fault");

    assert_eq!(rig.peek(DATA + 0x800, 5), b"data\n");
    assert_eq!(rig.peek(DATA + 0x1000, 8), [0; 8], "bss");
    rig.poke(SCRATCH, b"hello, pages\n");
    assert_eq!(rig.call(1, &[1, SCRATCH, 13]), 13);
    assert_eq!(rig.call(1, &[2, DATA + 0x800, 5]), 5);
    assert_eq!(rig.output.borrow().out, b"hello, pages\n");
    assert_eq!(rig.output.borrow().err, b"data\n");
    assert_eq!(rig.call(0, &[0, SCRATCH, 100]), 6);
    assert_eq!(rig.peek(SCRATCH, 6), b"input\n");

    assert_eq!(rig.call(12, &[0]) as u64, HEAP);
    assert_eq!(rig.call(12, &[HEAP + 100]) as u64, HEAP + 100);
    rig.poke(HEAP + 99, b"x");
    let map = rig.call(9, &[0, 0x2000, 3, 0x22, u64::MAX, 0]) as u64;
    rig.poke(map + 0x1fff, b"y");
    assert_eq!(rig.call(11, &[map, 0x2000]), 0);

    assert_eq!(rig.syscall(231, &[0x107]), Disposition::Exit(ExitStatus::Exited(7)));
}

#[test]
fn the_initial_stack_reads_as_a_c_library_reads_it() {
    let mut rig = Rig::booted();
    rig.exec(b"/prog", &["prog", "one", "two"], &["A=b"]).unwrap();
    let rsp = rig.ctx.reg(Gpr::Rsp);
    assert_eq!(rsp % 16, 0);
    assert_eq!(rig.peek_word(rsp), 3);
    let arg = rig.peek_word(rsp + 16);
    assert_eq!(rig.peek(arg, 4), b"one\0");
    assert_eq!(rig.peek_word(rsp + 32), 0);
    let env = rig.peek_word(rsp + 40);
    assert_eq!(rig.peek(env, 4), b"A=b\0");
    assert_eq!(rig.peek_word(rsp + 56), 51, "the auxiliary vector follows");
    assert!(rig.ctx.gpr.iter().enumerate().all(|(n, &value)| value == 0 || n == Gpr::Rsp as usize));
}

#[test]
fn the_same_seed_gives_the_same_start() {
    let starts = [(); 2].map(|()| {
        let mut rig = Rig::new();
        let rsp = rig.ctx.reg(Gpr::Rsp);
        rig.peek(rsp, 0x1800)
    });
    assert!(starts[0] == starts[1]);
}

#[test]
fn exec_again_leaves_no_frame_behind() {
    let mut rig = Rig::new();
    rig.poke(SCRATCH, b"x");
    rig.exec(b"/prog", &["prog"], &[]).unwrap();
    let one = rig.kernel.frames().in_use();
    for _ in 0..3 {
        rig.poke(SCRATCH, b"x");
        rig.exec(b"/prog", &["prog"], &[]).unwrap();
    }
    assert_eq!(rig.kernel.frames().in_use(), one);
}

#[test]
fn what_cannot_be_executed_is_told_apart() {
    let mut rig = Rig::booted();
    add_program(rig.folder.path(), "text", b"just text\n");
    std::fs::write(rig.folder.path().join("noexec"), b"\x7fELF").unwrap();
    let frames = rig.kernel.frames().in_use();
    for (path, code) in [("/none", 127), ("/prog/x", 127), ("/text", 126), ("/noexec", 126), ("/", 126)] {
        let error = rig.exec(path.as_bytes(), &["x"], &[]).unwrap_err();
        assert_eq!(error.exit_code(), code, "{path}: {error}");
    }
    let long = "x".repeat(200_000);
    assert!(matches!(rig.exec(b"/prog", &["prog", &long], &[]), Err(ExecError::TooBig { .. })));
    assert!(rig.kernel.frames().in_use() - frames < 8, "only page-cache frames of the files' heads stay");
    rig.exec(b"/prog", &["prog"], &[]).unwrap();
}

#[test]
fn a_script_runs_its_interpreter() {
    let mut rig = Rig::booted();
    add_program(rig.folder.path(), "script", b"#!/prog -x y\nignored\n");
    add_program(rig.folder.path(), "loop", b"#!/loop\n");
    rig.exec(b"/script", &["called-as", "arg"], &[]).unwrap();
    let rsp = rig.ctx.reg(Gpr::Rsp);
    assert_eq!(rig.peek_word(rsp), 4);
    for (slot, text) in [&b"/prog\0"[..], b"-x y\0", b"/script\0", b"arg\0"].into_iter().enumerate() {
        let at = rig.peek_word(rsp + 8 + 8 * slot as u64);
        assert_eq!(rig.peek(at, text.len()), text);
    }
    assert!(matches!(rig.exec(b"/loop", &["l"], &[]), Err(ExecError::File { .. })));
}

#[test]
fn a_bad_access_ends_with_a_report() {
    let mut rig = Rig::new();
    let Err(Disposition::Exit(status)) = rig.access(CODE + 8, AccessKind::Write) else { panic!("not ended") };
    assert_eq!(status.code(), 139);
    let ExitStatus::Killed(death) = status else { panic!("not killed") };
    assert_eq!(death.info.code(), 2, "SEGV_ACCERR");
    let text = death.to_string();
    assert!(text.starts_with("SIGSEGV: write to 0x400008, in the mapping 400000-401000 r-x /prog"), "{text}");

    let mut rig = Rig::new();
    let Err(Disposition::Exit(status)) = rig.access(HEAP + 16, AccessKind::Read) else { panic!("not ended") };
    let text = match &status {
        ExitStatus::Killed(death) => death.to_string(),
        ExitStatus::Exited(_) => panic!("not killed"),
    };
    assert!(text.contains("16 bytes past the end of"), "{text}");
}
