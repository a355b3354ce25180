//! The signal frame: what delivery puts on the user stack and `rt_sigreturn` takes off (Linux's `struct rt_sigframe`).
//!
//! ```text
//!   higher addresses    the interrupted code's stack, its red zone of 128 bytes
//!   64-byte aligned     x87, SSE and extended state: see `fpstate`
//!                       siginfo_t, 128 bytes
//!                       ucontext: flags, link, alternate stack, registers, signal mask
//!   rsp, 16n + 8        return address: the restorer
//! ```
//! `uc_flags` says `UC_FP_XSTATE` if the state is more than FXSAVE's.
//!
//! Offsets are those that a C program prints for `struct rt_sigframe`, put together from `asm/sigcontext.h` and
//! `asm/siginfo.h`.

use super::info::SIGINFO_BYTES;
use super::{AltStack, SigInfo, SigSet, TrapRecord};
use arch::{Features, Gpr, LinearAddr, Rflags, UserContext};

/// Bytes from the return address to the end of the siginfo.
pub(super) const FRAME_BYTES: usize = 440;
/// Bytes below the stack pointer that a function may use without moving it (System V ABI).
const RED_ZONE: u64 = 128;

const UC_FLAGS: usize = 8;
const UC_STACK: usize = 24;
/// Registers in the order of `struct sigcontext_64`, eight bytes each.
const UC_MCONTEXT: usize = 48;
const SC_IP: usize = 176;
const SC_FLAGS: usize = 184;
const SC_CS: usize = 192;
const SC_SS: usize = 198;
const SC_ERR: usize = 200;
const SC_TRAPNO: usize = 208;
const SC_OLDMASK: usize = 216;
const SC_CR2: usize = 224;
const SC_FPSTATE: usize = 232;
const UC_SIGMASK: usize = 304;
pub(super) const SIGINFO: usize = 312;

/// The general registers in the order of `struct sigcontext_64`.
const SC_ORDER: [Gpr; 16] = [
    Gpr::R8,
    Gpr::R9,
    Gpr::R10,
    Gpr::R11,
    Gpr::R12,
    Gpr::R13,
    Gpr::R14,
    Gpr::R15,
    Gpr::Rdi,
    Gpr::Rsi,
    Gpr::Rbp,
    Gpr::Rbx,
    Gpr::Rdx,
    Gpr::Rax,
    Gpr::Rcx,
    Gpr::Rsp,
];

/// `UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS`: SS is saved, and put back as it is.
const UC_FLAGS_VALUE: u64 = 2 | 4;
/// The state in the frame is XSAVE's.
const UC_FP_XSTATE: u64 = 1;
/// Selectors of user code and data (`__USER_CS`, `__USER_DS`).
const USER_CS: u16 = 0x33;
const USER_DS: u16 = 0x2b;

/// The flags that a frame may set (Linux's `FIX_EFLAGS`), less RF, which the next instruction would clear at once.
const FIX_EFLAGS: Rflags = Rflags::STATUS.union(Rflags::AC).union(Rflags::DF).union(Rflags::TF);

/// Where the parts of a frame go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) frame: u64,
    pub(super) fpstate: u64,
}

/// Which stack a handler asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stack {
    /// The one in use.
    Current,
    /// The alternate one (SA_ONSTACK), if there is one and it is not in use.
    Alternate,
}

/// Chooses the place of a frame with so many bytes of x87, SSE and extended state (`get_sigframe`); `None` if it would overflow the alternate stack.
pub(super) fn place(sp: u64, fpstate_bytes: usize, stack: Stack, alt: &AltStack) -> Option<Place> {
    let below_red_zone = sp.wrapping_sub(RED_ZONE);
    let entering = stack == Stack::Alternate && alt.state(below_red_zone).is_empty();
    let top = if entering { alt.top() } else { below_red_zone };
    let fpstate = top.wrapping_sub(fpstate_bytes as u64) & !63;
    let frame = (fpstate.wrapping_sub(FRAME_BYTES as u64) & !15).wrapping_sub(8);
    let on_alternate = entering || alt.is_active(sp);
    (!on_alternate || alt.holds(frame)).then_some(Place { frame, fpstate })
}

/// What a frame is made of, besides the registers.
pub(super) struct Parts<'a> {
    pub(super) place: Place,
    pub(super) restorer: u64,
    pub(super) mask: SigSet,
    pub(super) altstack: &'a AltStack,
    pub(super) trap: TrapRecord,
    /// What the processor has.
    pub(super) features: Features,
    /// `None` for a handler without SA_SIGINFO: its siginfo stays unwritten.
    pub(super) info: Option<SigInfo>,
}

