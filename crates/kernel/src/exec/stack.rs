//! The initial stack: what a program finds at rsp when it starts (Linux's `create_elf_tables`).
//!
//! ```text
//!   STACK_TOP   8 zero bytes
//!               the program's path (AT_EXECFN)
//!               environment strings
//!               argument strings
//!               "x86_64" (AT_PLATFORM), 16 random bytes (AT_RANDOM)
//!               padding
//!               auxiliary vector, ended by AT_NULL
//!               pointers to the environment strings, ended by 0
//!               pointers to the arguments, ended by 0
//!   rsp         argc
//! ```
//! Padding makes rsp the same whatever the path and the arguments are, so that a program's stack addresses, and with them
//! its faults, do not depend on where it was started from: the whole takes 6 KiB, or if that is too little 4 KiB more, and so
//! on. With the usual environment rsp is 0x7fffffffd800.

use crate::mm::{STACK_TOP, Strings};
use crate::process::Credentials;
use crate::signal::min_signal_stack;
use arch::{FRAME_SIZE, FeatureWord, Features, LinearAddr};
use loader::LoadPlan;
use std::rc::Rc;

/// The least that the initial stack takes, in bytes.
const LEAST_BYTES: u64 = FRAME_SIZE + FRAME_SIZE / 2;
/// By what it grows, in bytes.
const STEP_BYTES: u64 = FRAME_SIZE;

const PLATFORM: &[u8] = b"x86_64\0";

/// Clock ticks per second that user programs are told of (USER_HZ).
const CLOCK_TICKS: u64 = 100;

/// The bit of AT_HWCAP2 for RDFSBASE and its like (HWCAP2_FSGSBASE).
const HWCAP2_FSGSBASE: u64 = 1 << 1;

/// What a program is started with.
pub(super) struct StackPlan<'a> {
    pub(super) plan: &'a LoadPlan,
    /// Where the dynamic loader is (AT_BASE); 0 without one.
    pub(super) loader_bias: u64,
    /// The path of the program, for AT_EXECFN.
    pub(super) path: &'a [u8],
    pub(super) argv: &'a [Vec<u8>],
    pub(super) envp: &'a [Vec<u8>],
    pub(super) random: [u8; 16],
    pub(super) credentials: Credentials,
    pub(super) features: Features,
}

/// The stack's bytes, from `rsp` to STACK_TOP.
pub(super) struct InitialStack {
    pub(super) rsp: LinearAddr,
    pub(super) bytes: Vec<u8>,
    /// The auxiliary vector in it.
    pub(super) auxv: Rc<[u8]>,
    /// Where the arguments and the environment are in it.
    pub(super) strings: Strings,
}

/// Where the parts above the padding go.
struct Placed {
    argv: Vec<u64>,
    envp: Vec<u64>,
    execfn: u64,
    platform: u64,
    random: u64,
}

impl Placed {
    fn strings(&self) -> Strings {
        let env = self.envp.first().copied().unwrap_or(self.execfn);
        let arg = self.argv.first().copied().unwrap_or(env);
        let [arg_start, arg_end, env_start, env_end] = [arg, env, env, self.execfn].map(LinearAddr);
        Strings { arg_start, arg_end, env_start, env_end }
    }
}

