//! Decoded blocks: where they are kept, how they are found, when they go.
//!
//! A block is a row of instructions of one page, up to a branch, the page's end, or something that is no instruction. Its
//! key is the physical frame and the offset (the core runs only 64-bit user code, so mode and CPL are always the same). An
//! instruction that crosses into the next page is a block of its own, which remembers the second frame.
//!
//! A block is named by its index and its serial number: a link to a block that is gone finds another serial, so nobody
//! has to look for the links when a block is dropped.

use crate::bind;
use crate::exec::{misc, system};
use crate::op::{Binding, FlagUse, Handler, Op};
use arch::{FRAME_SIZE, Features, InstrInfo, LinearAddr, Pfn};
use decode::{DecodeError, Insn, MAX_INSN_BYTES, Mnemonic};
use mmu::{Fault, Mmu};
use paging::{BlockId, HardwareModel, PhysMem};
use physmem::{CodeWrite, lines_of};
use std::collections::HashMap;

/// The most instructions in a block.
const MAX_INSNS: usize = 64;
/// Entries of the table from linear addresses to blocks.
const JUMPS: usize = 4096;

/// A block by index and serial number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlockRef {
    pub(crate) index: u32,
    serial: u32,
}

/// A decoded block. Its size is a power of two, so that finding one takes a shift and no multiplication.
#[repr(align(128))]
pub(crate) struct Block<H> {
    pub(crate) ops: Box<[Op<H>]>,
    /// Instructions, pairs counted as two.
    pub(crate) insns: u64,
    pub(crate) frame: Pfn,
    /// The frame that an instruction across the page's end goes on in.
    pub(crate) second: Option<Pfn>,
    /// Offset of the first instruction.
    offset: u16,
    /// Offset behind the last instruction, from the page's start; may be beyond the page's end.
    pub(crate) end: u64,
    /// Target of the branch at the end, from the page's start.
    pub(crate) target: u64,
    /// Where control went last time: behind the branch when taken, and when not.
    pub(crate) links: [BlockRef; 2],
    serial: u32,
}

#[derive(Clone, Copy, Default)]
struct Jump {
    la: u64,
    block: BlockRef,
}

/// All decoded blocks.
pub(crate) struct BlockCache<H> {
    /// What the processor has: blocks are decoded for it.
    pub(crate) features: Features,
    slab: Vec<Block<H>>,
    free: Vec<u32>,
    serials: u32,
    by_address: HashMap<u64, BlockRef>,
    by_frame: HashMap<u64, Vec<BlockRef>>,
    jumps: Box<[Jump]>,
}

impl<H: HardwareModel> BlockCache<H> {
    pub(crate) fn new(features: Features) -> Self {
        let mut cache = Self {
            features,
            slab: Vec::new(),
            free: Vec::new(),
            serials: 0,
            by_address: HashMap::new(),
            by_frame: HashMap::new(),
            jumps: vec![Jump::default(); JUMPS].into(),
        };
        // Index 0 is never found, and is the model's number of blocks that are not kept, so that an empty link leads to a block with another serial.
        cache.add(Block::empty(Pfn(u64::MAX)));
        cache
    }

    #[inline(always)]
    pub(crate) fn get(&self, index: u32) -> &Block<H> {
        &self.slab[index as usize]
    }

    /// The block that a link leads to, if it is still there.
    #[inline(always)]
    pub(crate) fn follow(&self, link: BlockRef) -> Option<&Block<H>> {
        let block = &self.slab[link.index as usize];
        (block.serial == link.serial).then_some(block)
    }

    /// The block that follows `block` within its page, behind a direct branch (slot 0) or where it ran out (slot 1), if they
    /// are linked.
    #[inline(always)]
    pub(crate) fn successor(&self, block: &Block<H>, slot: usize) -> Option<u32> {
        let link = block.links[slot];
        (block.after(slot) < FRAME_SIZE && self.follow(link).is_some()).then_some(link.index)
    }

    /// The block at `la`, which lies in `frame`, if the table from addresses to blocks has it.
    #[inline(always)]
    pub(crate) fn jumped_to(&self, la: LinearAddr, frame: Pfn) -> Option<u32> {
        let jump = self.jumps[jump_index(la)];
        (jump.la == la.0 && self.follow(jump.block)?.frame == frame).then_some(jump.block.index)
    }

    /// Links a block to a successor. Blocks across a page's end are not linked to: both their pages are translated at each
    /// execution.
    pub(crate) fn link(&mut self, from: BlockRef, slot: usize, to: BlockRef) {
        if self.get(to.index).second.is_none() && self.follow(from).is_some() {
            self.slab[from.index as usize].links[slot] = to;
        }
    }

    pub(crate) fn reference(&self, index: u32) -> BlockRef {
        BlockRef { index, serial: self.get(index).serial }
    }

