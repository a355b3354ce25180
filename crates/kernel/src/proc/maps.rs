//! `/proc/<pid>/maps` (`show_map_vma`).

use crate::Errno;
use crate::kernel::Kernel;
use crate::mm::{Backing, VmFlags, Vma, VmaName};
use event::Pid;

/// The column of the name, less the space before it.
const NAME_COLUMN: usize = 72;

impl Kernel {
    pub(super) fn maps(&mut self, pid: Pid) -> Result<Vec<u8>, Errno> {
        let process = self.process(pid).ok_or(Errno::ESRCH)?;
        let Some(mm) = self.mm_of(process) else { return Ok(Vec::new()) };
        let vmas: Vec<(Vma, VmaName)> = mm.vmas().map(|vma| (*vma, mm.vma_name(vma))).collect();
        let mut out = Vec::new();
        for (vma, name) in vmas {
            out.extend(self.map_line(&vma, name)?);
        }
        Ok(out)
    }

    pub(super) fn map_line(&mut self, vma: &Vma, name: VmaName) -> Result<Vec<u8>, Errno> {
        let right = |flag, letter| if vma.flags.contains(flag) { letter } else { '-' };
        let rights = [right(VmFlags::READ, 'r'), right(VmFlags::WRITE, 'w'), right(VmFlags::EXEC, 'x')];
        let rights: String = rights.iter().collect();
        let sharing = if vma.is_shared() { 's' } else { 'p' };
        let (offset, dev, ino) = match vma.backing {
            Backing::Anonymous => (0, 0, 0),
            Backing::File { inode, offset } => {
                let stat = self.vfs.stat(inode)?;
                (offset, stat.dev, stat.ino)
            }
        };
        let (start, end) = (vma.start.0, vma.end.0);
        let (major, minor) = (dev >> 8 & 0xfff, dev & 0xff | dev >> 12 & 0xfff00);
        let line = format!("{start:08x}-{end:08x} {rights}{sharing} {offset:08x} {major:02x}:{minor:02x} {ino} ");
        let name = match name {
            VmaName::Anonymous => return Ok((line + "\n").into_bytes()),
            VmaName::Heap => b"[heap]".to_vec(),
            VmaName::Stack => b"[stack]".to_vec(),
            VmaName::File(inode) => escaped(&self.vfs.inode_name(inode)),
        };
        Ok([format!("{line:<NAME_COLUMN$} ").as_bytes(), &name, b"\n"].concat())
    }
}

/// A path in which a line break does not end the line (`seq_file_path`).
fn escaped(path: &[u8]) -> Vec<u8> {
    path.iter().flat_map(|&b| if b == b'\n' { b"\\012".to_vec() } else { vec![b] }).collect()
}
