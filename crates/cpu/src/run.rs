//! Dispatch: from block to block, until something has to be done outside the core.

use crate::block::{Block, BlockCache, BlockRef, decode_block};
use crate::model::CpuModel;
use crate::op::{Flow, Op};
use crate::state::{PAGE, State};
use arch::{Exception, FRAME_SIZE, LinearAddr, PageFault, Pfn, Rflags, UserContext};
use mmu::{MemFault, Mmu};
use paging::{BlockId, Detail, HardwareModel, NoModel, PhysMem};

/// Why the core stopped. RIP is where it goes on: the faulting instruction, or the one after a system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// So many instructions as were allowed have retired.
    Fuel,
    /// SYSCALL has retired.
    Syscall,
    /// An access of the instruction at RIP faulted.
    PageFault(PageFault),
    /// The instruction at RIP (for a trap: the one before) raised an exception.
    Exception(Exception),
    /// The core does not execute the instruction at RIP.
    Unsupported(Unsupported),
}

/// An instruction that the core does not execute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// Where it is.
    pub rip: LinearAddr,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its disassembly, in Intel's syntax.
    pub text: String,
}

/// A core in 64-bit user mode, with its MMU and memory.
///
/// The loop is kept as a pointer, so that it and every operation are compiled where a core is made and not where it is used;
/// for a core without a model, here.
pub struct Cpu<H> {
    st: State<H>,
    blocks: BlockCache<H>,
    rip: u64,
    run: fn(&mut Self, u64) -> Exit,
}

/// Where control goes after a block.
enum Next {
    /// To this block, in the page that is set.
    Block(u32),
    /// To the address in RIP, once overwritten blocks are dropped.
    Lookup,
    /// Out of the core.
    Stop(Exit),
}

impl Cpu<NoModel> {
    /// A core of the default model with all registers 0, whose random numbers come from seed 0.
    pub fn new(mmu: Mmu<NoModel>) -> Self {
        Self::of_model(mmu, CpuModel::default(), 0)
    }

    /// A core of a given model, with the seed of what RDRAND and RDSEED give, without a model of the translation hardware.
    pub fn of_model(mmu: Mmu<NoModel>, model: CpuModel, seed: u64) -> Self {
        Self::with_hardware(mmu, model, seed)
    }
}

impl<H: HardwareModel> Cpu<H> {
    /// A core of a given model, with the seed of what RDRAND and RDSEED give, before a model of the translation hardware.
    pub fn with_hardware(mmu: Mmu<H>, model: CpuModel, seed: u64) -> Self {
        let blocks = BlockCache::new(model.features);
        Self { st: State::new(mmu, model, seed), blocks, rip: 0, run: Self::run_here }
    }

    /// Sets by how much the time-stamp counter is ahead of the instructions retired: the time that passed otherwise.
    pub const fn set_tsc_offset(&mut self, nanoseconds: u64) {
        self.st.tsc_offset = nanoseconds;
    }

    /// The MMU, and the memory behind it.
    pub const fn mmu(&self) -> &Mmu<H> {
        &self.st.mmu
    }

    /// The MMU, and the memory behind it.
    pub const fn mmu_mut(&mut self) -> &mut Mmu<H> {
        &mut self.st.mmu
    }

    /// Instructions retired so far. A repeated string instruction counts as one.
    pub const fn retired(&self) -> u64 {
        self.st.retired
    }

    /// Sets all registers.
    pub fn set_context(&mut self, ctx: &UserContext) {
        self.st.take(ctx);
        self.rip = ctx.rip;
    }

    /// Writes all registers into `ctx`.
    pub fn save_context(&self, ctx: &mut UserContext) {
        self.st.give(ctx, self.rip);
    }

    /// All registers.
    pub fn context(&self) -> UserContext {
        let mut ctx = UserContext::at_entry(LinearAddr(0), LinearAddr(0));
        self.save_context(&mut ctx);
        ctx
    }

    /// Executes until `fuel` instructions have retired, exactly, or something stops the core.
    pub fn run(&mut self, fuel: u64) -> Exit {
        (self.run)(self, fuel)
    }

    fn run_here(&mut self, fuel: u64) -> Exit {
        let before = self.st.retired;
        let exit = self.run_to(before.saturating_add(fuel));
        self.st.mmu.model.retired(self.st.retired - before);
        exit
    }

