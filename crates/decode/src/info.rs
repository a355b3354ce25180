//! What a hardware model wants to know of an instruction: its class, its memory accesses, and what it waits for.

use arch::{BranchKind, InstrClass, InstrInfo, Ordering, RegSet};
use iced_x86::{FlowControl, Instruction, InstructionInfo, InstructionInfoFactory, MemorySize, Mnemonic, OpAccess};
use iced_x86::{OpKind, Register};

/// Describes an instruction whose first byte is at this offset in its page.
pub(crate) fn info(raw: &Instruction, page_offset: u16) -> InstrInfo {
    let mut factory = InstructionInfoFactory::new();
    let used = factory.info(raw);
    let (mut loads, mut stores, mut updates) = (0, 0, 0);
    for memory in used.used_memory() {
        match memory.access() {
            OpAccess::Read | OpAccess::CondRead => loads += 1,
            OpAccess::Write | OpAccess::CondWrite => stores += 1,
            OpAccess::ReadWrite | OpAccess::ReadCondWrite => {
                stores += 1;
                updates += 1;
            }
            OpAccess::None | OpAccess::NoMemAccess => {}
        }
    }
    let (address, reads, writes) = registers(raw, used);
    InstrInfo {
        page_offset,
        length: raw.len() as u8,
        class: class(raw),
        loads,
        stores,
        updates,
        branch: branch(raw),
        ordering: ordering(raw),
        address,
        reads,
        writes,
    }
}

fn class(raw: &Instruction) -> InstrClass {
    use Mnemonic as M;
    match raw.mnemonic() {
        M::Syscall | M::Int => InstrClass::Syscall,
        M::Mul | M::Imul => InstrClass::Mul,
        M::Div | M::Idiv => InstrClass::Div,
        _ if raw.is_string_instruction() => InstrClass::String,
        _ if raw.flow_control() != FlowControl::Next => InstrClass::Branch,
        _ if is_x87(raw) => InstrClass::X87,
        _ if (0..raw.op_count()).any(|n| is_vector_register(raw.op_register(n))) => InstrClass::Vector,
        M::Emms => InstrClass::Vector,
        M::Mov | M::Movzx | M::Movsx | M::Movsxd | M::Movbe | M::Push | M::Pop => InstrClass::Move,
        M::Cpuid | M::Rdtsc | M::Lfence | M::Mfence | M::Sfence | M::Xgetbv => InstrClass::System,
        _ => InstrClass::Alu,
    }
}

fn is_vector_register(r: Register) -> bool {
    r.is_vector_register() || r.is_mm()
}

fn is_x87(raw: &Instruction) -> bool {
    (0..raw.op_count()).any(|n| raw.op_register(n).is_st())
        || matches!(raw.memory_size(), MemorySize::Float80 | MemorySize::FpuEnv28 | MemorySize::FpuState108)
        || raw.cpuid_features().iter().any(|f| {
            use iced_x86::CpuidFeature as F;
            matches!(f, F::FPU | F::FPU287 | F::FPU387)
        })
}

fn branch(raw: &Instruction) -> Option<BranchKind> {
    match raw.flow_control() {
        FlowControl::ConditionalBranch => Some(BranchKind::Conditional),
        FlowControl::UnconditionalBranch => Some(BranchKind::Direct),
        FlowControl::IndirectBranch => Some(BranchKind::Indirect),
        FlowControl::Call if raw.mnemonic() == Mnemonic::Call => Some(BranchKind::Call),
        FlowControl::IndirectCall => Some(BranchKind::IndirectCall),
        FlowControl::Return if raw.mnemonic() == Mnemonic::Ret => Some(BranchKind::Return),
        _ => None,
    }
}

