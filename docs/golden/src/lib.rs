//! A project of its own that keeps the fault traces of its programs; see `tests/memory.rs`, and the workflow in `.github`.
#![forbid(unsafe_code)]
