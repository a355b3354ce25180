//! Random bytes as code: whatever a program jumps to, the core ends in an exception, at a limit or at an exit. It never
//! panics and never hangs.
//!
//! A third of the strings are random bytes, a third are instructions one after another, and a third are such instructions with
//! a few bits changed or prefixes put in front. Where the first instruction is one of [`crate::isa::forms`], it is also
//! compared with the processor, which reaches encodings that no assembler makes: prefixes without effect, or too many.

use crate::isa::compare::differences;
use crate::isa::emulated::Emulated;
use crate::isa::encode::plan;
use crate::isa::forms::{self, Form, Judgement};
use crate::isa::layout::{CODE_AT, DATA, DATA_BYTES};
use crate::isa::native::{Case, Native};
use crate::isa::random::Random;
use crate::isa::registers::{End, Registers};
use crate::isa::state;
use crate::isa::values::{self, Kind};
use cpu::Exit;
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The longest string.
const BYTES: usize = 48;
/// Instructions that each string may execute.
const FUEL: u64 = 2_000;
/// Seconds after which a string counts as one that hangs.
const PATIENCE_SECONDS: u64 = 20;

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How the strings ended, and how many in each way.
    pub endings: BTreeMap<String, u64>,
    /// First instructions that were compared with the processor.
    pub compared: u64,
    /// Strings on which the core panicked, or differed from the processor.
    pub failures: Vec<String>,
}

/// Runs `count` strings. A string that hangs ends the process.
///
/// # Errors
/// If there is no child process.
pub fn run(count: u64, seed: u64) -> std::io::Result<Report> {
    let mut judge = Judge::new()?;
    let mut report = Report::default();
    let (at, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| watch(&at, &done));
        for k in 0..count {
            at.store(k, Ordering::Relaxed);
            judge.string(k, seed, &mut report);
        }
        done.store(true, Ordering::Relaxed);
    });
    Ok(report)
}

/// Ends the process if a string takes too long.
fn watch(at: &AtomicU64, done: &AtomicBool) {
    let (mut last, mut ticks) = (u64::MAX, 0);
    while !done.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(50));
        let now = at.load(Ordering::Relaxed);
        ticks = if now == last { ticks + 1 } else { 0 };
        last = now;
        if ticks > PATIENCE_SECONDS * 20 {
            eprintln!("string {now} hangs");
            std::process::exit(1);
        }
    }
}

struct Judge {
    forms: Vec<Form>,
    core: Emulated,
    native: Native,
    background: Vec<u8>,
}

impl Judge {
    fn new() -> std::io::Result<Self> {
        let native = Native::start()?;
        let core = Emulated::new().map_err(std::io::Error::other)?;
        let background = state::background(&mut Random::new(1));
        Ok(Self { forms: forms::all().collect(), core, native, background })
    }

    fn string(&mut self, k: u64, seed: u64, report: &mut Report) {
        let mut rng = Random::new(seed ^ k.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let code = self.code(&mut rng);
        let mut case = Case { regs: registers(&mut rng), code, insns: 1, memory: self.background.clone() };
        match catch_unwind(AssertUnwindSafe(|| self.core.run_code(&case, FUEL))) {
            Ok(exit) => *report.endings.entry(name(&exit)).or_default() += 1,
            Err(_) => {
                report.failures.push(format!("string {k}: the core panics at {:02x?}", case.code));
                self.core = Emulated::new().expect("there was RAM before");
                return;
            }
        }
        let mut decoder = Decoder::with_ip(64, &case.code, CODE_AT, DecoderOptions::FORCE_RESERVED_NOP);
        let insn = decoder.decode();
        if self.is_comparable(&insn, &case.code) {
            case.code.truncate(insn.len());
            self.compare(k, &insn, &case, report);
        }
    }

    fn code(&self, rng: &mut Random) -> Vec<u8> {
        let mut bytes = Vec::new();
        let kind = rng.below(3);
        while bytes.len() < 16 {
            match kind {
                0 => bytes.push(rng.bits() as u8),
                _ => bytes.extend(plan(rng.pick(&self.forms).code, rng).map_or(vec![0x90], |plan| plan.bytes)),
            }
        }
        if kind == 2 {
            for _ in 0..1 + rng.below(3) {
                let at = rng.below(12) as usize;
                bytes[at] ^= 1 << rng.below(8);
            }
            const PREFIXES: [u8; 12] = [0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x40, 0x48];
            for _ in 0..rng.below(4) {
                bytes.insert(0, rng.pick(&PREFIXES));
            }
        }
        bytes.truncate(BYTES);
        bytes
    }

    /// Only forms that are compared bit by bit, and nothing that might enter the kernel, slow it down, run the instruction's
    /// own bytes as another one, or depends on which states the processor can save.
    fn is_comparable(&self, insn: &Instruction, code: &[u8]) -> bool {
        let known = self.forms.iter().any(|f| f.code == insn.code() && f.judgement == Judgement::Exact);
        let enters = |pair: &[u8]| matches!(pair, [0x0f, 0x05 | 0x34] | [0xcd, _]);
        let locked = insn.has_lock_prefix() || insn.mnemonic() == Mnemonic::Xchg && insn.op0_kind() == OpKind::Memory;
        let into_itself = insn.near_branch_target().wrapping_sub(CODE_AT) < insn.len() as u64;
        let far = matches!(
            insn.flow_control(),
            FlowControl::Return | FlowControl::IndirectBranch | FlowControl::IndirectCall
        );
        let by_processor = insn.code().op_code().is_save_restore() || insn.mnemonic() == Mnemonic::Wrpkru;
        known && !locked && !into_itself && !far && !by_processor && !code.windows(2).any(enters)
    }

    fn compare(&mut self, k: u64, insn: &Instruction, case: &Case, report: &mut Report) {
        let Ok(native) = self.native.run(std::slice::from_ref(case)) else {
            // It wrote over the child; nothing is known.
            if let Ok(native) = Native::start() {
                self.native = native;
            }
            return;
        };
        let Ok(got) = catch_unwind(AssertUnwindSafe(|| self.core.run(case))) else { return };
        if got.end == End::Unsupported || matches!(native[0].end, End::Other(_)) {
            return;
        }
        report.compared += 1;
        let differ = differences(insn, Judgement::Exact, &native[0], &got);
        if !differ.is_empty() {
            report.failures.push(format!("string {k}: {:02x?} ({insn}): {}", case.code, differ.join("; ")));
        }
    }
}

/// Registers that mostly point to memory, or near to it.
fn registers(rng: &mut Random) -> Registers {
    let mut regs = Registers::at_start(CODE_AT);
    for value in &mut regs.gpr {
        *value = if rng.percent(70) { DATA + rng.below(DATA_BYTES as u64) } else { values::integer(rng) };
    }
    regs.rflags |= rng.bits() & arch::Rflags::STATUS.bits();
    for n in 0..16 {
        regs.set_xmm(n, values::vector(rng, Kind::Single));
        regs.ymm_high[n] = values::vector(rng, Kind::Double);
    }
    regs
}

fn name(exit: &Exit) -> String {
    match exit {
        Exit::Fuel => "limit".to_string(),
        Exit::Syscall => "system call".to_string(),
        Exit::PageFault(_) => "#PF".to_string(),
        Exit::Exception(exception) => exception.mnemonic().to_string(),
        Exit::Unsupported(_) => "not executed by the core".to_string(),
    }
}
