//! What a hardware model needs to know of an instruction, independent of how it is executed.

/// The class of an instruction, by the unit that executes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum InstrClass {
    /// Integer arithmetic and logic.
    #[default]
    Alu,
    /// Moves between general registers and memory, PUSH and POP.
    Move,
    /// Integer multiplication.
    Mul,
    /// Integer division.
    Div,
    /// Conditional and unconditional control transfer.
    Branch,
    /// String instruction, with or without a repeat prefix.
    String,
    /// SSE and MMX arithmetic and moves.
    Vector,
    /// x87.
    X87,
    /// System call.
    Syscall,
    /// All else: CPUID, fences, ...
    System,
}

impl InstrClass {
    /// All of them, in their order.
    pub const ALL: [Self; 10] = [
        Self::Alu,
        Self::Move,
        Self::Mul,
        Self::Div,
        Self::Branch,
        Self::String,
        Self::Vector,
        Self::X87,
        Self::Syscall,
        Self::System,
    ];
}

/// What a control transfer does, as a branch predictor tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BranchKind {
    /// Jcc, LOOP, JRCXZ.
    Conditional,
    /// JMP to a target in the instruction.
    Direct,
    /// JMP to a target in a register or in memory.
    Indirect,
    /// CALL of a target in the instruction.
    Call,
    /// CALL of a target in a register or in memory.
    IndirectCall,
    /// RET.
    Return,
}

impl BranchKind {
    /// All of them, in their order.
    pub const ALL: [Self; 6] =
        [Self::Conditional, Self::Direct, Self::Indirect, Self::Call, Self::IndirectCall, Self::Return];
}

/// What an instruction waits for beside its operands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ordering {
    /// Nothing.
    #[default]
    None,
    /// All instructions before it: a locked read-modify-write.
    Locked,
    /// All instructions before it, and those behind it wait for it: SYSCALL, CPUID, LFENCE, MFENCE.
    Serializing,
}

impl Ordering {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::None, Self::Locked, Self::Serializing];
}

/// A set of registers, each as a whole: 16 general ones, 32 for vectors, 8 masks, the status flags, and x87 as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RegSet(u64);

impl RegSet {
    /// Those whose bits, from 0 up, are set; `None` if there is no such register.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits >> Self::COUNT == 0 { Some(Self(bits)) } else { None }
    }

    /// A bit for each, by its number.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// How many different registers there are.
    pub const COUNT: usize = 58;
    /// The status flags.
    pub const FLAGS: Self = Self(1 << 56);
    /// The x87 registers, and with them those of MMX.
    pub const X87: Self = Self(1 << 57);

    /// A general register, 0 to 15.
    #[must_use]
    pub const fn general(n: u8) -> Self {
        Self(1 << (n & 15))
    }

    /// A vector register, 0 to 31.
    #[must_use]
    pub const fn vector(n: u8) -> Self {
        Self(1 << (16 + (n & 31)))
    }

    /// A mask register, 0 to 7.
    #[must_use]
    pub const fn mask(n: u8) -> Self {
        Self(1 << (48 + (n & 7)))
    }

    /// Those of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of this one that the other has not.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// True if there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their numbers, below [`Self::COUNT`], ascending.
    pub fn numbers(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let n = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (n < 64).then_some(n)
        })
    }
}

/// One instruction of a block as a hardware model sees it at decode time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct InstrInfo {
    /// Offset of the first byte within the block's page.
    pub page_offset: u16,
    /// Length in bytes, 1 to 15.
    pub length: u8,
    /// Execution class.
    pub class: InstrClass,
    /// Explicit and implicit memory reads.
    pub loads: u8,
    /// Explicit and implicit memory writes (a read-modify-write counts here alone).
    pub stores: u8,
    /// How many of the writes read the place first.
    pub updates: u8,
    /// What kind of a branch it is, if it is one.
    pub branch: Option<BranchKind>,
    /// What it waits for beside its operands.
    pub ordering: Ordering,
    /// The registers that its addresses are made of.
    pub address: RegSet,
    /// The registers that it reads otherwise.
    pub reads: RegSet,
    /// The registers that it writes. The stack pointer is none of those of PUSH, POP, CALL and RET: a processor knows its new
    /// value as it decodes them.
    pub writes: RegSet,
}
