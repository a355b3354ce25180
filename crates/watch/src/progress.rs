//! Where the core is: which instruction is under way, and how many have retired before it.

use arch::{AccessKind, FRAME_SIZE, InstrInfo, LinearAddr, SpaceId};
use paging::BlockId;

/// The reports of [`HardwareModel`](paging::HardwareModel) by which a model's `progress` goes on.
macro_rules! follow {
    () => {
        #[inline]
        fn fetch(&mut self, la: LinearAddr, _: PhysAddr) {
            self.progress.fetch(la);
        }

        fn space(&mut self, space: SpaceId) {
            self.progress.enter_space(space);
        }

        fn block(&mut self, block: BlockId, _: PhysAddr, instructions: &[InstrInfo]) {
            self.progress.define(block, instructions);
        }

        #[inline]
        fn enter(&mut self, block: BlockId, la: LinearAddr) {
            self.progress.enter(block, la);
        }

        #[inline]
        fn instruction(&mut self, n: u16) {
            self.progress.instruction(n);
        }

        fn left(&mut self, completed: u16) {
            self.progress.left(completed);
        }

        fn retired(&mut self, instructions: u64) {
            self.progress.retired(instructions);
        }
    };
}

pub(crate) use follow;

/// What a model that hears of every access knows of the instructions.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The offsets of each block's instructions in its page.
    blocks: Vec<Box<[u16]>>,
    /// The block under way, and the first address of its page.
    block: Option<(BlockId, LinearAddr)>,
    instruction: u16,
    /// Where the instruction begins that is fetched, until its block begins.
    fetched: Option<LinearAddr>,
    /// Instructions of earlier stretches, and of this one's blocks before the one under way.
    earlier: u64,
    before: u64,
    space: SpaceId,
}

impl Progress {
    /// The address space that instructions run in.
    pub(crate) const fn space(&self) -> SpaceId {
        self.space
    }

    pub(crate) const fn enter_space(&mut self, space: SpaceId) {
        self.space = space;
    }

    /// A block was decoded.
    pub(crate) fn define(&mut self, block: BlockId, instructions: &[InstrInfo]) {
        let index = block.0 as usize;
        if self.blocks.len() <= index {
            self.blocks.resize_with(index + 1, Box::default);
        }
        self.blocks[index] = instructions.iter().map(|info| info.page_offset).collect();
    }

    /// Instructions are fetched from here on.
    #[inline]
    pub(crate) const fn fetch(&mut self, la: LinearAddr) {
        self.fetched = Some(la);
    }

    /// A block begins, so the one before has ended.
    #[inline]
    pub(crate) fn enter(&mut self, block: BlockId, la: LinearAddr) {
        self.before += self.length();
        (self.block, self.instruction, self.fetched) = (Some((block, la.page_base())), 0, None);
    }

    #[inline]
    pub(crate) const fn instruction(&mut self, n: u16) {
        self.instruction = n;
    }

    /// The block under way was left.
    pub(crate) fn left(&mut self, completed: u16) {
        self.before += u64::from(completed);
        self.block = None;
    }

    /// A stretch has ended, after so many instructions.
    pub(crate) const fn retired(&mut self, instructions: u64) {
        self.earlier += instructions;
        (self.before, self.block) = (0, None);
    }

    /// The instruction that makes an access, and how many have retired before it. A fetch is its own instruction's, but where that began in the
    /// page before.
    pub(crate) fn place(&self, access: AccessKind, la: LinearAddr) -> (LinearAddr, u64) {
        match access {
            AccessKind::Fetch => {
                let begins_before = |first: &LinearAddr| first.page_base().wrapping_add(FRAME_SIZE) == la;
                (self.fetched.filter(begins_before).unwrap_or(la), self.before_fetch())
            }
            AccessKind::Read | AccessKind::Write => self.now(),
        }
    }

    /// The address of the instruction under way, and how many have retired before it.
    pub(crate) fn now(&self) -> (LinearAddr, u64) {
        let place = self.block.map_or(LinearAddr(0), |(block, page)| {
            let offsets = &self.blocks[block.0 as usize];
            page.wrapping_add(offsets.get(usize::from(self.instruction)).copied().unwrap_or_default().into())
        });
        (place, self.earlier + self.before + u64::from(self.instruction))
    }

    /// How many have retired before an instruction that is fetched now: the block under way has run out.
    pub(crate) fn before_fetch(&self) -> u64 {
        self.earlier + self.before + self.length()
    }

    /// Instructions of the block under way.
    fn length(&self) -> u64 {
        self.block.map_or(0, |(block, _)| self.blocks[block.0 as usize].len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_is_known_by_its_block_and_its_number() {
        let mut progress = Progress::default();
        let at = |page_offset| InstrInfo { page_offset, ..InstrInfo::default() };
        progress.define(BlockId(1), &[at(0x10), at(0x14), at(0x18)]);
        progress.enter(BlockId(1), LinearAddr(0x40_1010));
        progress.instruction(1);
        assert_eq!(progress.now(), (LinearAddr(0x40_1014), 1));
        assert_eq!(progress.before_fetch(), 3);
        progress.enter(BlockId(1), LinearAddr(0x40_2010));
        assert_eq!(progress.now(), (LinearAddr(0x40_2010), 3));
        progress.left(2);
        assert_eq!(progress.before_fetch(), 5);
        progress.retired(5);
        assert_eq!(progress.now(), (LinearAddr(0), 5));
    }
}
