//! epoll: the files that somebody watches, and those of them that may be ready (Linux's `fs/eventpoll.c`).
//!
//! Invariants. What is ready is listed: whatever wakes a file's channel lists its items (`note_event`), and a look takes out
//! what is not ready. A level-triggered item stays listed while it is ready, an edge-triggered one is listed anew by the next event
//! alone. Timers, signals and streams have no such events: they are asked at each look. An item goes with its open file.

use std::collections::BTreeMap;

use super::file::{FileKind, OpenFileId, OpenFlags};
use super::{Ready, Vfs};
use crate::Errno;
use crate::wait::Channel;

/// Items of all epolls together: a bound on the host's memory.
const MAX_ITEMS: usize = 1 << 16;

bitflags::bitflags! {
    /// The events of `epoll_ctl` that are no events of `poll`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct EpollFlags: u32 {
        const WAKEUP = 1 << 29;
        const ONESHOT = 1 << 30;
        const ET = 1 << 31;
    }
}

/// What an item is for (`struct epoll_event`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EpollEvent {
    /// Events of `poll` with the bits of [`EpollFlags`].
    pub(crate) events: u32,
    /// The program's own.
    pub(crate) data: u64,
}

impl EpollEvent {
    const fn flags(self) -> EpollFlags {
        EpollFlags::from_bits_truncate(self.events)
    }

    /// The events that are reported; none after a one-shot's report.
    pub(crate) fn wanted(self) -> Ready {
        let asked = Ready::from_bits_truncate(self.events as u16);
        if self.events & 0xffff == 0 { Ready::empty() } else { asked | Ready::ERR | Ready::HUP }
    }
}

#[derive(Clone, Copy, Debug)]
struct Item {
    event: EpollEvent,
    /// When it was listed; `None` if it is not.
    listed: Option<u64>,
    /// The expiry of a timer that has been reported.
    edge: Option<u64>,
}

/// What an epoll watches: an open file under a descriptor.
pub(crate) type EpollKey = (OpenFileId, u32);

/// An epoll.
#[derive(Debug, Default)]
pub(super) struct Epoll {
    items: BTreeMap<EpollKey, Item>,
    /// How often something was listed.
    count: u64,
}

impl Epoll {
    fn list(&mut self, key: EpollKey) {
        self.count += 1;
        if let Some(item) = self.items.get_mut(&key) {
            item.listed = item.listed.or(Some(self.count));
        }
    }
}

impl Vfs {
    /// A new epoll (`epoll_create1`).
    ///
    /// # Errors
    /// `ENFILE`.
    pub(crate) fn open_epoll(&mut self) -> Result<OpenFileId, Errno> {
        let file = self.files.insert(FileKind::Epoll, None, OpenFlags::RDWR)?;
        self.epolls.insert(file, Epoll::default());
        Ok(file)
    }

    fn epoll(&mut self, epoll: OpenFileId) -> &mut Epoll {
        self.epolls.get_mut(&epoll).expect("an epoll lives as long as its open file")
    }

    /// Watches a file (EPOLL_CTL_ADD).
    ///
    /// # Errors
    /// `EEXIST`, `EPERM` for what is always ready, `EINVAL` for an epoll, `ENOSPC` beyond the bound.
    pub(crate) fn epoll_add(&mut self, epoll: OpenFileId, key: EpollKey, event: EpollEvent) -> Result<(), Errno> {
        match self.files.get(key.0).kind {
            FileKind::Regular | FileKind::Directory | FileKind::Device(_) | FileKind::Proc(_) => {
                return Err(Errno::EPERM);
            }
            FileKind::Stream(stream) if !self.console.may_wait(stream) && self.console.path(stream).is_some() => {
                return Err(Errno::EPERM);
            }
            FileKind::Epoll => return Err(Errno::EINVAL),
            _ => {}
        }
        if self.epolls.values().map(|epoll| epoll.items.len()).sum::<usize>() >= MAX_ITEMS {
            return Err(Errno::ENOSPC);
        }
        let items = &mut self.epoll(epoll).items;
        if items.contains_key(&key) {
            return Err(Errno::EEXIST);
        }
        items.insert(key, Item { event, listed: None, edge: None });
        self.relist(epoll, key);
        Ok(())
    }

