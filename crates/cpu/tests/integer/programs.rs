//! Random programs: straight lines, compare-and-branch pairs, loops, calls, and stores into their own code.
//!
//! R12, R13 and RBP point to data, R13 so close to its end that accesses fault now and then; R14 and R15 count loops; the
//! stack is the last writable page. All else is fair game. Every program ends: in INT3, or in a fault.

use super::common::Rng;
use super::forms::{is_branch, program_codes};
use super::operands::{encode, instruction, takes_memory};
use super::rig::{ALIAS, Rig, Start};
use super::states::value;
use iced_x86::{Code, Instruction, MemoryOperand, Mnemonic, OpKind, Register};

const RESERVED: [Register; 6] =
    [Register::RSP, Register::R12, Register::R13, Register::RBP, Register::R14, Register::R15];

/// By which address a program stores into its code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Patching {
    Never,
    Direct,
    Alias,
}

/// One instruction of a program.
#[derive(Clone)]
enum Item {
    Plain(Instruction),
    /// A branch to item `.1`.
    Branch(Code, usize),
    /// A store of EAX over the immediate of item `.0`, an [`adjustable`].
    Patch(usize),
}

pub struct Generator {
    plain: Vec<Code>,
    compares: Vec<Code>,
    jumps: Vec<(Code, Code)>,
}

impl Generator {
    pub fn new() -> Self {
        use Mnemonic::*;
        // The frame of an ENTER may end in the alias of the code, where the two sides would fault differently.
        let untamed = |m| matches!(m, Popf | Popfq | Leave | Enter | Xlatb | Div | Idiv | Std) || is_branch(m);
        let branches = |code: Code| code.is_jcc_short_or_near();
        let plain = program_codes().filter(|c| !untamed(c.mnemonic()) && !branches(*c)).collect();
        let compares = program_codes().filter(|c| matches!(c.mnemonic(), Cmp | Test)).collect();
        let jumps = program_codes()
            .filter(|c| c.is_jcc_short() && format!("{c:?}").ends_with("rel8_64"))
            .map(|c| (c, c.as_near_branch()))
            .collect();
        Self { plain, compares, jumps }
    }

    /// An instruction that keeps to the rules above.
    fn tame(&self, rng: &mut Rng, rig: &Rig, codes: &[Code]) -> Instruction {
        loop {
            let code = rng.pick(codes);
            let memory = takes_memory(code) && rng.one_in(2);
            let Some(mut insn) = instruction(code, rng, rig, memory) else { continue };
            let rare =
                matches!(insn.mnemonic(), Mnemonic::Bt | Mnemonic::Bts | Mnemonic::Btr | Mnemonic::Btc) && memory;
            if (insn.is_string_instruction() || rare) && !rng.one_in(8) {
                continue;
            }
            insn.set_segment_prefix(Register::None);
            let registers = |n: u32| insn.op_kind(n) == OpKind::Register && reserved(insn.op_register(n));
            if (0..insn.op_count()).any(registers) {
                continue;
            }
            if (0..insn.op_count()).any(|n| insn.op_kind(n) == OpKind::Memory) && insn.memory_base() != Register::RIP {
                point(&mut insn, rng, rig);
            }
            if encode(&insn, rig.code_address()).is_some() {
                return insn;
            }
        }
    }
}

fn reserved(r: Register) -> bool {
    RESERVED.contains(&r.full_register())
}

/// Makes the memory operand one by a pointer register.
fn point(insn: &mut Instruction, rng: &mut Rng, rig: &Rig) {
    if insn.memory_displ_size() == 8 && insn.memory_base() == Register::None && insn.memory_index() == Register::None {
        return insn.set_memory_displacement64(rig.data_address() + rng.below(0x2000));
    }
    let base = rng.pick(&[Register::R12, Register::R12, Register::R12, Register::RBP, Register::RBP, Register::R13]);
    insn.set_memory_base(base);
    insn.set_memory_index(if rng.one_in(4) { Register::R14 } else { Register::None });
    insn.set_memory_index_scale(1);
    insn.set_memory_displ_size(if rng.one_in(2) { 1 } else { 8 });
    insn.set_memory_displacement64(rng.below(100));
}

