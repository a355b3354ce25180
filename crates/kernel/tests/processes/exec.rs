//! execve: what the new program is given, what stays of the old one, and what is refused.

use crate::common::processes::{ANY, EACCES, EFAULT, FIRST, nr};
use crate::common::signals::{SIGUSR1, SIGUSR2, bit};
use crate::common::{ENTRY, Rig, SCRATCH, add_program};
use arch::Gpr;
use pagewalk_kernel::Disposition;

const TEXT: u64 = SCRATCH + 0x200;
const LISTS: u64 = SCRATCH + 0x800;
const ENOENT: i64 = -2;
const E2BIG: i64 = -7;
const ENOEXEC: i64 = -8;
const FCNTL: u64 = 72;
const F_SETFD: u64 = 2;
const F_GETFD: u64 = 1;

impl Rig {
    /// Writes strings and a list of pointers to them, and gives the list.
    fn strings(&mut self, at: u64, texts: &[&str]) -> u64 {
        let mut text_at = at + 8 * (texts.len() as u64 + 1);
        let list = at;
        let mut pointers = Vec::new();
        for text in texts {
            self.poke(text_at, format!("{text}\0").as_bytes());
            pointers.push(text_at);
            text_at += text.len() as u64 + 1;
        }
        pointers.push(0);
        self.poke_words(list, &pointers);
        list
    }

    fn execve(&mut self, path: &str, argv: &[&str], envp: &[&str]) -> Disposition {
        self.poke(TEXT, format!("{path}\0").as_bytes());
        let (argv, envp) = (self.strings(LISTS, argv), self.strings(LISTS + 0x200, envp));
        self.syscall(nr::EXECVE, &[TEXT, argv, envp])
    }

    /// What execve returns if it fails.
    fn refused(&mut self, path: &str) -> i64 {
        let rip = self.ctx.rip;
        assert_eq!(self.execve(path, &["x"], &[]), Disposition::Resume);
        assert_eq!(self.ctx.rip, rip + 2, "{path} was executed");
        self.result()
    }

    /// The strings that a stack slot's pointers name, up to the null pointer.
    fn stack_strings(&mut self, mut slot: u64) -> (Vec<String>, u64) {
        let mut texts = Vec::new();
        loop {
            let mut at = self.peek_word(slot);
            slot += 8;
            if at == 0 {
                return (texts, slot);
            }
            let mut text = String::new();
            while self.peek(at, 1) != [0] {
                text.push(char::from(self.peek(at, 1)[0]));
                at += 1;
            }
            texts.push(text);
        }
    }
}

#[test]
fn the_new_program_has_arguments_environment_and_clean_registers() {
    let mut rig = Rig::new();
    let child = rig.fork_and_follow();
    rig.ctx.fs_base = 7;
    assert_eq!(rig.execve("/prog", &["name", "", "two words"], &["A=1", "B="]), Disposition::Resume);
    assert_eq!((rig.pid(), rig.ctx.rip, rig.ctx.fs_base), (child, ENTRY, 0));
    let rsp = rig.ctx.reg(Gpr::Rsp);
    assert_eq!(rig.peek_word(rsp), 3);
    let (argv, after) = rig.stack_strings(rsp + 8);
    let (envp, _) = rig.stack_strings(after);
    assert_eq!(argv, ["name", "", "two words"]);
    assert_eq!(envp, ["A=1", "B="]);
    assert!(rig.ctx.gpr.iter().enumerate().all(|(n, &value)| value == 0 || n == Gpr::Rsp as usize));
    rig.turn_to(FIRST);
    assert_eq!(rig.peek(SCRATCH, 4), [0; 4], "the parent is as it was");
}

#[test]
fn without_arguments_a_program_has_an_empty_name() {
    let mut rig = Rig::new();
    rig.poke(TEXT, b"/prog\0");
    assert_eq!(rig.syscall(nr::EXECVE, &[TEXT, 0, 0]), Disposition::Resume);
    let rsp = rig.ctx.reg(Gpr::Rsp);
    assert_eq!(rig.peek_word(rsp), 1);
    assert_eq!(rig.stack_strings(rsp + 8).0, [""]);
}

