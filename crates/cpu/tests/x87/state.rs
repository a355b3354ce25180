//! States: how they are drawn and compared.

use super::forms::{Agreement, Form, Memory};
use std::fmt::Write;

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// What an instruction may read or write.
#[derive(Clone)]
pub(crate) struct TestState {
    pub(crate) image: [u8; 512],
    pub(crate) rax: u64,
    pub(crate) flags: u64,
    pub(crate) memory: [u8; 128],
}

/// The status flags of RFLAGS.
const STATUS: u64 = 0x8d5;
const INTEGER: u64 = 1 << 63;
/// Offsets of the opcode, instruction pointer and data pointer in the image.
const FOP: usize = 6;
const FIP: usize = 8;
const FDP: usize = 16;
/// Offset of ST0 in the image.
const ST0: usize = 32;

impl TestState {
    /// A state with no exception pending.
    pub(crate) fn random(form: &Form, r: &mut Random) -> Self {
        let flags = r.next() & STATUS | 0x202;
        let mut state = Self { image: [0; 512], rax: r.next(), flags, memory: [0; 128] };
        let (control, status) = words(r);
        state.set_words(control, status);
        state.image[4] = match r.below(4) {
            0 => r.next() as u8,
            1 => 0xff,
            // Room to push.
            _ => !(1 << (((status >> 11) + 7) & 7)),
        };
        state.image[24..28].copy_from_slice(&0x1f80_u32.to_le_bytes());
        for byte in &mut state.image[FOP..FDP + 8] {
            *byte = r.next() as u8;
        }
        let mut values = registers(r);
        if form.agreement == Agreement::OneUlp && r.below(2) == 0 {
            values[0] = argument(r);
            values[1] = if r.below(2) == 0 { argument(r) } else { values[1] };
            let top = u32::from(status >> 11 & 7);
            // Both are there, and there is room to push.
            state.image[4] = 3_u8.rotate_left(top);
        }
        for (i, (sig, se)) in values.into_iter().enumerate() {
            state.image[ST0 + 16 * i..][..8].copy_from_slice(&sig.to_le_bytes());
            state.image[ST0 + 16 * i + 8..][..2].copy_from_slice(&se.to_le_bytes());
        }
        state.fill_memory(form.memory, r, values[0]);
        state
    }

    pub(crate) fn set_words(&mut self, control: u16, status: u16) {
        self.image[..2].copy_from_slice(&control.to_le_bytes());
        self.image[2..4].copy_from_slice(&status.to_le_bytes());
    }

    /// The same as a processor holds it: ES and B set, the instruction pointer cut to 57 bits and FOP to 11.
    pub(crate) fn with_summary(&self) -> Self {
        let mut state = self.held();
        state.image[2] |= 0x80;
        state.image[3] |= 0x80;
        state
    }

    /// The same with the instruction pointer cut to 57 bits and FOP to 11.
    pub(crate) fn held(&self) -> Self {
        let mut state = self.clone();
        state.image[FOP + 1] &= 7;
        state.image[FIP + 7] = ((state.image[FIP + 7] << 7) as i8 >> 7) as u8;
        state
    }

    /// Replaces what depends on where code and data are: an instruction pointer to `code`, a data pointer to `data`.
    pub(crate) fn forget_addresses(&mut self, code: u64, data: u64) {
        for (at, address) in [(FIP, code), (FDP, data)] {
            if self.image[at..][..8] == address.to_le_bytes() {
                self.image[at..][..8].fill(0x77);
            }
        }
    }

    fn fill_memory(&mut self, kind: Memory, r: &mut Random, near: (u64, u16)) {
        for chunk in self.memory.chunks_exact_mut(8) {
            chunk.copy_from_slice(&r.next().to_le_bytes());
        }
        let mut put = |at: usize, bytes: &[u8]| self.memory[at..][..bytes.len()].copy_from_slice(bytes);
        match kind {
            Memory::Single => put(0, &((ieee(r, 8, near) >> 32) as u32).to_le_bytes()),
            Memory::Double => put(0, &ieee(r, 11, near).to_le_bytes()),
            Memory::Extended => {
                let (sig, se) = extended(r);
                put(0, &sig.to_le_bytes());
                put(8, &se.to_le_bytes());
            }
            Memory::Int16 | Memory::Int32 | Memory::Int64 => {
                let special = [0, 1, u64::MAX, 1 << 15, 1 << 31, 1 << 63, 0x7fff, 0x7fff_ffff, i64::MAX as u64];
                let n = if r.below(2) == 0 { r.pick(&special) } else { r.next() >> r.below(60) };
                put(0, &n.to_le_bytes());
            }
            Memory::Bcd => {
                let digits: [u8; 9] = std::array::from_fn(|_| (r.below(10) | r.below(10) << 4) as u8);
                put(0, &digits);
            }
            Memory::Control => put(0, &((words(r).0 | r.below(4) as u16) ^ (r.next() as u16 & 0xe0c0)).to_le_bytes()),
            Memory::Environment(field) | Memory::State(field) => {
                put(0, &(r.next() as u16).to_le_bytes());
                put(field, &(r.next() as u16).to_le_bytes());
                for i in 0..8 {
                    let (sig, se) = extended(r);
                    put(7 * field + 10 * i, &sig.to_le_bytes());
                    put(7 * field + 10 * i + 8, &se.to_le_bytes());
                }
            }
            Memory::None => {}
        }
    }
}