/// The bytes of the frame: up to the siginfo, or with it.
pub(super) fn encode(ctx: &UserContext, parts: &Parts<'_>) -> Vec<u8> {
    let mut bytes = vec![0; SIGINFO];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &parts.restorer.to_le_bytes());
    let xstate = if parts.features.contains(Features::XSAVE) { UC_FP_XSTATE } else { 0 };
    put(UC_FLAGS, &(UC_FLAGS_VALUE | xstate).to_le_bytes());
    put(UC_STACK, &parts.altstack.saved());
    for (slot, register) in SC_ORDER.into_iter().enumerate() {
        put(UC_MCONTEXT + 8 * slot, &ctx.reg(register).to_le_bytes());
    }
    put(SC_IP, &ctx.rip.to_le_bytes());
    put(SC_FLAGS, &ctx.rflags.bits().to_le_bytes());
    put(SC_CS, &USER_CS.to_le_bytes());
    put(SC_SS, &USER_DS.to_le_bytes());
    put(SC_ERR, &parts.trap.err.to_le_bytes());
    put(SC_TRAPNO, &parts.trap.trapno.to_le_bytes());
    put(SC_OLDMASK, &parts.mask.0.to_le_bytes());
    put(SC_CR2, &parts.trap.cr2.to_le_bytes());
    put(SC_FPSTATE, &parts.place.fpstate.to_le_bytes());
    put(UC_SIGMASK, &parts.mask.0.to_le_bytes());
    if let Some(info) = parts.info {
        bytes.extend_from_slice(&info.to_bytes());
        debug_assert_eq!(bytes.len(), SIGINFO + SIGINFO_BYTES);
    }
    bytes
}

/// A frame that `rt_sigreturn` has read back.
pub(super) struct Returned<'a>(pub(super) &'a [u8; SIGINFO]);

impl Returned<'_> {
    fn word(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.0[at..at + 8].try_into().expect("eight bytes"))
    }

    fn half(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    pub(super) fn mask(&self) -> SigSet {
        SigSet(self.word(UC_SIGMASK))
    }

    /// Where the x87, SSE and extended state lies; `None` for a null pointer, which means the initial state.
    pub(super) fn fpstate(&self) -> Option<LinearAddr> {
        Some(self.word(SC_FPSTATE)).filter(|&at| at != 0).map(LinearAddr)
    }

    pub(super) fn altstack(&self) -> &[u8] {
        &self.0[UC_STACK..UC_STACK + AltStack::BYTES]
    }

    /// Whether the selectors are those of 64-bit user code; others fault when the processor returns with them.
    pub(super) fn selectors_are_usable(&self) -> bool {
        self.half(SC_CS) | 3 == USER_CS && self.half(SC_SS) | 3 == USER_DS
    }

    /// Puts the registers back (`restore_sigcontext`); of the flags only those that a program may set itself.
    pub(super) fn restore(&self, ctx: &mut UserContext) {
        for (slot, register) in SC_ORDER.into_iter().enumerate() {
            ctx.set_reg(register, self.word(UC_MCONTEXT + 8 * slot));
        }
        ctx.rip = self.word(SC_IP);
        let wanted = Rflags::from_bits_truncate(self.word(SC_FLAGS));
        ctx.rflags = (ctx.rflags - FIX_EFLAGS - Rflags::RF) | (wanted & FIX_EFLAGS);
    }
}

#[cfg(test)]
mod tests {
    use super::super::SsFlags;
    use super::*;

    fn context() -> UserContext {
        let mut ctx = UserContext::at_entry(LinearAddr(0x40_1000), LinearAddr(0x7fff_ffff_d800));
        for (n, register) in ctx.gpr.iter_mut().enumerate() {
            *register = 0x100 + n as u64;
        }
        ctx.rflags = Rflags::FIXED | Rflags::IF | Rflags::ZF;
        ctx
    }

    fn sample(info: Option<SigInfo>) -> Vec<u8> {
        let altstack = AltStack { base: LinearAddr(0x5000), size: 0x3000, flags: SsFlags::empty() };
        let place = Place { frame: 0x1008, fpstate: 0x2000 };
        let trap = TrapRecord { trapno: 14, err: 6, cr2: 0xdead };
        let (features, mask) = (Features::V3, SigSet(0x55));
        let parts = Parts { place, restorer: 0xabc, mask, altstack: &altstack, trap, features, info };
        encode(&context(), &parts)
    }

