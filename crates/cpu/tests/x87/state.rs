//! States: how they are drawn and compared.

use super::forms::{Form, Memory};
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
        let values = registers(r);
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

    /// The same with ES and B set.
    pub(crate) fn with_summary(&self) -> Self {
        let mut state = self.clone();
        state.image[2] |= 0x80;
        state.image[3] |= 0x80;
        state
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

/// Byte ranges of the memory operand that hold pointers to the last instruction.
fn untracked(kind: Memory) -> std::ops::Range<usize> {
    match kind {
        Memory::Environment(field) | Memory::State(field) => 3 * field..7 * field,
        _ => 0..0,
    }
}

/// True if the two outcomes differ in anything that the core tracks.
pub(crate) fn differs(form: &Form, a: &TestState, b: &TestState) -> bool {
    let words = a.image[..5] != b.image[..5];
    let register = |i: usize| a.image[ST0 + 16 * i..][..10] != b.image[ST0 + 16 * i..][..10];
    let pointers = untracked(form.memory);
    let memory = (0..128).any(|n| !pointers.contains(&n) && a.memory[n] != b.memory[n]);
    words || (0..8).any(register) || memory || a.rax != b.rax || (a.flags ^ b.flags) & STATUS != 0
}

fn line(state: &TestState) -> String {
    let word = |n: usize| u16::from_le_bytes([state.image[n], state.image[n + 1]]);
    let mut text = format!("fcw {:04x} fsw {:04x} tags {:02x}", word(0), word(2), state.image[4]);
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
