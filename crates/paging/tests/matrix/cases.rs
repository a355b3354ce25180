//! The recorded answers of KVM and QEMU, held against the naive statement.
//!
//! `trust` says how far an answer is to be believed. What QEMU is known to do differently is left out of its `chg` (MMU-232,
//! MMU-238), and its missing P is put into `err` (MMU-066).

use crate::naive::access::{Access, Memory, Outcome, perform};
use crate::naive::cpu::{Cpu, Mode, What, Who, bit};
use crate::naive::rules::Pf;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// How much of a recorded answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    Full,
    KindOnly,
    No,
}

/// A recorded access.
pub(crate) struct Case {
    pub(crate) id: u64,
    pub(crate) cpu: Cpu,
    pub(crate) cr3: u64,
    pub(crate) access: Access,
    pub(crate) trust: Trust,
    from_qemu: bool,
    memory: Memory,
    /// Where QEMU's PDPTEs are, whose A bits are not always the processor's.
    pdptes: Vec<u64>,
    kind: String,
    fault: Option<Pf>,
    changed: Memory,
    value: Option<u128>,
    /// The physical pieces that the rules give.
    pieces: Vec<(u64, u64)>,
}

/// All cases of a file in the workspace's `tests/data`.
pub(crate) fn read(name: &str) -> Vec<Case> {
    let path = format!("{}/../../tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    let file = File::open(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines.map(|line| parse(&serde_json::from_str(&line.expect("gzip")).expect("JSON"))).collect()
}

/// A number, which the files write in decimal or as a hexadecimal string.
fn wide(value: &Value) -> u128 {
    match value {
        Value::String(text) => u128::from_str_radix(text.trim_start_matches("0x"), 16).expect("hexadecimal"),
        other => other.as_u64().expect("a number").into(),
    }
}

fn number(value: &Value) -> u64 {
    wide(value).try_into().expect("64 bits")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn pairs(value: &Value) -> impl Iterator<Item = (u64, u64)> {
    list(value).iter().map(|pair| (number(&pair[0]), number(&pair[1])))
}

fn parse(case: &Value) -> Case {
    let out = &case["out"];
    let from_qemu = case.get("pkru").is_some();
    let (trust, p) = match case["trust"].as_str().expect("a word") {
        "full" => (Trust::Full, 0),
        "or-P" => (Trust::Full, 1),
        "kind-only" => (Trust::KindOnly, 0),
        _ => (Trust::No, 0),
    };
    let kind = out["kind"].as_str().expect("a word").to_string();
    let fault = (kind == "pf").then(|| Pf { cr2: number(&out["cr2"]), err: number(&out["err"]) as u32 | p });
    let pdptes = list(&case["mem"]).iter().filter(|e| from_qemu && number(&e[2]) == 3);
    Case {
        id: number(&case["id"]),
        cpu: processor(case, from_qemu),
        cr3: number(&case["cr3"]),
        access: access(case),
        trust,
        from_qemu,
        memory: pairs(&case["mem"]).collect(),
        pdptes: pdptes.map(|e| number(&e[0])).collect(),
        kind,
        fault,
        changed: pairs(&out["chg"]).collect(),
        value: out.get("val").map(wide),
        pieces: pairs(&case["hw"]["pa"]).collect(),
    }
}

fn processor(case: &Value, from_qemu: bool) -> Cpu {
    let mode = match case["mode"].as_str().expect("a word") {
        "32" => Mode::Bits32,
        "pae" => Mode::Pae,
        "long4" => Mode::Long4,
        "long5" => Mode::Long5,
        other => panic!("mode {other}"),
    };
    let cr4 = number(&case["cr4"]);
    Cpu {
        m: number(&case["maxphy"]) as u32,
        gb: number(&case["gb1"]) != 0,
        wp: bit(number(&case["cr0"]), 16),
        pse: bit(cr4, 4),
        smep: bit(cr4, 20),
        smap: bit(cr4, 21),
        pke: bit(cr4, 22),
        pks: bit(cr4, 24),
        nxe: bit(number(&case["efer"]), 11),
        ac: number(&case["ac"]) != 0,
        pkru: case.get("pkru").map_or(0, number) as u32,
        on_success_only: !from_qemu,
        ..Cpu::new(mode)
    }
}

fn access(case: &Value) -> Access {
    let what = match case["access"].as_str().expect("a word") {
        "read" => What::Read,
        "write" | "rmw" => What::Write,
        "fetch" => What::Fetch,
        other => panic!("access {other}"),
    };
    let who = if number(&case["cpl"]) == 3 { Who::User } else { Who::Kernel };
    Access { la: number(&case["la"]), size: number(&case["size"]), who, what }
}

impl Case {
    /// Whether a processor, this case's own or one with a rule wrong, gives the recorded answer.
    pub(crate) fn agrees(&self, cpu: &Cpu) -> bool {
        let mut memory = self.memory.clone();
        let outcome = perform(cpu, self.cr3, &mut memory, self.access);
        let (kind, fault) = match &outcome {
            Outcome::Done(_) => ("ok", None),
            Outcome::Fault(fault) => ("pf", Some(*fault)),
            Outcome::GeneralProtection => ("exc", None),
        };
        if self.trust == Trust::No {
            return true;
        }
        if kind != self.kind || self.trust == Trust::KindOnly {
            return kind == self.kind;
        }
        let pieces_agree = !matches!(&outcome, Outcome::Done(pieces) if !self.same_place(pieces));
        fault == self.fault && pieces_agree && self.changes_agree(&memory)
    }

    /// Whether the data lies where it was recorded to lie, and reads as what was read.
    fn same_place(&self, pieces: &[(u64, u64)]) -> bool {
        let bytes = pieces.iter().flat_map(|&(pa, len)| pa..pa + len);
        let read = bytes.enumerate().fold(0, |value, (i, pa)| value | self.byte(pa) << (8 * i));
        *pieces == self.pieces && self.value.is_none_or(|value| value == read)
    }

    /// The byte at a physical address. From a place on that each oracle chose, RAM's dwords hold their own address; beyond
    /// RAM, KVM's runner answers with ones and QEMU with zeros.
    fn byte(&self, pa: u64) -> u128 {
        let (pattern, beyond) =
            if self.from_qemu { (0x780_0000..0x800_0000, 0) } else { (0x380_0000..0x400_0000, 0xff) };
        match pa {
            _ if pattern.contains(&pa) => (pa & !3).to_le_bytes()[(pa & 3) as usize].into(),
            _ if pa < pattern.end => 0,
            _ => beyond,
        }
    }

    fn changes_agree(&self, memory: &Memory) -> bool {
        let left_out = |pa: u64, old: u64| {
            self.pdptes.contains(&pa) && (self.cpu.mode == Mode::Pae || self.fault.is_some() && bit(old, 7))
        };
        self.memory.iter().all(|(pa, old)| {
            let recorded = self.changed.get(pa).unwrap_or(old);
            left_out(*pa, *old) || memory[pa] == *recorded
        })
    }
}
