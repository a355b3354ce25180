//! Instruction forms against silicon: the same instruction from the same state, once on this machine's processor and once
//! on the core, compared in everything that a program can see.
//!
//! A form is one of iced's `Code`s. For each state of a form a new instruction is made up: registers, address form,
//! prefixes, immediates, and then registers and memory that suit it, so that most accesses hit and the rest fault in every way.
//! - [`forms`]: which forms there are, and which cannot be compared.
//! - [`host`]: which of them this machine can judge.
//! - [`encode`], [`address`]: a random instruction of a form.
//! - [`values`], [`state`]: a state for it.
//! - [`native`]: the processor's answer, from a child process. It and `child` are the only unsafe code.
//! - [`emulated`]: the core's answer.
//! - [`compare`]: what differs.
//! - [`run`]: all of it, over many forms. [`report`]: what came out, in text and as `docs/isa.md`.

pub mod address;
mod child;
pub mod compare;
pub mod emulated;
pub mod encode;
pub mod forms;
pub mod host;
pub mod layout;
pub mod native;
pub mod random;
pub mod registers;
pub mod report;
pub mod run;
pub mod state;
pub mod values;
pub mod xsave;