    /// With RFLAGS.TF set as an instruction begins, it is run alone, and #DB follows it.
    fn run_to(&mut self, limit: u64) -> Exit {
        loop {
            self.drop_overwritten();
            if self.st.retired == limit {
                return Exit::Fuel;
            }
            let stepping = self.st.system_flags.contains(Rflags::TF);
            let stop = if stepping { self.st.retired + 1 } else { limit };
            if stepping {
                self.st.begin_step();
            }
            let exit = match self.enter(LinearAddr(self.rip)) {
                Ok(block) => self.run_from(block, stop),
                Err(exit) => Some(exit),
            };
            match exit {
                Some(exit) => return exit,
                None if stepping && !self.st.trap_delayed => return Exit::Exception(Exception::Debug),
                None => {}
            }
        }
    }

    /// Runs block after block. `None` where code was overwritten, or the next block would go beyond `stop`.
    ///
    /// The way from one block to the next within a page, and to one that a jump found before, makes no calls; all others are
    /// out of line.
    fn run_from(&mut self, first: BlockRef, stop: u64) -> Option<Exit> {
        let mut index = first.index;
        loop {
            let block = self.blocks.get(index);
            if self.st.retired + block.insns > stop {
                return self.run_part(index, stop);
            }
            let next = match execute(&mut self.st, block, BlockId(index)) {
                End::Direct(slot) => match self.blocks.successor(block, slot) {
                    Some(next) => {
                        index = next;
                        continue;
                    }
                    None => self.go_on(index, slot),
                },
                End::Indirect => match self.jump() {
                    Some(next) => {
                        index = next;
                        continue;
                    }
                    None => self.jump_missed(),
                },
                End::Out(op, flow) => leave(&mut self.st, block, op, flow, &mut self.rip),
            };
            match next {
                Next::Block(next) => index = next,
                Next::Lookup => return None,
                Next::Stop(exit) => return Some(exit),
            }
        }
    }

    /// The block at [`State::target`], if all that leads there is known.
    #[inline(always)]
    fn jump(&mut self) -> Option<u32> {
        let la = LinearAddr(self.st.target);
        let next = self.blocks.jumped_to(la, self.st.mmu.fetch_hit(la)?)?;
        self.st.set_reg(PAGE, la.page_base().0);
        Some(next)
    }

    #[inline(never)]
    fn jump_missed(&mut self) -> Next {
        self.rip = self.st.target;
        self.enter(LinearAddr(self.rip)).map_or_else(Next::Stop, |block| Next::Block(block.index))
    }

    /// Goes on behind a block that ended with a direct branch (slot 0) or ran out (slot 1) and has no link in its page.
    #[inline(never)]
    fn go_on(&mut self, index: u32, slot: usize) -> Next {
        self.rip = self.st.reg(PAGE).wrapping_add(self.blocks.get(index).after(slot));
        self.cross(index, slot)
    }

    /// Goes on at RIP in another page, or over a link that is not there yet.
    fn cross(&mut self, from: u32, slot: usize) -> Next {
        let la = LinearAddr(self.rip);
        let Ok(frame) = self.st.mmu.fetch_frame(la) else { return Next::Stop(self.fetch_fault()) };
        let link = self.blocks.get(from).links[slot];
        if self.blocks.follow(link).is_some_and(|b| b.frame == frame) {
            self.st.set_reg(PAGE, la.page_base().0);
            return Next::Block(link.index);
        }
        let from = self.blocks.reference(from);
        match self.enter_frame(la, frame) {
            Err(exit) => Next::Stop(exit),
            Ok(to) => {
                self.blocks.link(from, slot, to);
                Next::Block(to.index)
            }
        }
    }

    fn enter(&mut self, la: LinearAddr) -> Result<BlockRef, Exit> {
        match self.st.mmu.fetch_frame(la) {
            Ok(frame) => self.enter_frame(la, frame),
            Err(mmu::Fault) => Err(self.fetch_fault()),
        }
    }

    fn enter_frame(&mut self, la: LinearAddr, frame: Pfn) -> Result<BlockRef, Exit> {
        self.st.set_reg(PAGE, la.page_base().0);
        self.blocks.find(&mut self.st.mmu, la, frame).map_err(|mmu::Fault| self.fetch_fault())
    }

    fn fetch_fault(&self) -> Exit {
        match self.st.mmu.fault {
            MemFault::Page(fault) => Exit::PageFault(fault),
            // A fetch needs no alignment.
            MemFault::NonCanonical | MemFault::Misaligned => Exit::Exception(Exception::GeneralProtection { code: 0 }),
        }
    }