    /// The block at `la`, which lies in `frame`; decoded if it is not there.
    pub(crate) fn find(&mut self, mmu: &mut Mmu<H>, la: LinearAddr, frame: Pfn) -> Result<BlockRef, Fault> {
        let jump = self.jumps[jump_index(la)];
        if jump.la == la.0 && self.follow(jump.block).is_some_and(|b| b.frame == frame) {
            return Ok(jump.block);
        }
        let key = frame.base().0 | la.page_offset();
        if let Some(&found) = self.by_address.get(&key) {
            match self.get(found.index).second {
                None => {
                    self.jumps[jump_index(la)] = Jump { la: la.0, block: found };
                    return Ok(found);
                }
                Some(second) if mmu.fetch_frame(next_page(la))? == second => return Ok(found),
                Some(_) => self.remove(found),
            }
        }
        let (block, infos) = decode_block(mmu, self.features, la, frame, MAX_INSNS)?;
        let crosses = block.second.is_some();
        let reference = self.insert(key, block);
        mmu.model.block(BlockId(reference.index), frame.base(), &infos);
        if !crosses {
            self.jumps[jump_index(la)] = Jump { la: la.0, block: reference };
        }
        Ok(reference)
    }

    /// Drops the blocks that overlap what was written.
    pub(crate) fn invalidate(&mut self, write: CodeWrite) {
        let Some(here) = self.by_frame.get(&write.pfn.0) else { return };
        let gone: Vec<_> =
            here.iter().copied().filter(|&r| self.get(r.index).lines_in(write.pfn) & write.lines != 0).collect();
        for block in gone {
            self.remove(block);
        }
    }

    fn insert(&mut self, key: u64, block: Block<H>) -> BlockRef {
        let frames = block.frames();
        let reference = self.add(block);
        self.by_address.insert(key, reference);
        for frame in frames {
            self.by_frame.entry(frame.0).or_default().push(reference);
        }
        reference
    }

    fn add(&mut self, mut block: Block<H>) -> BlockRef {
        self.serials += 1;
        block.serial = self.serials;
        let serial = block.serial;
        let index = match self.free.pop() {
            Some(index) => {
                self.slab[index as usize] = block;
                index
            }
            None => {
                self.slab.push(block);
                self.slab.len() as u32 - 1
            }
        };
        BlockRef { index, serial }
    }

    fn remove(&mut self, reference: BlockRef) {
        let index = reference.index as usize;
        let block = std::mem::replace(&mut self.slab[index], Block::empty(Pfn(u64::MAX)));
        self.by_address.remove(&(block.frame.base().0 | u64::from(block.offset)));
        for frame in block.frames() {
            if let Some(here) = self.by_frame.get_mut(&frame.0) {
                here.retain(|&r| r != reference);
            }
        }
        self.free.push(reference.index);
    }
}

fn jump_index(la: LinearAddr) -> usize {
    (la.0 ^ la.0 >> 12) as usize & (JUMPS - 1)
}

fn next_page(la: LinearAddr) -> LinearAddr {
    la.page_base().wrapping_add(FRAME_SIZE)
}

impl<H> Block<H> {
    fn empty(frame: Pfn) -> Self {
        Self {
            ops: Box::default(),
            insns: 0,
            frame,
            second: None,
            offset: 0,
            end: 0,
            target: 0,
            links: [BlockRef::default(); 2],
            serial: u32::MAX,
        }
    }

    /// Offset of the first instruction in its page.
    pub(crate) fn start(&self) -> u64 {
        u64::from(self.offset)
    }

    /// Where control goes behind the block, from the page's start: by a direct branch (0) or by running out (1).
    #[inline(always)]
    pub(crate) fn after(&self, slot: usize) -> u64 {
        if slot == 0 { self.target } else { self.end }
    }

    fn frames(&self) -> impl Iterator<Item = Pfn> + use<H> {
        std::iter::once(self.frame).chain(self.second.filter(|&s| s != self.frame))
    }

    /// The lines of `frame` that the block was decoded from.
    fn lines_in(&self, frame: Pfn) -> u64 {
        let first =
            if frame == self.frame { lines_of(u64::from(self.offset), self.end - u64::from(self.offset)) } else { 0 };
        let second = if self.second == Some(frame) { lines_of(0, self.end - FRAME_SIZE) } else { 0 };
        first | second
    }
}

