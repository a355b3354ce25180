//! eventfd: a counter that can be waited for (Linux's `fs/eventfd.c`).

use super::file::{FileKind, OpenFileId, OpenFlags};
use super::{Ready, Vfs};
use crate::Errno;
use crate::wait::Channel;

/// The counter of an eventfd; it stays below `u64::MAX`.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventFd {
    count: u64,
    semantics: EventSemantics,
}

/// What a read of an eventfd takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventSemantics {
    /// The whole count.
    Counter,
    /// One (EFD_SEMAPHORE).
    Semaphore,
}

impl EventFd {
    fn take(&mut self) -> Result<u64, Errno> {
        let taken = match (self.count, self.semantics) {
            (0, _) => return Err(Errno::EAGAIN),
            (_, EventSemantics::Semaphore) => 1,
            (count, EventSemantics::Counter) => count,
        };
        self.count -= taken;
        Ok(taken)
    }

    fn add(&mut self, more: u64) -> Result<(), Errno> {
        if more == u64::MAX {
            return Err(Errno::EINVAL);
        }
        if u64::MAX - self.count <= more {
            return Err(Errno::EAGAIN);
        }
        self.count += more;
        Ok(())
    }
}

impl Vfs {
    /// A new eventfd (`eventfd2`).
    pub(crate) fn open_event(
        &mut self,
        count: u32,
        semantics: EventSemantics,
        flags: OpenFlags,
    ) -> Result<OpenFileId, Errno> {
        let file = self.files.insert(FileKind::Event, None, flags | OpenFlags::RDWR)?;
        self.events.insert(file, EventFd { count: count.into(), semantics });
        Ok(file)
    }

    fn event(&mut self, file: OpenFileId) -> &mut EventFd {
        self.events.get_mut(&file).expect("an eventfd lives as long as its open file")
    }

    pub(super) fn read_event(&mut self, file: OpenFileId, buf: &mut [u8]) -> Result<usize, Errno> {
        let out = buf.get_mut(..8).ok_or(Errno::EINVAL)?;
        out.copy_from_slice(&self.event(file).take()?.to_le_bytes());
        self.wake_for(Channel::Event(file), Ready::OUT);
        Ok(8)
    }

    pub(super) fn write_event(&mut self, file: OpenFileId, bytes: &[u8]) -> Result<usize, Errno> {
        let bytes = bytes.first_chunk::<8>().ok_or(Errno::EINVAL)?;
        self.event(file).add(u64::from_le_bytes(*bytes))?;
        self.wake_for(Channel::Event(file), Ready::IN);
        Ok(8)
    }

    pub(super) fn event_ready(&self, file: OpenFileId) -> Ready {
        let count = self.events.get(&file).map_or(0, |event| event.count);
        let mut ready = Ready::empty();
        ready.set(Ready::IN, count > 0);
        ready.set(Ready::OUT, count < u64::MAX - 1);
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_up_and_down() {
        let mut event = EventFd { count: 3, semantics: EventSemantics::Counter };
        assert_eq!(event.take(), Ok(3));
        assert_eq!(event.take(), Err(Errno::EAGAIN));
        assert_eq!(event.add(u64::MAX), Err(Errno::EINVAL));
        assert_eq!(event.add(u64::MAX - 1), Ok(()));
        assert_eq!(event.add(1), Err(Errno::EAGAIN));
        assert_eq!(event.add(0), Ok(()));
        event.semantics = EventSemantics::Semaphore;
        assert_eq!(event.take(), Ok(1));
        assert_eq!(event.add(1), Ok(()));
    }
}
