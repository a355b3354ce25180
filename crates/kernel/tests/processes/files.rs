//! Files that processes share: locks that close a circle, programs that are written to.

use crate::common::processes::{FIRST, nr};
use crate::common::{Rig, SCRATCH, add_program, tiny_elf};

const OPEN: u64 = 2;
const CLOSE: u64 = 3;
const FCNTL: u64 = 72;
const TRUNCATE: u64 = 76;
const F_SETLKW: u64 = 7;
const O_WRONLY: u64 = 1;
const O_TRUNC: u64 = 0o1000;
const EDEADLK: i64 = -35;
const ETXTBSY: i64 = -26;
const PATH: u64 = SCRATCH;
const FLOCK: u64 = SCRATCH + 0x100;
const ARGV: u64 = SCRATCH + 0x200;

impl Rig {
    fn open_file(&mut self, path: &str, flags: u64) -> i64 {
        self.poke(PATH, format!("{path}\0").as_bytes());
        self.call(OPEN, &[PATH, flags])
    }

    /// Puts a `struct flock` for one byte where the call finds it.
    fn lock_args(&mut self, kind: u64, byte: u64) -> [u64; 3] {
        self.poke_words(FLOCK, &[kind, byte, 1, 0]);
        [3, F_SETLKW, FLOCK]
    }
}

#[test]
fn a_circle_of_locks_is_refused() {
    let mut rig = Rig::new();
    std::fs::write(rig.folder.path().join("data"), "x").unwrap();
    assert_eq!(rig.open_file("/data", 2), 3);
    let a = rig.fork();
    let b = rig.fork();
    for (pid, byte) in [(FIRST, 0), (a, 1), (b, 2)] {
        rig.turn_to(pid);
        let args = rig.lock_args(1, byte);
        assert_eq!(rig.call(FCNTL, &args), 0, "{pid} has {byte}");
    }
    for (pid, byte) in [(FIRST, 1), (a, 2)] {
        rig.turn_to(pid);
        let args = rig.lock_args(1, byte);
        rig.leave(FCNTL, &args);
    }
    rig.turn_to(b);
    let args = rig.lock_args(1, 0);
    assert_eq!(rig.call(FCNTL, &args), EDEADLK, "who has byte 0 waits for who waits for this process");
    rig.exit(0);
    assert_eq!((rig.pid(), rig.result()), (a, 0), "the other two go on in turn");
    rig.exit(0);
    assert_eq!((rig.pid(), rig.result()), (FIRST, 0));
}

#[test]
fn a_program_is_executed_or_written() {
    let mut rig = Rig::new();
    add_program(rig.folder.path(), "other", &tiny_elf());
    add_program(rig.folder.path(), "script", b"#!/other\n");
    for flags in [O_WRONLY, 2, O_TRUNC] {
        assert_eq!(rig.open_file("/prog", flags), ETXTBSY, "{flags:#o}");
    }
    assert_eq!(rig.call(TRUNCATE, &[PATH, 0]), ETXTBSY);
    assert_eq!(rig.open_file("/prog", 0), 3);
    for path in ["/other", "/script"] {
        let fd = rig.open_file(path, O_WRONLY) as u64;
        rig.poke_words(ARGV, &[PATH, 0]);
        assert_eq!(rig.call(nr::EXECVE, &[PATH, ARGV, 0]), ETXTBSY, "{path}");
        rig.call(CLOSE, &[fd]);
    }
    let child = rig.fork_and_follow();
    rig.exec(b"/script", &["x"], &[]).unwrap();
    assert_eq!(rig.open_file("/other", O_WRONLY), ETXTBSY);
    assert_eq!(rig.open_file("/script", O_WRONLY), 4, "not the script, only what runs it");
    rig.turn_to(FIRST);
    assert_eq!(rig.open_file("/prog", O_WRONLY), ETXTBSY, "the parent still runs it");
    assert_eq!(rig.open_file("/other", O_WRONLY), ETXTBSY);
    rig.turn_to(child);
    rig.exit(0);
    assert_eq!(rig.open_file("/other", O_WRONLY), 4);
}
