//! Many forms, many states each: natively, on the core, compared.
//!
//! Case `k` of a form depends on the seed, the form and `k` alone, so that any case can be had again by itself.

use super::compare::{differences, flags_that_differ};
use super::emulated::Emulated;
use super::encode::{Plan, plan};
use super::forms::{Form, Judgement};
use super::native::{BATCH, Case, Native};
use super::random::Random;
use super::registers::{End, Outcome};
use super::state::{self, Alignment};
use iced_x86::Code;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// States for each form.
    pub states: u64,
    /// Where the random sequences begin.
    pub seed: u64,
    /// Threads, each with a native child.
    pub jobs: usize,
    /// Alignment checks.
    pub alignment: Alignment,
    /// This case alone.
    pub only: Option<u64>,
}

/// What came out for a form.
#[derive(Clone, Debug)]
pub struct FormResult {
    /// The form.
    pub form: Form,
    /// States that were tried.
    pub states: u64,
    /// States after which both sides were equal.
    pub equal: u64,
    /// States that the core does not execute.
    pub unsupported: u64,
    /// States that raised an exception, on both sides.
    pub faults: u64,
    /// States in which an undefined flag differed that the processor itself does not repeat.
    pub unstable: u64,
    /// Undefined flags that differed in any state.
    pub unstable_flags: u64,
    /// States after which the sides differed.
    pub mismatches: u64,
    /// The first difference, with what is needed to see it again.
    pub first: Option<String>,
}

impl FormResult {
    fn new(form: Form) -> Self {
        let none = (0, 0, 0, 0, 0, 0, 0);
        let (states, equal, unsupported, faults, unstable, unstable_flags, mismatches) = none;
        Self { form, states, equal, unsupported, faults, unstable, unstable_flags, mismatches, first: None }
    }

    /// The core does not execute this form.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.unsupported > 0 && self.unsupported == self.mismatches
    }

    /// Something differs.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.mismatches > self.unsupported
    }
}

/// Runs all `forms`. Results come in their order.
///
/// # Errors
/// If there is no child process or no RAM.
pub fn run(forms: &[Form], options: &Options) -> std::io::Result<Vec<FormResult>> {
    // The children come first: a process should fork before it has threads.
    let natives: Vec<Native> = (0..options.jobs.max(1)).map(|_| Native::start()).collect::<Result<_, _>>()?;
    let next = AtomicUsize::new(0);
    let results = Mutex::new(vec![None; forms.len()]);
    std::thread::scope(|scope| {
        for native in natives {
            let (next, results) = (&next, &results);
            scope.spawn(move || {
                let mut judge = Judge { native, core: fresh_core() };
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&form) = forms.get(index) else { break };
                    let result = judge.form(form, options);
                    results.lock().expect("no holder panics")[index] = Some(result);
                }
            });
        }
    });
    Ok(results.into_inner().expect("no holder panics").into_iter().flatten().collect())
}

/// Both sides.
struct Judge {
    native: Native,
    core: Emulated,
}

impl Judge {
    fn form(&mut self, form: Form, options: &Options) -> FormResult {
        let mut result = FormResult::new(form);
        let background = state::background(&mut Random::new(seed(form, options.seed, u64::MAX)));
        let all = options.only.map_or(0..options.states, |k| k..k + 1);
        let (mut from, end) = (all.start, all.end);
        while from < end && !(result.is_missing() && result.states >= 8) {
            let to = end.min(from + if from == 0 { 8 } else { BATCH as u64 });
            let cases: Vec<(u64, Plan, Case)> = (from..to)
                .filter_map(|k| {
                    let mut rng = Random::new(seed(form, options.seed, k));
                    let plan = plan(form.code, &mut rng)?;
                    let case = state::case(&plan, options.alignment, &background, &mut rng);
                    Some((k, plan, case))
                })
                .collect();
            if cases.len() < (to - from) as usize {
                result.first.get_or_insert_with(|| "no encoding was found for some states".to_string());
            }
            self.batch(&cases, &mut result);
            from = to;
        }
        result
    }

    fn batch(&mut self, cases: &[(u64, Plan, Case)], result: &mut FormResult) {
        let natives = self.natives(result.form, cases);
        for ((k, plan, case), want) in cases.iter().zip(natives) {
            result.states += 1;
            let got = self.emulate(case);
            let differ = match (&want, &got) {
                (Err(why), _) | (_, Err(why)) => vec![why.clone()],
                (Ok(None), Ok(got)) => unsupported_only(result.form, got),
                (Ok(Some(want)), Ok(got)) => differences(&plan.insn, result.form.judgement, want, got),
            };
            if differ.is_empty() {
                result.equal += 1;
                result.faults += u64::from(got.is_ok_and(|got| got.end != End::Completed));
                continue;
            }
            if let (Ok(Some(want)), Ok(got)) = (&want, &got)
                && self.is_unstable(plan, case, want, got, &differ)
            {
                result.unstable += 1;
                result.unstable_flags |= flags_that_differ(want, got);
                continue;
            }
            result.mismatches += 1;
            result.unsupported += u64::from(got.is_ok_and(|got| got.end == End::Unsupported));
            result.first.get_or_insert_with(|| describe(*k, plan, case, &differ));
        }
    }

