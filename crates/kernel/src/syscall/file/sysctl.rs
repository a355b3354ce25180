//! Writes to /proc/sys and /sys: a write is one value, wherever it starts (`proc_sys_call_handler`, `sysfs_kf_write`).

use super::SysResult;
use super::user::{Fault, UserBuffers};
use crate::fs::{FileKind, OpenFileId, ProcFile, Value};
use crate::kernel::Kernel;
use crate::{Errno, Hw};

/// Bytes of a write that are looked at: more than any value has.
const MAX_TEXT: u64 = 4096;

impl Kernel {
    /// What an open file of /proc/sys or /sys sets.
    pub(super) fn knob_of(&self, file: OpenFileId) -> Option<Value> {
        match self.vfs.file(file).kind {
            FileKind::Proc(ProcFile::Knob(_, knob)) => Some(knob.value),
            _ => None,
        }
    }

    /// Sets what a file stands for to what the user's text says; nothing if there is no text.
    pub(super) fn write_value(&mut self, hw: &mut Hw<'_>, value: Value, mut from: UserBuffers) -> SysResult {
        let len = from.left;
        let mut text = vec![0; len.min(MAX_TEXT) as usize];
        self.gather(hw, &mut from, &mut text).map_err(|Fault { .. }| Errno::EFAULT)?;
        if len > 0 {
            self.write_knob(hw, value, &text)?;
        }
        Ok(len)
    }
}
