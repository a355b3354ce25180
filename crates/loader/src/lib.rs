//! From an executable file to a plan of what to map where.
//!
//! [`load`] tries a table of binary formats on the first bytes of a file, as Linux's `search_binary_handler` does, and
//! answers with an [`Image`]: a [`LoadPlan`] for ELF64, or the interpreter line of a `#!` script. The plan is plain data.
//! The loader reads headers only (at most some 70 KiB, whatever the file says), maps nothing and copies nothing: the
//! kernel layer maps the plan's pages and reads each on its first touch.
//!
//! The yardstick is Linux's `load_elf_binary` with ASLR off. What Linux loads and runs, this loads, however odd
//! (segments out of order, a `p_align` that is no power of two, a file shorter than its segments); what Linux refuses or
//! kills while it loads is a [`LoadError`], one variant a diagnosis, each with help and with what Linux would have done.
//! On three points it is stricter than Linux, because the only outcome there is a crash without a reason: segments whose
//! bytes overlap, an entry point outside executable memory or beyond the end of the file, a segment in the area of the
//! stack. It differs in one: a static PIE goes to [`Layout::pie_base`], where Linux would choose from the mmap area.
#![forbid(unsafe_code)]

mod elf;
mod error;
mod foreign;
mod format;
mod layout;
mod linked;
mod plan;
mod read;
mod script;
mod symbols;

pub use error::{LoadError, OnLinux};
pub use foreign::Foreign;
pub use format::{Image, load};
pub use layout::Layout;
pub use linked::Linked;
pub use plan::{
    AddrRange, AnonymousPages, FilePages, Kind, LoadPlan, Protection, Segment, StackProtection, TlsSegment, ZeroTail,
};
pub use read::{ReadAt, ReadError};
pub use symbols::{SymbolError, Symbols};
