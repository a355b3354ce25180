//! Why a file cannot run: one variant a diagnosis, each with help and with what Linux does.

use crate::{AddrRange, Foreign, ReadError};
use arch::LinearAddr;

/// What Linux does with such a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLinux {
    /// `execve` fails with this number (positive) and the caller goes on.
    Errno(i32),
    /// The file is found out beyond the point of no return: the process is killed with SIGSEGV.
    Killed,
    /// `execve` succeeds. This loader asks more than Linux does, or what is to be run is another file.
    Loads,
}

impl OnLinux {
    const EIO: Self = Self::Errno(5);
    const ENOEXEC: Self = Self::Errno(8);
}

/// A file cannot be loaded. A segment is named by its index among the program headers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Reading the file failed.
    #[error("cannot read the program")]
    Read(#[from] ReadError),
    /// Neither ELF nor a script.
    #[error("not a Linux program: {0}")]
    NotAProgram(Foreign),
    /// `#!` and nothing behind it.
    #[error("the #! line names no interpreter")]
    ScriptWithoutInterpreter,
    /// The path in the `#!` line does not end within the first 256 bytes.
    #[error("the interpreter's path in the #! line is too long")]
    ScriptInterpreterTooLong,
    /// A script, where a program was asked for.
    #[error("this is a script for {interpreter}")]
    Script {
        /// The interpreter's path.
        interpreter: String,
    },
    /// The file ends within the ELF header.
    #[error("the file ends within its ELF header, after {length} of 64 bytes")]
    HeaderTruncated {
        /// Bytes in the file.
        length: u64,
    },
    /// Not a 64-bit ELF file.
    #[error("this is a 32-bit program (ELF32, {machine})")]
    Not64Bit {
        /// Name of the machine.
        machine: &'static str,
    },
    /// Built for another machine.
    #[error("this program is built for {machine} (e_machine {number})")]
    ForeignMachine {
        /// Name of the machine.
        machine: &'static str,
        /// `e_machine`.
        number: u16,
    },
    /// `ET_REL`.
    #[error("this is an object file, not a program")]
    ObjectFile,
    /// `ET_CORE`.
    #[error("this is a core dump, not a program")]
    CoreDump,
    /// Another `e_type`.
    #[error("this ELF file is neither a program nor a shared object (e_type {0})")]
    UnknownType(u16),
    /// `e_phentsize` is not that of ELF64.
    #[error("the program headers are {0} bytes each, not 56")]
    ProgramHeaderSize(u16),
    /// `e_phnum` is 0.
    #[error("the file has no program headers")]
    NoProgramHeaders,
    /// More program headers than Linux accepts.
    #[error("the file claims {0} program headers; the limit is 1170")]
    TooManyProgramHeaders(u16),
    /// The program headers lie beyond the end of the file.
    #[error("the file ends before its program headers (they are at {offset:#x}, the file has {length:#x} bytes)")]
    ProgramHeadersTruncated {
        /// `e_phoff`.
        offset: u64,
        /// Bytes in the file.
        length: u64,
    },
    /// `PT_INTERP` is too short, too long or not ended by a NUL.
    #[error("the dynamic loader's path (PT_INTERP) is damaged")]
    InterpreterDamaged,
    /// `PT_INTERP` lies beyond the end of the file.
    #[error("the file ends before the path of its dynamic loader (PT_INTERP)")]
    InterpreterTruncated,
    /// No `PT_LOAD` with any bytes.
    #[error("the file has nothing to load (no PT_LOAD segment)")]
    NothingToLoad,
    /// `p_filesz > p_memsz`.
    #[error("segment {segment} has more bytes in the file ({file:#x}) than in memory ({memory:#x})")]
    FileLargerThanMemory {
        /// Which segment.
        segment: usize,
        /// `p_filesz`.
        file: u64,
        /// `p_memsz`.
        memory: u64,
    },
    /// The segment does not fit below `TASK_SIZE`, or wraps around.
    #[error("segment {segment} ({size:#x} bytes at {start}) does not fit into user memory")]
    BeyondUserMemory {
        /// Which segment.
        segment: usize,
        /// Where it would start.
        start: LinearAddr,
        /// `p_memsz`.
        size: u64,
    },
    /// The segment reaches into the area of the stack.
    #[error("segment {segment} ({}-{}) lies where the stack goes", range.start, range.end)]
    InStackArea {
        /// Which segment.
        segment: usize,
        /// What it would occupy.
        range: AddrRange,
    },
    /// The segment starts below `mmap_min_addr`.
    #[error("segment {segment} starts at {start}, below the lowest address that a program may map ({limit})")]
    BelowMinAddr {
        /// Which segment.
        segment: usize,
        /// Where it would start.
        start: LinearAddr,
        /// The lowest address allowed.
        limit: LinearAddr,
    },
    /// `p_vaddr` and `p_offset` differ within the page, so that pages of the file cannot be mapped.
    #[error(
        "segment {segment} cannot be mapped: address {address} and file offset {offset:#x} differ modulo the page size"
    )]
    Misaligned {
        /// Which segment.
        segment: usize,
        /// `p_vaddr`.
        address: LinearAddr,
        /// `p_offset`.
        offset: u64,
    },
    /// `p_offset + p_filesz` is beyond what any file can have.
    #[error("segment {segment} asks for {size:#x} bytes at file offset {offset:#x}: no file is that large")]
    FileOffsetTooLarge {
        /// Which segment.
        segment: usize,
        /// `p_offset`.
        offset: u64,
        /// `p_filesz`.
        size: u64,
    },
    /// Two segments have bytes at the same address.
    #[error("segments {first} and {second} overlap in memory")]
    Overlap {
        /// The one at the lower address.
        first: usize,
        /// The other.
        second: usize,
    },
    /// The page whose tail is to be cleared lies beyond the end of the file.
    #[error("the file ends before the data of segment {segment} (at {needed:#x}, the file has {length:#x} bytes)")]
    DataTruncated {
        /// Which segment.
        segment: usize,
        /// Where its bytes in the file end.
        needed: u64,
        /// Bytes in the file.
        length: u64,
    },
    /// The entry point lies in no executable segment.
    #[error("the entry point {0} lies in no executable segment")]
    EntryNotExecutable(LinearAddr),
    /// The entry point lies beyond the end of the file.
    #[error("the file ends before the code at its entry point {entry} (the file has {length:#x} bytes)")]
    EntryTruncated {
        /// The entry point.
        entry: LinearAddr,
        /// Bytes in the file.
        length: u64,
    },
}

