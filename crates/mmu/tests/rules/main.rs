//! The rules of accesses and of invalidation, through the MMU; a test's name begins with the rule it states (MMU-nnn).

extern crate pagewalk_mmu as mmu;

mod canonical;
mod code_writes;
mod control;
mod guest;
mod invalidation;
mod split;
