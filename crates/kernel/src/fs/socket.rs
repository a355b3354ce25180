//! Pairs of local sockets: what is on its way between the two (Linux's `net/unix/af_unix.c`).
//!
//! Invariants. `sent` of a socket is what its messages in the peer's queue are charged with, and bounds them: it may pass
//! the size of the buffer by one message. A message of a stream is a piece of it, else it keeps its borders. A message holds
//! a reference to each open file that it carries. All sockets together hold a bounded amount of the host's memory.

use std::collections::VecDeque;

use super::console::Ready;
use super::file::OpenFileId;
use crate::Errno;

/// Bytes that a socket may have on their way (`net.core.wmem_default`), with what each message costs.
pub(crate) const SEND_BUFFER: usize = 212_992;
/// The same for all sockets together.
pub(super) const ALL_BUFFERS: usize = 64 << 20;
/// A page, and what a message takes beside its bytes (`sk_buff` and `skb_shared_info`).
const PAGE: usize = 4096;
const HEAD: usize = 256;
const TAIL: usize = 320;
/// Bytes of a stream that a message has at most.
pub(crate) const STREAM_PIECE: usize = PAGE - TAIL + (32 << 10);

/// The number of a socket. Numbers are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SocketId(pub(super) u32);

impl SocketId {
    /// The socket's inode number; those of pipes are lower.
    pub(super) const fn ino(self) -> u64 {
        self.0 as u64 + (1 << 20)
    }
}

/// How a socket keeps what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// SOCK_STREAM: bytes in order.
    Stream,
    /// SOCK_SEQPACKET: messages, and an end.
    SeqPacket,
    /// SOCK_DGRAM: messages; that the peer is closed is only seen by sending.
    Datagram,
}

bitflags::bitflags! {
    /// The directions in which a socket is shut down (Linux's `RCV_SHUTDOWN`, `SEND_SHUTDOWN`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Shut: u8 {
        /// Nothing more comes in.
        const RECEIVE = 1;
        /// Nothing more goes out.
        const SEND = 2;
    }
}

/// Who made a socket, as SO_PEERCRED tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerCredentials {
    pub(crate) pid: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Where the messages of a socket go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Open(SocketId),
    /// Closed, and a datagram socket has not noticed.
    Closed,
    /// None any more.
    Gone,
}

/// What a receive finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peek {
    /// As much as was asked for.
    pub(crate) bytes: Vec<u8>,
    /// The length of the whole message, which may be more; of a stream, of the bytes.
    pub(crate) len: usize,
    /// The open files that come with it; the references are the message's.
    pub(crate) rights: Vec<OpenFileId>,
}

#[derive(Debug)]
pub(super) struct Message {
    bytes: Vec<u8>,
    /// How far a stream has been read.
    start: usize,
    pub(super) charge: usize,
    rights: Vec<OpenFileId>,
}

impl Message {
    fn left(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// One of two sockets.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) style: Style,
    pub(super) peer: Peer,
    pub(super) maker: PeerCredentials,
    shut: Shut,
    error: Option<Errno>,
    /// What has come and is not yet read.
    pub(super) queue: VecDeque<Message>,
    /// What its own messages in the peer's queue are charged with.
    pub(super) sent: usize,
}

impl Socket {
    /// Whether a sender that waits is to try again (`unix_writable`).
    const fn is_writable(&self) -> bool {
        self.sent * 4 <= SEND_BUFFER
    }

    /// What it is ready for (`unix_poll`).
    pub(super) fn ready(&self) -> Ready {
        let mut ready = Ready::empty();
        ready.set(Ready::ERR, self.error.is_some());
        ready.set(Ready::HUP, self.shut == Shut::all());
        ready.set(Ready::RDHUP, self.shut.contains(Shut::RECEIVE));
        ready.set(Ready::IN, !self.queue.is_empty() || self.shut.contains(Shut::RECEIVE));
        ready.set(Ready::OUT, self.is_writable());
        ready
    }

    /// Bytes that can be read: of datagrams those of the next one (SIOCINQ).
    pub(super) fn readable(&self) -> usize {
        let count = if self.style == Style::Datagram { 1 } else { usize::MAX };
        self.queue.iter().take(count).map(|message| message.left().len()).sum()
    }