/// ADD r32, imm32: its immediate, the last four bytes, is what stores into code change.
fn adjustable(rng: &mut Rng) -> Instruction {
    let register = rng.pick(&[Register::EBX, Register::ECX, Register::EDX, Register::R8D]);
    Instruction::with2(Code::Add_rm32_imm32, register, rng.next() as i32).unwrap()
}

/// A list of items that grows.
struct Listing<'a> {
    items: Vec<Item>,
    rng: &'a mut Rng,
    rig: &'a Rig,
    generator: &'a Generator,
    patching: Patching,
    /// Adjustable items.
    targets: Vec<usize>,
}

impl Listing<'_> {
    fn plain(&mut self) {
        let insn = self.generator.tame(self.rng, self.rig, &self.generator.plain);
        self.items.push(Item::Plain(insn));
    }

    /// Some instructions of all kinds. `depth` is that of loops; subroutines have none and do not touch the stack.
    fn body(&mut self, n: u64, depth: u32, subroutine: bool, calls: &mut Vec<usize>) {
        for _ in 0..n {
            match self.rng.below(16) {
                0..=2 => self.pair(),
                3 if depth < 2 => self.repeat(depth, subroutine, calls),
                4 if !subroutine => {
                    calls.push(self.items.len());
                    self.items.push(Item::Branch(Code::Call_rel32_64, 0));
                }
                5 | 6 if self.patching != Patching::Never => {
                    self.targets.push(self.items.len());
                    let insn = adjustable(self.rng);
                    self.items.push(Item::Plain(insn));
                }
                7 | 8 if self.patching != Patching::Never => self.items.push(Item::Patch(usize::MAX)),
                _ => {
                    self.plain();
                    let stack = |item: &Item| matches!(item, Item::Plain(i) if i.is_stack_instruction());
                    if subroutine && self.items.last().is_some_and(stack) {
                        self.items.pop();
                    }
                }
            }
        }
    }

    /// A compare, perhaps something between, and a jump over a few instructions.
    fn pair(&mut self) {
        let compare = self.generator.tame(self.rng, self.rig, &self.generator.compares);
        self.items.push(Item::Plain(compare));
        if self.rng.one_in(4) {
            self.plain();
        }
        let (short, near) = self.rng.pick(&self.generator.jumps);
        let skipped = self.rng.below(5) as usize;
        let code = if self.rng.one_in(3) { near } else { short };
        self.items.push(Item::Branch(code, self.items.len() + 1 + skipped));
        for _ in 0..skipped {
            self.plain();
        }
    }

    /// A loop of a few rounds, by DEC and JNZ or by LOOP.
    fn repeat(&mut self, depth: u32, subroutine: bool, calls: &mut Vec<usize>) {
        let counter = if depth == 0 { Register::R15D } else { Register::R14D };
        let rounds = 1 + self.rng.below(5) as i32;
        self.items.push(Item::Plain(Instruction::with2(Code::Mov_r32_imm32, counter, rounds).unwrap()));
        let top = self.items.len();
        let by_loop = self.rng.one_in(3);
        if by_loop {
            for _ in 0..1 + self.rng.below(4) {
                self.plain();
            }
            self.items.push(Item::Plain(Instruction::with2(Code::Mov_r32_rm32, Register::ECX, counter).unwrap()));
        } else {
            let n = 1 + self.rng.below(6);
            self.body(n, depth + 1, subroutine, calls);
        }
        self.items.push(Item::Plain(Instruction::with1(Code::Dec_rm32, counter).unwrap()));
        let back = if by_loop { Code::Loop_rel8_64_RCX } else { Code::Jne_rel32_64 };
        self.items.push(Item::Branch(back, top));
    }
}

/// A program as items; [`Program::assemble`] gives bytes.
pub struct Program {
    items: Vec<Item>,
}

