//! The rules of x86 paging, stated a second time: slow, obvious, and sharing nothing with the crate.
//!
//! - [`cpu`]: the processor that is judged about, one field for each bit that matters.
//! - [`rules`]: the path of entries and one access to an answer.
//! - [`access`]: a whole access, in pieces if it crosses pages, on a memory of entries.
//! - [`wrong`]: the list of wrong rules that a test must notice.
//!
//! The statement keeps to the order of the rules: read down to the leaf, then judge, then set A and D.

// Each test binary that includes this module uses a part of it.
#![allow(dead_code)]

pub(crate) mod access;
pub(crate) mod cpu;
pub(crate) mod rules;
pub(crate) mod wrong;
