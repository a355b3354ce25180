//! Blocks and instructions as QEMU lends them to a callback, in safe terms.
//!
//! What is registered carries a word of 64 bits, which QEMU keeps as a pointer and gives back; nobody ever follows it.
#![allow(unsafe_code, reason = "a C interface")]

use crate::api::{self, Accesses, OnAccess, OnExecution, OnExit, OnTranslation, PluginId, Registers};
use arch::{AccessKind, LinearAddr};
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr;

/// A word as QEMU keeps it.
pub(crate) const fn kept(word: u64) -> *mut c_void {
    ptr::without_provenance_mut(word as usize)
}

/// The word that QEMU has kept.
pub(crate) fn word(kept: *mut c_void) -> u64 {
    kept.addr() as u64
}

/// The plugin, while it is being installed.
pub(crate) struct Installation(PluginId);

impl Installation {
    /// # Safety
    /// QEMU is installing the plugin of this number.
    pub(crate) const unsafe fn new(id: PluginId) -> Self {
        Self(id)
    }

    /// Has a callback called with each block that is translated.
    pub(crate) fn on_translation(&self, callback: OnTranslation) {
        // SAFETY: the plugin is being installed (`new`).
        unsafe { api::qemu_plugin_register_vcpu_tb_trans_cb(self.0, callback) }
    }

    /// Has a callback called when the program ends.
    pub(crate) fn on_exit(&self, callback: OnExit) {
        // SAFETY: the plugin is being installed (`new`).
        unsafe { api::qemu_plugin_register_atexit_cb(self.0, callback, ptr::null_mut()) }
    }
}

/// A block as it is translated.
pub(crate) struct Block<'a> {
    handle: *mut api::TranslationBlock,
    lent: PhantomData<&'a api::TranslationBlock>,
}

impl<'a> Block<'a> {
    /// # Safety
    /// QEMU has given the handle to a translation callback that outlives `'a`.
    pub(crate) const unsafe fn new(handle: *mut api::TranslationBlock) -> Self {
        Self { handle, lent: PhantomData }
    }

    /// Its instructions, in their order.
    pub(crate) fn instructions(&self) -> impl Iterator<Item = Instruction<'a>> + use<'a> {
        let block = self.handle;
        // SAFETY: the handle is valid (`new`).
        let count = unsafe { api::qemu_plugin_tb_n_insns(block) };
        (0..count).map(move |index| {
            // SAFETY: the handle is valid (`new`), and so many instructions are there.
            let handle = unsafe { api::qemu_plugin_tb_get_insn(block, index) };
            Instruction { handle, lent: PhantomData }
        })
    }

    /// Has a callback called with `word` before each execution of the block.
    pub(crate) fn on_execution(&self, callback: OnExecution, word: u64) {
        // SAFETY: the handle is valid (`new`).
        unsafe { api::qemu_plugin_register_vcpu_tb_exec_cb(self.handle, callback, Registers::Untouched, kept(word)) }
    }
}

/// An instruction of a block.
pub(crate) struct Instruction<'a> {
    handle: *mut api::Instruction,
    lent: PhantomData<&'a api::Instruction>,
}

impl<'a> Instruction<'a> {
    /// Where it is.
    pub(crate) fn la(&self) -> LinearAddr {
        // SAFETY: the handle is valid as long as its block's.
        LinearAddr(unsafe { api::qemu_plugin_insn_vaddr(self.handle) })
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        // SAFETY: the handle is valid as long as its block's.
        let (data, size) =
            unsafe { (api::qemu_plugin_insn_data(self.handle), api::qemu_plugin_insn_size(self.handle)) };
        if data.is_null() {
            return &[];
        }
        // SAFETY: QEMU has copied so many bytes there, and keeps them unchanged until the callback returns.
        unsafe { std::slice::from_raw_parts(data.cast(), size) }
    }

    /// Has a callback called with `word` before each execution of the instruction, in the order of these calls.
    pub(crate) fn on_execution(&self, callback: OnExecution, word: u64) {
        let (handle, registers) = (self.handle, Registers::Untouched);
        // SAFETY: the handle is valid as long as its block's.
        unsafe { api::qemu_plugin_register_vcpu_insn_exec_cb(handle, callback, registers, kept(word)) }
    }

    /// Has a callback called with `word` after each of its accesses.
    pub(crate) fn on_access(&self, callback: OnAccess, word: u64) {
        let (handle, registers) = (self.handle, Registers::Untouched);
        // SAFETY: the handle is valid as long as its block's.
        unsafe { api::qemu_plugin_register_vcpu_mem_cb(handle, callback, registers, Accesses::Both, kept(word)) }
    }
}

/// The bytes of an access, and whether it reads or writes; one that does both writes.
pub(crate) fn access(info: api::MemInfo) -> (u64, AccessKind) {
    // SAFETY: both functions only unpack a number.
    let (shift, store) = unsafe { (api::qemu_plugin_mem_size_shift(info), api::qemu_plugin_mem_is_store(info)) };
    (1 << shift, if store { AccessKind::Write } else { AccessKind::Read })
}
