//! Signals end to end: delivery, return, masks, stacks, restarts, and what the default does.

mod common;

use arch::{AccessKind, Exception, Gpr, LinearAddr, Rflags, UserContext, XsaveImage};
use common::signals::{EINTR, HANDLER, SA_RESTART, SA_SIGINFO, SIGALRM, SIGSEGV, SIGUSR1, SIGUSR2, bit};
use common::{DATA, HEAP, Rig, SCRATCH, deadlocked_in};
use pagewalk_kernel::{Disposition, ExitStatus, Signal};
use proptest::prelude::*;

const SA_ONSTACK: u64 = 0x0800_0000;
const SA_NODEFER: u64 = 0x4000_0000;
const SA_RESETHAND: u64 = 0x8000_0000;

#[test]
fn a_handler_starts_with_linuxs_registers_and_returns() {
    let mut rig = Rig::new();
    rig.handle(SIGUSR1, SA_SIGINFO, bit(SIGUSR2));
    rig.ctx.rflags |= Rflags::DF | Rflags::CF;
    rig.ctx.xsave.0[XsaveImage::XMM0] = 7;
    let rsp = rig.ctx.reg(Gpr::Rsp);
    assert_eq!(rig.raise(SIGUSR1), Disposition::Resume);
    assert!(rig.in_handler());
    let frame = rig.ctx.reg(Gpr::Rsp);
    assert_eq!((rig.ctx.reg(Gpr::Rdi), rig.ctx.reg(Gpr::Rax)), (SIGUSR1, 0));
    assert_eq!((rig.ctx.reg(Gpr::Rsi), rig.ctx.reg(Gpr::Rdx)), (frame + 312, frame + 8));
    assert!(!rig.ctx.rflags.contains(Rflags::DF));
    assert!(rig.ctx.rflags.contains(Rflags::CF));
    assert_eq!(rig.ctx.xsave, XsaveImage::default(), "x87 and SSE start afresh");
    assert_eq!(rig.peek_word(frame + 168), rsp, "sp");
    let fpstate = rig.peek_word(frame + 232);
    assert_eq!(fpstate % 64, 0);
    assert_eq!(rig.peek(fpstate + XsaveImage::XMM0 as u64, 1), [7]);
    assert_eq!(rig.peek(fpstate + 464, 4), *b"SXPF", "FP_XSTATE_MAGIC1");
    assert_eq!(rig.peek(fpstate + 832, 4), *b"EXPF", "FP_XSTATE_MAGIC2");
    assert_eq!(rig.peek(frame + 312, 12), [10, 0, 0, 0, 0, 0, 0, 0, 0xfa, 0xff, 0xff, 0xff], "SI_TKILL");
    let handler = rig.ctx.clone();
    assert_eq!(rig.mask(), bit(SIGUSR1) | bit(SIGUSR2));
    rig.ctx = handler;
    assert_eq!(rig.sigreturn(), Disposition::Resume);
    assert_eq!(rig.ctx.reg(Gpr::Rsp), rsp);
    assert_eq!(rig.ctx.reg(Gpr::Rax), 0, "tgkill's result");
    assert!(rig.ctx.rflags.contains(Rflags::DF | Rflags::CF));
    assert_eq!(rig.ctx.xsave.0[XsaveImage::XMM0], 7);
    assert_eq!(rig.mask(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the registers hold, a handler that does nothing leaves no trace in them.
    #[test]
    fn any_context_survives_a_handler(
        mut gpr in any::<[u64; 16]>(),
        rip in 0_u64..0x7fff_ffff_f000,
        flags in any::<u64>(),
        bytes in proptest::collection::vec(any::<u8>(), 416),
        ymm_high in any::<[u128; 16]>(),
        below in 0_u64..256,
    ) {
        let mut rig = Rig::new();
        rig.handle(SIGALRM, SA_SIGINFO, 0);
        gpr[Gpr::Rsp as usize] = 0x7fff_ffff_d000 - below;
        let mut xsave = XsaveImage::default();
        xsave.0[..416].copy_from_slice(&bytes);
        xsave.0[26..32].copy_from_slice(&XsaveImage::default().0[26..32]); // the bits of MXCSR that there are
        let settable = Rflags::STATUS | Rflags::DF | Rflags::AC | Rflags::TF;
        let rflags = Rflags::from_bits_truncate(flags) & settable | Rflags::FIXED | Rflags::IF;
        let at_entry = UserContext::at_entry(LinearAddr(0), LinearAddr(0));
        let before = UserContext { gpr, rip, rflags, fs_base: 5, gs_base: 6, xsave, ymm_high, ..at_entry };
        rig.ctx = before.clone();
        prop_assert_eq!(rig.enter(|kernel, hw, ctx| kernel.interrupt(hw, ctx, Signal::ALRM)), Disposition::Resume);
        prop_assert!(rig.in_handler());
        prop_assert_eq!(rig.sigreturn(), Disposition::Resume);
        prop_assert_eq!(&rig.ctx, &before);
    }
}

#[test]
fn a_fault_reaches_its_handler_with_address_and_error_code() {
    let mut rig = Rig::new();
    rig.handle(SIGSEGV, SA_SIGINFO, 0);
    rig.ctx.rip = 0x40_0234;
    assert_eq!(rig.access(HEAP + 5, AccessKind::Write), Err(Disposition::Resume));
    assert!(rig.in_handler());
    let frame = rig.ctx.reg(Gpr::Rsp);
    assert_eq!(rig.peek_word(frame + 176), 0x40_0234);
    let [flags, err, trapno, cr2] = [184, 200, 208, 224].map(|at| rig.peek_word(frame + at));
    assert_eq!((flags & 1 << 16, err, trapno, cr2), (1 << 16, 6, 14, HEAP + 5), "RF is set in the frame");
    assert_eq!(rig.peek(frame + 312 + 8, 4), [1, 0, 0, 0], "SEGV_MAPERR");
    assert_eq!(rig.peek_word(frame + 312 + 16), HEAP + 5);
    assert_eq!(rig.sigreturn(), Disposition::Resume);
    assert_eq!(rig.ctx.rip, 0x40_0234, "the instruction is tried again");
    assert!(!rig.ctx.rflags.contains(Rflags::RF));
}

#[test]
fn the_kernel_half_looks_present_to_a_handler() {
    let mut rig = Rig::new();
    rig.handle(SIGSEGV, SA_SIGINFO, 0);
    assert_eq!(rig.access(0xffff_8880_0000_0000, AccessKind::Read), Err(Disposition::Resume));
    let frame = rig.ctx.reg(Gpr::Rsp);
    assert_eq!(rig.peek_word(frame + 200), 5, "P and US");
    assert_eq!(rig.peek(frame + 312 + 8, 4), [1, 0, 0, 0], "SEGV_MAPERR");
}

#[test]
fn a_blocked_or_ignored_fault_kills() {
    let mut rig = Rig::new();
    rig.handle(SIGSEGV, 0, 0);
    rig.block(bit(SIGSEGV));
    assert!(matches!(rig.access(0, AccessKind::Read), Err(Disposition::Exit(s)) if s.code() == 139));
    let mut rig = Rig::new();
    rig.poke_words(SCRATCH, &[1, 0, 0, 0]);
    rig.call(13, &[8, SCRATCH, 0, 8]);
    let end = rig.enter(|kernel, hw, ctx| kernel.handle_exception(hw, ctx, Exception::DivideError));
    let Disposition::Exit(ExitStatus::Killed(death)) = end else { panic!("{end:?}") };
    assert_eq!(death.to_string(), "SIGFPE: exception #DE, at rip 0x400202");
}

#[test]
fn a_frame_that_cannot_be_written_kills_with_sigsegv() {
    for signal in [SIGUSR1, SIGSEGV] {
        let mut rig = Rig::new();
        rig.handle(signal, 0, 0);
        rig.ctx.set_reg(Gpr::Rsp, 0x1000);
        assert!(matches!(rig.raise(signal), Disposition::Exit(s) if s.code() == 139));
    }
}

#[test]
fn without_a_restorer_there_is_no_frame() {
    let mut rig = Rig::new();
    rig.poke_words(SCRATCH, &[HANDLER, 0, 0, 0]);
    assert_eq!(rig.call(13, &[SIGUSR1, SCRATCH, 0, 8]), 0);
    assert!(matches!(rig.raise(SIGUSR1), Disposition::Exit(s) if s.code() == 139));
}

#[test]
fn flags_of_an_action_do_what_they_say() {
    let mut rig = Rig::new();
    rig.handle(SIGUSR1, SA_NODEFER | SA_RESETHAND, 0);
    rig.raise(SIGUSR1);
    assert!(rig.in_handler());
    assert_eq!(rig.mask(), 0, "SA_NODEFER");
    assert!(matches!(rig.raise(SIGUSR1), Disposition::Exit(s) if s.code() == 138), "SA_RESETHAND");
}

#[test]
fn an_alternate_stack_is_used_and_reported() {
    let mut rig = Rig::new();
    let stack = rig.call(9, &[0, 0x4000, 3, 0x22, u64::MAX, 0]) as u64;
    rig.poke_words(SCRATCH, &[stack, 0, 0x4000]);
    assert_eq!(rig.call(131, &[SCRATCH, 0]), 0);
    rig.handle(SIGSEGV, SA_ONSTACK | SA_SIGINFO, 0);
    rig.ctx.set_reg(Gpr::Rsp, 0x10); // as after running out of stack
    assert_eq!(rig.access(8, AccessKind::Write), Err(Disposition::Resume));
    assert!(rig.in_handler());
    let frame = rig.ctx.reg(Gpr::Rsp);
    assert!(stack < frame && frame < stack + 0x4000);
    assert_eq!(rig.call(131, &[0, SCRATCH]), 0);
    assert_eq!(rig.peek_word(SCRATCH + 8), 1, "SS_ONSTACK");
    assert_eq!(rig.call(131, &[SCRATCH, 0]), -1, "EPERM while on it");
    assert_eq!(rig.peek_word(frame + 168), 0x10);
}

#[test]
fn pending_signals_wait_for_their_mask_and_stack_up() {
    let mut rig = Rig::new();
    rig.handle(SIGUSR1, 0, 0);
    rig.handle(SIGUSR2, 0, 0);
    rig.block(bit(SIGUSR1) | bit(SIGUSR2));
    for signal in [SIGUSR2, SIGUSR1, SIGUSR1] {
        assert_eq!(rig.raise(signal), Disposition::Resume);
        assert!(!rig.in_handler());
    }
    assert_eq!(rig.call(127, &[SCRATCH, 8]), 0);
    assert_eq!(rig.peek_word(SCRATCH), bit(SIGUSR1) | bit(SIGUSR2));
    let rip = rig.ctx.rip + 2;
    rig.poke_words(SCRATCH, &[0]);
    rig.syscall(14, &[2, SCRATCH, 0, 8]);
    assert!(rig.in_handler());
    assert_eq!(rig.ctx.reg(Gpr::Rdi), SIGUSR2, "the frame built last runs first");
    rig.sigreturn();
    assert!(rig.in_handler());
    rig.sigreturn();
    assert_eq!((rig.ctx.rip, rig.ctx.reg(Gpr::Rax)), (rip, 0));
}

#[test]
fn a_bad_frame_is_sigsegv() {
    for (at, bytes) in [(192, &[0x23][..]), (232, &[8, 0, 0, 0, 0, 0, 0, 0])] {
        let mut rig = Rig::new();
        rig.handle(SIGUSR1, SA_SIGINFO, 0);
        rig.raise(SIGUSR1);
        let frame = rig.ctx.reg(Gpr::Rsp);
        rig.poke(frame + at, bytes);
        assert!(matches!(rig.sigreturn(), Disposition::Exit(s) if s.code() == 139), "offset {at}");
    }
    let mut rig = Rig::new();
    rig.ctx.set_reg(Gpr::Rsp, 0x8000_0000_0000_0000);
    assert!(matches!(rig.syscall(15, &[]), Disposition::Exit(s) if s.code() == 139));
}

#[test]
fn an_interrupted_call_restarts_or_fails() {
    for (flags, restarts) in [(0, false), (SA_RESTART, true)] {
        let mut rig = Rig::new();
        rig.handle(SIGALRM, flags, 0);
        assert_eq!(rig.call(37, &[1]), 0, "alarm");
        // A futex that nobody else can wake: FUTEX_WAIT without a timeout.
        rig.poke(DATA + 0x1800, &[1, 0, 0, 0]);
        let at = rig.ctx.rip;
        assert_eq!(rig.syscall(202, &[DATA + 0x1800, 0, 1, 0]), Disposition::Resume);
        assert!(rig.in_handler());
        rig.sigreturn();
        if restarts {
            assert_eq!((rig.ctx.rip, rig.ctx.reg(Gpr::Rax)), (at, 202));
        } else {
            assert_eq!((rig.ctx.rip, rig.ctx.reg(Gpr::Rax) as i64), (at + 2, EINTR));
        }
    }
}

#[test]
fn sigsuspend_swaps_the_mask_for_the_handler_and_back() {
    let mut rig = Rig::new();
    rig.handle(SIGALRM, SA_RESTART, 0);
    rig.block(bit(SIGALRM));
    rig.call(37, &[2]);
    rig.poke_words(SCRATCH, &[bit(SIGUSR1)]);
    assert_eq!(rig.syscall(130, &[SCRATCH, 8]), Disposition::Resume);
    assert!(rig.in_handler());
    let handler = rig.ctx.clone();
    assert_eq!(rig.mask(), bit(SIGUSR1) | bit(SIGALRM));
    rig.ctx = handler;
    rig.sigreturn();
    assert_eq!(rig.ctx.reg(Gpr::Rax) as i64, EINTR, "whatever SA_RESTART says");
    assert_eq!(rig.mask(), bit(SIGALRM));
}

#[test]
fn a_wait_that_nothing_can_end_is_a_deadlock() {
    assert_eq!(deadlocked_in(&Rig::new().syscall(34, &[])), Some("pause"));
    let mut rig = Rig::new();
    rig.block(bit(SIGALRM));
    rig.call(37, &[1]);
    assert_eq!(deadlocked_in(&rig.syscall(34, &[])), Some("pause"), "the alarm is blocked");
}

#[test]
fn sigtimedwait_takes_a_blocked_signal() {
    let mut rig = Rig::new();
    rig.block(bit(SIGALRM));
    rig.poke_words(SCRATCH, &[bit(SIGALRM), 0, 1000]);
    assert_eq!(rig.call(128, &[SCRATCH, 0, SCRATCH + 8, 8]), -11, "EAGAIN");
    rig.call(37, &[1]);
    assert_eq!(rig.call(128, &[SCRATCH, SCRATCH + 64, 0, 8]), 14);
    assert_eq!(rig.peek(SCRATCH + 64, 12), [14, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0], "SI_KERNEL");
}

#[test]
fn timers_stop_the_machine_in_time() {
    let mut rig = Rig::new();
    rig.handle(SIGALRM, 0, 0);
    assert_eq!(rig.kernel.next_event(rig.instructions), None);
    rig.poke_words(SCRATCH, &[0, 5, 0, 10]); // every 5 us, first after 10
    assert_eq!(rig.call(38, &[0, SCRATCH, 0]), 0);
    assert_eq!(rig.kernel.next_event(rig.instructions), Some(10_000));
    rig.instructions = 9_999;
    rig.enter(|kernel, hw, ctx| kernel.tick(hw, ctx));
    assert!(!rig.in_handler());
    rig.instructions = 10_000;
    rig.enter(|kernel, hw, ctx| kernel.tick(hw, ctx));
    assert!(rig.in_handler());
    assert_eq!(rig.kernel.next_event(rig.instructions), Some(15_000));
}

#[test]
fn real_time_signals_queue_with_their_values() {
    let mut rig = Rig::new();
    rig.handle(40, SA_SIGINFO, 0);
    rig.block(1 << 39);
    for value in [3_u64, 5] {
        rig.poke_words(SCRATCH + 64, &[0, 0xffff_ffff, 0, value]);
        assert_eq!(rig.call(129, &[1000, 40, SCRATCH + 64]), 0);
    }
    rig.poke_words(SCRATCH, &[0]);
    rig.syscall(14, &[2, SCRATCH, 0, 8]);
    for value in [3, 5] {
        // The first in the queue got its frame first; its handler blocks the second until it returns.
        assert!(rig.in_handler());
        let frame = rig.ctx.reg(Gpr::Rsp);
        assert_eq!(rig.peek_word(frame + 312 + 24), value);
        rig.sigreturn();
    }
    assert!(!rig.in_handler());
}

#[test]
fn the_defaults_end_stop_or_pass() {
    for (signal, passes) in [(17, true), (23, true), (28, true), (18, true), (1, false), (15, false), (64, false)] {
        let end = Rig::new().raise(signal);
        if passes {
            assert_eq!(end, Disposition::Resume, "{signal}");
        } else {
            assert!(matches!(end, Disposition::Exit(s) if u64::from(s.code()) == 128 + signal), "{signal}");
        }
    }
    for signal in [19, 20] {
        assert!(matches!(Rig::new().raise(signal), Disposition::Stopped(_)), "{signal}");
    }
}

#[test]
fn a_closed_pipe_is_sigpipe() {
    let mut rig = Rig::new();
    assert_eq!(rig.call(22, &[SCRATCH]), 0);
    let [reader, writer] = [0, 4].map(|at| u64::from(rig.peek(SCRATCH + at, 1)[0]));
    assert_eq!(rig.call(3, &[reader]), 0);
    assert!(matches!(rig.syscall(1, &[writer, DATA, 4]), Disposition::Exit(s) if s.code() == 141));
    let mut rig = Rig::new();
    rig.poke_words(SCRATCH + 64, &[1, 0, 0, 0]);
    rig.call(13, &[13, SCRATCH + 64, 0, 8]);
    rig.call(22, &[SCRATCH]);
    rig.call(3, &[reader]);
    assert_eq!(rig.call(1, &[writer, DATA, 4]), -32, "EPIPE alone when it is ignored");
}

#[test]
fn ctrl_c_kills_or_is_handled() {
    let mut rig = Rig::new();
    let end = rig.enter(|kernel, hw, ctx| kernel.interrupt(hw, ctx, Signal::INT));
    assert!(matches!(end, Disposition::Exit(s) if s.code() == 130));
    let mut rig = Rig::new();
    rig.handle(2, 0, 0);
    assert_eq!(rig.enter(|kernel, hw, ctx| kernel.interrupt(hw, ctx, Signal::INT)), Disposition::Resume);
    assert!(rig.in_handler());
}
