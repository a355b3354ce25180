//! The scheduler: which process runs, for how long, and what happens when none can.
//!
//! Protocol. Every entry into the kernel layer ends in [`Kernel::leave`]. It goes on with the current process if that may run
//! and its turn is not over, and with the next one in the queue otherwise. Before a process goes on, the call that it
//! waited in is made again and its signals are delivered, either of which may take it off the processor once more.
//!
//! Invariants. The current process is in no queue while it runs (`is_running`). Each other process that is `Runnable` is in the queue once; each
//! that is `Waiting` is in `waiting` once, with its deadline, if it has one, in `alarms`.
//!
//! A turn is a number of instructions, and processes take turns in the order in which they became able to run: a run is the
//! same each time. When no process can run, virtual time jumps to the next deadline. The host's standard input is asked
//! only then, so that when its bytes come makes no difference.

use crate::fs::Stream;
use crate::kernel::{Disposition, Kernel};
use crate::process::State;
use crate::signal::Signal;
use crate::wait::Channel;
use crate::{Errno, Hw};
use arch::Service;
use arch::UserContext;
use event::{Event, Pid};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// Instructions in a turn, if the user does not say: a virtual millisecond.
pub const DEFAULT_QUANTUM: u64 = 1_000_000;
/// After so many turns in a row without the machine being idle, the host's input is asked all the same, so that a program
/// which never rests does not keep others from their input.
const TURNS_WITHOUT_INPUT: u64 = 1000;
/// Instructions that what the first program leaves behind may still run for, once it has ended.
const GRACE: u64 = 200_000_000;

/// Why a process is to be looked at when a time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Alarm {
    /// Its wait has an end.
    Wait,
    /// Its ITIMER_REAL expires.
    Timer,
    /// Its timer with this id expires (timer_create).
    Posix(i32),
}

/// Who runs next, and who waits for what time.
#[derive(Debug)]
pub(crate) struct Scheduler {
    /// Processes that can run, the next one first.
    queue: VecDeque<Pid>,
    /// Processes that wait, in the order in which they began to.
    waiting: Vec<Pid>,
    /// By CLOCK_MONOTONIC in nanoseconds.
    alarms: BTreeSet<(u64, Pid, Alarm)>,
    /// Instructions in a turn.
    quantum: u64,
    /// The count of instructions at which the current turn is over.
    turn_ends: u64,
    /// Turns since the machine was last idle.
    turns: u64,
    /// Whether the current process runs. If not, it waits, is stopped, has ended, or is in the queue itself.
    is_running: bool,
}

impl Scheduler {
    pub(crate) const fn new(quantum: u64) -> Self {
        Self {
            queue: VecDeque::new(),
            waiting: Vec::new(),
            alarms: BTreeSet::new(),
            quantum,
            turn_ends: quantum,
            turns: 0,
            is_running: true,
        }
    }

    /// Puts a process that can run behind the others.
    pub(crate) fn enqueue(&mut self, pid: Pid) {
        debug_assert!(!self.queue.contains(&pid), "{pid:?} is queued already");
        self.queue.push_back(pid);
    }

    pub(crate) fn set_alarm(&mut self, at: u64, pid: Pid, alarm: Alarm) {
        self.alarms.insert((at, pid, alarm));
    }

    pub(crate) fn clear_alarm(&mut self, at: u64, pid: Pid, alarm: Alarm) {
        self.alarms.remove(&(at, pid, alarm));
    }

    /// The current process leaves the processor.
    pub(crate) const fn deschedule(&mut self) {
        self.is_running = false;
    }

    /// Forgets a process that has ended.
    pub(crate) fn forget(&mut self, pid: Pid) {
        self.queue.retain(|&other| other != pid);
        self.waiting.retain(|&other| other != pid);
        self.alarms.retain(|&(_, other, _)| other != pid);
    }

    /// The processes that wait, in the order in which they began to.
    pub(crate) fn waiting(&self) -> &[Pid] {
        &self.waiting
    }
}

impl Kernel {
    /// Goes back to a program: the current one, or the next whose turn it is. On the way out, memory is brought into balance.
    pub(crate) fn leave(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext) -> Disposition {
        self.settle_truncations(hw);
        self.settle_shm(hw);
        self.settle_slabs();
        let disposition = self.find_whose_turn_it_is(hw, ctx);
        self.run_khugepaged(hw);
        self.balance_memory(hw);
        self.charge_flushes(hw);
        self.settle_costs();
        self.frames.events.flush(hw);
        disposition
    }

