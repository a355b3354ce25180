//! The paging rules, one test or more for each; a test's name begins with the rule it states (MMU-nnn).

extern crate pagewalk_paging as paging;

mod accessed_dirty;
mod caching;
mod entries;
mod error_code;
mod reserved;
mod rights;
mod tables;