/// Decodes a block of at most `limit` instructions. Decoding ahead never faults and never sets A: only a first
/// instruction that goes on in the next page has that page translated (MMU-154).
pub(crate) fn decode_block<H: HardwareModel>(
    mmu: &mut Mmu<H>,
    features: Features,
    la: LinearAddr,
    frame: Pfn,
    limit: usize,
) -> Result<(Block<H>, Vec<InstrInfo>), Fault> {
    let offset = la.page_offset();
    let mut bytes = vec![0; (FRAME_SIZE - offset) as usize];
    mmu.bus.read(frame.base().wrapping_add(offset), &mut bytes);
    let mut builder = Builder::new(frame, offset as u16);
    let mut second = None;
    match decode::decode(&bytes, offset as u16, features) {
        Err(DecodeError::MoreBytes) => {
            let next = mmu.fetch_frame(next_page(la))?;
            let tail = bytes.len();
            bytes.resize(tail + MAX_INSN_BYTES, 0);
            mmu.bus.read(next.base(), &mut bytes[tail..]);
            builder.push(decode::decode(&bytes, offset as u16, features));
            second = Some(next);
        }
        first => {
            let mut next = first;
            while builder.push(next) && builder.insns < limit {
                let at = builder.end as usize - offset as usize;
                next = decode::decode(&bytes[at..], builder.end as u16, features);
                if matches!(next, Err(DecodeError::MoreBytes)) {
                    break;
                }
            }
        }
    }
    let (infos, block) = builder.finish(second);
    for frame in block.frames() {
        mmu.mark_code(frame, block.lines_in(frame));
    }
    Ok((block, infos))
}

/// A block being made.
struct Builder<H> {
    block: Block<H>,
    ops: Vec<Op<H>>,
    /// What each operation does with the flags.
    bindings: Vec<Binding<H>>,
    infos: Vec<InstrInfo>,
    /// The last instruction, if it is the only one that its operation stands for.
    last: Option<Insn>,
    insns: usize,
    end: u64,
}

impl<H: HardwareModel> Builder<H> {
    fn new(frame: Pfn, offset: u16) -> Self {
        let block = Block { offset, ..Block::empty(frame) };
        Self {
            block,
            ops: Vec::new(),
            bindings: Vec::new(),
            infos: Vec::new(),
            last: None,
            insns: 0,
            end: u64::from(offset),
        }
    }

    /// Appends an instruction, or what raises the exception that there is instead. False if the block ends with it.
    fn push(&mut self, decoded: Result<Insn, DecodeError>) -> bool {
        let insn = match decoded {
            Ok(insn) => insn,
            Err(DecodeError::TooLong) => return self.trap(system::privileged::<H>),
            Err(DecodeError::Invalid | DecodeError::MoreBytes) => return self.trap(misc::undefined::<H>),
        };
        let fused = insn.is_jcc().then(|| self.fuse(&insn)).is_some_and(|fused| fused);
        if !fused {
            let binding = bind::bind(&insn, self.insns as u16, &mut self.ops);
            self.bindings.resize_with(self.ops.len() - 1, Binding::default);
            self.bindings.push(binding);
        }
        if let decode::Operand::Target(target) = insn.ops[0] {
            self.block.target = target as u64;
        }
        self.insns += 1;
        self.end += u64::from(insn.info.length);
        self.infos.push(insn.info);
        let ends = insn.ends_block
            || matches!(insn.mnemonic, Mnemonic::Rdtsc | Mnemonic::Rdtscp | Mnemonic::Popfq | Mnemonic::Popf);
        self.last = Some(insn);
        !ends && self.end < FRAME_SIZE
    }

    fn fuse(&mut self, jcc: &Insn) -> bool {
        let (Some(first), Some(condition)) = (&self.last, jcc.condition()) else { return false };
        let Some(op) = self.ops.last_mut() else { return false };
        let Some(run) = bind::fuse(first, op, condition) else { return false };
        bind::join(op, run, jcc);
        if let Some(binding) = self.bindings.last_mut() {
            *binding = Binding::default();
        }
        true
    }

    fn trap(&mut self, run: Handler<H>) -> bool {
        self.ops.push(Op::new(run, self.end as u16, 1, self.insns as u16));
        self.bindings.push(Binding::default());
        self.insns += 1;
        self.end += 1;
        false
    }

    /// Takes out the work of setting flags that are all set again before anything can read them.
    fn drop_dead_flags(&mut self) {
        let mut dead = false;
        for (op, binding) in self.ops.iter_mut().zip(&self.bindings).rev() {
            if let (true, Some(quiet)) = (dead, binding.quiet) {
                op.run = quiet;
            }
            match binding.flags {
                FlagUse::Needs => dead = false,
                FlagUse::WritesAll => dead = true,
                FlagUse::Ignores | FlagUse::WritesSome => {}
            }
        }
    }

    fn finish(mut self, second: Option<Pfn>) -> (Vec<InstrInfo>, Block<H>) {
        // What raised the exception may go on in the second page, whose bytes decided it.
        self.drop_dead_flags();
        let end = if second.is_some() { self.end.max(FRAME_SIZE + 1) } else { self.end };
        let block = Block { ops: self.ops.into(), insns: self.insns as u64, second, end, ..self.block };
        (self.infos, block)
    }
}
