//! Recorded accesses and what they gave: reads case files, makes each access again through the MMU, and judges.
//!
//! A case is one line of JSON: control registers, every paging entry that the access can reach, the access, and two
//! answers. `out` is what an oracle (KVM or QEMU) has recorded, and `trust` says how far to believe it; `hw` is what the
//! rules of the processor give. [`Judge::run`] holds the MMU against either:
//!
//! ```text
//! read(path) -> Case ... -> Judge::run(case, expect, accessed_on_fault) -> Agreed | Disagreed(differences) | NotUsable
//! ```
//! The oracles differ in the A bits that a faulting walk leaves behind, which the processor leaves open (MMU-114): KVM's
//! cases follow [`paging::AccessedOnFault::OnSuccessOnly`], QEMU's and every `hw` follow `AsTraversed`.
#![forbid(unsafe_code)]

mod case;
mod judge;
mod read;
mod replay;

pub use case::{AccessKind, Answer, Case, Change, Entry, Hex, Kind, Mmio, Mode, Piece, Trust};
pub use judge::{Aspect, Difference, Expect, Judge, Verdict};
pub use read::{CaseError, Cases, read};
