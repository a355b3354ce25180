//! epoll, timerfd and signalfd as event loops use them.

use super::*;
use crate::signal::{SigCode, SigInfo, SigSet, Signal, Target};

const EPOLL_WAIT: u64 = 232;
const EPOLL_CTL: u64 = 233;
const SIGNALFD4: u64 = 289;
const ADD: u64 = 1;
const DEL: u64 = 2;
const MOD: u64 = 3;
const IN: u32 = 1;
const OUT: u32 = 4;
const HUP: u32 = 0x10;
const ONESHOT: u32 = 1 << 30;
const ET: u32 = 1 << 31;
const NS: u64 = 1_000_000_000;

impl Guest {
    fn epoll(&mut self) -> u64 {
        self.call(291, &[0]).unwrap()
    }

    fn ctl(&mut self, epoll: u64, op: u64, fd: u64, events: u32) -> Result<u64, Errno> {
        self.put(BUFFER, &[&events.to_le_bytes()[..], &(fd << 32 | 7).to_le_bytes()].concat());
        self.call(EPOLL_CTL, &[epoll, op, fd, BUFFER])
    }

    /// Descriptors and events that are reported at once, at most `max`.
    fn ready(&mut self, epoll: u64, max: u64) -> Vec<(u64, u32)> {
        let count = self.call(EPOLL_WAIT, &[epoll, BUFFER, max, 0]).unwrap() as usize;
        let raw = self.get(BUFFER, 12 * count);
        let word = |raw: &[u8]| u32::from_le_bytes(raw.try_into().unwrap());
        raw.chunks(12).map(|event| (word(&event[8..]).into(), word(&event[..4]))).collect()
    }

    fn say(&mut self, fd: u64, len: u64) {
        assert_eq!(self.call(WRITE, &[fd, BUFFER, len]), Ok(len));
    }

    fn timer(&mut self, fd: u64, flags: u64, value: u64, interval: u64) -> Result<u64, Errno> {
        let words = [interval / NS, interval % NS, value / NS, value % NS];
        self.put(BUFFER, &words.map(u64::to_le_bytes).concat());
        self.call(286, &[fd, flags, BUFFER, 0])
    }

    fn pass(&mut self, ns: u64) {
        self.kernel.clock.charge(ns);
    }
}

#[test]
fn a_level_is_reported_as_long_as_it_holds() {
    let mut guest = Guest::new("");
    let [reader, writer] = guest.pipe();
    let epoll = guest.epoll();
    guest.ctl(epoll, ADD, reader, IN).unwrap();
    guest.ctl(epoll, ADD, writer, OUT).unwrap();
    assert_eq!(guest.ready(epoll, 9), [(writer, OUT)]);
    guest.say(writer, 2);
    assert_eq!(guest.ready(epoll, 9), [(writer, OUT), (reader, IN)]);
    assert_eq!(guest.ready(epoll, 1), [(writer, OUT)], "and then the other's turn");
    assert_eq!(guest.ready(epoll, 1), [(reader, IN)]);
    assert_eq!(guest.call(READ, &[reader, BUFFER, 9]), Ok(2));
    assert_eq!(guest.ready(epoll, 9), [(writer, OUT)]);
    guest.ctl(epoll, DEL, writer, 0).unwrap();
    assert_eq!(guest.call(EPOLL_WAIT, &[epoll, BUFFER, 9, u64::MAX]), Err(Errno::ERESTARTSYS));
    let channels = guest.waits_on();
    assert!(channels.contains(&guest.channel(reader)), "{channels:?}");
    guest.call(CLOSE, &[writer]).unwrap();
    assert_eq!(guest.ready(epoll, 9), [(reader, HUP)], "asked for or not");
    guest.call(CLOSE, &[reader]).unwrap();
    assert_eq!(guest.ready(epoll, 9), [], "a file that is closed is watched no more");
}

#[test]
fn an_edge_is_reported_once() {
    let mut guest = Guest::new("");
    let [reader, writer] = guest.pipe();
    let epoll = guest.epoll();
    guest.ctl(epoll, ADD, reader, IN | ET).unwrap();
    guest.say(writer, 5);
    assert_eq!(guest.ready(epoll, 9), [(reader, IN)]);
    assert_eq!(guest.ready(epoll, 9), []);
    assert_eq!(guest.call(READ, &[reader, BUFFER, 1]), Ok(1));
    assert_eq!(guest.ready(epoll, 9), [], "what is left is no news");
    guest.say(writer, 1);
    assert_eq!(guest.ready(epoll, 9), [(reader, IN)]);
    guest.ctl(epoll, MOD, reader, IN | ET).unwrap();
    assert_eq!(guest.ready(epoll, 9), [(reader, IN)], "a change looks anew");
    guest.ctl(epoll, MOD, reader, IN | ONESHOT).unwrap();
    assert_eq!(guest.ready(epoll, 9), [(reader, IN)]);
    guest.say(writer, 1);
    assert_eq!(guest.ready(epoll, 9), []);
    guest.ctl(epoll, MOD, reader, IN | ONESHOT).unwrap();
    assert_eq!(guest.ready(epoll, 9), [(reader, IN)]);
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let mut guest = Guest::new("");
    let [reader, _] = guest.pipe();
    let epoll = guest.epoll();
    let file = guest.open("/file", 0).unwrap();
    assert_eq!(guest.ctl(epoll, ADD, file, IN), Err(Errno::EPERM));
    assert_eq!(guest.ctl(epoll, ADD, 99, IN), Err(Errno::EBADF));
    assert_eq!(guest.ctl(epoll, ADD, epoll, IN), Err(Errno::EINVAL));
    assert_eq!(guest.ctl(reader, ADD, epoll, IN), Err(Errno::EINVAL));
    assert_eq!(guest.ctl(epoll, MOD, reader, IN), Err(Errno::ENOENT));
    assert_eq!(guest.ctl(epoll, DEL, reader, IN), Err(Errno::ENOENT));
    assert_eq!(guest.ctl(epoll, ADD, reader, IN), Ok(0));
    assert_eq!(guest.ctl(epoll, ADD, reader, IN), Err(Errno::EEXIST));
    assert_eq!(guest.ctl(epoll, 9, reader, IN), Err(Errno::EINVAL));
    assert_eq!(guest.call(EPOLL_CTL, &[epoll, ADD, reader, 8]), Err(Errno::EFAULT));
    for max in [0, u64::MAX, 1 << 31] {
        assert_eq!(guest.call(EPOLL_WAIT, &[epoll, BUFFER, max, 0]), Err(Errno::EINVAL));
    }
    assert_eq!(guest.call(213, &[0]), Err(Errno::EINVAL), "epoll_create");
    assert_eq!(guest.call(READ, &[epoll, BUFFER, 8]), Err(Errno::EINVAL));
    assert_eq!(poll(&mut guest, epoll as i32, 1, 0), Ok((0, 0)));
}

