//! QEMU's interface for plugins, version 1, as QEMU 7.2 has it: what of it is used here.
//!
//! The functions are QEMU's own; the dynamic linker finds them when QEMU loads the library. Handles of blocks and
//! instructions are valid during the callback that they came with.
#![allow(unsafe_code, reason = "a C interface")]

use std::ffi::{c_char, c_int, c_uint, c_void};

/// The version that QEMU asks the library for before anything else.
pub(crate) const VERSION: c_int = 1;

/// A loaded plugin.
pub(crate) type PluginId = u64;

/// What an access was, in QEMU's packing; asked by [`qemu_plugin_mem_size_shift`] and [`qemu_plugin_mem_is_store`].
pub(crate) type MemInfo = u32;

/// A block of instructions as it is translated. Only QEMU looks inside.
#[repr(C)]
pub(crate) struct TranslationBlock {
    opaque: [u8; 0],
}

/// An instruction of a block. Only QEMU looks inside.
#[repr(C)]
pub(crate) struct Instruction {
    opaque: [u8; 0],
}

/// What QEMU says of itself when it installs a plugin. More follows, of which nothing is known in user mode.
#[repr(C)]
pub(crate) struct Info {
    /// Whose programs it runs: `x86_64`.
    pub(crate) target_name: *const c_char,
    /// The oldest version of the interface that it speaks.
    pub(crate) oldest_version: c_int,
    /// The newest.
    pub(crate) newest_version: c_int,
    /// Whether it emulates a whole machine.
    pub(crate) system_emulation: bool,
}

/// What a callback does with the guest's registers.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) enum Registers {
    /// It neither reads nor writes any.
    Untouched = 0,
}

/// Which accesses a callback is for.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) enum Accesses {
    /// Loads and stores.
    Both = 3,
}

/// A block is translated.
pub(crate) type OnTranslation = extern "C" fn(PluginId, *mut TranslationBlock);
/// A vCPU executes what the word was registered for.
pub(crate) type OnExecution = extern "C" fn(vcpu: c_uint, word: *mut c_void);
/// A vCPU has made an access.
pub(crate) type OnAccess = extern "C" fn(vcpu: c_uint, info: MemInfo, la: u64, word: *mut c_void);
/// The program ends.
pub(crate) type OnExit = extern "C" fn(PluginId, word: *mut c_void);

unsafe extern "C" {
    pub(crate) fn qemu_plugin_register_vcpu_tb_trans_cb(id: PluginId, callback: OnTranslation);
    pub(crate) fn qemu_plugin_register_atexit_cb(id: PluginId, callback: OnExit, word: *mut c_void);

    pub(crate) fn qemu_plugin_tb_n_insns(block: *const TranslationBlock) -> usize;
    pub(crate) fn qemu_plugin_tb_get_insn(block: *const TranslationBlock, index: usize) -> *mut Instruction;
    pub(crate) fn qemu_plugin_insn_vaddr(instruction: *const Instruction) -> u64;
    pub(crate) fn qemu_plugin_insn_data(instruction: *const Instruction) -> *const c_void;
    pub(crate) fn qemu_plugin_insn_size(instruction: *const Instruction) -> usize;

    pub(crate) fn qemu_plugin_register_vcpu_tb_exec_cb(
        block: *mut TranslationBlock,
        callback: OnExecution,
        registers: Registers,
        word: *mut c_void,
    );
    pub(crate) fn qemu_plugin_register_vcpu_insn_exec_cb(
        instruction: *mut Instruction,
        callback: OnExecution,
        registers: Registers,
        word: *mut c_void,
    );
    pub(crate) fn qemu_plugin_register_vcpu_mem_cb(
        instruction: *mut Instruction,
        callback: OnAccess,
        registers: Registers,
        accesses: Accesses,
        word: *mut c_void,
    );

    pub(crate) fn qemu_plugin_mem_size_shift(info: MemInfo) -> c_uint;
    pub(crate) fn qemu_plugin_mem_is_store(info: MemInfo) -> bool;
}