    /// The pending error, once (`sock_error`).
    pub(super) const fn take_error(&mut self) -> Option<Errno> {
        self.error.take()
    }

    /// What a receive of at most `max` bytes gives, which stays; `None` at the end.
    ///
    /// # Errors
    /// The pending error; `EAGAIN` if something may still come.
    pub(super) fn peek(&mut self, max: usize) -> Result<Option<Peek>, Errno> {
        if self.queue.is_empty() {
            if let Some(error) = self.error.take() {
                return Err(error);
            }
            return if self.shut.contains(Shut::RECEIVE) { Ok(None) } else { Err(Errno::EAGAIN) };
        }
        let mut peek = Peek::default();
        for message in &self.queue {
            let left = message.left();
            let part = left.len().min(max - peek.bytes.len());
            peek.bytes.extend(&left[..part]);
            peek.rights.clone_from(&message.rights);
            peek.len = if self.style == Style::Stream { peek.bytes.len() } else { left.len() };
            // What carries files ends a read, so that they are seen with their bytes.
            if self.style != Style::Stream || !peek.rights.is_empty() || peek.bytes.len() == max {
                break;
            }
        }
        Ok(Some(peek))
    }
}

/// What a message of this size takes (`skb->truesize`), as a running Linux counts it.
fn charge_of(style: Style, len: usize) -> usize {
    let whole_pages = |bytes: usize| bytes.div_ceil(PAGE) * PAGE;
    let paged = match style {
        Style::Stream => whole_pages(len.saturating_sub(PAGE - TAIL)).min(len),
        _ => whole_pages(len.saturating_sub(4 * PAGE - TAIL)),
    };
    let linear = len.saturating_sub(paged) + TAIL;
    HEAD + linear.next_power_of_two().max(512) + whole_pages(paged)
}

/// All sockets.
#[derive(Debug, Default)]
pub(super) struct SocketTable {
    sockets: Vec<Option<Socket>>,
    /// What all messages are charged with.
    pub(super) charged: usize,
}

impl SocketTable {
    /// Two sockets, each the other's peer.
    pub(super) fn insert_pair(&mut self, style: Style, maker: PeerCredentials) -> [SocketId; 2] {
        let ids = [(); 2].map(|()| {
            let new = Socket {
                style,
                peer: Peer::Gone,
                maker,
                shut: Shut::empty(),
                error: None,
                queue: VecDeque::new(),
                sent: 0,
            };
            let free = self.sockets.iter().position(Option::is_none).unwrap_or(self.sockets.len());
            if free == self.sockets.len() {
                self.sockets.push(None);
            }
            self.sockets[free] = Some(new);
            SocketId(free as u32)
        });
        self.get_mut(ids[0]).peer = Peer::Open(ids[1]);
        self.get_mut(ids[1]).peer = Peer::Open(ids[0]);
        ids
    }

    pub(super) fn get(&self, id: SocketId) -> &Socket {
        self.sockets[id.0 as usize].as_ref().expect("an open file holds its socket")
    }

    pub(super) fn get_mut(&mut self, id: SocketId) -> &mut Socket {
        self.sockets[id.0 as usize].as_mut().expect("an open file holds its socket")
    }

    /// Where a message of `id` goes.
    fn receiver(&mut self, id: SocketId) -> Result<SocketId, Errno> {
        let socket = self.get_mut(id);
        if socket.style == Style::SeqPacket
            && let Some(error) = socket.take_error()
        {
            return Err(error);
        }
        if socket.style != Style::Datagram && socket.shut.contains(Shut::SEND) {
            return Err(Errno::EPIPE);
        }
        let peer = match socket.peer {
            Peer::Open(peer) => peer,
            Peer::Closed => {
                socket.peer = Peer::Gone;
                return Err(Errno::ECONNREFUSED);
            }
            Peer::Gone => return Err(Errno::ENOTCONN),
        };
        let is_shut = self.get(id).shut.contains(Shut::SEND) || self.get(peer).shut.contains(Shut::RECEIVE);
        if is_shut { Err(Errno::EPIPE) } else { Ok(peer) }
    }