impl StackPlan<'_> {
    pub(super) fn build(&self) -> InitialStack {
        let placed = self.place();
        let table = self.table(&placed);
        let table_bytes = table.len() as u64 * 8;
        let least = (STACK_TOP.0 - placed.random + table_bytes + 15) & !15;
        let size = LEAST_BYTES + least.saturating_sub(LEAST_BYTES).next_multiple_of(STEP_BYTES);
        let rsp = STACK_TOP.0 - size;
        let mut bytes: Vec<u8> = table.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.resize(size as usize, 0);
        let mut put = |at: u64, text: &[u8]| {
            let at = (at - rsp) as usize;
            bytes[at..at + text.len()].copy_from_slice(text);
        };
        put(placed.random, &self.random);
        put(placed.platform, PLATFORM);
        put(placed.execfn, self.path);
        for (&at, text) in placed.argv.iter().zip(self.argv).chain(placed.envp.iter().zip(self.envp)) {
            put(at, text);
        }
        let auxv = self.auxv(&placed).into_iter().flatten().flat_map(u64::to_le_bytes).collect();
        InitialStack { rsp: LinearAddr(rsp), bytes, auxv, strings: placed.strings() }
    }

    fn place(&self) -> Placed {
        let mut at = STACK_TOP.0 - 8;
        let mut down = |text: &Vec<u8>| {
            at -= text.len() as u64 + 1;
            at
        };
        let execfn = down(&self.path.to_vec());
        let mut lowest_last = |texts: &[Vec<u8>]| {
            let mut places: Vec<u64> = texts.iter().rev().map(&mut down).collect();
            places.reverse();
            places
        };
        let envp = lowest_last(self.envp);
        let argv = lowest_last(self.argv);
        let platform = (at & !15) - PLATFORM.len() as u64;
        Placed { argv, envp, execfn, platform, random: platform - 16 }
    }

    /// argc, the pointers and the auxiliary vector.
    fn table(&self, placed: &Placed) -> Vec<u64> {
        let mut table = vec![self.argv.len() as u64];
        for pointers in [&placed.argv, &placed.envp] {
            table.extend_from_slice(pointers);
            table.push(0);
        }
        table.extend(self.auxv(placed).into_iter().flatten());
        table
    }

    /// In the order of Linux 6.6. There is no vDSO and no rseq, so AT_SYSINFO_EHDR and AT_RSEQ_* are absent.
    fn auxv(&self, placed: &Placed) -> [[u64; 2]; 20] {
        let who = &self.credentials;
        let hwcap2 = if self.features.contains(Features::FSGSBASE) { HWCAP2_FSGSBASE } else { 0 };
        [
            [auxv::MINSIGSTKSZ, min_signal_stack(self.features)],
            [auxv::HWCAP, self.features.cpuid(FeatureWord::Leaf1Edx).into()],
            [auxv::PAGESZ, FRAME_SIZE],
            [auxv::CLKTCK, CLOCK_TICKS],
            [auxv::PHDR, self.plan.phdr.0],
            [auxv::PHENT, u64::from(self.plan.phent)],
            [auxv::PHNUM, u64::from(self.plan.phnum)],
            [auxv::BASE, self.loader_bias],
            [auxv::FLAGS, 0],
            [auxv::ENTRY, self.plan.entry.0],
            [auxv::UID, u64::from(who.user.real)],
            [auxv::EUID, u64::from(who.user.effective)],
            [auxv::GID, u64::from(who.group.real)],
            [auxv::EGID, u64::from(who.group.effective)],
            [auxv::SECURE, 0],
            [auxv::RANDOM, placed.random],
            [auxv::HWCAP2, hwcap2],
            [auxv::EXECFN, placed.execfn],
            [auxv::PLATFORM, placed.platform],
            [auxv::NULL, 0],
        ]
    }
}

/// Types of the auxiliary vector's entries (Linux's `include/uapi/linux/auxvec.h`).
mod auxv {
    pub(super) const NULL: u64 = 0;
    pub(super) const PHDR: u64 = 3;
    pub(super) const PHENT: u64 = 4;
    pub(super) const PHNUM: u64 = 5;
    pub(super) const PAGESZ: u64 = 6;
    pub(super) const BASE: u64 = 7;
    pub(super) const FLAGS: u64 = 8;
    pub(super) const ENTRY: u64 = 9;
    pub(super) const UID: u64 = 11;
    pub(super) const EUID: u64 = 12;
    pub(super) const GID: u64 = 13;
    pub(super) const EGID: u64 = 14;
    pub(super) const PLATFORM: u64 = 15;
    pub(super) const HWCAP: u64 = 16;
    pub(super) const CLKTCK: u64 = 17;
    pub(super) const SECURE: u64 = 23;
    pub(super) const RANDOM: u64 = 25;
    pub(super) const HWCAP2: u64 = 26;
    pub(super) const EXECFN: u64 = 31;
    pub(super) const MINSIGSTKSZ: u64 = 51;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Ids;
    use loader::{Kind, StackProtection};

    fn plan() -> LoadPlan {
        LoadPlan {
            kind: Kind::Exec,
            bias: 0,
            segments: Vec::new(),
            entry: LinearAddr(0x40_1000),
            phdr: LinearAddr(0x40_0040),
            phnum: 3,
            phent: 56,
            brk_start: LinearAddr(0x50_0000),
            stack: StackProtection::NotExecutable,
            tls: None,
            relro: None,
            interpreter: None,
            missing_file_bytes: 0,
        }
    }

