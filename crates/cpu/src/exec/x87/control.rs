//! Instructions on the control and status words and on the whole unit: environment, state, FNINIT, FNCLEX, FWAIT.

use super::block::{FirstLook, load_block, store_block};
use super::f80::{Class, F80};
use super::unit::LastInstruction;
use super::unit::{EXCEPTIONS, Fpu, SF};
use super::{done, wait};
use crate::op::{Flow, Op, tri};
use crate::state::{RAX, State};
use paging::HardwareModel;

/// FNOP: nothing but the wait.
pub(super) fn no_operation<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    done(st, op)
}

/// FNENI, FNDISI, FNSETPM: instructions of old coprocessors that do nothing.
pub(super) fn ignored<H: HardwareModel>(_: &mut State<H>, _: &Op<H>) -> Flow {
    Flow::Next
}

/// FWAIT: nothing but the wait, and it is no instruction that is remembered.
pub(super) fn wait<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    wait!(st);
    Flow::Next
}

/// FNINIT: registers keep their bits, but are empty.
pub(super) fn init<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    st.fpu.init();
    Flow::Next
}

/// FNCLEX.
pub(super) fn clear_exceptions<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    st.fpu.status &= !(EXCEPTIONS | SF);
    Flow::Next
}

/// FLDCW.
pub(super) fn load_control<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let word = tri!(st.load(op));
    st.fpu.set_control(word);
    Flow::Next
}

/// FNSTCW.
pub(super) fn store_control<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let word = st.fpu.control;
    tri!(st.store(op, word));
    st.after_store()
}

/// FNSTSW m16.
pub(super) fn store_status<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let word = st.fpu.status_word();
    tri!(st.store(op, word));
    st.after_store()
}

/// FNSTSW AX.
pub(super) fn status_to_ax<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    st.regs[RAX] = st.regs[RAX] & !0xffff | u64::from(st.fpu.status_word());
    Flow::Next
}

/// A layout of the environment: 7 words, or 7 doublewords of which some have a high half that is all ones.
pub(super) trait Layout: 'static {
    /// Bytes of the environment.
    const ENVIRONMENT: usize;
    /// Bytes of a field.
    const FIELD: usize = Self::ENVIRONMENT / 7;
}

/// m14byte: with a 66H prefix.
pub(super) struct Words;
/// m28byte.
pub(super) struct Doublewords;

impl Layout for Words {
    const ENVIRONMENT: usize = 14;
}

impl Layout for Doublewords {
    const ENVIRONMENT: usize = 28;
}

/// The largest image: environment and eight registers.
const STATE_BYTES: usize = 28 + 80;

impl Fpu {
    pub(super) fn init(&mut self) {
        *self = Self { regs: self.regs, ..Self::default() };
    }

    /// The full tag word: 0 valid, 1 zero, 2 special, 3 empty, two bits a physical register.
    fn tag_word(&self) -> u16 {
        (0..8).fold(0, |tags, n| {
            let tag = match self.regs[n].class() {
                _ if self.valid >> n & 1 == 0 => 3,
                Class::Normal => 0,
                Class::Zero => 1,
                _ => 2,
            };
            tags | tag << (2 * n)
        })
    }

    fn set_tag_word(&mut self, tags: u16) {
        self.valid = (0..8).fold(0, |valid, n| valid | u8::from(tags >> (2 * n) & 3 != 3) << n);
    }

    /// Writes the environment: control, status and tag words, and as much as fits of what is known of the last
    /// instruction. Selectors are 0.
    fn store_environment<L: Layout>(&self, image: &mut [u8]) {
        for (n, word) in [self.control, self.status_word(), self.tag_word()].into_iter().enumerate() {
            image[n * L::FIELD..][..2].copy_from_slice(&word.to_le_bytes());
            image[n * L::FIELD + 2..][..L::FIELD - 2].fill(0xff);
        }
        let LastInstruction { ip, data, opcode } = self.last;
        for (n, pointer) in [(3, ip), (4, u64::from(opcode) << 16), (5, data), (6, 0xffff_0000)] {
            image[n * L::FIELD..][..L::FIELD].copy_from_slice(&pointer.to_le_bytes()[..L::FIELD]);
        }
    }

    fn load_environment<L: Layout>(&mut self, image: &[u8]) {
        let word = |n: usize| u16::from_le_bytes([image[n * L::FIELD], image[n * L::FIELD + 1]]);
        self.set_control(word(0));
        self.set_status_word(word(1));
        self.set_tag_word(word(2));
        let field =
            |n: usize| image[n * L::FIELD..][..L::FIELD].iter().rev().fold(0, |x, &byte| x << 8 | u64::from(byte));
        self.last = LastInstruction::new(field(3), field(5), (field(4) >> 16) as u16);
    }
}

/// FNSTENV. Afterwards all exceptions are masked.
pub(super) fn store_environment<H: HardwareModel, L: Layout>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let mut image = [0; STATE_BYTES];
    st.fpu.store_environment::<L>(&mut image);
    let la = op.ea(st);
    tri!(store_block(st, la, &image[..L::ENVIRONMENT], FirstLook::Field(L::FIELD)));
    st.fpu.control |= EXCEPTIONS;
    st.after_store()
}

/// FLDENV.
pub(super) fn load_environment<H: HardwareModel, L: Layout>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let mut image = [0; STATE_BYTES];
    let la = op.ea(st);
    tri!(load_block(st, la, &mut image[..L::ENVIRONMENT], FirstLook::Field(L::FIELD)));
    st.fpu.load_environment::<L>(&image);
    Flow::Next
}

/// FNSAVE: the environment and the registers from ST(0) on, then FNINIT.
pub(super) fn save<H: HardwareModel, L: Layout>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let mut image = [0; STATE_BYTES];
    st.fpu.store_environment::<L>(&mut image);
    for i in 0..8 {
        let value = st.fpu.regs[usize::from(st.fpu.physical(i))];
        image[L::ENVIRONMENT + 10 * usize::from(i)..][..10].copy_from_slice(&value.to_bytes());
    }
    let la = op.ea(st);
    tri!(store_block(st, la, &image[..L::ENVIRONMENT + 80], FirstLook::Field(L::FIELD)));
    st.fpu.init();
    st.after_store()
}

/// FRSTOR.
pub(super) fn restore<H: HardwareModel, L: Layout>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let mut image = [0; STATE_BYTES];
    let la = op.ea(st);
    tri!(load_block(st, la, &mut image[..L::ENVIRONMENT + 80], FirstLook::Field(L::FIELD)));
    st.fpu.load_environment::<L>(&image);
    for i in 0..8 {
        let at = L::ENVIRONMENT + 10 * usize::from(i);
        let n = st.fpu.physical(i);
        st.fpu.regs[usize::from(n)] = F80::from_bytes(std::array::from_fn(|b| image[at + b]));
    }
    Flow::Next
}