    /// Runs just the instructions of a block that `stop` still allows: they are decoded once more, as a block of their
    /// own that is not kept.
    fn run_part(&mut self, index: u32, stop: u64) -> Option<Exit> {
        let left = stop - self.st.retired;
        let whole = self.blocks.get(index);
        let la = LinearAddr(self.st.reg(PAGE).wrapping_add(whole.start()));
        self.rip = la.0;
        if left == 0 {
            return None;
        }
        let decoded = decode_block(&mut self.st.mmu, self.blocks.features, la, whole.frame, left as usize);
        let Ok((part, infos)) = decoded else { return Some(self.fetch_fault()) };
        self.st.mmu.model.block(NOT_KEPT, part.frame.base(), &infos);
        let next = match execute(&mut self.st, &part, NOT_KEPT) {
            End::Direct(slot) => {
                self.rip = self.st.reg(PAGE).wrapping_add(part.after(slot));
                Next::Lookup
            }
            End::Indirect => {
                self.rip = self.st.target;
                Next::Lookup
            }
            End::Out(op, flow) => leave(&mut self.st, &part, op, flow, &mut self.rip),
        };
        match next {
            Next::Stop(exit) => Some(exit),
            Next::Block(_) | Next::Lookup => None,
        }
    }

    /// Drops the blocks whose code was written to since the last call.
    fn drop_overwritten(&mut self) {
        if self.st.mmu.bus.code.has_writes() {
            for write in self.st.mmu.bus.code.take_writes() {
                self.blocks.invalidate(write);
            }
        }
    }
}

/// How a block ended.
enum End<'a, H> {
    /// By a direct branch (0) or by running out (1).
    Direct(usize),
    /// At [`State::target`].
    Indirect,
    /// In any other way, at this operation.
    Out(&'a Op<H>, Flow),
}

/// The model's number of a block that is decoded for one execution.
const NOT_KEPT: BlockId = BlockId(0);

/// Executes one block, and tells a model that hears of every access whose they are.
#[inline(always)]
fn execute<'a, H: HardwareModel>(st: &mut State<H>, block: &'a Block<H>, id: BlockId) -> End<'a, H> {
    st.retired += block.insns;
    if H::DETAIL >= Detail::EveryAccess {
        let la = LinearAddr(st.reg(PAGE).wrapping_add(block.start()));
        st.mmu.model.enter(id, la);
    }
    for op in &block.ops {
        if H::DETAIL >= Detail::EveryAccess {
            st.mmu.model.instruction(op.before);
        }
        match (op.run)(st, op) {
            Flow::Next => {}
            Flow::Taken => return End::Direct(0),
            Flow::NotTaken => return End::Direct(1),
            Flow::Indirect => return End::Indirect,
            flow => return End::Out(op, flow),
        }
    }
    End::Direct(1)
}

/// The uncommon ways out of a block: puts RIP and the count of instructions right.
#[cold]
fn leave<H: HardwareModel>(st: &mut State<H>, block: &Block<H>, op: &Op<H>, flow: Flow, rip: &mut u64) -> Next {
    let completed = matches!(flow, Flow::Leave | Flow::LeaveTo | Flow::Syscall | Flow::TrapAfter);
    let retired = u64::from(op.before) + u64::from(completed);
    st.retired -= block.insns - retired;
    if H::DETAIL >= Detail::EveryAccess {
        st.mmu.model.left(retired as u16);
    }
    *rip = match flow {
        Flow::LeaveTo => st.target,
        _ if completed => st.next_rip(op),
        _ => st.reg(PAGE).wrapping_add(u64::from(op.offset)),
    };
    let on_stack = std::mem::take(&mut st.stack_faulted) || op.stack;
    match flow {
        Flow::Leave | Flow::LeaveTo => Next::Lookup,
        Flow::Syscall => Next::Stop(Exit::Syscall),
        Flow::Fault => Next::Stop(match st.mmu.fault {
            MemFault::Page(fault) => Exit::PageFault(fault),
            MemFault::NonCanonical if on_stack => Exit::Exception(Exception::StackFault),
            MemFault::NonCanonical => Exit::Exception(Exception::GeneralProtection { code: 0 }),
            MemFault::Misaligned => Exit::Exception(Exception::AlignmentCheck),
        }),
        Flow::Exception | Flow::TrapAfter => Next::Stop(Exit::Exception(st.exception)),
        _ => Next::Stop(Exit::Unsupported(describe(st, block, op, LinearAddr(*rip)))),
    }
}

/// What stands at an instruction that is not executed.
fn describe<H: HardwareModel>(st: &State<H>, block: &Block<H>, op: &Op<H>, rip: LinearAddr) -> Unsupported {
    let mut bytes = vec![0; usize::from(op.len)];
    let in_page = bytes.len().min((FRAME_SIZE - u64::from(op.offset)) as usize);
    let (low, high) = bytes.split_at_mut(in_page);
    st.mmu.bus.read(block.frame.base().wrapping_add(u64::from(op.offset)), low);
    if let Some(second) = block.second {
        st.mmu.bus.read(second.base(), high);
    }
    let (text, _) = decode::disassemble(&bytes, rip);
    Unsupported { rip, bytes, text }
}
