//! Writes to /proc/sys: a write is one value, wherever it starts (`proc_sys_call_handler`).

use super::SysResult;
use super::user::{Fault, UserBuffers};
use crate::fs::{FileKind, OpenFileId, ProcFile, SystemFile};
use crate::kernel::Kernel;
use crate::mm::sysctl::Setting;
use crate::{Errno, Hw};

/// Bytes of a write that are looked at: more than any value has.
const MAX_TEXT: u64 = 4096;

impl Kernel {
    /// The setting that an open file is.
    pub(super) fn setting_of(&self, file: OpenFileId) -> Option<Setting> {
        match self.vfs.file(file).kind {
            FileKind::Proc(ProcFile::System(SystemFile::Vm(setting))) => Some(setting),
            _ => None,
        }
    }

    /// Changes a setting to what the user's text says; nothing if there is no text.
    pub(super) fn write_setting(&mut self, hw: &mut Hw<'_>, setting: Setting, mut from: UserBuffers) -> SysResult {
        let len = from.left;
        let mut text = vec![0; len.min(MAX_TEXT) as usize];
        self.gather(hw, &mut from, &mut text).map_err(|Fault { .. }| Errno::EFAULT)?;
        if len > 0 {
            self.set(setting, &text)?;
        }
        Ok(len)
    }
}