#[test]
fn descriptors_close_on_exec_if_they_are_told_to() {
    let mut rig = Rig::new();
    let kept = rig.call(32, &[1]) as u64;
    let closed = rig.call(32, &[1]) as u64;
    assert_eq!(rig.call(FCNTL, &[closed, F_SETFD, 1]), 0);
    rig.fork_and_follow();
    rig.execve("/prog", &["x"], &[]);
    assert_eq!(rig.call(FCNTL, &[kept, F_GETFD]), 0);
    assert_eq!(rig.call(FCNTL, &[closed, F_GETFD]), -9, "EBADF");
    rig.turn_to(FIRST);
    assert_eq!(rig.call(FCNTL, &[closed, F_GETFD]), 1, "not the parent's");
}

#[test]
fn handlers_go_and_what_is_ignored_blocked_or_pending_stays() {
    let mut rig = Rig::new();
    rig.handle(SIGUSR1, 0, 0);
    rig.set_action(SIGUSR2, 1, 0, 0);
    let stack = rig.call(nr::MMAP, &[0, 0x4000, 3, 0x22, ANY, 0]) as u64;
    rig.poke_words(SCRATCH, &[stack, 0, 0x4000]);
    assert_eq!(rig.call(131, &[SCRATCH, 0]), 0, "sigaltstack");
    rig.block(bit(SIGUSR1));
    rig.raise(SIGUSR1);
    assert_eq!(rig.execve("/prog", &["x"], &[]), Disposition::Resume);
    let handler = |rig: &mut Rig, signal| {
        assert_eq!(rig.call(13, &[signal, 0, SCRATCH, 8]), 0);
        rig.peek_word(SCRATCH)
    };
    assert_eq!((handler(&mut rig, SIGUSR1), handler(&mut rig, SIGUSR2)), (0, 1));
    assert_eq!(rig.mask(), bit(SIGUSR1));
    assert_eq!(rig.call(nr::RT_SIGPENDING, &[SCRATCH, 8]), 0);
    assert_eq!(rig.peek_word(SCRATCH), bit(SIGUSR1));
    assert_eq!(rig.call(131, &[0, SCRATCH]), 0);
    assert_eq!(rig.peek_word(SCRATCH + 8), 2, "SS_DISABLE");
    rig.poke_words(SCRATCH, &[0]);
    let end = rig.syscall(14, &[2, SCRATCH, 0, 8]);
    assert!(matches!(end, Disposition::Exit(status) if status.code() == 138), "the default again");
}

#[test]
fn ids_timers_and_the_working_directory_stay() {
    let mut rig = Rig::new();
    std::fs::create_dir(rig.folder.path().join("sub")).unwrap();
    let child = rig.fork_and_follow();
    rig.poke(TEXT, b"/sub\0");
    assert_eq!(rig.call(80, &[TEXT]), 0, "chdir");
    assert_eq!(rig.call(95, &[0o27]), 0o22, "umask");
    assert_eq!(rig.call(nr::SETPGID, &[0, 0]), 0);
    rig.call(nr::ALARM, &[50]);
    rig.execve("/prog", &["x"], &[]);
    assert_eq!(rig.call(nr::GETPID, &[]) as u64, child);
    assert_eq!(rig.call(nr::GETPGID, &[0]) as u64, child);
    assert_eq!(rig.call(95, &[0]), 0o27);
    assert_eq!(rig.call(79, &[SCRATCH, 100]), 5, "getcwd");
    assert_eq!(rig.peek(SCRATCH, 5), b"/sub\0");
    assert_eq!(rig.call(nr::ALARM, &[0]), 50);
}

#[test]
fn what_cannot_be_executed_is_refused_and_changes_nothing() {
    let mut rig = Rig::new();
    add_program(rig.folder.path(), "text", b"just text\n");
    add_program(rig.folder.path(), "empty", b"");
    add_program(rig.folder.path(), "no-interpreter", b"#!/none\n");
    add_program(rig.folder.path(), "loop", b"#!/loop\n");
    std::fs::write(rig.folder.path().join("not-executable"), b"\x7fELF").unwrap();
    rig.handle(SIGUSR1, 0, 0);
    rig.poke(SCRATCH + 0xf00, b"still here");
    for (path, error) in [
        ("/none", ENOENT),
        ("", ENOENT),
        ("/prog/x", -20),
        ("/", EACCES),
        ("/not-executable", EACCES),
        ("/text", ENOEXEC),
        ("/empty", ENOEXEC),
        ("/no-interpreter", ENOENT),
        ("/loop", -40),
    ] {
        assert_eq!(rig.refused(path), error, "{path}");
    }
    assert_eq!(rig.peek(SCRATCH + 0xf00, 10), b"still here");
    rig.raise(SIGUSR1);
    assert!(rig.in_handler());
}

