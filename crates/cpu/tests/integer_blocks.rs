//! Random programs of integer instructions against silicon: blocks, links, fused pairs, flags left out, page ends, fuel, and
//! code that is stored into.
#![allow(unreachable_pub, dead_code, reason = "modules shared by test files")]
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod common;
#[path = "integer/forms.rs"]
mod forms;
#[path = "integer/native.rs"]
mod native;
#[path = "integer/operands.rs"]
mod operands;
#[path = "integer/programs.rs"]
mod programs;
#[path = "integer/rig.rs"]
mod rig;
#[path = "integer/states.rs"]
mod states;

use common::Rng;
use programs::{Generator, Patching, Program};
use rig::{CODE_BYTES, Fuel, Outcome, Rig, Start};

/// Sizes of the SoftTlb, a core each.
const SLOTS: [usize; 3] = [1, 16, 1024];

/// Programs to try: more by `PAGEWALK_PROGRAMS`.
fn programs() -> u64 {
    std::env::var("PAGEWALK_PROGRAMS").ok().and_then(|v| v.parse().ok()).unwrap_or(1500)
}

/// Offset of a program in the code pages: often so that it crosses from page to page, or runs into the end.
fn offset(rng: &mut Rng, len: u64) -> u64 {
    let page_end = 0x1000 * (1 + rng.below(2)) - rng.below(len);
    match rng.below(8) {
        0 => 0x3000 - rng.below(len),
        1..=4 => page_end,
        _ => rng.below(0x2000),
    }
}

/// Runs on every core, with all the fuel at once, one by one and in random pieces, and compares.
fn compare(rig: &mut Rig, rng: &mut Rng, start: &Start, want: &Outcome) -> Result<(), String> {
    let mut retired = None;
    // A pointer may have gone astray into the alias on both sides.
    let mut want = want.clone();
    want.unalias(rig.code_address());
    let fuels = [Fuel::All, Fuel::Random(rng.clone()), Fuel::One, Fuel::All];
    for (n, mut fuel) in fuels.into_iter().enumerate() {
        let core = n % SLOTS.len();
        let (mut got, count) = rig.core(core, start, &mut fuel);
        got.unalias(rig.code_address());
        if want != got {
            return Err(format!("core {core}, {fuel:?}: {}", want.differences(&got)));
        }
        if *retired.get_or_insert(count) != count {
            return Err(format!("core {core}, {fuel:?}: retired {count}, not {retired:?}"));
        }
    }
    Ok(())
}

fn check(patching: Patching, seed: u64) {
    if !native::is_recorded_vendor() {
        return eprintln!("not compared: another vendor's processor");
    }
    let mut rig = Rig::new(&SLOTS);
    let mut rng = Rng(seed);
    let generator = Generator::new();
    let data = states::data(&mut rng);
    let (mut failed, mut ended, mut breakpoints) = (0, 0, 0);
    for number in 0..programs() {
        let program = Program::random(&generator, &mut rng, &rig, patching);
        let len = program.assemble(rig.code_address(), patching).len() as u64;
        let at = offset(&mut rng, len).min(CODE_BYTES as u64 - 1);
        let rip = rig.code_address() + at;
        for _ in 0..3 {
            let start = programs::start(&mut rng, &rig, rip, &data);
            // The processor sees stores to code that is on its way only by the address that it runs at.
            let direct = if patching == Patching::Alias { Patching::Direct } else { patching };
            rig.load(at as usize, &program.assemble(rip, direct));
            let mut want = rig.native(&start);
            if patching == Patching::Alias {
                let bytes = program.assemble(rip, patching);
                rig.load(at as usize, &bytes);
                let (got, _) = rig.core(0, &start, &mut Fuel::All);
                want.code = got.code;
            }
            ended += 1;
            breakpoints += u64::from(want.trap == rig::Trap::Exception { vector: 3, code: 0 });
            if let Err(difference) = compare(&mut rig, &mut rng, &start, &want) {
                failed += 1;
                if failed <= 5 {
                    println!("program {number} at {rip:#x}: {difference}\ngpr {:x?}\n{}", start.gpr, program.listing());
                }
            }
        }
    }
    println!("{ended} runs, {breakpoints} to the end");
    assert_eq!(failed, 0);
    assert!(breakpoints * 10 > ended && breakpoints < ended, "programs both complete and fault");
}

#[test]
fn programs_do_what_the_processor_does() {
    check(Patching::Never, 11);
}

#[test]
fn programs_that_store_into_their_code_do_what_the_processor_does() {
    check(Patching::Direct, 12);
}

#[test]
fn stores_into_code_by_another_address_are_seen() {
    check(Patching::Alias, 13);
}
