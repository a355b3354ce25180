//! Sockets as open files: making a pair, sending, receiving, closing, waking.
//!
//! Protocol. A receive looks ([`Vfs::socket_peek`]), and once the bytes have reached the user takes what has reached him
//! ([`Vfs::socket_take`]): nothing is lost to a bad pointer. The references to open files that come with a message go to whoever
//! takes it.

use super::file::{FileKind, OpenFileId, OpenFlags};
use super::socket::{Peek, Peer, PeerCredentials, Shut, SocketId, Style};
use super::{Ready, Vfs};
use crate::Errno;
use crate::wait::Channel;

impl Vfs {
    /// A pair of sockets (`socketpair`), a reference to each.
    ///
    /// # Errors
    /// `ENFILE`.
    pub(crate) fn open_socket_pair(
        &mut self,
        style: Style,
        flags: OpenFlags,
        maker: PeerCredentials,
    ) -> Result<[OpenFileId; 2], Errno> {
        let ids = self.sockets.insert_pair(style, maker);
        let flags = flags | OpenFlags::RDWR;
        let made = self.files.insert(FileKind::Socket(ids[0]), None, flags).and_then(|first| {
            let second = self.files.insert(FileKind::Socket(ids[1]), None, flags);
            second.map(|second| [first, second]).inspect_err(|_| drop(self.files.remove(first)))
        });
        made.inspect_err(|_| ids.into_iter().for_each(|id| drop(self.sockets.remove(id))))
    }

    /// The last close. Gives the open files that were on their way to the socket, with their references.
    pub(super) fn close_socket(&mut self, id: SocketId) -> Vec<OpenFileId> {
        let (peer, rights) = self.sockets.remove(id);
        self.wake_socket(peer);
        rights
    }

    fn wake_socket(&mut self, id: Option<SocketId>) {
        if let Some(id) = id {
            self.wake(Channel::Socket(id));
        }
    }

    /// Sends what there is room for; `rights` are taken with the first byte.
    ///
    /// # Errors
    /// Those of `send(2)`; `EAGAIN` if there is no room.
    pub(crate) fn socket_send(
        &mut self,
        id: SocketId,
        bytes: &[u8],
        rights: &mut Vec<OpenFileId>,
    ) -> Result<usize, Errno> {
        let sent = self.sockets.send(id, bytes, rights);
        if let (Ok(_), Peer::Open(peer)) = (&sent, self.sockets.get(id).peer) {
            self.wake_for(Channel::Socket(peer), Ready::IN);
        }
        sent
    }

    /// What a receive of at most `max` bytes gives; `None` at the end.
    ///
    /// # Errors
    /// `EAGAIN`, `ECONNRESET`.
    pub(crate) fn socket_peek(&mut self, id: SocketId, max: usize) -> Result<Option<Peek>, Errno> {
        self.sockets.get_mut(id).peek(max)
    }

    /// Takes out what a peek has shown: of a stream so many bytes. Gives the open files that came with it.
    pub(crate) fn socket_take(&mut self, id: SocketId, bytes: usize) -> Vec<OpenFileId> {
        let (sender, rights) = self.sockets.take(id, bytes);
        if let Some(sender) = sender {
            self.wake_for(Channel::Socket(sender), Ready::OUT);
        }
        rights
    }

    /// `shutdown`.
    pub(crate) fn socket_shutdown(&mut self, id: SocketId, how: Shut) {
        let peer = self.sockets.shutdown(id, how);
        self.wake_socket(peer);
        self.wake(Channel::Socket(id));
    }

    pub(super) fn socket_ready(&self, id: SocketId) -> Ready {
        self.sockets.get(id).ready()
    }

    /// Bytes that can be read without waiting.
    pub(crate) fn socket_readable(&self, id: SocketId) -> usize {
        self.sockets.get(id).readable()
    }

    /// How a socket keeps what it is sent.
    pub(crate) fn socket_style(&self, id: SocketId) -> Style {
        self.sockets.get(id).style
    }

    /// Who made it.
    pub(crate) fn socket_maker(&self, id: SocketId) -> PeerCredentials {
        self.sockets.get(id).maker
    }

    /// Whether it has, or had until now, somebody to send to.
    pub(crate) fn socket_has_peer(&self, id: SocketId) -> bool {
        self.sockets.get(id).peer != Peer::Gone
    }

    /// Its pending error, once (SO_ERROR).
    pub(crate) fn socket_take_error(&mut self, id: SocketId) -> Option<Errno> {
        self.sockets.get_mut(id).take_error()
    }
}