    /// The processor's answers; `None` for what is not executed natively.
    fn natives(&mut self, form: Form, cases: &[(u64, Plan, Case)]) -> Vec<Result<Option<Outcome>, String>> {
        if matches!(form.judgement, Judgement::Exempt(_)) {
            return vec![Ok(None); cases.len()];
        }
        let plain: Vec<Case> = cases.iter().map(|(_, _, case)| case.clone()).collect();
        if let Ok(outcomes) = self.native.run(&plain) {
            return outcomes.into_iter().map(|outcome| Ok(Some(outcome))).collect();
        }
        // A case killed the child: one by one, to see which.
        plain.iter().map(|case| self.alone(case)).collect()
    }

    fn alone(&mut self, case: &Case) -> Result<Option<Outcome>, String> {
        if let Ok(native) = Native::start() {
            self.native = native;
        }
        let answer = self.native.run(std::slice::from_ref(case));
        answer.map(|mut outcomes| outcomes.pop()).map_err(|error| error.to_string())
    }

    /// A panic of the core is a difference like another.
    fn emulate(&mut self, case: &Case) -> Result<Outcome, String> {
        let answer = catch_unwind(AssertUnwindSafe(|| self.core.run(case)));
        answer.map_err(|_| {
            self.core = fresh_core();
            "the core panics".to_string()
        })
    }

    /// True if only undefined flags differ, and the processor gives other ones when it is asked again.
    fn is_unstable(&mut self, plan: &Plan, case: &Case, want: &Outcome, got: &Outcome, differ: &[String]) -> bool {
        let undefined = architectural(plan.insn.rflags_undefined());
        let flags = flags_that_differ(want, got);
        if differ.len() != 1 || flags == 0 || flags & !undefined != 0 {
            return false;
        }
        (0..8).any(|_| {
            self.native.run(std::slice::from_ref(case)).is_ok_and(|again| again[0].regs.rflags != want.regs.rflags)
        })
    }
}

fn fresh_core() -> Emulated {
    Emulated::new().expect("a megabyte of RAM is there")
}

/// iced's flag bits as those of RFLAGS.
#[must_use]
pub fn architectural(bits: u32) -> u64 {
    use iced_x86::RflagsBits as B;
    let pairs = [(B::OF, 11), (B::SF, 7), (B::ZF, 6), (B::AF, 4), (B::CF, 0), (B::PF, 2)];
    pairs.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, at)| 1 << at).sum()
}

/// What is not executed natively must be executed here; but for SYSENTER, with which 64-bit programs make 32-bit calls.
fn unsupported_only(form: Form, got: &Outcome) -> Vec<String> {
    if got.end == End::Unsupported && form.code != Code::Sysenter {
        vec!["the core does not execute it".to_string()]
    } else {
        vec![]
    }
}

fn seed(form: Form, seed: u64, k: u64) -> u64 {
    let mut mix = Random::new(seed ^ (form.code as u64) << 40 ^ k.wrapping_mul(0x2545_f491_4f6c_dd1d));
    mix.bits()
}

fn describe(k: u64, plan: &Plan, case: &Case, differ: &[String]) -> String {
    let text = plan.insn.to_string();
    let bytes: Vec<String> = case.code.iter().map(|b| format!("{b:02x}")).collect();
    let mut out = format!("case {k} at {:#x}: {} ({text})\n", plan.at, bytes.join(" "));
    for line in differ.iter().take(6) {
        out.push_str(&format!("  {line}\n"));
    }
    out.push_str(&before(plan, case));
    out
}

/// What the instruction uses, before it.
fn before(plan: &Plan, case: &Case) -> String {
    let mut factory = iced_x86::InstructionInfoFactory::new();
    let mut words = vec![format!("flags {:#x}", case.regs.rflags)];
    for used in factory.info(&plan.insn).used_registers() {
        let register = used.register();
        let n = register.number();
        if register.is_gpr() {
            words.push(format!(
                "{:?} {:#x}",
                register.full_register(),
                case.regs.gpr[register.full_register().number()]
            ));
        } else if register.is_vector_register() {
            words.push(format!("{register:?} {:#x}:{:#x}", case.regs.ymm_high[n], case.regs.xmm(n)));
        } else if register.is_st() || register.is_mm() {
            let (significand, exponent) = case.regs.st(n);
            words.push(format!("{register:?} {exponent:#x}:{significand:#x}"));
        }
    }
    let (control, status, tags) = (case.regs.fpu_word(0), case.regs.fpu_word(2), case.regs.fpu_word(4));
    words.push(format!("mxcsr {:#x}, fcw {control:#x}, fsw {status:#x}, ftw {tags:#x}", case.regs.mxcsr()));
    if let Some(&(start, bytes)) = plan.pins.windows.first() {
        let at = start.wrapping_sub(super::layout::DATA) as usize;
        let content = case.memory.get(at..at.saturating_add((bytes as usize).min(32))).unwrap_or(&[]);
        words.push(format!("memory at {start:#x} {content:02x?}"));
    }
    format!("  before: {}\n", words.join("; "))
}