    fn find_whose_turn_it_is(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext) -> Disposition {
        loop {
            self.wake_channels();
            if self.sched.is_running {
                if let Some(number) = self.current.in_call.take() {
                    if let Some(disposition) = self.make_call_again(hw, ctx, number) {
                        return disposition;
                    }
                    continue;
                }
                self.deliver_signals(hw, ctx);
                if self.sched.is_running && !self.turn_is_over(hw) {
                    return Disposition::Resume;
                }
                if self.sched.is_running {
                    self.current.usage.involuntary_switches += 1;
                    self.sched.deschedule();
                    self.sched.enqueue(self.current.pid);
                }
                self.wake_channels();
            }
            if let Some(disposition) = self.schedule(hw, ctx) {
                return disposition;
            }
        }
    }

    /// Whether another process is to have its turn. A turn that is over goes on if nobody else can run.
    fn turn_is_over(&mut self, hw: &Hw<'_>) -> bool {
        if hw.instructions < self.sched.turn_ends {
            return false;
        }
        if !self.sched.queue.is_empty() || self.grace_is_over(hw) {
            return true;
        }
        self.sched.turn_ends = hw.instructions + self.sched.quantum;
        self.sched.turns += 1;
        self.give_input_a_chance();
        !self.sched.queue.is_empty()
    }

    /// Whether another process could run now.
    pub(crate) fn others_can_run(&self) -> bool {
        !self.sched.queue.is_empty()
    }

    /// Lets the current process run last (sched_yield).
    pub(crate) fn yield_turn(&mut self, hw: &Hw<'_>) {
        self.sched.turn_ends = hw.instructions;
    }

    /// Makes the next process the current one; waits until there is one.
    fn schedule(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext) -> Option<Disposition> {
        self.settle_costs();
        loop {
            if self.grace_is_over(hw) {
                return Some(self.end_run(hw));
            }
            if let Some(pid) = self.sched.queue.pop_front() {
                self.sched.turns += 1;
                self.switch_to(hw, ctx, pid);
                self.give_input_a_chance();
                return None;
            }
            self.sched.turns = 0;
            if let Some(disposition) = self.idle(hw) {
                return Some(disposition);
            }
        }
    }

    fn switch_to(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext, pid: Pid) {
        self.sched.turn_ends = hw.instructions + self.sched.quantum;
        self.sched.is_running = true;
        if pid == self.current.pid {
            return;
        }
        let next = self.processes.remove(pid).expect("a queued process is in the table");
        self.frames.events.record(hw, &Event::Switch { from: self.current.pid, to: pid });
        self.frames.meter.charge(Service::ContextSwitch);
        self.current.times.stop(hw.instructions);
        self.current.account(hw.instructions);
        let mut last = std::mem::replace(&mut self.current, next);
        last.ctx.clone_from(ctx);
        self.vfs.proc_set_owner(last.pid.0, last.proc_owner());
        ctx.clone_from(&self.current.ctx);
        self.current.times.start(hw.instructions);
        self.vfs.proc_set_current(pid.0);
        if last.state == State::Dead {
            self.vfs.proc_remove(last.pid.0);
        } else {
            self.processes.insert(last);
        }
    }

    /// Begins the wait that the current process's call asked for; `ctx` is as if the call were still to be made.
    pub(crate) fn begin_wait(&mut self, wait: crate::wait::Wait, number: u64) {
        let pid = self.current.pid;
        self.current.state = State::Waiting;
        self.sched.deschedule();
        self.current.in_call = Some(number);
        self.current.retry = Some(wait.as_retry());
        self.current.usage.voluntary_switches += 1;
        if let Some(at) = wait.alarm() {
            self.sched.set_alarm(at, pid, Alarm::Wait);
        }
        self.current.wait = Some(wait);
        self.sched.waiting.push(pid);
    }

    /// Lets a process that waits look again.
    pub(crate) fn make_runnable(&mut self, pid: Pid) {
        let Some(process) = self.process_mut(pid).filter(|process| process.state == State::Waiting) else { return };
        process.state = State::Runnable;
        let wait = process.wait.take();
        if let Some(at) = wait.and_then(|wait| wait.alarm()) {
            self.sched.clear_alarm(at, pid, Alarm::Wait);
        }
        self.sched.waiting.retain(|&other| other != pid);
        self.sched.enqueue(pid);
    }

    /// Wakes who waits on a channel, the longest waiting first.
    pub(crate) fn wake(&mut self, channel: Channel) {
        let waits = |pid: &Pid| {
            let wait = self.process(*pid).and_then(|process| process.wait.as_ref());
            wait.is_some_and(|wait| wait.channels.contains(&channel))
        };
        let woken: Vec<Pid> = self.sched.waiting.iter().copied().filter(waits).collect();
        for pid in woken {
            self.make_runnable(pid);
        }
    }

    /// Wakes who waits for what has happened to files.
    fn wake_channels(&mut self) {
        for channel in self.vfs.take_woken() {
            self.wake(channel);
        }
    }