    /// Each field where offsetof() of `struct rt_sigframe` on x86-64 Linux puts it.
    #[test]
    fn fields_are_where_linux_has_them() {
        let bytes = sample(Some(SigInfo::kernel(crate::Signal::SEGV)));
        assert_eq!(bytes.len(), 440, "sizeof(struct rt_sigframe)");
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let reg = |r: Gpr| 0x100 + r as u64;
        for (field, at, value) in [
            ("pretcode", 0, 0xabc),
            ("uc_flags", 8, 7),
            ("uc_link", 16, 0),
            ("uc_stack.ss_sp", 24, 0x5000),
            ("uc_stack.ss_flags", 32, 0),
            ("uc_stack.ss_size", 40, 0x3000),
            ("r8", 48, reg(Gpr::R8)),
            ("r15", 104, reg(Gpr::R15)),
            ("di", 112, reg(Gpr::Rdi)),
            ("si", 120, reg(Gpr::Rsi)),
            ("bp", 128, reg(Gpr::Rbp)),
            ("bx", 136, reg(Gpr::Rbx)),
            ("dx", 144, reg(Gpr::Rdx)),
            ("ax", 152, reg(Gpr::Rax)),
            ("cx", 160, reg(Gpr::Rcx)),
            ("sp", 168, reg(Gpr::Rsp)),
            ("ip", 176, 0x40_1000),
            ("flags", 184, 0x242),
            ("cs, gs, fs, ss", 192, 0x002b_0000_0000_0033),
            ("err", 200, 6),
            ("trapno", 208, 14),
            ("oldmask", 216, 0x55),
            ("cr2", 224, 0xdead),
            ("fpstate", 232, 0x2000),
            ("reserved1", 240, 0),
            ("uc_sigmask", 304, 0x55),
        ] {
            assert_eq!(word(at), value, "{field}");
        }
        assert_eq!(bytes[312..316], 11_i32.to_le_bytes(), "info.si_signo");
    }

    #[test]
    fn without_siginfo_the_frame_ends_at_it() {
        assert_eq!(sample(None).len(), SIGINFO);
    }

    #[test]
    fn the_place_skips_the_red_zone_and_is_aligned() {
        for sp in 0x7fff_0000_u64..0x7fff_0100 {
            let p = place(sp, 836, Stack::Current, &AltStack::default()).unwrap();
            assert_eq!(p.fpstate % 64, 0);
            assert_eq!(p.frame % 16, 8, "rsp is as after a call");
            assert!(p.fpstate + 836 <= sp - 128);
            assert!(p.frame + 440 <= p.fpstate);
        }
    }

    #[test]
    fn the_alternate_stack_is_entered_once_and_not_overflowed() {
        let alt = AltStack { base: LinearAddr(0x10_0000), size: 0x2000, flags: SsFlags::empty() };
        let first = place(0x7fff_0000, 836, Stack::Alternate, &alt).unwrap();
        assert_eq!(first.fpstate, 0x10_2000 - 896);
        let nested = place(first.frame, 836, Stack::Alternate, &alt).unwrap();
        assert!(nested.fpstate + 836 <= first.frame - 128);
        assert_eq!(place(0x10_0400, 836, Stack::Alternate, &alt), None, "too little room left");
        assert_eq!(place(0x10_0400, 836, Stack::Current, &alt), None, "also without SA_ONSTACK");
    }

    #[test]
    fn flags_a_program_may_not_set_stay_as_they_are() {
        let mut bytes: [u8; SIGINFO] = sample(None).try_into().unwrap();
        bytes[SC_FLAGS..SC_FLAGS + 8].copy_from_slice(&u64::MAX.to_le_bytes());
        let mut ctx = context();
        Returned(&bytes).restore(&mut ctx);
        assert_eq!(ctx.rflags.bits(), 0x4_0fd7, "AC, OF, DF, IF, TF and the status flags; no NT, no RF, no ID");
    }

    #[test]
    fn selectors_are_checked() {
        let mut bytes: [u8; SIGINFO] = sample(None).try_into().unwrap();
        assert!(Returned(&bytes).selectors_are_usable());
        bytes[SC_CS] = 0x23;
        assert!(!Returned(&bytes).selectors_are_usable());
    }
}