    /// Sends what there is room for; a message goes whole or not at all. `rights` are taken with the first byte.
    ///
    /// # Errors
    /// `EAGAIN` without room, `EPIPE`, `ECONNREFUSED`, `ENOTCONN`, `EMSGSIZE`, `ENOBUFS`.
    pub(super) fn send(&mut self, id: SocketId, bytes: &[u8], rights: &mut Vec<OpenFileId>) -> Result<usize, Errno> {
        let style = self.get(id).style;
        if style != Style::Stream && bytes.len() > SEND_BUFFER - 32 {
            return Err(Errno::EMSGSIZE);
        }
        let peer = self.receiver(id)?;
        let (piece, is_empty) = match style {
            Style::Stream if bytes.is_empty() => return Ok(0),
            Style::Stream => (STREAM_PIECE, false),
            _ => (bytes.len().max(1), bytes.is_empty()),
        };
        let mut done = 0;
        while (done < bytes.len() || is_empty) && self.get(id).sent < SEND_BUFFER {
            let part = &bytes[done..bytes.len().min(done + piece)];
            let charge = charge_of(style, part.len());
            if self.charged + charge > ALL_BUFFERS {
                return if done > 0 { Ok(done) } else { Err(Errno::ENOBUFS) };
            }
            self.charged += charge;
            self.get_mut(id).sent += charge;
            let message = Message { bytes: part.to_vec(), start: 0, charge, rights: std::mem::take(rights) };
            self.get_mut(peer).queue.push_back(message);
            done += part.len();
            if is_empty {
                return Ok(0);
            }
        }
        if done == 0 { Err(Errno::EAGAIN) } else { Ok(done) }
    }

    /// Takes out what a peek has shown: `bytes` of a stream, else a message. Gives the peer if it may send again, and the
    /// files that the caller has the references to now.
    pub(super) fn take(&mut self, id: SocketId, mut bytes: usize) -> (Option<SocketId>, Vec<OpenFileId>) {
        let mut rights = Vec::new();
        let mut freed = 0;
        let socket = self.get_mut(id);
        while let Some(first) = socket.queue.front_mut() {
            rights.append(&mut first.rights);
            let part = bytes.min(first.left().len());
            first.start += part;
            bytes -= part;
            if socket.style == Style::Stream && !first.left().is_empty() {
                break;
            }
            freed += socket.queue.pop_front().map_or(0, |message| message.charge);
            if socket.style != Style::Stream || bytes == 0 {
                break;
            }
        }
        let peer = socket.peer;
        self.charged -= freed;
        let Peer::Open(peer) = peer else { return (None, rights) };
        let sender = self.get_mut(peer);
        sender.sent -= freed;
        ((freed > 0 && sender.is_writable()).then_some(peer), rights)
    }

    /// Shuts directions down, and the opposite ones of the peer (`unix_shutdown`). Gives the peer.
    pub(super) fn shutdown(&mut self, id: SocketId, how: Shut) -> Option<SocketId> {
        let socket = self.get_mut(id);
        socket.shut |= how;
        let Peer::Open(peer) = socket.peer else { return None };
        let mut opposite = Shut::empty();
        opposite.set(Shut::RECEIVE, how.contains(Shut::SEND));
        opposite.set(Shut::SEND, how.contains(Shut::RECEIVE));
        let other = self.get_mut(peer);
        if other.style != Style::Datagram {
            other.shut |= opposite;
        }
        Some(peer)
    }

    /// Closes a socket (`unix_release_sock`). Gives its peer, and the files that nobody will receive.
    pub(super) fn remove(&mut self, id: SocketId) -> (Option<SocketId>, Vec<OpenFileId>) {
        let Some(mut socket) = self.sockets[id.0 as usize].take() else { return (None, Vec::new()) };
        self.charged -= socket.queue.iter().map(|message| message.charge).sum::<usize>();
        let rights = socket.queue.iter_mut().flat_map(|message| std::mem::take(&mut message.rights)).collect();
        let Peer::Open(peer) = socket.peer else { return (None, rights) };
        let other = self.get_mut(peer);
        (other.peer, other.sent) = (Peer::Closed, 0);
        if other.style != Style::Datagram {
            other.shut = Shut::all();
            other.error = (!socket.queue.is_empty()).then_some(Errno::ECONNRESET);
        }
        (Some(peer), rights)
    }
}