    /// Lets everything happen whose time has come.
    pub(crate) fn run_alarms(&mut self, hw: &Hw<'_>) {
        let now = self.clock.monotonic_ns(hw.instructions);
        while let Some(&(_, pid, alarm)) = self.sched.alarms.first().filter(|(at, ..)| *at <= now) {
            self.sched.alarms.pop_first();
            match alarm {
                Alarm::Wait => self.make_runnable(pid),
                Alarm::Timer => self.expire_real_timer(pid, now),
                Alarm::Posix(id) => self.expire_posix_timer(pid, id, now),
            }
        }
    }

    /// The count of retired instructions at which the kernel layer wants to be entered, if nothing else happens before:
    /// a timer expires, a wait ends, or a turn is over. The machine stops there and calls [`Self::tick`].
    #[must_use]
    pub fn next_event(&self, instructions: u64) -> Option<u64> {
        let now = self.clock.monotonic_ns(instructions);
        let alarm = self.sched.alarms.first().map(|(at, ..)| instructions.saturating_add(at.saturating_sub(now)));
        let own = self.current.next_own_expiry(instructions);
        let is_shared = !self.sched.queue.is_empty() || self.waits_for_input() || self.ended.is_some();
        let turn = is_shared.then_some(self.sched.turn_ends);
        [alarm, own, turn].into_iter().flatten().min()
    }

    /// Enters the kernel layer because the time of [`Self::next_event`] has come.
    pub fn tick(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext) -> Disposition {
        self.enter(hw);
        self.leave(hw, ctx)
    }

    /// No process can run. Waits for the host's input, or moves virtual time on to the next deadline.
    fn idle(&mut self, hw: &mut Hw<'_>) -> Option<Disposition> {
        let now = self.clock.monotonic_ns(hw.instructions);
        let alarm = self.next_wake_up();
        if self.ended.is_some() && (alarm.is_none() || !self.somebody_lives()) {
            return Some(self.end_run(hw));
        }
        let wanted = self.wanted_input();
        if !wanted.is_empty() && self.ended.is_none() {
            let left = alarm.map(|at| Duration::from_nanos(at.saturating_sub(now)));
            match self.vfs.poll_streams(&wanted, left) {
                Err(Errno::EINTR) => return Some(Disposition::Waiting),
                Ok(ready) if ready.is_empty() => {}
                Ok(_) => {
                    self.wake_channels();
                    return None;
                }
                // Whoever reads is told what is wrong.
                Err(_) => {
                    wanted.into_iter().for_each(|stream| self.wake(Channel::Stream(stream)));
                    return None;
                }
            }
        }
        let Some(at) = alarm else { return Some(self.standstill()) };
        self.clock.sleep_until(hw.instructions, at);
        self.run_alarms(hw);
        None
    }

    /// When an alarm next lets a process run. A timer whose signal is ignored or blocked, or whose process is stopped, does not,
    /// however often it expires.
    fn next_wake_up(&self) -> Option<u64> {
        let wakes = |&(_, pid, alarm): &(u64, Pid, Alarm)| {
            let Some(process) = self.process(pid) else { return false };
            let signal = match alarm {
                Alarm::Wait => return true,
                Alarm::Timer => Some(Signal::ALRM),
                Alarm::Posix(id) => process.timers.posix.signal(id),
            };
            let ends = |wait: &crate::wait::Wait| signal.is_some_and(|it| wait.would_end_by(&process.signals, it));
            process.wait.as_ref().is_some_and(ends)
        };
        self.sched.alarms.iter().copied().find(wakes).map(|(at, ..)| at)
    }

    /// Asks the host's input while programs run, now and then.
    fn give_input_a_chance(&mut self) {
        if self.sched.turns < TURNS_WITHOUT_INPUT || !self.waits_for_input() {
            return;
        }
        self.sched.turns = 0;
        let wanted = self.wanted_input();
        // An error comes again when it is waited for.
        let _ = self.vfs.poll_streams(&wanted, Some(Duration::ZERO));
        self.wake_channels();
    }

    fn waits_for_input(&self) -> bool {
        !self.sched.waiting.is_empty() && !self.wanted_input().is_empty()
    }

    /// The standard streams that processes wait for.
    fn wanted_input(&self) -> Vec<Stream> {
        let waits = self.sched.waiting.iter().filter_map(|&pid| self.process(pid)?.wait.as_ref());
        let channels = waits.flat_map(|wait| wait.channels.iter().copied());
        let streams = channels.filter_map(|channel| match channel {
            Channel::Stream(stream) => Some(stream),
            _ => None,
        });
        streams.collect::<BTreeSet<Stream>>().into_iter().collect()
    }

    /// Whether what the first program left behind has had its time.
    fn grace_is_over(&self, hw: &Hw<'_>) -> bool {
        self.ended.as_ref().is_some_and(|ended| hw.instructions >= ended.at.saturating_add(GRACE))
    }

    fn somebody_lives(&self) -> bool {
        !self.current.has_ended() || self.processes.iter().any(|process| !process.has_ended())
    }
}
