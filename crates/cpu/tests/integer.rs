//! The integer instructions against silicon, one at a time: every encoding that the decoder knows, in register and memory
//! forms, then random bytes.
#![allow(unreachable_pub, dead_code, reason = "modules shared by test files")]
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod common;
#[path = "integer/forms.rs"]
mod forms;
#[path = "integer/native.rs"]
mod native;
#[path = "integer/operands.rs"]
mod operands;
#[path = "integer/rig.rs"]
mod rig;
#[path = "integer/states.rs"]
mod states;

use common::{Rng, states_per_form};
use forms::codes;
use iced_x86::{Code, Decoder, DecoderOptions, Instruction};
use operands::{encode, instruction, random_bytes, takes_memory};
use rig::{Fuel, Rig, Trap};
use std::collections::BTreeMap;

/// What the states of a form came to.
#[derive(Debug, Default)]
struct Tally {
    states: u64,
    ends: BTreeMap<String, u64>,
}

/// Runs states of the instruction that `bytes` begin with; the first difference and how many there are.
fn check(rig: &mut Rig, rng: &mut Rng, data: &[u8], bytes: &[u8], states: u64, tally: &mut Tally) -> Option<String> {
    // Often at the end of a page, so that it crosses, or of the code, so that it does not end. Whether something invalid
    // that does not end is invalid first depends on what length the processor takes it to have.
    let valid = !Decoder::new(64, bytes, DecoderOptions::NONE).decode().is_invalid();
    let at = match rng.below(16) {
        0 if valid => 0x3000 - rng.below(bytes.len() as u64 + 1),
        1..=3 => 0x1000 - rng.below(bytes.len() as u64 + 1),
        _ => rng.below(0x1000),
    };
    let rip = rig.code_address() + at;
    let insn = Decoder::with_ip(64, bytes, rip, DecoderOptions::NONE).decode();
    rig.load(at as usize, bytes);
    let (mut first, mut count) = (None, 0);
    for n in 0..states {
        let start = states::start(rng, rig, &insn, rip, data);
        let want = rig.native(&start);
        let mut fuel = if n % 4 == 0 { Fuel::One } else { Fuel::All };
        let (got, _) = rig.core(0, &start, &mut fuel);
        tally.states += 1;
        let end = match &want.trap {
            Trap::PageFault { code, .. } => format!("#PF {code}"),
            other => format!("{other:?}"),
        };
        *tally.ends.entry(end).or_default() += 1;
        if want != got {
            count += 1;
            first.get_or_insert_with(|| {
                format!("{} | gpr {:x?} flags {:x}", want.differences(&got), start.gpr, start.rflags)
            });
        }
    }
    first.map(|first| format!("{:?} `{insn}` {bytes:02x?}: {count} of {states}: {first}", insn.code()))
}

#[test]
fn every_form_does_what_the_processor_does() {
    const VARIANTS: u64 = 10;
    if !native::is_recorded_vendor() {
        return eprintln!("not compared: another vendor's processor");
    }
    let mut rig = Rig::new(&[1024]);
    let mut rng = Rng(1);
    let (mut tally, mut failed) = (Tally::default(), Vec::new());
    for code in codes() {
        let data = states::data(&mut rng);
        for memory in [false, true] {
            if memory && !takes_memory(code) {
                continue;
            }
            for _ in 0..VARIANTS {
                let made = (0..20).find_map(|_| {
                    let insn: Instruction = instruction(code, &mut rng, &rig, memory)?;
                    encode(&insn, rig.code_address() + 0x800)
                });
                let Some(bytes) = made else { continue };
                failed.extend(check(
                    &mut rig,
                    &mut rng,
                    &data,
                    &bytes,
                    states_per_form().div_ceil(VARIANTS),
                    &mut tally,
                ));
            }
        }
    }
    println!("{tally:?}");
    assert!(failed.is_empty(), "{} forms differ:\n{}", failed.len(), failed.join("\n"));
    assert!(tally.states > 30_000);
}

#[test]
fn random_prefixes_and_operand_bytes_are_decoded_as_the_processor_does() {
    if !native::is_recorded_vendor() {
        return eprintln!("not compared: another vendor's processor");
    }
    let mut rig = Rig::new(&[16]);
    let mut rng = Rng(2);
    let codes: Vec<Code> = codes().collect();
    let (mut tally, mut failed) = (Tally::default(), Vec::new());
    let data = states::data(&mut rng);
    for _ in 0..states_per_form() * 400 {
        let Some(bytes) = random_bytes(&mut rng, &codes) else { continue };
        failed.extend(check(&mut rig, &mut rng, &data, &bytes, 1, &mut tally));
    }
    println!("{tally:?}");
    assert!(failed.is_empty(), "{} differ:\n{}", failed.len(), failed.join("\n"));
    assert!(tally.states > 5_000);
}
