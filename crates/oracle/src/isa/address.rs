//! Memory operands: an address to aim at, an address form, and what its registers must hold for that.

use super::layout::{DATA, DATA_BYTES, WRITABLE_BYTES};
use super::random::Random;
use arch::FRAME_SIZE;
use iced_x86::{Instruction, OpKind, Register};

/// What registers must hold for the accesses of a case to go where they should.
#[derive(Clone, Debug, Default)]
pub struct Pins {
    /// General registers, by number.
    pub gpr: Vec<(usize, u64)>,
    /// Vector registers, by number: low and high half.
    pub vectors: Vec<(usize, u128, u128)>,
    /// Base of FS.
    pub fs_base: u64,
    /// Base of GS.
    pub gs_base: u64,
    /// Where memory is accessed, and how many bytes.
    pub windows: Vec<(u64, u64)>,
}

/// Aims an access of `size` bytes: mostly into writable memory, aligned or not, across its pages; sometimes at what faults.
pub fn aim(rng: &mut Random, size: u64) -> u64 {
    let size = size.max(1);
    let read_only = DATA + WRITABLE_BYTES;
    let end = DATA + DATA_BYTES as u64;
    let align = size.next_power_of_two().min(64);
    let span = WRITABLE_BYTES - size.min(FRAME_SIZE);
    let within = |rng: &mut Random| if size > 1 { 1 + rng.below(size - 1) } else { 0 };
    match rng.below(100) {
        0..58 => DATA + rng.below(span) / align * align,
        58..72 => DATA + rng.below(span),
        72..80 => DATA + FRAME_SIZE - within(rng),
        80..83 => read_only - within(rng),
        83..87 => read_only + rng.below(FRAME_SIZE - size.min(FRAME_SIZE - 1)) / align * align,
        87..90 => end - within(rng),
        90..92 => DATA - within(rng),
        92..94 => end + rng.below(1 << 24) / align * align,
        94..96 => DATA - 0x1000 - rng.below(1 << 20),
        96 => rng.bits() & 0x7fff_0000_0fff | 0x1000_0000_0000,
        97 => (1 << 47) - within(rng),
        98 => (0xffff_8000_0000_0000_u64).wrapping_sub(within(rng)).wrapping_sub(rng.below(2)),
        _ => rng.bits() & 0x7fff_ffff_ffff_ffff | 1 << 48,
    }
}

/// Gives the memory operand of `insn` an address form that leads to `target`.
pub fn place(insn: &mut Instruction, operand: u32, target: u64, rng: &mut Random, pins: &mut Pins) {
    insn.set_op_kind(operand, OpKind::Memory);
    let segment = segment_base(insn, rng, pins);
    let narrow = target >> 32 == 0 && segment <= target && rng.percent(12);
    let offset = target.wrapping_sub(segment);
    let register = |n: u64| if narrow { Register::EAX + n as u32 } else { Register::RAX + n as u32 };
    let displacement = small_displacement(rng);
    match rng.below(10) {
        // No register, or RIP.
        0 if offset == offset as i32 as u64 || narrow => {
            insn.set_memory_displ_size(if narrow { 4 } else { 8 });
            insn.set_memory_displacement64(offset);
        }
        1 if offset >> 31 == 0 => {
            insn.set_memory_base(if narrow { Register::EIP } else { Register::RIP });
            insn.set_memory_displ_size(if narrow { 4 } else { 8 });
            insn.set_memory_displacement64(offset);
        }
        0..=5 => {
            let base = rng.below(16);
            insn.set_memory_base(register(base));
            set_displacement(insn, displacement, narrow);
            pin(pins, base, offset.wrapping_sub(displacement as u64), narrow, rng);
        }
        6 => {
            // Scaled index alone: the displacement takes up the rest.
            let (index, scale) = (index(rng), 1 << rng.below(4));
            let multiple = offset / scale;
            insn.set_memory_index(register(index));
            insn.set_memory_index_scale(scale as u32);
            let rest = (offset - multiple * scale) as i64;
            insn.set_memory_displ_size(if narrow { 4 } else { 8 });
            insn.set_memory_displacement64(rest as u64);
            pin(pins, index, multiple, narrow, rng);
        }
        _ => {
            let (base, index, scale) = (rng.below(16), index(rng), 1_u64 << rng.below(4));
            insn.set_memory_base(register(base));
            insn.set_memory_index(register(index));
            insn.set_memory_index_scale(scale as u32);
            if base == index {
                let value = offset / (scale + 1);
                set_displacement(insn, (offset - value * (scale + 1)) as i64, narrow);
                pin(pins, base, value, narrow, rng);
            } else {
                let value = if rng.percent(50) { rng.below(256) } else { rng.bits() };
                set_displacement(insn, displacement, narrow);
                let rest = offset.wrapping_sub(displacement as u64).wrapping_sub(value.wrapping_mul(scale));
                pin(pins, index, value, narrow, rng);
                pin(pins, base, rest, narrow, rng);
            }
        }
    }
}

/// Gives the memory operand an absolute 64-bit (or, at times, 32-bit) address without registers.
pub fn place_absolute(insn: &mut Instruction, operand: u32, target: u64, rng: &mut Random, pins: &mut Pins) {
    insn.set_op_kind(operand, OpKind::Memory);
    let segment = segment_base(insn, rng, pins);
    let narrow = target >> 32 == 0 && segment <= target && rng.percent(20);
    insn.set_memory_displ_size(if narrow { 4 } else { 8 });
    insn.set_memory_displacement64(target.wrapping_sub(segment));
}

