//! The hardware model inside QEMU: a plugin that QEMU's user mode loads, and that counts what a program's translations come
//! to on a modelled processor, at the speed of compiled code.
//!
//! QEMU reports instructions, loads and stores; each becomes a call of [`paging::translate`] with a [`timing::Counting`]
//! model, the same miss path and the same model that `pagewalk stat` has. A vCPU, which is a thread of the program, is a core
//! with TLBs of its own; the counters at the end are the sum.
//!
//! **Modelled**: TLBs, paging-structure caches, walks with A and D, on page tables of the plugin's own (`memory`). User
//! mode has none that a plugin could see, so the first touch of a page maps it, 4 KiB, to the next frame; A and D are the
//! walker's to set. **Not modelled**:
//! - the kernel: no page fault on a first touch, no flush or displaced entry by a system call or a switch of processes, no
//!   accesses of the system calls to the program's memory;
//! - changes of mappings: munmap, mprotect, mremap and exec invalidate nothing, and a new mapping at an old address has
//!   the old frames; no large pages;
//! - other processes: what a forked child does is not counted, and a program that is executed runs outside the plugin;
//! - accesses that fault: QEMU reports those that have succeeded.
//!
//! - `api`: QEMU's interface, as declarations.
//! - `handles`: blocks and instructions as QEMU lends them.
//! - `callbacks`: what QEMU calls; with the two above the only unsafe code.
//! - `block`: what to ask QEMU to report, for the instructions of a block.
//! - `host`: the cores, from reports to translations.
//! - `settled`: the accesses that a model need not hear of.
//! - `memory`: the page tables.
//! - `options`: what the command line says.
//!
//! On other systems than Linux on x86-64 this crate is empty.
#![deny(unsafe_code)]
#![deny(unsafe_op_in_unsafe_fn)]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod api;
mod block;
mod callbacks;
mod handles;
mod host;
mod memory;
mod options;
mod settled;
