//! Delivery: on the way back to the guest, what is pending becomes a handler's frame, the end of the run, or nothing
//! (Linux's `arch_do_signal_or_restart`, `get_signal`, `handle_signal`), and `rt_sigreturn`.

use super::fpstate::{self, initial_state};
use super::frame::{self, Parts, Place, Returned, SIGINFO, Stack};
use super::number::DefaultAction;
use super::{AltStack, SaFlags, SigAction, SigInfo, SigSet, Signal, SsFlags};
use crate::Hw;
use crate::death::{Death, ExitStatus};
use crate::kernel::Kernel;
use crate::syscall::Restart;
use arch::{Gpr, LinearAddr, Rflags, Segment, UserContext};
use event::Event;

impl Kernel {
    /// Takes every signal that waits and is not blocked. Where several have handlers, their frames stack up, and the last
    /// one taken runs first. Afterwards the process may have ended or be stopped.
    pub(crate) fn deliver_signals(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext) {
        while let Some(info) = self.current.signals.take_next() {
            let info = self.settle_timer_signal(hw.instructions, info);
            let signal = info.signal();
            let action = self.current.signals.action(signal);
            if action.is_ignored() {
                continue;
            }
            if !action.is_default() {
                self.settle_cut_short(hw, ctx, action.flags);
                self.handle_signal(hw, ctx, info, action);
                continue;
            }
            match signal.default_action() {
                DefaultAction::Ignore => {}
                DefaultAction::Stop if signal != Signal::STOP && self.is_orphaned(self.current.pgrp) => {}
                DefaultAction::Stop => return self.stop_current(signal),
                DefaultAction::Terminate => {
                    let death = self.death(info, ctx);
                    return self.exit_current(hw, ExitStatus::Killed(Box::new(death)));
                }
            }
        }
        self.current.signals.restore_saved_mask();
    }

    fn death(&mut self, info: SigInfo, ctx: &UserContext) -> Death {
        Death { info, rip: LinearAddr(ctx.rip), cause: self.cause.take() }
    }

    /// Decides for a call that was cut short, now that a handler will run: EINTR, or again afterwards.
    fn settle_cut_short(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext, flags: SaFlags) {
        self.current.retry = None;
        let (vfs, process, mut cx) = self.fs_cx(hw);
        vfs.abandon_open(&mut cx, process.files);
        if let Some(call) = self.current.cut_short.take()
            && !(call.restart == Restart::Sys && flags.contains(SaFlags::RESTART))
        {
            call.fail_with_eintr(ctx);
        }
    }

    /// Makes the handler what runs next. If its frame cannot be written, SIGSEGV takes its place, and kills if it was
    /// SIGSEGV's own frame (`signal_setup_done`).
    fn handle_signal(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext, info: SigInfo, action: SigAction) {
        let signal = info.signal();
        if action.flags.contains(SaFlags::RESETHAND) {
            self.current.signals.reset_handler(signal);
        }
        let Some(place) = self.setup_rt_frame(hw, ctx, info, &action) else {
            if signal == Signal::SEGV {
                self.current.signals.reset_handler(signal);
            }
            self.current.signals.force(SigInfo::kernel(Signal::SEGV));
            return;
        };
        let handler = LinearAddr(action.handler);
        let (pid, signal_number) = (self.current.pid, u32::from(signal.number()));
        self.frames.events.record(hw, &Event::Signal { pid, signal: signal_number, handler });
        enter_handler(ctx, signal, place, handler);
        ctx.set_xstate(initial_state(self.features));
        self.current.signals.delivered(signal, &action);
    }

    /// Writes the frame; `None` if that is not possible.
    fn setup_rt_frame(
        &mut self,
        hw: &mut Hw<'_>,
        ctx: &UserContext,
        info: SigInfo,
        action: &SigAction,
    ) -> Option<Place> {
        if !action.flags.contains(SaFlags::RESTORER) {
            return None;
        }
        let signals = &self.current.signals;
        let stack = if action.flags.contains(SaFlags::ONSTACK) { Stack::Alternate } else { Stack::Current };
        let place = frame::place(ctx.reg(Gpr::Rsp), fpstate::frame_bytes(self.features), stack, &signals.altstack)?;
        let parts = Parts {
            place,
            restorer: action.restorer,
            mask: signals.mask_to_save(),
            altstack: &signals.altstack,
            trap: signals.trap,
            features: self.features,
            info: action.flags.contains(SaFlags::SIGINFO).then_some(info),
        };
        let bytes = frame::encode(ctx, &parts);
        self.copy_to_user(hw, LinearAddr(place.fpstate), &fpstate::encode(ctx, self.features)).ok()?;
        self.copy_to_user(hw, LinearAddr(place.frame), &bytes).ok()?;
        Some(place)
    }

