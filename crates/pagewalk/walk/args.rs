//! The options of `pagewalk walk`.

use crate::cli::GuestArgs;
use arch::{AccessKind, LinearAddr, Privilege};
use cases::Expect;
use clap::{Args, ValueEnum};
use paging::AccessedOnFault;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

/// What to walk.
#[derive(Args)]
pub(crate) struct WalkArgs {
    /// The linear address to walk [default: the fault's, or that of the next instruction]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) la: Option<Address>,

    /// What the access does [default: the fault's, or read with --la, else fetch]
    #[arg(long, value_enum, value_name = "ACCESS")]
    pub(crate) access: Option<AccessArg>,

    /// On whose behalf the access is made [default: user]
    #[arg(long, value_enum, value_name = "WHO")]
    pub(crate) privilege: Option<PrivilegeArg>,

    /// Stop the program when so many instructions have retired [default: before its first]
    #[arg(long, value_name = "N", group = "stop")]
    pub(crate) after: Option<u64>,

    /// Stop the program before it executes the instruction at this address
    #[arg(long, value_name = "ADDRESS", group = "stop")]
    pub(crate) at: Option<Address>,

    /// Stop the program at its page fault with this number, the first being 1, before it is served
    #[arg(long, value_name = "N", group = "stop", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) fault: Option<u64>,

    /// Print JSON: numbers as strings in hexadecimal, counts as numbers
    #[arg(long)]
    pub(crate) json: bool,

    /// Check all cases of a file (JSON Lines, also compressed with gzip) in place of a program; exits with 1 if one disagrees
    #[arg(long, value_name = "FILE", conflicts_with_all = ["stop", "la", "access", "privilege"])]
    pub(crate) cases: Option<PathBuf>,

    /// Draw the walks of the case in this line of the file, one for each page that the access touches
    #[arg(long, value_name = "LINE", requires = "cases", value_parser = line)]
    pub(crate) case: Option<usize>,

    /// Which recorded answer a case is held against: what was observed, or what the rules give
    #[arg(long, value_enum, value_name = "ANSWER", requires = "cases", default_value = "out")]
    pub(crate) expect: ExpectArg,

    /// Which entries get A on a walk that faults
    #[arg(long, value_enum, value_name = "POLICY", default_value = "as-traversed")]
    pub(crate) accessed_on_fault: AccessedArg,

    #[command(flatten)]
    pub(crate) guest: GuestArgs,

    /// The program, an ELF file or a script, and its arguments
    #[arg(
        required_unless_present = "cases",
        conflicts_with = "cases",
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "PROGRAM [ARGS]"
    )]
    pub(crate) program: Vec<OsString>,
}

fn line(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&line| line > 0).ok_or_else(|| "expected the number of a line, from 1 on".into())
}

/// An address, in hexadecimal with 0x or in decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) LinearAddr);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        number.map(|number| Self(LinearAddr(number))).map_err(|_| "expected an address such as 0x401000".into())
    }
}

/// What an access does.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccessArg {
    /// A load
    Read,
    /// A store
    Write,
    /// An instruction fetch
    Fetch,
}

impl From<AccessArg> for AccessKind {
    fn from(access: AccessArg) -> Self {
        match access {
            AccessArg::Read => Self::Read,
            AccessArg::Write => Self::Write,
            AccessArg::Fetch => Self::Fetch,
        }
    }
}

/// On whose behalf an access is made.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrivilegeArg {
    /// CPL 3
    User,
    /// CPL below 3
    Supervisor,
}

impl From<PrivilegeArg> for Privilege {
    fn from(privilege: PrivilegeArg) -> Self {
        match privilege {
            PrivilegeArg::User => Self::User,
            PrivilegeArg::Supervisor => Self::Supervisor,
        }
    }
}

impl From<ExpectArg> for Expect {
    fn from(expect: ExpectArg) -> Self {
        match expect {
            ExpectArg::Out => Self::Out,
            ExpectArg::Hw => Self::Hw,
        }
    }
}

impl From<AccessedArg> for AccessedOnFault {
    fn from(policy: AccessedArg) -> Self {
        match policy {
            AccessedArg::AsTraversed => Self::AsTraversed,
            AccessedArg::OnSuccess => Self::OnSuccessOnly,
        }
    }
}

/// Which recorded answer of a case.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExpectArg {
    /// What was observed, as far as the case says that it can be trusted
    Out,
    /// What the rules give
    Hw,
}

/// Which entries get A on a walk that faults (MMU-114).
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccessedArg {
    /// Those that were traversed
    AsTraversed,
    /// None
    OnSuccess,
}