    fn build(path: &str, argv: &[&str], envp: &[&str]) -> InitialStack {
        let strings = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
        let credentials = Credentials { user: Ids::all(1000), group: Ids::all(100) };
        let (argv, envp) = (strings(argv), strings(envp));
        let (path, random) = (path.as_bytes(), *b"0123456789abcdef");
        StackPlan {
            plan: &plan(),
            loader_bias: 0,
            path,
            argv: &argv,
            envp: &envp,
            random,
            credentials,
            features: Features::V3,
        }
        .build()
    }

    /// Reads a stack as a C library does.
    struct Reader<'a>(&'a InitialStack);

    impl Reader<'_> {
        fn word(&self, at: u64) -> u64 {
            let at = (at - self.0.rsp.0) as usize;
            u64::from_le_bytes(self.0.bytes[at..at + 8].try_into().unwrap())
        }

        fn text(&self, at: u64) -> String {
            let bytes = &self.0.bytes[(at - self.0.rsp.0) as usize..];
            let end = bytes.iter().position(|&b| b == 0).unwrap();
            String::from_utf8(bytes[..end].to_vec()).unwrap()
        }

        fn texts(&self, at: &mut u64) -> Vec<String> {
            let mut texts = Vec::new();
            while self.word(*at) != 0 {
                texts.push(self.text(self.word(*at)));
                *at += 8;
            }
            *at += 8;
            texts
        }
    }

    #[test]
    fn a_c_library_finds_everything() {
        let stack = build("/bin/prog", &["prog", "-x", ""], &["A=1", "B=two"]);
        let r = Reader(&stack);
        let mut at = stack.rsp.0 + 8;
        assert_eq!(r.word(stack.rsp.0), 3);
        assert_eq!(r.texts(&mut at), ["prog", "-x", ""]);
        assert_eq!(r.texts(&mut at), ["A=1", "B=two"]);
        let mut auxv = std::collections::BTreeMap::new();
        loop {
            auxv.insert(r.word(at), r.word(at + 8));
            if r.word(at) == 0 {
                break;
            }
            at += 16;
        }
        for (kind, value) in [
            (3, 0x40_0040),
            (4, 56),
            (5, 3),
            (6, 4096),
            (7, 0),
            (8, 0),
            (9, 0x40_1000),
            (11, 1000),
            (12, 1000),
            (13, 100),
            (14, 100),
            (16, 0x0789_a171),
            (17, 100),
            (23, 0),
            (26, 2),
            (51, 1360),
        ] {
            assert_eq!(auxv.get(&kind), Some(&value), "entry {kind}");
        }
        assert!(!auxv.contains_key(&33), "no vDSO");
        assert_eq!(r.text(auxv[&31]), "/bin/prog");
        assert_eq!(r.text(auxv[&15]), "x86_64");
        let random = (auxv[&25] - stack.rsp.0) as usize;
        assert_eq!(&stack.bytes[random..random + 16], b"0123456789abcdef");
    }

    #[test]
    fn strings_lie_as_on_linux() {
        let stack = build("/p", &["ab", "c"], &["E=1"]);
        let end = stack.bytes.len();
        assert_eq!(&stack.bytes[end - 20..], b"ab\0c\0E=1\0/p\0\0\0\0\0\0\0\0\0");
    }

    #[test]
    fn rsp_is_constant_until_the_room_is_used_up() {
        assert_eq!(build("/p", &["p"], &[]).rsp.0, 0x7fff_ffff_d800);
        assert_eq!(build(&"/long".repeat(100), &["p"; 100], &["A=b"; 30]).rsp.0, 0x7fff_ffff_d800);
        assert_eq!(build("/p", &[&"x".repeat(6 << 10)], &[]).rsp.0, 0x7fff_ffff_c800);
        let big = build("/p", &[&"x".repeat(100_000)], &[]);
        assert_eq!(big.rsp.0 % 16, 0);
        assert_eq!(big.rsp.0 + big.bytes.len() as u64, STACK_TOP.0);
    }
}
