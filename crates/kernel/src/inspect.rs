//! A look at the guest's files from outside, for reports at the end of a run.

use crate::kernel::Kernel;
use crate::{Errno, Hw};

impl Kernel {
    /// The bytes of the regular file at a path from the guest's root, as the guest would read them now.
    ///
    /// # Errors
    /// Those of `open(2)` and `read(2)`; `EFBIG` for more than `most` bytes.
    pub fn file_contents(&mut self, hw: &mut Hw<'_>, path: &[u8], most: u64) -> Result<Vec<u8>, Errno> {
        let inode = self.vfs.open_to_inspect(path)?;
        let (vfs, _, mut cx) = self.fs_cx(hw);
        let size = vfs.inode_size(inode);
        let read = if size > most {
            Err(Errno::EFBIG)
        } else {
            let mut bytes = vec![0; size as usize];
            vfs.read_at(&mut cx, inode, 0, &mut bytes).map(|len| {
                bytes.truncate(len);
                bytes
            })
        };
        vfs.inode_put(&mut cx, inode);
        read
    }
}
