//! Buffers in user memory that a transfer goes to or comes from: one, or the list of an `iovec` call.

use crate::kernel::Kernel;
use crate::{Errno, Hw};
use arch::LinearAddr;

/// Bytes that one call transfers at most (Linux's MAX_RW_COUNT).
pub(super) const MAX_RW_COUNT: u64 = 0x7fff_f000;
/// Linux's UIO_MAXIOV.
const UIO_MAXIOV: u64 = 1024;
/// The first address that is not the user's (Linux's TASK_SIZE_MAX).
const TASK_SIZE_MAX: u64 = 0x7fff_ffff_f000;

/// Buffers in user memory, and how far a transfer has come in them.
#[derive(Debug)]
pub(crate) struct UserBuffers {
    /// Address and length of each, the next to be used last.
    rest: Vec<(u64, u64)>,
    /// Bytes in all of `rest`.
    pub(crate) left: u64,
}

/// The user's memory could not be used as far as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Bytes that were copied before.
    pub(crate) copied: usize,
}

impl UserBuffers {
    /// One buffer.
    pub(super) fn one(addr: u64, len: u64) -> Result<Self, Errno> {
        Self::list(vec![(addr, len)])
    }

    fn list(mut list: Vec<(u64, u64)>) -> Result<Self, Errno> {
        let mut left = 0;
        for (addr, len) in &mut list {
            if addr.checked_add(*len).is_none_or(|end| end > TASK_SIZE_MAX) {
                return Err(Errno::EFAULT);
            }
            *len = (*len).min(MAX_RW_COUNT - left);
            left += *len;
        }
        list.retain(|&(_, len)| len > 0);
        list.reverse();
        Ok(Self { rest: list, left })
    }

    /// Passes over what an earlier attempt of the call has transferred.
    pub(super) fn skip(&mut self, mut bytes: u64) {
        while bytes > 0
            && let Some((_, len)) = self.next(usize::try_from(bytes).unwrap_or(usize::MAX))
        {
            self.advance(len);
            bytes -= len as u64;
        }
    }

    /// The next piece, of at most `max` bytes.
    fn next(&mut self, max: usize) -> Option<(LinearAddr, usize)> {
        let &(addr, len) = self.rest.last()?;
        let take = len.min(max as u64);
        if take == 0 {
            return None;
        }
        Some((LinearAddr(addr), take as usize))
    }

    fn advance(&mut self, by: usize) {
        let by = by as u64;
        self.left -= by;
        if let Some((addr, len)) = self.rest.last_mut() {
            (*addr, *len) = (*addr + by, *len - by);
            if *len == 0 {
                self.rest.pop();
            }
        }
    }
}

impl Kernel {
    /// The buffers of a `struct iovec` array.
    pub(crate) fn user_iovec(&mut self, hw: &mut Hw<'_>, array: u64, count: u64) -> Result<UserBuffers, Errno> {
        UserBuffers::list(self.user_iovec_unchecked(hw, array, count)?)
    }

    /// The addresses and lengths of a `struct iovec` array, which may be another process's.
    pub(crate) fn user_iovec_unchecked(
        &mut self,
        hw: &mut Hw<'_>,
        array: u64,
        count: u64,
    ) -> Result<Vec<(u64, u64)>, Errno> {
        if count > UIO_MAXIOV {
            return Err(Errno::EINVAL);
        }
        let mut raw = vec![0; count as usize * 16];
        self.copy_from_user(hw, LinearAddr(array), &mut raw)?;
        let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        let list: Vec<_> = raw.chunks_exact(16).map(|v| (word(&v[..8]), word(&v[8..]))).collect();
        if list.iter().any(|&(_, len)| len > i64::MAX as u64) {
            return Err(Errno::EINVAL);
        }
        Ok(list)
    }

    /// Copies `bytes` to the buffers.
    pub(crate) fn scatter(&mut self, hw: &mut Hw<'_>, to: &mut UserBuffers, bytes: &[u8]) -> Result<(), Fault> {
        let mut done = 0;
        while let Some((addr, len)) = to.next(bytes.len() - done) {
            let (mm, mut cx) = self.mm_cx(hw);
            let result = mm.copy_to_user(&mut cx, addr, &bytes[done..done + len]);
            let copied = result.map_or_else(|partial| partial.copied, |()| len);
            to.advance(copied);
            done += copied;
            if copied < len {
                return Err(Fault { copied: done });
            }
        }
        Ok(())
    }

    /// Fills `bytes` from the buffers, which hold as many.
    pub(crate) fn gather(&mut self, hw: &mut Hw<'_>, from: &mut UserBuffers, bytes: &mut [u8]) -> Result<(), Fault> {
        let mut done = 0;
        while let Some((addr, len)) = from.next(bytes.len() - done) {
            let (mm, mut cx) = self.mm_cx(hw);
            let result = mm.copy_from_user(&mut cx, addr, &mut bytes[done..done + len]);
            let copied = result.map_or_else(|partial| partial.copied, |()| len);
            from.advance(copied);
            done += copied;
            if copied < len {
                return Err(Fault { copied: done });
            }
        }
        Ok(())
    }
}
