//! House-keeping of the workspace, as a library so that tests can run the same checks as `cargo xtask`.
//!
//! - [`fidelity`]: which test covers which paging rule.
//! - [`layers`]: which crate may depend on which, and where `unsafe` may stand.
//! - [`manifest`]: what the layering check knows about the workspace, read from its `Cargo.toml` files.
//! - [`samples`]: rebuilds the programs in `elf-samples` and compares them with the committed ones.
//! - [`toolchain`]: the compiler and linker that do so, whose versions decide whether bytes can be compared.

#![forbid(unsafe_code)]

pub mod fidelity;
pub mod layers;
pub mod manifest;
pub mod mutate;
pub mod samples;
pub mod toolchain;

use std::path::{Path, PathBuf};

/// The root of the workspace: the nearest folder from `start` upward whose `Cargo.toml` has a `[workspace]`.
pub fn workspace_root(start: &Path) -> Option<PathBuf> {
    start
        .ancestors()
        .find(|folder| {
            std::fs::read_to_string(folder.join("Cargo.toml"))
                .is_ok_and(|text| text.lines().any(|line| line.trim() == "[workspace]"))
        })
        .map(Path::to_path_buf)
}