/// Gives a gather its vector of indices: each element leads to a place of its own near the others.
pub fn place_vector(
    insn: &mut Instruction,
    operand: u32,
    vector: Register,
    wide: bool,
    rng: &mut Random,
    pins: &mut Pins,
) {
    insn.set_op_kind(operand, OpKind::Memory);
    let segment = segment_base(insn, rng, pins);
    let (base, scale) = (rng.below(16), 1_u64 << rng.below(4));
    let offset = (DATA + FRAME_SIZE).wrapping_sub(segment);
    let narrow = segment <= DATA && rng.percent(15);
    if segment <= DATA && rng.percent(15) {
        insn.set_memory_displ_size(if narrow { 4 } else { 8 });
        insn.set_memory_displacement64(offset);
    } else {
        let displacement = small_displacement(rng);
        insn.set_memory_base(if narrow { Register::EAX } else { Register::RAX } + base as u32);
        set_displacement(insn, displacement, narrow);
        pin(pins, base, offset.wrapping_sub(displacement as u64), narrow, rng);
    }
    insn.set_memory_index(vector);
    insn.set_memory_index_scale(scale as u32);
    // Under a 32-bit address, what goes beyond 4 GiB comes back.
    let beyond = if narrow && scale == 8 { 1 << 29 } else { 0 };
    let faulty = rng.percent(25);
    let mut half = || {
        (0..if wide { 2 } else { 4 }).fold(0_u128, |all, n| {
            let spread = if faulty && rng.percent(30) { 3 * FRAME_SIZE } else { FRAME_SIZE - 64 };
            let distance = rng.below(2 * spread) as i64 - spread as i64;
            let index = (distance / scale as i64 + beyond) as u128;
            if wide {
                all | (index & u128::from(u64::MAX)) << (64 * n)
            } else {
                all | (index & 0xffff_ffff) << (32 * n)
            }
        })
    };
    let (low, high) = (half(), half());
    pins.vectors.push((vector.number(), low, high));
    pins.windows.push((DATA, 2 * FRAME_SIZE));
}

/// Sometimes a segment prefix; the base of that segment.
fn segment_base(insn: &mut Instruction, rng: &mut Random, pins: &mut Pins) -> u64 {
    let base = match rng.below(4) {
        0 => 0,
        1 => rng.below(1 << 20),
        2 => rng.bits() & 0x7fff_ffff_ffff,
        _ => DATA,
    };
    match rng.below(24) {
        0 => {
            insn.set_segment_prefix(Register::FS);
            pins.fs_base = base;
            base
        }
        1 => {
            insn.set_segment_prefix(Register::GS);
            pins.gs_base = base;
            base
        }
        2 => {
            // Without effect in 64-bit mode.
            insn.set_segment_prefix(rng.pick(&[Register::ES, Register::CS, Register::SS, Register::DS]));
            0
        }
        _ => 0,
    }
}

/// Any register but RSP, which cannot be an index.
fn index(rng: &mut Random) -> u64 {
    let n = rng.below(15);
    if n >= 4 { n + 1 } else { n }
}

fn small_displacement(rng: &mut Random) -> i64 {
    match rng.below(4) {
        0 => 0,
        1 | 2 => rng.below(256) as i64 - 128,
        _ => rng.bits() as i32 as i64 >> rng.below(16),
    }
}

fn set_displacement(insn: &mut Instruction, displacement: i64, narrow: bool) {
    let size = match displacement {
        0 => 0,
        -128..=127 => 1,
        _ if narrow => 4,
        _ => 8,
    };
    insn.set_memory_displ_size(size);
    insn.set_memory_displacement64(if narrow { displacement as u32 as u64 } else { displacement as u64 });
}

/// A 32-bit address takes the low half of a register alone.
fn pin(pins: &mut Pins, register: u64, value: u64, narrow: bool, rng: &mut Random) {
    let value = if narrow { value & 0xffff_ffff | rng.bits() << 32 } else { value };
    pins.gpr.push((register as usize, value));
}

#[cfg(test)]
mod tests {
    use crate::isa::encode::plan;
    use crate::isa::random::Random;
    use iced_x86::{Code, Register};

    #[test]
    fn an_encoded_instruction_leads_where_it_was_aimed() {
        for seed in 0..2_000 {
            let plan = plan(Code::Fld_m64fp, &mut Random::new(seed)).expect("any can be encoded");
            let value = |register: Register, _: usize, _: usize| match register {
                Register::FS => Some(plan.pins.fs_base),
                Register::GS => Some(plan.pins.gs_base),
                Register::ES | Register::CS | Register::SS | Register::DS => Some(0),
                _ => {
                    let number = register.full_register().number();
                    let pinned = plan.pins.gpr.iter().rev().find(|(n, _)| *n == number);
                    pinned.map(|&(_, value)| if register.size() == 4 { value & 0xffff_ffff } else { value })
                }
            };
            let address = plan.insn.virtual_address(0, 0, value).expect("all its registers are pinned");
            assert_eq!(address, plan.pins.windows[0].0, "{}", plan.insn);
        }
    }
}
