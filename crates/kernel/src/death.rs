//! How a program ended, and if a signal killed it, what it did: which address it touched, and what lies around it.

use crate::mm::Prot;
use crate::signal::{SigInfo, Signal};
use arch::{AccessKind, Exception, LinearAddr, PageFaultCode};
use std::fmt;

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// By exit, with this status.
    Exited(u8),
    /// By a signal that it did not handle.
    Killed(Box<Death>),
}

impl ExitStatus {
    /// The status as a shell reports it: 128 more than the signal's number for one that killed.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Exited(status) => *status,
            Self::Killed(death) => death.signal().exit_code(),
        }
    }
}

/// A death by signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The signal, with `si_code`.
    pub info: SigInfo,
    /// The instruction that was to run, or that faulted.
    pub rip: LinearAddr,
    /// What the program did; `None` if the signal was sent.
    pub cause: Option<Cause>,
}

/// What a program did to be killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It touched memory that it may not.
    Fault(FaultReport),
    /// It raised another exception.
    Exception(Exception),
}

/// An access that could not be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultReport {
    /// The address, to the byte.
    pub addr: LinearAddr,
    /// Read, write or fetch.
    pub kind: AccessKind,
    /// The error code of the page fault.
    pub code: PageFaultCode,
    /// What is mapped there, or nearby.
    pub at: Neighbourhood,
}

/// The mappings around an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Neighbourhood {
    /// It lies in this mapping.
    Inside(MappingSummary),
    /// It lies in none; these are the nearest.
    Between {
        /// The nearest below.
        below: Option<MappingSummary>,
        /// The nearest above.
        above: Option<MappingSummary>,
    },
}

/// A mapping as a report shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingSummary {
    /// The first address.
    pub start: LinearAddr,
    /// The first address beyond.
    pub end: LinearAddr,
    /// Its rights.
    pub prot: Prot,
    /// A path, `[heap]`, `[stack]`, or `anonymous`.
    pub name: String,
}

impl Death {
    /// The signal.
    #[must_use]
    pub const fn signal(&self) -> Signal {
        self.info.signal()
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.signal())?;
        match &self.cause {
            Some(Cause::Fault(fault)) => {
                // The kernel layer kills for one reason only.
                let why = if self.signal() == Signal::KILL { "RAM is used up: " } else { "" };
                write!(f, ": {why}{} {fault}", verb(fault.kind))?;
            }
            Some(Cause::Exception(e)) => write!(f, ": exception {}", e.mnemonic())?,
            None => {}
        }
        write!(f, ", at rip {}", self.rip)
    }
}

impl fmt::Display for FaultReport {
    /// `0x8, where nothing is mapped; 4194296 bytes below 400000-401000 r-- /bin/x`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, ", self.addr)?;
        match &self.at {
            Neighbourhood::Inside(mapping) => write!(f, "in the mapping {mapping}"),
            Neighbourhood::Between { .. } if self.addr.0 >> 47 != 0 => {
                f.write_str("in the kernel's half of the address space")
            }
            Neighbourhood::Between { below, above } => {
                f.write_str("where nothing is mapped")?;
                // The nearest alone: the other one is often the width of the address space away.
                let past = below.as_ref().map(|mapping| (self.addr.0 - mapping.end.0, mapping));
                let short = above.as_ref().map(|mapping| (mapping.start.0 - self.addr.0, mapping));
                match (past, short) {
                    (Some((past, below)), short) if short.is_none_or(|(short, _)| past < short) => match past {
                        0 => write!(f, "; the first byte past the end of {below}"),
                        _ => write!(f, "; {past} bytes past the end of {below}"),
                    },
                    (_, Some((short, above))) => write!(f, "; {short} bytes below {above}"),
                    (_, None) => Ok(()),
                }
            }
        }
    }
}

impl fmt::Display for MappingSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let right = |right, letter| if self.prot.contains(right) { letter } else { '-' };
        let (r, w, x) = (right(Prot::READ, 'r'), right(Prot::WRITE, 'w'), right(Prot::EXEC, 'x'));
        write!(f, "{:x}-{:x} {r}{w}{x} {}", self.start.0, self.end.0, self.name)
    }
}

const fn verb(kind: AccessKind) -> &'static str {
    match kind {
        AccessKind::Read => "read of",
        AccessKind::Write => "write to",
        AccessKind::Fetch => "instruction fetch from",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(start: u64, end: u64, name: &str) -> MappingSummary {
        let prot = Prot::READ | Prot::WRITE;
        MappingSummary { start: LinearAddr(start), end: LinearAddr(end), prot, name: name.to_owned() }
    }

    fn death(addr: u64, at: Neighbourhood) -> Death {
        let addr = LinearAddr(addr);
        let fault = FaultReport { addr, kind: AccessKind::Write, code: PageFaultCode::WR | PageFaultCode::US, at };
        Death {
            info: SigInfo::fault(Signal::SEGV, 1, addr),
            rip: LinearAddr(0x40_1000),
            cause: Some(Cause::Fault(fault)),
        }
    }

    #[test]
    fn a_report_says_what_where_and_what_is_near() {
        let between = || Neighbourhood::Between {
            below: Some(mapping(0x1000, 0x2000, "[heap]")),
            above: Some(mapping(0x9000, 0xa000, "[stack]")),
        };
        for (addr, nearest) in [
            (0x2000, "the first byte past the end of 1000-2000 rw- [heap]"),
            (0x2008, "8 bytes past the end of 1000-2000 rw- [heap]"),
            (0x8ff8, "8 bytes below 9000-a000 rw- [stack]"),
        ] {
            let expected = format!("SIGSEGV: write to {addr:#x}, where nothing is mapped; {nearest}, at rip 0x401000");
            assert_eq!(death(addr, between()).to_string(), expected);
        }
        let d = death(0xffff_8880_0000_0000, between());
        assert_eq!(
            d.to_string(),
            "SIGSEGV: write to 0xffff888000000000, in the kernel's half of the address space, at rip 0x401000"
        );
        let d = death(0x1008, Neighbourhood::Inside(mapping(0x1000, 0x2000, "/bin/x")));
        assert_eq!(d.to_string(), "SIGSEGV: write to 0x1008, in the mapping 1000-2000 rw- /bin/x, at rip 0x401000");
        assert_eq!(ExitStatus::Killed(Box::new(d)).code(), 139);
    }
}