#[test]
fn a_timer_is_read_when_it_has_expired() {
    let mut guest = Guest::new("");
    assert_eq!(guest.call(283, &[9, 0]), Err(Errno::EPERM));
    assert_eq!(guest.call(283, &[2, 0]), Err(Errno::EINVAL));
    let fd = guest.call(283, &[1, 0]).unwrap();
    let epoll = guest.epoll();
    guest.ctl(epoll, ADD, fd, IN | ET).unwrap();
    assert_eq!(guest.timer(fd, 8, NS, 0), Err(Errno::EINVAL));
    assert_eq!(guest.timer(fd, 0, 3 * NS, 2 * NS), Ok(0));
    assert_eq!(guest.call(287, &[fd, BUFFER]), Ok(0));
    assert_eq!([0, 8, 16, 24].map(|at| guest.word(BUFFER + at)), [2, 0, 3, 0]);
    let start = guest.kernel.clock.monotonic_ns(0);
    for call in [(READ, [fd, BUFFER, 8, 0]), (EPOLL_WAIT, [epoll, BUFFER, 9, u64::MAX])] {
        assert_eq!(guest.call(call.0, &call.1), Err(Errno::ERESTARTSYS));
        let wait = guest.kernel.wanted_wait.take().unwrap();
        assert_eq!(wait.alarm(), Some(start + 3 * NS));
    }
    guest.pass(3 * NS);
    assert_eq!((guest.ready(epoll, 9), guest.ready(epoll, 9)), (vec![(fd, IN)], vec![]));
    guest.pass(4 * NS + 1);
    assert_eq!(guest.ready(epoll, 9), [(fd, IN)], "each expiry is news");
    assert_eq!(guest.call(READ, &[fd, BUFFER, 7]), Err(Errno::EINVAL));
    assert_eq!((guest.call(READ, &[fd, BUFFER, 8]), guest.word(BUFFER)), (Ok(8), 3));
    let past = guest.kernel.clock.monotonic_ns(0) - 1;
    assert_eq!(guest.timer(fd, 1, past, 0), Ok(0), "TFD_TIMER_ABSTIME");
    assert_eq!((guest.call(READ, &[fd, BUFFER, 8]), guest.word(BUFFER)), (Ok(8), 1));
    assert_eq!(guest.call(READ, &[fd, BUFFER, 8]), Err(Errno::ERESTARTSYS));
    assert_eq!(guest.kernel.wanted_wait.take().unwrap().alarm(), None, "it will not expire");
}

#[test]
fn signals_are_read() {
    let mut guest = Guest::new("");
    guest.put(BUFFER, &SigSet::of(Signal::USR1).with(Signal::KILL).0.to_le_bytes());
    assert_eq!(guest.call(SIGNALFD4, &[u64::MAX, BUFFER, 4, 0]), Err(Errno::EINVAL));
    assert_eq!(guest.call(SIGNALFD4, &[0, BUFFER, 8, 0]), Err(Errno::EINVAL));
    let fd = guest.call(SIGNALFD4, &[u64::MAX, BUFFER, 8, O_CLOEXEC]).unwrap();
    let epoll = guest.epoll();
    guest.ctl(epoll, ADD, fd, IN).unwrap();
    guest.kernel.current.signals.set_blocked(SigSet::of(Signal::USR1).with(Signal::USR2));
    for call in [(READ, [fd, BUFFER, 128, 0]), (EPOLL_WAIT, [epoll, BUFFER, 9, u64::MAX])] {
        assert_eq!(guest.call(call.0, &call.1), Err(Errno::ERESTARTSYS));
        assert_eq!(guest.kernel.wanted_wait.take().unwrap().wanted, SigSet::of(Signal::USR1), "though it is blocked");
    }
    for signal in [Signal::USR2, Signal::USR1] {
        let info = SigInfo::sent(signal, SigCode::SI_USER, event::Pid(77), 5);
        guest.kernel.current.signals.raise(Target::Process, info);
    }
    assert_eq!(guest.ready(epoll, 9), [(fd, IN)]);
    assert_eq!(poll(&mut guest, fd as i32, 1, 0), Ok((1, 1)));
    assert_eq!(guest.call(READ, &[fd, BUFFER, 100]), Err(Errno::EINVAL));
    assert_eq!(guest.call(READ, &[fd, BUFFER, 1000]), Ok(128));
    let info = guest.get(BUFFER, 20);
    assert_eq!((info[0], info[12], info[16]), (10, 77, 5), "SIGUSR1, its sender");
    assert_eq!(guest.ready(epoll, 9), [], "SIGUSR2 is not for it");
}
