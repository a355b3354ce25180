//! A walk as JSON, for programs.

use super::picture::{flags, size_name};
use super::{Outcome, Shown, privilege_name, rules};
use serde_json::{Value, json};

/// Numbers are strings in hexadecimal, since JSON's have 53 bits.
fn hex(value: u64) -> Value {
    Value::String(format!("{value:#x}"))
}

/// One object.
pub(super) fn of(shown: &Shown) -> Value {
    let regs = &shown.ctx.regs;
    json!({
        "linear_address": hex(shown.la.0),
        "access": format!("{:?}", shown.access.kind).to_lowercase(),
        "privilege": privilege_name(shown.access.privilege),
        "mode": shown.ctx.mode().to_string(),
        "registers": {
            "cr0": hex(regs.cr0.bits()),
            "cr3": hex(regs.cr3.0),
            "cr4": hex(regs.cr4.bits()),
            "efer": hex(regs.efer.bits()),
        },
        "entries": (0..shown.end.entries().len()).map(|n| entry(shown, n)).collect::<Vec<_>>(),
        "verdict": verdict(shown),
        "rules": rules::of(shown),
    })
}

fn entry(shown: &Shown, n: usize) -> Value {
    let entry = &shown.end.entries()[n];
    json!({
        "level": entry.level.entry_name(),
        "index": entry.size.index(entry.level, shown.la),
        "address": hex(entry.pa.0),
        "value": hex(entry.seen),
        "flags": flags(shown, n).into_iter().filter(|flag| !flag.starts_with('+')).collect::<Vec<_>>(),
        "sets": entry.set.iter_names().map(|(name, _)| name).collect::<Vec<_>>(),
    })
}

fn verdict(shown: &Shown) -> Value {
    match &shown.outcome {
        Outcome::NotCanonical => json!({ "outcome": "not-canonical" }),
        Outcome::Allowed(translation) => json!({
            "outcome": "allowed",
            "physical_address": hex(translation.apply(shown.la).0),
            "page_size": size_name(translation.size),
            "writable": translation.rights.writable,
            "user": translation.rights.user,
            "no_execute": translation.rights.no_execute,
            "global": translation.global,
            "memory_type": translation.memory_type.to_string(),
            "pat_index": translation.pat.value(),
        }),
        Outcome::Fault(fault, reason) => json!({
            "outcome": "fault",
            "reason": reason.to_string(),
            "error_code": hex(fault.code.bits().into()),
            "cr2": hex(fault.cr2.0),
        }),
    }
}