#[test]
fn bad_pointers_and_long_lists_are_refused() {
    let mut rig = Rig::new();
    rig.poke(TEXT, b"/prog\0");
    rig.poke_words(LISTS, &[8, 0]);
    assert_eq!(rig.call(nr::EXECVE, &[8, 0, 0]), EFAULT);
    assert_eq!(rig.call(nr::EXECVE, &[TEXT, 8, 0]), EFAULT);
    assert_eq!(rig.call(nr::EXECVE, &[TEXT, LISTS, 0]), EFAULT);
    assert_eq!(rig.call(nr::EXECVE, &[TEXT, 0, LISTS]), EFAULT);
    let big = rig.call(nr::MMAP, &[0, 0x40_000, 3, 0x22, ANY, 0]) as u64;
    rig.poke(big, &[b'x'; 0x20_000]);
    rig.poke_words(LISTS, &[big, 0]);
    assert_eq!(rig.call(nr::EXECVE, &[TEXT, LISTS, 0]), E2BIG, "one string of 128 KiB");
    let string = big + 0x10_000;
    for slot in 0..100 {
        rig.poke_words(LISTS + 8 * slot, &[string]);
    }
    rig.poke_words(LISTS + 800, &[0]);
    assert_eq!(rig.call(nr::EXECVE, &[TEXT, LISTS, 0]), E2BIG, "6 MiB in all");
}

/// A list that never ends is bounded too.
#[test]
fn a_list_without_an_end_is_refused() {
    let mut rig = Rig::new();
    rig.poke(TEXT, b"/prog\0");
    rig.poke(SCRATCH, b"\0");
    let pages = 0x80_0000;
    let list = rig.call(nr::MMAP, &[0, pages, 3, 0x22, ANY, 0]) as u64;
    let page: Vec<u64> = vec![SCRATCH; 512];
    for at in (0..pages).step_by(0x1000) {
        rig.poke_words(list + at, &page[..1]);
        let pa = rig.access(list + at, arch::AccessKind::Write).unwrap();
        let bytes: Vec<u8> = page.iter().flat_map(|word| word.to_le_bytes()).collect();
        paging::PhysMem::write(&mut rig.bus, pa, &bytes);
    }
    assert_eq!(rig.call(nr::EXECVE, &[TEXT, list, 0]), E2BIG);
}

#[test]
fn a_script_runs_its_interpreter() {
    let mut rig = Rig::new();
    add_program(rig.folder.path(), "script", b"#! /prog  -x y \nignored\n");
    assert_eq!(rig.execve("/script", &["called-as", "arg"], &[]), Disposition::Resume);
    let rsp = rig.ctx.reg(Gpr::Rsp);
    assert_eq!(rig.stack_strings(rsp + 8).0, ["/prog", "-x y", "/script", "arg"]);
    assert_eq!(rig.call(nr::PRCTL, &[16, SCRATCH]), 0);
    assert_eq!(rig.peek(SCRATCH, 7), b"script\0", "named after the script");
}

#[test]
fn executing_again_and_again_leaves_no_frame_behind() {
    let mut rig = Rig::new();
    rig.poke(SCRATCH, b"x");
    rig.execve("/prog", &["x"], &[]);
    rig.access(ENTRY, arch::AccessKind::Fetch).unwrap();
    let frames = rig.kernel.frames().in_use();
    for _ in 0..5 {
        let child = rig.fork_and_follow();
        rig.poke(SCRATCH, b"copied");
        rig.execve("/prog", &["x"], &[]);
        rig.poke(SCRATCH, b"new");
        rig.refused("/none");
        rig.exit(0);
        assert_eq!(rig.call(nr::WAIT4, &[child, 0, 0, 0]) as u64, child);
    }
    assert_eq!(rig.kernel.frames().in_use(), frames);
}

#[test]
fn a_parent_may_move_a_child_to_a_group_until_it_executes() {
    let mut rig = Rig::new();
    let child = rig.fork();
    assert_eq!(rig.call(nr::SETPGID, &[child, child]), 0);
    rig.turn_to(child);
    assert_eq!(rig.execve("/prog", &["x"], &[]), Disposition::Resume);
    rig.turn_to(FIRST);
    assert_eq!(rig.call(nr::SETPGID, &[child, FIRST]), EACCES);
    rig.turn_to(child);
    assert_eq!(rig.call(nr::SETPGID, &[0, FIRST]), 0, "itself it may move");
}