fn ordering(raw: &Instruction) -> Ordering {
    use Mnemonic as M;
    let exchanges_memory = raw.mnemonic() == M::Xchg && (0..2).any(|n| raw.op_kind(n) == OpKind::Memory);
    match raw.mnemonic() {
        M::Syscall | M::Int | M::Cpuid | M::Lfence | M::Mfence => Ordering::Serializing,
        _ if raw.has_lock_prefix() || exchanges_memory => Ordering::Locked,
        _ => Ordering::None,
    }
}

/// The registers of addresses, those read otherwise, and those written.
fn registers(raw: &Instruction, used: &InstructionInfo) -> (RegSet, RegSet, RegSet) {
    let (mut address, mut reads, mut writes) = (RegSet::default(), RegSet::default(), RegSet::default());
    for memory in used.used_memory() {
        address = address.union(set(memory.base())).union(set(memory.index()));
    }
    for register in used.used_registers() {
        let one = set(register.register());
        if is_read(register.access()) {
            reads = reads.union(one);
        }
        if is_written(register.access()) {
            writes = writes.union(one);
            // The rest of the register is kept.
            if register.register().is_gpr() && register.register().size() < 4 {
                reads = reads.union(one);
            }
        }
    }
    reads = reads.without(address.without(read_operands(raw, used)));
    if !raw.rflags_read().eq(&0) {
        reads = reads.union(RegSet::FLAGS);
    }
    if !raw.rflags_modified().eq(&0) {
        writes = writes.union(RegSet::FLAGS);
    }
    if is_x87(raw) {
        (reads, writes) = (reads.union(RegSet::X87), writes.union(RegSet::X87));
    }
    if matches!(raw.mnemonic(), Mnemonic::Push | Mnemonic::Pop | Mnemonic::Call | Mnemonic::Ret) {
        let stack = set(Register::RSP).without(operands(raw));
        (reads, writes) = (reads.without(stack), writes.without(stack));
    }
    (address, reads, writes)
}

/// The registers that are operands themselves, and not just part of an address.
fn operands(raw: &Instruction) -> RegSet {
    operands_that(raw, |_| true)
}

fn read_operands(raw: &Instruction, used: &InstructionInfo) -> RegSet {
    operands_that(raw, |n| is_read(used.op_access(n)))
}

fn operands_that(raw: &Instruction, meant: impl Fn(u32) -> bool) -> RegSet {
    (0..raw.op_count())
        .filter(|&n| raw.op_kind(n) == OpKind::Register && meant(n))
        .fold(RegSet::default(), |all, n| all.union(set(raw.op_register(n))))
}

fn set(register: Register) -> RegSet {
    let full = register.full_register();
    if full.is_gpr64() {
        RegSet::general(full.number() as u8)
    } else if full.is_vector_register() {
        RegSet::vector(full.number() as u8)
    } else if full.is_k() {
        RegSet::mask(full.number() as u8)
    } else if full.is_st() || full.is_mm() {
        RegSet::X87
    } else {
        RegSet::default()
    }
}

const fn is_read(access: OpAccess) -> bool {
    use OpAccess as A;
    matches!(access, A::Read | A::CondRead | A::ReadWrite | A::ReadCondWrite | A::CondWrite)
}