const DAMAGED: &str =
    "the ELF headers are damaged or hand-made; look at them with `readelf -lW`, and rebuild the program";
const TRUNCATED: &str = "the file is cut off: a download or copy that did not finish? fetch or build it again";

impl LoadError {
    /// What the user can do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Read(_) => "check that the file is readable and on a healthy disk".to_owned(),
            Self::NotAProgram(kind) => kind.help().to_owned(),
            Self::ScriptWithoutInterpreter => "write the interpreter's path behind #!, as in `#!/bin/sh`".to_owned(),
            Self::ScriptInterpreterTooLong => "the path must end within the file's first 256 bytes".to_owned(),
            Self::Script { .. } => "run its interpreter, with the script as argument".to_owned(),
            Self::Not64Bit { .. } => "pagewalk runs 64-bit x86-64 programs: rebuild with -m64".to_owned(),
            Self::ForeignMachine { .. } => "pagewalk emulates x86-64: rebuild the program for x86_64 Linux".to_owned(),
            Self::ObjectFile => "link it into a program first: gcc -static file.o".to_owned(),
            Self::CoreDump => "run the program that dumped it; a debugger reads the dump".to_owned(),
            Self::HeaderTruncated { .. }
            | Self::ProgramHeadersTruncated { .. }
            | Self::InterpreterTruncated
            | Self::DataTruncated { .. }
            | Self::EntryTruncated { .. } => TRUNCATED.to_owned(),
            Self::NoProgramHeaders | Self::NothingToLoad => "the file has no code to run: a separate debug file, or damaged; use the program itself".to_owned(),
            Self::BelowMinAddr { .. } => "link it at a higher address (the usual one is 0x400000)".to_owned(),
            Self::BeyondUserMemory { .. } | Self::InStackArea { .. } => "user memory ends at 0x7ffffffff000, and the stack lies below: link the program at a lower address, or check its headers with `readelf -lW`".to_owned(),
            Self::EntryNotExecutable(_) => "a shared library cannot be run by itself; a program's entry (readelf -h) must lie in a segment with flag E (readelf -lW)".to_owned(),
            Self::UnknownType(_)
            | Self::ProgramHeaderSize(_)
            | Self::TooManyProgramHeaders(_)
            | Self::InterpreterDamaged
            | Self::FileLargerThanMemory { .. }
            | Self::Misaligned { .. }
            | Self::FileOffsetTooLarge { .. }
            | Self::Overlap { .. } => DAMAGED.to_owned(),
        }
    }

    /// What Linux does with such a file: what a guest's own `execve` is to see.
    #[must_use]
    pub const fn on_linux(&self) -> OnLinux {
        match self {
            Self::Read(e) => OnLinux::Errno(e.errno),
            Self::InterpreterTruncated => OnLinux::EIO,
            Self::NotAProgram(_)
            | Self::ScriptWithoutInterpreter
            | Self::ScriptInterpreterTooLong
            | Self::HeaderTruncated { .. }
            | Self::Not64Bit { .. }
            | Self::ForeignMachine { .. }
            | Self::ObjectFile
            | Self::CoreDump
            | Self::UnknownType(_)
            | Self::ProgramHeaderSize(_)
            | Self::NoProgramHeaders
            | Self::TooManyProgramHeaders(_)
            | Self::ProgramHeadersTruncated { .. }
            | Self::InterpreterDamaged => OnLinux::ENOEXEC,
            Self::FileLargerThanMemory { .. }
            | Self::BeyondUserMemory { .. }
            | Self::BelowMinAddr { .. }
            | Self::Misaligned { .. }
            | Self::FileOffsetTooLarge { .. }
            | Self::DataTruncated { .. } => OnLinux::Killed,
            Self::Script { .. }
            | Self::NothingToLoad
            | Self::InStackArea { .. }
            | Self::Overlap { .. }
            | Self::EntryNotExecutable(_)
            | Self::EntryTruncated { .. } => OnLinux::Loads,
        }
    }
}
