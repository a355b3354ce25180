//! The paging rules, one test or more for each; a test's name begins with the rule it states (MMU-nnn).

extern crate pagewalk_paging as paging;

mod accessed_dirty;
mod caching;
mod control;
mod entries;
mod error_code;
mod keys;
mod memory_types;
mod modes;
mod reasons;
mod reserved;
mod rights;
mod tables;
