//! Signal numbers and sets of them (Linux's `include/uapi/asm-generic/signal.h`).

use std::fmt;
use std::ops::{BitAnd, BitOr, Sub};

/// A signal's number, 1 to 64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

/// What a signal does that the program has not spoken about (signal(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DefaultAction {
    /// End the process; the signals that would also dump core are not told apart, as nothing is dumped.
    Terminate,
    Ignore,
    Stop,
}

macro_rules! signals {
    ($($name:ident = $number:literal;)*) => {
        #[allow(missing_docs, reason = "the names are those of signal(7)")]
        impl Signal {
            $(pub const $name: Self = Self($number);)*

            /// The name as in signal(7); real-time signals count from SIGRTMIN.
            #[must_use]
            pub fn name(self) -> String {
                match self.0 {
                    $($number => concat!("SIG", stringify!($name)).to_owned(),)*
                    32 => "SIGRTMIN-2".to_owned(),
                    33 => "SIGRTMIN-1".to_owned(),
                    34 => "SIGRTMIN".to_owned(),
                    n => format!("SIGRTMIN+{}", n - 34),
                }
            }
        }
    };
}

signals! {
    HUP = 1; INT = 2; QUIT = 3; ILL = 4; TRAP = 5; ABRT = 6; BUS = 7; FPE = 8; KILL = 9; USR1 = 10; SEGV = 11; USR2 = 12;
    PIPE = 13; ALRM = 14; TERM = 15; STKFLT = 16; CHLD = 17; CONT = 18; STOP = 19; TSTP = 20; TTIN = 21; TTOU = 22;
    URG = 23; XCPU = 24; XFSZ = 25; VTALRM = 26; PROF = 27; WINCH = 28; IO = 29; PWR = 30; SYS = 31;
}

impl Signal {
    /// How many there are.
    pub const COUNT: usize = 64;

    /// The signal of this number, if Linux has it.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number >= 1 && number <= Self::COUNT as u64 { Some(Self(number as u8)) } else { None }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The exit status by which a shell reports a process that it killed.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        128 + self.0
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize - 1
    }

    /// Real-time signals are queued one by one; of the others one is pending at most.
    pub(crate) const fn is_real_time(self) -> bool {
        self.0 >= 32
    }

    pub(crate) const fn default_action(self) -> DefaultAction {
        match self {
            Self::CHLD | Self::CONT | Self::URG | Self::WINCH => DefaultAction::Ignore,
            Self::STOP | Self::TSTP | Self::TTIN | Self::TTOU => DefaultAction::Stop,
            _ => DefaultAction::Terminate,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// A set of signals in Linux's form: bit n - 1 is signal n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SigSet(pub u64);

impl SigSet {
    /// None.
    pub const EMPTY: Self = Self(0);
    /// SIGKILL and SIGSTOP, which cannot be blocked or handled.
    pub const UNBLOCKABLE: Self = Self::of(Signal::KILL).with(Signal::STOP);
    /// The signals that stop a process by default.
    pub(crate) const STOP: Self = Self::of(Signal::STOP).with(Signal::TSTP).with(Signal::TTIN).with(Signal::TTOU);
    /// What an instruction can cause; they are delivered before others (Linux's `SYNCHRONOUS_MASK`).
    pub(crate) const SYNCHRONOUS: Self = Self::of(Signal::SEGV)
        .with(Signal::BUS)
        .with(Signal::ILL)
        .with(Signal::TRAP)
        .with(Signal::FPE)
        .with(Signal::SYS);

    /// The signals whose default is to dump core (Linux's `SIG_KERNEL_COREDUMP_MASK`).
    pub(crate) const COREDUMP: Self =
        Self(Self::SYNCHRONOUS.0).with(Signal::QUIT).with(Signal::ABRT).with(Signal::XCPU).with(Signal::XFSZ);

    /// The set of one signal.
    #[must_use]
    pub const fn of(signal: Signal) -> Self {
        Self(1 << signal.index())
    }

    /// This set and one more.
    #[must_use]
    pub const fn with(self, signal: Signal) -> Self {
        Self(self.0 | 1 << signal.index())
    }

    /// Whether a signal is in it.
    #[must_use]
    pub const fn contains(self, signal: Signal) -> bool {
        self.0 >> signal.index() & 1 != 0
    }

    /// Takes a signal out.
    pub const fn remove(&mut self, signal: Signal) {
        self.0 &= !(1 << signal.index());
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The signal to deliver first: one that an instruction caused, else the lowest number (`next_signal`).
    pub(crate) fn first(self) -> Option<Signal> {
        let synchronous = self & Self::SYNCHRONOUS;
        let from = if synchronous.is_empty() { self } else { synchronous };
        Signal::new(u64::from(from.0.trailing_zeros()) + 1)
    }
}

impl BitOr for SigSet {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for SigSet {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Sub for SigSet {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_1_to_64() {
        assert_eq!(Signal::new(0), None);
        assert_eq!(Signal::new(65), None);
        assert_eq!(Signal::new(u64::MAX), None);
        assert_eq!(Signal::new(11), Some(Signal::SEGV));
        assert_eq!(Signal::new(64).map(Signal::name), Some("SIGRTMIN+30".to_owned()));
        assert_eq!(Signal::SEGV.exit_code(), 139);
    }

    #[test]
    fn faults_come_first() {
        let set = SigSet::of(Signal::HUP).with(Signal::SEGV).with(Signal::ILL);
        assert_eq!(set.first(), Some(Signal::ILL));
        assert_eq!(SigSet::of(Signal::USR2).with(Signal::USR1).first(), Some(Signal::USR1));
        assert_eq!(SigSet::EMPTY.first(), None);
        assert_eq!(SigSet::of(Signal(64)).first(), Some(Signal(64)));
    }
}
