//! The vocabulary of the x86-64 machine: what every other crate means by an address, an entry, an access, a fault.
//!
//! There is no logic here beyond bits. Types carry meaning so that a linear address is never taken for a physical one
//! and a count of pages never for a count of bytes; the names are Intel's (SDM volume 3A, chapter "Paging").
#![forbid(unsafe_code)]

mod access;
mod addr;
mod context;
mod control;
mod entry;
mod exception;
mod features;
mod instr;
mod keys;
mod memory_type;
mod mode;
mod service;
mod site;
mod space;
pub mod xstate;

pub use access::{Access, AccessKind, AccessedDirty, PageFault, PageFaultCode, Privilege};
pub use addr::{FRAME_SHIFT, FRAME_SIZE, LinearAddr, PageSize, Pfn, PhysAddr};
pub use context::{Gpr, Rflags, Segment, UserContext, XsaveImage};
pub use control::{ControlRegs, Cr0, Cr3, Cr4, Efer, PdpteRegs, PhysAddrWidth, Vendor};
pub use entry::{Pde, Pdpte, Pml4e, Pml5e, Pte};
pub use exception::{Exception, GeneralProtection};
pub use features::{FeatureWord, Features, FeaturesError};
pub use instr::{BranchKind, InstrClass, InstrInfo, Ordering, RegSet};
pub use keys::{KeyRights, Pcid, ProtectionKey};
pub use memory_type::{MemoryType, Pat, PatIndex};
pub use mode::{EntrySize, Level, LinearWidth, PagingMode};
pub use service::Service;
pub use site::Site;
pub use space::SpaceId;