/// A control word, and a status word that has nothing pending under it.
fn words(r: &mut Random) -> (u16, u16) {
    let masks = if r.below(3) == 0 { r.next() as u16 & 0x3f } else { 0x3f };
    let precision = r.pick(&[0, 2, 3, 3, 3, 1]) << 8;
    let control = 0x40 | masks | precision | (r.below(4) as u16) << 10;
    let flags = if r.below(2) == 0 { r.next() as u16 & masks & 0x3f } else { 0 };
    (control, r.next() as u16 & 0x7f00 | flags | (flags & 1) << 6)
}

fn significand(r: &mut Random) -> u64 {
    match r.below(8) {
        0 => INTEGER,
        1 => u64::MAX,
        2 => INTEGER | 1 << r.below(63),
        3 => u64::MAX << r.below(64),
        4 => INTEGER | r.next() << r.below(63),
        5 => INTEGER | r.below(4),
        _ => INTEGER | r.next(),
    }
}

/// A value of any kind.
fn extended(r: &mut Random) -> (u64, u16) {
    let sign = (r.below(2) as u16) << 15;
    let (sig, exponent) = match r.below(24) {
        0 => (0, 0),
        1 => (significand(r) & !INTEGER, 0),
        2 => ((significand(r) & !INTEGER) >> r.below(63), 0),
        3 => (significand(r), 0),
        4 => (INTEGER, 0x7fff),
        5 => (INTEGER | 1 << 62 | r.next() << 1, 0x7fff),
        6 => ((INTEGER | r.next()) & !(1 << 62) | 1, 0x7fff),
        7 => (r.next() & !INTEGER, r.next() as u16 & 0x7fff),
        8 => (significand(r), 1 + r.below(70) as u16),
        9 => (significand(r), 0x7ffe - r.below(70) as u16),
        10 => (significand(r), r.next() as u16 & 0x7fff),
        // Around the limits of the memory formats.
        11 => {
            (significand(r), (0x3fff + r.below(8) as i32 - 4 + r.pick(&[-1075, -1022, 1023, -149, -126, 127])) as u16)
        }
        12 => (significand(r), 0x3fff + 14 + r.below(4) as u16),
        13 => (significand(r), 0x3fff + 30 + r.below(4) as u16),
        14 => (significand(r), 0x3fff + 62 + r.below(4) as u16),
        15 => (significand(r), 0x3fff + r.below(66) as u16),
        16 => (999_999_999_999_999_999 << 4 | r.below(16), 0x3fff + 59),
        17 => (significand(r), (0x3fff - 70) + r.below(140) as u16),
        _ => (significand(r), 0x3fff - 4 + r.below(8) as u16),
    };
    (sig, sign | exponent)
}

/// A number where transcendental functions have their difficult places: near multiples of pi / 2, near 1, or of any size
/// that matters.
fn argument(r: &mut Random) -> (u64, u16) {
    const HALF_PI_65: u128 = 0x3_243f_6a88_85a3_08d3;
    let sign = (r.below(2) as u16) << 15;
    let size = |r: &mut Random, low: i32, count: u64| (0x3fff + low + r.below(count) as i32) as u16;
    let (sig, exponent) = match r.below(8) {
        0 => {
            let multiple = HALF_PI_65 * u128::from(1 + (r.next() >> r.below(62) >> 2));
            let shift = multiple.leading_zeros();
            let sig = ((multiple << shift) >> 64) as u64;
            ((sig.wrapping_add(r.below(6)).wrapping_sub(3)) | INTEGER, (0x3fff + 62 - shift as i32) as u16)
        }
        1 => (INTEGER | r.next() >> (1 + r.below(63)), 0x3fff),
        2 => (u64::MAX - (r.next() >> (1 + r.below(63))), 0x3ffe),
        3 => (significand(r), size(r, -75, 80)),
        4 => (significand(r), size(r, -10, 74)),
        _ => (INTEGER | r.next(), size(r, -6, 9)),
    };
    (sig, sign | exponent)
}

