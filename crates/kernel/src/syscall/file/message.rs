//! Sending to sockets and receiving from them: `sendto`, `sendmsg`, `recvfrom`, `recvmsg`, and `read` and `write`.
//!
//! Protocol. A message goes whole; a stream goes piece by piece, and what has gone when the call waits is in
//! [`crate::wait::Wait::done`]. A receive stores the bytes before it takes them out. Descriptors that come along get their
//! numbers last.

use super::user::{Fault, UserBuffers};
use super::{Args, SysResult};
use crate::fs::{OpenFileId, OpenFlags, Ready, SEND_BUFFER, STREAM_PIECE, SocketId, Style};
use crate::kernel::Kernel;
use crate::{Errno, Hw};
use arch::LinearAddr;

bitflags::bitflags! {
    /// Flags of the calls, and those that `recvmsg` stores (`include/linux/socket.h`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct MsgFlags: u32 {
        /// Urgent data: there are none.
        const OOB = 1;
        const PEEK = 2;
        /// Control messages did not fit.
        const CTRUNC = 8;
        /// The message was longer; asked for, its length is the result.
        const TRUNC = 0x20;
        const DONTWAIT = 0x40;
        /// A message is over.
        const EOR = 0x80;
        /// All of a stream that was asked for.
        const WAITALL = 0x100;
        const NOSIGNAL = 0x4000;
        const CMSG_CLOEXEC = 0x4000_0000;
    }
}

/// What a send has besides bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sending {
    flags: MsgFlags,
    /// Address and length of control messages.
    control: (u64, u64),
}

/// A `struct msghdr` in user memory.
struct MsgHdr {
    at: u64,
    name: u64,
    name_len: u32,
    iov: (u64, u64),
    control: (u64, u64),
}

/// Offsets in it of what `recvmsg` stores.
const MSG_NAMELEN: u64 = 8;
const MSG_CONTROLLEN: u64 = 40;
const MSG_FLAGS: u64 = 48;

impl Kernel {
    fn read_msghdr(&mut self, hw: &mut Hw<'_>, at: u64) -> Result<MsgHdr, Errno> {
        let raw: [u8; 56] = self.read_user(hw, LinearAddr(at))?;
        let word = |at: usize| u64::from_le_bytes(raw[at..at + 8].try_into().expect("eight bytes"));
        let (iov, control) = ((word(16), word(24)), (word(32), word(40)));
        Ok(MsgHdr { at, name: word(0), name_len: word(8) as u32, iov, control })
    }

    pub(super) fn sys_sendto(&mut self, hw: &mut Hw<'_>, [fd, buf, len, flags, name, name_len]: Args) -> SysResult {
        let socket = self.socket(fd)?;
        let from = UserBuffers::one(buf, len)?;
        self.check_address(socket.1, if name == 0 { 0 } else { name_len as u32 })?;
        let flags = MsgFlags::from_bits_truncate(flags as u32);
        self.send_message(hw, socket, from, Sending { flags, control: (0, 0) })
    }

    pub(super) fn sys_sendmsg(&mut self, hw: &mut Hw<'_>, [fd, msg, flags, ..]: Args) -> SysResult {
        let socket = self.socket(fd)?;
        let msg = self.read_msghdr(hw, msg)?;
        let from = self.user_iovec(hw, msg.iov.0, msg.iov.1)?;
        self.check_address(socket.1, if msg.name == 0 { 0 } else { msg.name_len })?;
        let flags = MsgFlags::from_bits_truncate(flags as u32);
        self.send_message(hw, socket, from, Sending { flags, control: msg.control })
    }

    /// A peer is known already: nothing is sent to somewhere else.
    fn check_address(&self, id: SocketId, name_len: u32) -> Result<(), Errno> {
        match self.vfs.socket_style(id) {
            _ if name_len == 0 => Ok(()),
            Style::Stream => Err(Errno::EISCONN),
            Style::SeqPacket => Ok(()),
            Style::Datagram => Err(Errno::ENOENT),
        }
    }

