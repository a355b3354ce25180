//! The core: it fetches, decodes and executes x86-64 instructions, and stops where only the kernel layer can go on.
//!
//! Code runs as decoded basic blocks. A block is a row of `op::Op`s, each a function and its operands; blocks are linked
//! to their successors, so that a loop runs without a look-up. Three concerns are kept apart:
//! - `bind` turns a decoded instruction into operations (which function, which operands);
//! - `exec` is what instructions mean, a function each, with no idea of blocks;
//! - `run` is dispatch: blocks, links, fuel, the way out at a fault.
//!
//! Invariants: a faulting instruction leaves no trace but what MMU-140 lists, and restarts exactly; nothing in a block
//! depends on its linear address; what the program computes depends neither on the size of any cache here nor on the model.
#![forbid(unsafe_code)]

mod bind;
mod block;
mod context;
mod cpuid;
mod exec;
mod flags;
mod model;
mod op;
mod random;
mod run;
mod state;
mod width;

pub use cpuid::CpuidResult;
pub use model::{Cache, CacheKind, CpuModel, Geometry, Tlb};
pub use run::{Cpu, Exit, Unsupported};
