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
}