/// Eight registers, some of them close to the first.
fn registers(r: &mut Random) -> [(u64, u16); 8] {
    let mut values = std::array::from_fn(|_| extended(r));
    for i in 1..8 {
        let (sig, se) = values[0];
        match r.below(8) {
            0 => values[i] = values[0],
            1 => values[i] = (sig, se ^ 0x8000),
            2 => values[i] = (sig ^ r.below(4), se ^ (r.below(2) as u16) << 15),
            3 => values[i] = (significand(r), se.wrapping_add(r.below(130) as u16).wrapping_sub(65)),
            4 => values[i] = (sig, se.wrapping_sub(r.below(70) as u16)),
            _ => {}
        }
    }
    values
}

/// An IEEE number with so many exponent bits, at the top of the word; sometimes the register `near` cut to the format.
fn ieee(r: &mut Random, exp_bits: u32, near: (u64, u16)) -> u64 {
    let max = (1_u64 << exp_bits) - 1;
    let field = match r.below(8) {
        0 => 0,
        1 => max,
        2 => 1 + r.below(3),
        3 => max - 1 - r.below(3),
        4 => r.next() & max,
        5 => (u64::from(near.1 & 0x7fff) + (max >> 1)).wrapping_sub(0x3fff) & max,
        _ => (max >> 1) - 4 + r.below(8),
    };
    let fraction = match r.below(5) {
        0 => 0,
        1 => u64::MAX,
        2 => near.0 << 1,
        3 => 1 << (64 - (63 - exp_bits).min(23)),
        _ => r.next(),
    };
    r.below(2) << 63 | field << (63 - exp_bits) | fraction >> (1 + exp_bits)
}

/// True if the two outcomes differ.
pub(crate) fn differs(form: &Form, a: &TestState, b: &TestState) -> bool {
    let close = form.agreement == Agreement::OneUlp && a.image[2] & b.image[2] & PE != 0;
    let ulps = u128::from(close);
    // A unit apart at the smallest normal number, one is tiny and the other not.
    let apart = close && (0..8).any(|i| distance(a, b, i) == 1);
    let ignored = if apart { [UE, C1_HIGH] } else { [0, if close { C1_HIGH } else { 0 }] };
    let status = (0..2).any(|n| (a.image[2 + n] ^ b.image[2 + n]) & !ignored[n] != 0);
    let words = status || a.image[..2] != b.image[..2] || a.image[4] != b.image[4];
    let register = |i: usize| distance(a, b, i) > ulps;
    let last = a.image[FOP..FDP + 8] != b.image[FOP..FDP + 8];
    let memory = a.memory != b.memory;
    words || last || (0..8).any(register) || memory || a.rax != b.rax || (a.flags ^ b.flags) & STATUS != 0
}

/// UE and PE, and C1 in the upper byte, of the status word.
const UE: u8 = 0x10;
const PE: u8 = 0x20;
const C1_HIGH: u8 = 2;

/// How far two values of ST(i) are apart, in units in the last place; very far if their signs differ.
pub(crate) fn distance(a: &TestState, b: &TestState, i: usize) -> u128 {
    let place = |state: &TestState| {
        let bytes = &state.image[ST0 + 16 * i..][..10];
        let sig = u64::from_le_bytes(std::array::from_fn(|n| bytes[n]));
        let se = u16::from_le_bytes([bytes[8], bytes[9]]);
        let normal = sig & INTEGER != 0 && se & 0x7fff != 0x7fff;
        // Neighbours are one apart, also where the exponent changes; encodings that are no numbers are far from all.
        let magnitude =
            if normal { u128::from(se & 0x7fff) << 63 | u128::from(sig & !INTEGER) } else { u128::from(sig) };
        let odd = !normal && se & 0x7fff != 0;
        (u128::from(se >> 15) << 100) + (u128::from(odd) << 101) + magnitude
    };
    place(a).abs_diff(place(b))
}

fn line(state: &TestState) -> String {
    let word = |n: usize| u16::from_le_bytes([state.image[n], state.image[n + 1]]);
    let mut text = format!("fcw {:04x} fsw {:04x} tags {:02x}", word(0), word(2), state.image[4]);
    write!(text, " last {:02x?}", &state.image[FOP..FDP + 8]).expect("strings take all");
    for i in 0..8 {
        let at = ST0 + 16 * i;
        let sig = u64::from_le_bytes(std::array::from_fn(|n| state.image[at + n]));
        write!(text, " {:04x}:{sig:016x}", word(at + 8)).expect("strings take all");
    }
    write!(text, " rax {:x} flags {:x} mem", state.rax, state.flags & STATUS).expect("strings take all");
    for byte in &state.memory[..32] {
        write!(text, " {byte:02x}").expect("strings take all");
    }
    text
}

/// The start and the two outcomes.
pub(crate) fn describe(start: &TestState, silicon: &TestState, ours: &TestState) -> String {
    format!("  start   {}\n  silicon {}\n  core    {}", line(start), line(silicon), line(ours))
}