    /// Watches it for something else (EPOLL_CTL_MOD).
    ///
    /// # Errors
    /// `ENOENT`.
    pub(crate) fn epoll_modify(&mut self, epoll: OpenFileId, key: EpollKey, event: EpollEvent) -> Result<(), Errno> {
        let item = self.epoll(epoll).items.get_mut(&key).ok_or(Errno::ENOENT)?;
        (item.event, item.edge) = (event, None);
        self.relist(epoll, key);
        Ok(())
    }

    /// Watches it no more (EPOLL_CTL_DEL).
    ///
    /// # Errors
    /// `ENOENT`.
    pub(crate) fn epoll_remove(&mut self, epoll: OpenFileId, key: EpollKey) -> Result<(), Errno> {
        self.epoll(epoll).items.remove(&key).map(|_| ()).ok_or(Errno::ENOENT)
    }

    /// What was changed may be ready; whoever waits looks again.
    fn relist(&mut self, epoll: OpenFileId, key: EpollKey) {
        self.epoll(epoll).list(key);
        self.wake(Channel::Event(epoll));
    }

    /// What an epoll watches, in the order in which it is to be looked at: first what was listed first.
    pub(crate) fn epoll_items(&mut self, epoll: OpenFileId) -> Vec<(EpollKey, EpollEvent)> {
        let keys: Vec<_> = self.epoll(epoll).items.iter().map(|(&key, item)| (key, *item)).collect();
        for (key, item) in keys {
            let is_due = match self.files.get(key.0).kind {
                FileKind::Timer => self.timer_edge(key.0).is_some_and(|edge| Some(edge) != item.edge),
                FileKind::Signal => true,
                FileKind::Stream(_) => !item.event.flags().contains(EpollFlags::ET),
                _ => false,
            };
            if is_due {
                self.epoll(epoll).list(key);
            }
        }
        let items = self.epoll(epoll).items.iter().filter(|(_, item)| !item.event.wanted().is_empty());
        let mut listed: Vec<_> = items.filter_map(|(&key, item)| Some((item.listed?, key, item.event))).collect();
        listed.sort_unstable_by_key(|&(at, key, _)| (at, key));
        listed.into_iter().map(|(_, key, event)| (key, event)).collect()
    }

    /// All that an epoll watches, listed or not.
    pub(crate) fn epoll_watched(&self, epoll: OpenFileId) -> Vec<(OpenFileId, Ready)> {
        let items = self.epolls.get(&epoll).into_iter().flat_map(|epoll| &epoll.items);
        items.map(|(key, item)| (key.0, item.event.wanted())).filter(|(_, wanted)| !wanted.is_empty()).collect()
    }

    /// An item that was listed is not ready.
    pub(crate) fn epoll_unlist(&mut self, epoll: OpenFileId, key: EpollKey) {
        if let Some(item) = self.epoll(epoll).items.get_mut(&key) {
            item.listed = None;
        }
    }

    /// An item has been reported: it goes behind the others, or leaves the list.
    pub(crate) fn epoll_reported(&mut self, epoll: OpenFileId, key: EpollKey) {
        let edge = self.timer_edge(key.0);
        self.epoll_unlist(epoll, key);
        let table = self.epoll(epoll);
        let Some(item) = table.items.get_mut(&key) else { return };
        let flags = item.event.flags();
        item.edge = edge;
        if flags.contains(EpollFlags::ONESHOT) {
            item.event.events &= !0xffff;
        } else if !flags.contains(EpollFlags::ET) {
            table.list(key);
        }
    }

    /// A channel is woken because a file may be ready for something now.
    pub(super) fn note_event(&mut self, channel: Channel, event: Ready) {
        if self.epolls.is_empty() {
            return;
        }
        let files = &self.files;
        let is_of = |file: OpenFileId| match files.get(file).kind {
            FileKind::Pipe(pipe) => channel == Channel::Pipe(pipe),
            FileKind::Socket(id) => channel == Channel::Socket(id),
            FileKind::Stream(stream) => channel == Channel::Stream(stream),
            _ => channel == Channel::Event(file),
        };
        for epoll in self.epolls.values_mut() {
            let items = epoll.items.iter().filter(|(key, item)| item.event.wanted().intersects(event) && is_of(key.0));
            let keys: Vec<EpollKey> = items.map(|(&key, _)| key).collect();
            keys.into_iter().for_each(|key| epoll.list(key));
        }
    }

    /// An open file is closed for the last time.
    pub(super) fn forget_watched(&mut self, file: OpenFileId) {
        for epoll in self.epolls.values_mut() {
            epoll.items.retain(|key, _| key.0 != file);
        }
    }
}