    /// `rt_sigreturn`: goes on where the handler's signal came in. A frame that cannot be read or makes no sense is SIGSEGV.
    pub(crate) fn rt_sigreturn(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext) {
        if self.restore_frame(hw, ctx).is_none() {
            self.current.signals.force(SigInfo::kernel(Signal::SEGV));
        }
    }

    fn restore_frame(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext) -> Option<()> {
        // RET has taken the return address off.
        let frame_at = LinearAddr(ctx.reg(Gpr::Rsp).wrapping_sub(8));
        let bytes: [u8; SIGINFO] = self.read_user(hw, frame_at).ok()?;
        let frame = Returned(&bytes);
        self.current.signals.set_blocked(frame.mask());
        frame.restore(ctx);
        let initial = initial_state(self.features);
        let state = match frame.fpstate() {
            Some(at) => self.read_fpstate(hw, at),
            None => Some(initial.clone()),
        };
        let bad = state.is_none();
        ctx.set_xstate(state.unwrap_or(initial));
        if bad {
            return None;
        }
        if !frame.selectors_are_usable() {
            return None;
        }
        // As in Linux, an alternate stack that is refused here is no error.
        let stack = frame.altstack().try_into().expect("the size of stack_t");
        let _ = self.current.signals.altstack.replace(stack, ctx.reg(Gpr::Rsp));
        Some(())
    }
}

/// The registers at a handler's first instruction, less the x87, SSE and extended state, which starts afresh
/// (`fpu__clear_user_states`).
fn enter_handler(ctx: &mut UserContext, signal: Signal, place: Place, handler: LinearAddr) {
    ctx.set_reg(Gpr::Rdi, u64::from(signal.number()));
    ctx.set_reg(Gpr::Rsi, place.frame.wrapping_add(SIGINFO as u64));
    ctx.set_reg(Gpr::Rdx, place.frame.wrapping_add(8));
    ctx.set_reg(Gpr::Rax, 0);
    ctx.set_reg(Gpr::Rsp, place.frame);
    ctx.rip = handler.0;
    ctx.rflags -= Rflags::DF | Rflags::RF | Rflags::TF;
    ctx.selectors[Segment::Cs as usize] = Segment::AT_ENTRY[Segment::Cs as usize];
}

impl super::Signals {
    /// Takes the next signal to act on: SIGKILL before all others, which could stop the process or run a handler.
    fn take_next(&mut self) -> Option<SigInfo> {
        let kill = SigSet::of(Signal::KILL);
        self.dequeue(SigSet(!kill.0)).or_else(|| self.dequeue(self.blocked))
    }

    /// The mask that a frame keeps: the one from before `rt_sigsuspend`, if that is what the signal ended.
    pub(super) fn mask_to_save(&self) -> SigSet {
        self.saved_mask.unwrap_or(self.blocked)
    }

    /// Puts back the mask from before a wait that brought its own.
    pub(crate) fn restore_saved_mask(&mut self) {
        if let Some(mask) = self.saved_mask.take() {
            self.blocked = mask;
        }
    }

    /// Only the handler goes: flags and mask stay to be read.
    fn reset_handler(&mut self, signal: Signal) {
        self.actions[signal.index()].handler = SigAction::default().handler;
    }

    /// The handler is about to run: its mask holds, and a stack that disarms itself is gone (`signal_delivered`).
    fn delivered(&mut self, signal: Signal, action: &SigAction) {
        self.saved_mask = None;
        let own = if action.flags.contains(SaFlags::NODEFER) { SigSet::EMPTY } else { SigSet::of(signal) };
        self.set_blocked(self.blocked | action.mask | own);
        if self.altstack.flags.contains(SsFlags::AUTODISARM) {
            self.altstack = AltStack::default();
        }
    }
}