impl Program {
    pub fn random(generator: &Generator, rng: &mut Rng, rig: &Rig, patching: Patching) -> Self {
        let mut calls = Vec::new();
        let mut list = Listing { items: Vec::new(), rng, rig, generator, patching, targets: Vec::new() };
        let n = 5 + list.rng.below(20);
        list.body(n, 0, false, &mut calls);
        // What jumps beyond the last item lands here.
        for _ in 0..6 {
            list.items.push(Item::Plain(Instruction::with(Code::Nopd)));
        }
        list.items.push(Item::Plain(Instruction::with(Code::Int3)));
        let subroutine = list.items.len();
        let n = 1 + list.rng.below(6);
        list.body(n, 2, true, &mut Vec::new());
        for _ in 0..6 {
            list.items.push(Item::Plain(Instruction::with(Code::Nopd)));
        }
        list.items.push(Item::Plain(Instruction::with(Code::Retnq)));
        let Listing { mut items, rng, targets, .. } = list;
        for call in calls {
            items[call] = Item::Branch(Code::Call_rel32_64, subroutine);
        }
        for item in &mut items {
            if matches!(item, Item::Patch(_)) {
                *item = if targets.is_empty() {
                    Item::Plain(Instruction::with(Code::Cmc))
                } else {
                    Item::Patch(rng.pick(&targets))
                };
            }
        }
        Self { items }
    }

    /// The bytes at `ip`.
    pub fn assemble(&self, ip: u64, patching: Patching) -> Vec<u8> {
        let mut at = vec![ip; self.items.len() + 1];
        let mut bytes = Vec::new();
        // The first pass finds the lengths, which do not depend on the addresses.
        for pass in 0..2 {
            bytes.clear();
            for (n, item) in self.items.iter().enumerate() {
                let here = ip + bytes.len() as u64;
                at[n] = here;
                let target = |n: usize| if pass == 0 { here } else { at[n] };
                let insn = match *item {
                    Item::Plain(insn) => insn,
                    Item::Branch(code, to) => {
                        Instruction::with_branch(code, target(to.min(self.items.len() - 1))).unwrap()
                    }
                    Item::Patch(which) => {
                        let base = if patching == Patching::Alias { ALIAS } else { 0 };
                        let end = if pass == 0 { here } else { at[which + 1] };
                        let to = MemoryOperand::with_displ(base + end - 4, 8);
                        Instruction::with2(Code::Mov_rm32_r32, to, Register::EAX).unwrap()
                    }
                };
                bytes.extend(encode(&insn, here).unwrap_or_else(|| panic!("{insn}")));
            }
            at[self.items.len()] = ip + bytes.len() as u64;
        }
        bytes
    }

    pub fn listing(&self) -> String {
        let line = |(n, item): (usize, &Item)| match item {
            Item::Plain(insn) => format!("{n:4} {insn}"),
            Item::Branch(code, to) => format!("{n:4} {code:?} to {to}"),
            Item::Patch(which) => format!("{n:4} mov [immediate of {which}],eax"),
        };
        self.items.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// A state to start a program from.
pub fn start(rng: &mut Rng, rig: &Rig, rip: u64, data: &[u8]) -> Start {
    let mut s = Start { gpr: [0; 16], rip, rflags: 0x202 | rng.next() & 0x8d5, gs_base: 0, data: data.to_vec() };
    s.gpr.fill_with(|| value(rng));
    let at = rig.data_address();
    s.gpr[4] = at + 0x3f00 + rng.below(8);
    s.gpr[5] = at + rng.below(0x3000);
    s.gpr[12] = at + if rng.one_in(2) { 0xfd0 } else { rng.below(0x2f00) };
    s.gpr[13] = at + if rng.one_in(2) { 0x3fa0 } else { 0x4fd0 } + rng.below(64);
    s.gpr[14] = rng.below(64);
    s.gpr[6] = at + rng.below(0x3000);
    s.gpr[7] = at + rng.below(0x3000);
    s
}