    /// Sends from user memory (`unix_stream_sendmsg`, `unix_dgram_sendmsg`).
    pub(super) fn send_message(
        &mut self,
        hw: &mut Hw<'_>,
        (file, id): (OpenFileId, SocketId),
        from: UserBuffers,
        sending: Sending,
    ) -> SysResult {
        if sending.flags.contains(MsgFlags::OOB) {
            return Err(Errno::EOPNOTSUPP);
        }
        // Files go with the first bytes, so they are gone once some are.
        let mut rights = if self.done_before() == 0 { self.read_control(hw, sending.control)? } else { Vec::new() };
        let result = match self.vfs.socket_style(id) {
            Style::Stream => self.send_stream(hw, id, from, &mut rights),
            Style::SeqPacket | Style::Datagram => self.send_packet(hw, id, from, &mut rights),
        };
        self.put_files(hw, rights);
        match result {
            Ok(done) => Ok(done),
            Err((Errno::EAGAIN, done)) if !sending.flags.contains(MsgFlags::DONTWAIT) => {
                match self.or_wait(file, Ready::OUT, Errno::EAGAIN, done) {
                    Errno::EAGAIN if done > 0 => Ok(done),
                    e => Err(e),
                }
            }
            Err((_, done @ 1..)) => Ok(done),
            // Only a stream raises the signal.
            Err((Errno::EPIPE, _))
                if self.vfs.socket_style(id) == Style::Stream && !sending.flags.contains(MsgFlags::NOSIGNAL) =>
            {
                Err(self.broken(Errno::EPIPE))
            }
            Err((e, _)) => Err(e),
        }
    }

    /// An error comes with what has been sent before.
    fn send_stream(
        &mut self,
        hw: &mut Hw<'_>,
        id: SocketId,
        mut from: UserBuffers,
        rights: &mut Vec<OpenFileId>,
    ) -> Result<u64, (Errno, u64)> {
        let mut done = self.done_before();
        from.skip(done);
        let mut piece = vec![0; STREAM_PIECE.min(from.left as usize)];
        loop {
            let want = piece.len().min(from.left as usize);
            self.gather(hw, &mut from, &mut piece[..want]).map_err(|_| (Errno::EFAULT, done))?;
            done += self.vfs.socket_send(id, &piece[..want], rights).map_err(|e| (e, done))? as u64;
            if from.left == 0 {
                return Ok(done);
            }
        }
    }

    fn send_packet(
        &mut self,
        hw: &mut Hw<'_>,
        id: SocketId,
        mut from: UserBuffers,
        rights: &mut Vec<OpenFileId>,
    ) -> Result<u64, (Errno, u64)> {
        if from.left as usize > SEND_BUFFER {
            return Err((Errno::EMSGSIZE, 0));
        }
        let mut bytes = vec![0; from.left as usize];
        self.gather(hw, &mut from, &mut bytes).map_err(|_| (Errno::EFAULT, 0))?;
        self.vfs.socket_send(id, &bytes, rights).map_err(|e| (e, 0))?;
        Ok(bytes.len() as u64)
    }

    pub(super) fn sys_recvfrom(&mut self, hw: &mut Hw<'_>, [fd, buf, len, flags, name, name_len]: Args) -> SysResult {
        let socket = self.socket(fd)?;
        let to = UserBuffers::one(buf, len)?;
        let (got, _, rights) = self.receive(hw, socket, to, MsgFlags::from_bits_truncate(flags as u32))?;
        self.drop_rights(hw, flags, rights);
        if name != 0 {
            self.copy_to_user(hw, LinearAddr(name_len), &[0; 4])?;
        }
        Ok(got)
    }

    /// `read` and `readv`: no bytes asked for is no call at all.
    pub(super) fn read_socket(
        &mut self,
        hw: &mut Hw<'_>,
        socket: (OpenFileId, SocketId),
        to: UserBuffers,
    ) -> SysResult {
        if to.left == 0 {
            return Ok(0);
        }
        let (got, _, rights) = self.receive(hw, socket, to, MsgFlags::empty())?;
        self.put_files(hw, rights);
        Ok(got)
    }

