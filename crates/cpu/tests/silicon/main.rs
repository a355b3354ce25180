//! What instructions do with pages, row by row as it was recorded on silicon (`rows`): which accesses fault, with which error
//! code, address and instruction pointer; what was written before; which A and D are left.
//!
//! A row names its instruction in words; [`insns`] has the bytes. No row is passed over: an unknown name fails the test.

mod accessed_dirty;
mod faults;
mod guest;
mod insns;
mod priority;
mod rules;