const fn is_written(access: OpAccess) -> bool {
    use OpAccess as A;
    matches!(access, A::Write | A::CondWrite | A::ReadWrite | A::ReadCondWrite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;
    use arch::Features;

    const RAX: RegSet = RegSet::general(0);
    const RCX: RegSet = RegSet::general(1);
    const RDX: RegSet = RegSet::general(2);
    const RSP: RegSet = RegSet::general(4);
    const NONE: RegSet = RegSet::general(0).without(RegSet::general(0));

    fn of(bytes: &[u8]) -> InstrInfo {
        decode(bytes, 0, Features::V3).unwrap().info
    }

    fn sets(bytes: &[u8]) -> (RegSet, RegSet, RegSet) {
        let info = of(bytes);
        (info.address, info.reads, info.writes)
    }

    #[test]
    fn an_address_is_told_from_data() {
        assert_eq!(sets(&[0x48, 0x89, 0x04, 0x0a]), (RCX.union(RDX), RAX, NONE)); // mov [rdx + rcx], rax
        assert_eq!(sets(&[0x48, 0x8b, 0x00]), (RAX, NONE, RAX)); // mov rax, [rax]
        assert_eq!(sets(&[0x48, 0x89, 0x00]), (RAX, RAX, NONE)); // mov [rax], rax
    }

    #[test]
    fn flags_and_partial_registers_are_passed_on() {
        let flags = RegSet::FLAGS;
        assert_eq!(sets(&[0x48, 0x11, 0xc8]), (NONE, RAX.union(RCX).union(flags), RAX.union(flags))); // adc rax, rcx
        assert_eq!(sets(&[0xb0, 1]), (NONE, RAX, RAX)); // mov al, 1
        assert_eq!(sets(&[0xb8, 1, 0, 0, 0]), (NONE, NONE, RAX)); // mov eax, 1
        assert_eq!(sets(&[0x31, 0xc0]), (NONE, NONE, RAX.union(flags))); // xor eax, eax
    }

    #[test]
    fn the_stack_pointer_is_known_in_advance() {
        assert_eq!(sets(&[0x50]), (RSP, RAX, NONE)); // push rax
        assert_eq!(sets(&[0x58]), (RSP, NONE, RAX)); // pop rax
        assert_eq!(sets(&[0x5c]).2, RSP); // pop rsp
        assert_eq!(sets(&[0x54]).1, RSP); // push rsp
        assert_eq!(sets(&[0xc3]), (RSP, NONE, NONE)); // ret
    }

    #[test]
    fn branches_by_kind() {
        let kind = |bytes: &[u8]| of(bytes).branch;
        assert_eq!(kind(&[0x74, 0]), Some(BranchKind::Conditional)); // je
        assert_eq!(kind(&[0xe2, 0]), Some(BranchKind::Conditional)); // loop
        assert_eq!(kind(&[0xeb, 0]), Some(BranchKind::Direct)); // jmp
        assert_eq!(kind(&[0xff, 0xe0]), Some(BranchKind::Indirect)); // jmp rax
        assert_eq!(kind(&[0xe8, 0, 0, 0, 0]), Some(BranchKind::Call));
        assert_eq!(kind(&[0xff, 0xd0]), Some(BranchKind::IndirectCall)); // call rax
        assert_eq!(kind(&[0xc3]), Some(BranchKind::Return));
        assert_eq!(kind(&[0x0f, 0x05]), None); // syscall
    }

    #[test]
    fn what_orders_memory_is_known() {
        let ordering = |bytes: &[u8]| of(bytes).ordering;
        assert_eq!(ordering(&[0xf0, 0x48, 0x01, 0x08]), Ordering::Locked); // lock add [rax], rcx
        assert_eq!(ordering(&[0x87, 0x08]), Ordering::Locked); // xchg [rax], ecx
        assert_eq!(ordering(&[0x87, 0xc8]), Ordering::None); // xchg eax, ecx
        assert_eq!(ordering(&[0x0f, 0xae, 0xf0]), Ordering::Serializing); // mfence
        assert_eq!(ordering(&[0x0f, 0x05]), Ordering::Serializing); // syscall
    }

    #[test]
    fn a_read_modify_write_is_one_access() {
        let accesses = |bytes: &[u8]| {
            let info = of(bytes);
            (info.loads, info.stores, info.updates)
        };
        assert_eq!(accesses(&[0x48, 0x01, 0x08]), (0, 1, 1)); // add [rax], rcx
        assert_eq!(accesses(&[0x48, 0x89, 0x08]), (0, 1, 0)); // mov [rax], rcx
        assert_eq!(accesses(&[0xff, 0x30]), (1, 1, 0)); // push [rax]
    }
}
