//! Reading and writing regular files, through the page cache.
//!
//! Invariant: `read` and `mmap` see the same frames. A hole is read without taking a frame; in a writable mount a write goes
//! to the host at once, and to the page if there is one.

use super::cache::{Fill, PageError};
use super::inode::InodeId;
use super::truncate::MAX_FILE_BYTES;
use super::{FsCx, Vfs};
use crate::Errno;
use arch::{FRAME_SHIFT, FRAME_SIZE};

/// The part of a file's page that a transfer touches.
#[derive(Clone, Copy)]
struct Piece {
    index: u64,
    /// Offset in the page.
    at: u64,
    len: usize,
}

/// Cuts a range of a file at page boundaries.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = Piece> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let pos = offset + done as u64;
        let at = pos % FRAME_SIZE;
        let piece = Piece { index: pos >> FRAME_SHIFT, at, len: (len - done).min((FRAME_SIZE - at) as usize) };
        done += piece.len;
        (piece.len > 0).then_some(piece)
    })
}

impl Vfs {
    /// Reads from a regular file; fewer bytes than asked for only at its end.
    ///
    /// # Errors
    /// `EISDIR`, `EINVAL` for other kinds, `EIO`, `ENOMEM`.
    pub fn read_at(&mut self, cx: &mut FsCx<'_>, inode: InodeId, offset: u64, buf: &mut [u8]) -> Result<usize, Errno> {
        if self.huge_page_size(inode).is_some() {
            return Ok(self.read_huge_file(cx, inode, offset, buf));
        }
        let file = self.inodes.get_mut(inode);
        let size = file.meta.size;
        let host_len = file.contents().ok_or(Errno::EINVAL)?.host_len;
        let len = buf.len().min(usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX));
        let mut done = 0;
        for piece in pieces(offset, len) {
            let out = &mut buf[done..done + piece.len];
            let is_hole = piece.index << FRAME_SHIFT >= host_len && !self.has_page(inode, piece.index);
            if is_hole {
                out.fill(0);
            } else {
                match self.frame_and_around(cx, inode, piece.index) {
                    Ok(page) => {
                        cx.mem.read(page.pfn.base().wrapping_add(piece.at), out);
                        cx.frames.touch_file_page(page.pfn);
                    }
                    Err(_) if done > 0 => break,
                    Err(e) => return Err(e.into()),
                }
            }
            done += piece.len;
        }
        Ok(done)
    }

    /// Writes to a regular file, which grows as needed; fewer bytes than asked for if space runs out.
    ///
    /// # Errors
    /// `EFBIG`, `ENOSPC`, `EIO`, and what the host says in a writable mount.
    pub(crate) fn write_at(
        &mut self,
        cx: &mut FsCx<'_>,
        inode: InodeId,
        offset: u64,
        bytes: &[u8],
    ) -> Result<usize, Errno> {
        if self.huge_page_size(inode).is_some() {
            return Err(Errno::EINVAL); // such a file is written through mappings only
        }
        let room = MAX_FILE_BYTES.checked_sub(offset).filter(|&room| room > 0 || bytes.is_empty());
        let room = usize::try_from(room.ok_or(Errno::EFBIG)?).unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(room)];
        let done = match self.writable_place(inode) {
            Some(_) => self.write_on_host(cx, inode, offset, bytes)?,
            None if bytes.is_empty() => 0,
            None => self.write_in_layer(cx, inode, offset, bytes)?,
        };
        let meta = &mut self.inodes.get_mut(inode).meta;
        if done > 0 {
            meta.size = meta.size.max(offset + done as u64);
        }
        Ok(done)
    }

    fn write_in_layer(&mut self, cx: &mut FsCx<'_>, inode: InodeId, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        let (seals, size) = (self.seals(inode), self.inodes.get(inode).meta.size);
        if seals.forbid_writes() {
            return Err(Errno::EPERM);
        }
        self.touch(inode)?;
        self.drop_set_id(inode);
        let mut done = 0;
        for piece in pieces(offset, bytes.len()) {
            if let Err(e) = seals.allow_size(size, size.max(offset + (done + piece.len) as u64)) {
                return if done > 0 { Ok(done) } else { Err(e) };
            }
            let fill = if piece.len == FRAME_SIZE as usize { Fill::Nothing } else { Fill::Contents };
            match self.frame(cx, inode, piece.index, fill) {
                Ok(page) => {
                    cx.mem.write(page.pfn.base().wrapping_add(piece.at), &bytes[done..done + piece.len]);
                    cx.frames.set_dirty(page.pfn);
                    cx.frames.touch_file_page(page.pfn);
                    done += piece.len;
                }
                Err(_) if done > 0 => break,
                Err(PageError::OutOfMemory) => return Err(Errno::ENOSPC),
                Err(e) => return Err(e.into()),
            }
        }
        Ok(done)
    }

    fn write_on_host(&mut self, cx: &mut FsCx<'_>, inode: InodeId, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        let contents = self.inodes.get_mut(inode).contents().ok_or(Errno::EINVAL)?;
        let writer = contents.writer.as_ref().ok_or(Errno::EBADF)?;
        let done = rustix::io::pwrite(writer, bytes, offset)?;
        contents.host_len = contents.host_len.max(offset + done as u64);
        let mut from = 0;
        for piece in pieces(offset, done) {
            if let Some(pfn) = self.cached(inode, piece.index) {
                cx.mem.write(pfn.base().wrapping_add(piece.at), &bytes[from..from + piece.len]);
            }
            from += piece.len;
        }
        Ok(done)
    }
}
