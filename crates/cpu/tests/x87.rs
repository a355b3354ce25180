//! x87 against the processor that runs the test: every form on random and corner-case states.
//!
//! A state is an FXSAVE image (control word, status word, tags, registers), RAX, the status flags and the bytes of the
//! memory operand at \[rdx\]. The instruction runs natively between FXRSTOR and FXSAVE, and on the core; all must agree,
//! the pointers to the last instruction too. `X87_STATES` sets the states a form.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

#[path = "x87/emulated.rs"]
mod emulated;
#[path = "x87/forms.rs"]
mod forms;
#[path = "x87/native.rs"]
mod native;
#[path = "x87/state.rs"]
mod state;

use emulated::Emulated;
use forms::{Form, Memory};
use native::Native;
use pagewalk_cpu::Exit;
use state::{Random, TestState, describe, differs, distance};

const DEFAULT_STATES: u32 = 400;

fn states_per_form() -> u32 {
    std::env::var("X87_STATES").ok().and_then(|n| n.parse().ok()).unwrap_or(DEFAULT_STATES)
}

/// Runs all states of some forms; gives a line for each form that ever differs, with the first difference.
fn differences(forms: &[Form]) -> Vec<String> {
    let native = Native::new(forms);
    let mut core = Emulated::new(forms);
    let mut found = Vec::new();
    for (n, form) in forms.iter().enumerate() {
        let mut random = Random::new(0x9e37_79b9 + n as u64);
        let (mut count, mut first, mut unit_off) = (0, String::new(), 0);
        for _ in 0..states_per_form() {
            let start = TestState::random(form, &mut random);
            let (mut silicon, mut ours) = (start.clone(), start.clone());
            native.run(n, &mut silicon);
            core.run(n, &mut ours);
            unit_off += u32::from((0..8).any(|i| distance(&silicon, &ours, i) == 1));
            if differs(form, &silicon, &ours) {
                count += 1;
                if first.is_empty() {
                    first = describe(&start, &silicon, &ours);
                }
            }
        }
        if unit_off != 0 {
            println!("{}: {unit_off} of {} results are one unit off", form.name, states_per_form());
        }
        if count != 0 {
            found.push(format!("{}: {count} of {} differ\n{first}", form.name, states_per_form()));
        }
    }
    found
}

fn assert_agrees(forms: &[Form]) {
    let only = std::env::var("X87_FORM").ok();
    let forms: Vec<Form> =
        forms.iter().filter(|f| only.as_ref().is_none_or(|o| f.name.starts_with(o.as_str()))).cloned().collect();
    let found = differences(&forms);
    assert!(found.is_empty(), "{} of {} forms differ:\n{}", found.len(), forms.len(), found.join("\n"));
}

#[test]
fn arithmetic_agrees_with_silicon() {
    assert_agrees(&forms::arithmetic());
}

#[test]
fn comparisons_agree_with_silicon() {
    assert_agrees(&forms::comparisons());
}

#[test]
fn functions_agree_with_silicon() {
    assert_agrees(&forms::functions());
}

#[test]
fn transcendental_functions_are_within_one_unit_of_silicon() {
    assert_agrees(&forms::transcendental());
}

#[test]
fn loads_and_stores_agree_with_silicon() {
    assert_agrees(&forms::moves());
}

#[test]
fn control_agrees_with_silicon() {
    assert_agrees(&forms::control());
}

#[test]
fn a_pending_exception_is_raised_by_the_next_waiting_instruction_and_by_no_other() {
    let all = forms::all();
    let mut core = Emulated::new(&all);
    for (n, form) in all.iter().enumerate() {
        let mut start = TestState::random(form, &mut Random::new(n as u64));
        start.set_words(0x037b, 0x0004); // ZE flagged and not masked
        let mut after = start.clone();
        let raised = core.try_run(n, &mut after).is_err();
        assert_eq!(raised, form.waits, "{}", form.name);
        if raised {
            assert!(!differs(form, &start.with_summary(), &after), "{} left a trace", form.name);
        }
    }
}

#[test]
fn a_page_fault_in_the_middle_of_an_operand_leaves_no_trace() {
    let mut forms = forms::all();
    forms.retain(|form| form.memory != Memory::None);
    let mut core = Emulated::new(&forms);
    for (n, form) in forms.iter().enumerate() {
        let mut start = TestState::random(form, &mut Random::new(n as u64));
        start.set_words(0x037f, 0);
        let mut after = start.clone();
        let (result, byte) = core.run_beyond_the_end(n, &mut after);
        assert!(matches!(result, Err(Exit::PageFault(_))), "{}: {result:?}", form.name);
        assert!(!differs(form, &start.held(), &after) && byte == 0x5a, "{} left a trace", form.name);
    }
}
