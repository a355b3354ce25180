//! What to ask QEMU to report, for the instructions of a block as it is translated.
//!
//! A report of each instruction would cost more than all else, so the block is reported as a whole, when it begins, with
//! its first page and its number of instructions. Beyond that an instruction is reported by itself only
//! - where the page of instructions changes: each page once, in order, so that one which crosses into the next has two;
//! - where it repeats: QEMU runs REP MOVS and its like as a block for each round, of which the last instruction is this
//!   one, while a processor retires it once.

use arch::{Features, LinearAddr};
use decode::Rep;

/// The first address and the number of instructions that a block's report carries, in one word: 48 bits and 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// Where the block begins.
    pub(crate) la: LinearAddr,
    /// Its instructions, without one that repeats.
    pub(crate) instructions: u16,
}

/// Bits of an address; those above repeat the last.
const ADDRESS_BITS: u32 = 48;

impl Start {
    /// As one word.
    pub(crate) const fn pack(self) -> u64 {
        self.la.0 << (u64::BITS - ADDRESS_BITS) >> (u64::BITS - ADDRESS_BITS)
            | (self.instructions as u64) << ADDRESS_BITS
    }

    /// From one word.
    pub(crate) const fn unpack(word: u64) -> Self {
        let unused = u64::BITS - ADDRESS_BITS;
        Self { la: LinearAddr(((word << unused) as i64 >> unused) as u64), instructions: (word >> ADDRESS_BITS) as u16 }
    }
}

/// The page that instructions come from, as a block is gone through.
pub(crate) struct FetchPage(u64);

impl FetchPage {
    /// The block begins here, which its own report says.
    pub(crate) const fn at(la: LinearAddr) -> Self {
        Self(la.page_number())
    }

    /// The addresses to report as fetched for an instruction of so many bytes: where it begins and where it goes on in
    /// the next page, as far as they are not in the page already.
    pub(crate) fn reach(&mut self, la: LinearAddr, bytes: usize) -> impl Iterator<Item = LinearAddr> + use<> {
        let last = la.wrapping_add(bytes.saturating_sub(1) as u64);
        [la, last.page_base()].map(|la| self.change(la).then_some(la)).into_iter().flatten()
    }

    const fn change(&mut self, la: LinearAddr) -> bool {
        let changes = self.0 != la.page_number();
        self.0 = la.page_number();
        changes
    }
}

/// What an instruction's bytes say of its reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    /// It has a REP prefix that means something.
    pub(crate) repeats: bool,
    /// It writes all that it reads: its loads are checked as writes, once (MMU-094).
    pub(crate) loads_to_write: bool,
}

impl Traits {
    /// Of bytes that are no instruction we know: none.
    pub(crate) fn of(la: LinearAddr, bytes: &[u8]) -> Self {
        decode::decode(bytes, la.page_offset() as u16, Features::all()).map_or_else(
            |_| Self::default(),
            |insn| Self { repeats: insn.rep != Rep::No, loads_to_write: insn.info.loads == 0 && insn.info.stores > 0 },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_survives_the_word_in_either_half_of_the_addresses() {
        for (la, instructions) in [(0, 1), (0x7fff_ffff_ffff, 512), (0xffff_ffff_ff60_0000, 0), (0x40_1000, u16::MAX)] {
            let start = Start { la: LinearAddr(la), instructions };
            assert_eq!(Start::unpack(start.pack()), start);
        }
    }

    #[test]
    fn pages_are_reported_where_they_change() {
        let mut page = FetchPage::at(LinearAddr(0x1ff0));
        let mut reach = |la, bytes| page.reach(LinearAddr(la), bytes).map(|la| la.0).collect::<Vec<_>>();
        assert_eq!(reach(0x1ff0, 4), []);
        assert_eq!(reach(0x1ffc, 4), [], "up to the last byte of the page");
        assert_eq!(reach(0x2000, 2), [0x2000], "from the first of the next");
        assert_eq!(reach(0x2ffd, 5), [0x3000], "into the next");
        assert_eq!(reach(0x3002, 1), []);
        assert_eq!(reach(0x8fff, 2), [0x8fff, 0x9000]);
    }

    fn traits(bytes: &[u8]) -> (bool, bool) {
        let traits = Traits::of(LinearAddr(0x1000), bytes);
        (traits.repeats, traits.loads_to_write)
    }

    #[test]
    fn read_modify_writes_are_told_from_loads_beside_stores() {
        assert_eq!(traits(&[0x01, 0x07]), (false, true), "add [rdi], eax");
        assert_eq!(traits(&[0x87, 0x07]), (false, true), "xchg [rdi], eax");
        assert_eq!(traits(&[0xf0, 0x0f, 0xb1, 0x0f]), (false, true), "lock cmpxchg [rdi], ecx");
        assert_eq!(traits(&[0x8b, 0x07]), (false, false), "mov eax, [rdi]");
        assert_eq!(traits(&[0xff, 0x37]), (false, false), "push [rdi]");
        assert_eq!(traits(&[0xa4]), (false, false), "movsb");
        assert_eq!(traits(&[0x06]), (false, false), "no instruction");
        assert_eq!(traits(&[]), (false, false), "no bytes");
    }

    #[test]
    fn only_string_instructions_repeat() {
        assert!(traits(&[0xf3, 0xa4]).0, "rep movsb");
        assert!(traits(&[0xf2, 0xae]).0, "repne scasb");
        assert!(!traits(&[0xf3, 0xc3]).0, "rep ret");
        assert!(!traits(&[0xf3, 0x90]).0, "pause");
    }
}