    pub(super) fn sys_recvmsg(&mut self, hw: &mut Hw<'_>, [fd, msg, flags, ..]: Args) -> SysResult {
        let socket = self.socket(fd)?;
        let msg = self.read_msghdr(hw, msg)?;
        let to = self.user_iovec(hw, msg.iov.0, msg.iov.1)?;
        let asked = MsgFlags::from_bits_truncate(flags as u32);
        let (got, mut found, rights) = self.receive(hw, socket, to, asked)?;
        let is_peek = asked.contains(MsgFlags::PEEK);
        let (room, on_exec) = (msg.control, super::open::on_exec(cloexec(asked)));
        let (used, whole) = self.install_rights(hw, room, rights, (on_exec, is_peek))?;
        found.set(MsgFlags::CTRUNC, !whole);
        found |= asked & MsgFlags::CMSG_CLOEXEC;
        if msg.name != 0 {
            self.copy_to_user(hw, LinearAddr(msg.at.wrapping_add(MSG_NAMELEN)), &[0; 4])?;
        }
        self.copy_to_user(hw, LinearAddr(msg.at.wrapping_add(MSG_CONTROLLEN)), &used.to_le_bytes())?;
        self.copy_to_user(hw, LinearAddr(msg.at.wrapping_add(MSG_FLAGS)), &found.bits().to_le_bytes())?;
        Ok(got)
    }

    /// Receives into user memory. Gives the result, flags, and the open files that came: with PEEK they stay the message's.
    fn receive(
        &mut self,
        hw: &mut Hw<'_>,
        (file, id): (OpenFileId, SocketId),
        mut to: UserBuffers,
        flags: MsgFlags,
    ) -> Result<(u64, MsgFlags, Vec<OpenFileId>), Errno> {
        let is_stream = self.vfs.socket_style(id) == Style::Stream;
        if flags.contains(MsgFlags::OOB) {
            return Err(if is_stream { Errno::EINVAL } else { Errno::EOPNOTSUPP });
        }
        let mut done = self.done_before();
        to.skip(done);
        loop {
            let max = to.left.min(1 << 30) as usize;
            let peek = match self.vfs.socket_peek(id, max) {
                Ok(Some(peek)) => peek,
                Ok(None) => return Ok((done, MsgFlags::empty(), Vec::new())),
                Err(Errno::EAGAIN) if !flags.contains(MsgFlags::DONTWAIT) => {
                    match self.or_wait(file, Ready::IN, Errno::EAGAIN, done) {
                        Errno::EAGAIN if done > 0 => return Ok((done, MsgFlags::empty(), Vec::new())),
                        e => return Err(e),
                    }
                }
                Err(_) if done > 0 => return Ok((done, MsgFlags::empty(), Vec::new())),
                Err(e) => return Err(e),
            };
            let copied =
                self.scatter(hw, &mut to, &peek.bytes).map_or_else(|Fault { copied }| copied, |()| peek.bytes.len());
            let faulted = copied < peek.bytes.len();
            let is_peek = flags.contains(MsgFlags::PEEK);
            let rights = match is_stream && faulted && copied == 0 {
                _ if is_peek => peek.rights,
                true => Vec::new(),
                false => self.vfs.socket_take(id, copied),
            };
            if faulted && (!is_stream || done + copied as u64 == 0) {
                self.drop_rights(hw, flags.bits().into(), rights);
                return Err(Errno::EFAULT);
            }
            done += copied as u64;
            let goes_on = is_stream && flags.contains(MsgFlags::WAITALL) && !is_peek;
            if goes_on && rights.is_empty() && !faulted && to.left > 0 {
                continue;
            }
            let mut found = MsgFlags::empty();
            found.set(MsgFlags::TRUNC, peek.len > peek.bytes.len());
            found.set(MsgFlags::EOR, self.vfs.socket_style(id) == Style::SeqPacket);
            let whole = !is_stream && flags.contains(MsgFlags::TRUNC);
            return Ok((if whole { peek.len as u64 } else { done }, found, rights));
        }
    }

    /// What came with a message that its receiver did not ask for; after a peek the message keeps it.
    fn drop_rights(&mut self, hw: &mut Hw<'_>, flags: u64, rights: Vec<OpenFileId>) {
        if flags & u64::from(MsgFlags::PEEK.bits()) == 0 {
            self.put_files(hw, rights);
        }
    }

    /// Gives references to open files back.
    pub(super) fn put_files(&mut self, hw: &mut Hw<'_>, files: Vec<OpenFileId>) {
        let (vfs, _, mut cx) = self.fs_cx(hw);
        files.into_iter().for_each(|file| vfs.file_put(&mut cx, file));
    }
}

fn cloexec(flags: MsgFlags) -> OpenFlags {
    if flags.contains(MsgFlags::CMSG_CLOEXEC) { OpenFlags::CLOEXEC } else { OpenFlags::empty() }
}
