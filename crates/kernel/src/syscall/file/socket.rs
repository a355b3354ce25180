//! `socketpair`, and what is asked of a socket. There are no other sockets: `socket` finds no address family, so a socket
//! always has had a peer and never a name.

use super::{Args, SysResult};
use crate::fs::{FileKind, OpenFileId, OpenFlags, PeerCredentials, SEND_BUFFER, Shut, SocketId, Style};
use crate::kernel::Kernel;
use crate::{Errno, Hw};
use arch::LinearAddr;

/// AF_UNIX, also as a protocol.
const AF_UNIX: u64 = 1;
/// Address families that Linux has; those up to here that it could make pairs of have none here.
const AF_MAX: u64 = 46;
/// The type in the second argument; the rest are flags.
const SOCK_TYPE_MASK: u64 = 0xf;
const SOL_SOCKET: u64 = 1;

const SO_REUSEADDR: u64 = 2;
const SO_TYPE: u64 = 3;
const SO_ERROR: u64 = 4;
const SO_BROADCAST: u64 = 6;
const SO_SNDBUF: u64 = 7;
const SO_RCVBUF: u64 = 8;
const SO_KEEPALIVE: u64 = 9;
const SO_PEERCRED: u64 = 17;
const SO_ACCEPTCONN: u64 = 30;
const SO_PROTOCOL: u64 = 38;
const SO_DOMAIN: u64 = 39;

impl Style {
    /// The type that SO_TYPE tells.
    const fn number(self) -> u32 {
        match self {
            Self::Stream => 1,
            Self::Datagram => 2,
            Self::SeqPacket => 5,
        }
    }

    /// SOCK_RAW is the same as SOCK_DGRAM here.
    const fn by_number(number: u64) -> Option<Self> {
        Some(match number {
            1 => Self::Stream,
            2 | 3 => Self::Datagram,
            5 => Self::SeqPacket,
            _ => return None,
        })
    }
}

impl Kernel {
    /// A socket behind a descriptor (`sockfd_lookup`).
    pub(super) fn socket(&self, fd: u64) -> Result<(OpenFileId, SocketId), Errno> {
        let file = self.file(fd)?;
        match self.vfs.file(file).kind {
            _ if self.vfs.file_flags(file).contains(OpenFlags::PATH) => Err(Errno::EBADF),
            FileKind::Socket(id) => Ok((file, id)),
            _ => Err(Errno::ENOTSOCK),
        }
    }

    pub(super) fn sys_socketpair(&mut self, hw: &mut Hw<'_>, [family, kind, protocol, fds, ..]: Args) -> SysResult {
        let flags = OpenFlags::from_bits_truncate((kind & !SOCK_TYPE_MASK) as u32);
        super::only(kind & !SOCK_TYPE_MASK, (OpenFlags::CLOEXEC | OpenFlags::NONBLOCK).bits().into())?;
        if family as u32 as u64 != AF_UNIX {
            return Err(if family as u32 as u64 >= AF_MAX { Errno::EAFNOSUPPORT } else { Errno::EOPNOTSUPP });
        }
        if protocol as u32 as u64 > AF_UNIX {
            return Err(Errno::EPROTONOSUPPORT);
        }
        let style = Style::by_number(kind & SOCK_TYPE_MASK).ok_or(Errno::ESOCKTNOSUPPORT)?;
        let files = self.vfs.open_socket_pair(style, flags & OpenFlags::NONBLOCK, self.own_credentials())?;
        self.install_two(hw, files, super::open::on_exec(flags), fds)
    }

    /// What others are told of this process (SO_PEERCRED, SCM_CREDENTIALS).
    pub(super) fn own_credentials(&self) -> PeerCredentials {
        let who = self.current.credentials;
        PeerCredentials { pid: self.current.pid.0, uid: who.user.effective, gid: who.group.effective }
    }

    pub(super) fn sys_shutdown(&mut self, _: &mut Hw<'_>, [fd, how, ..]: Args) -> SysResult {
        let (_, id) = self.socket(fd)?;
        let how = match how as u32 {
            0 => Shut::RECEIVE,
            1 => Shut::SEND,
            2 => Shut::all(),
            _ => return Err(Errno::EINVAL),
        };
        self.vfs.socket_shutdown(id, how);
        Ok(0)
    }

    pub(super) fn sys_getsockname(&mut self, hw: &mut Hw<'_>, [fd, name, len, ..]: Args) -> SysResult {
        self.socket(fd)?;
        self.store_sized(hw, (name, len), &(AF_UNIX as u16).to_le_bytes())
    }

    pub(super) fn sys_getpeername(&mut self, hw: &mut Hw<'_>, [fd, name, len, ..]: Args) -> SysResult {
        let (_, id) = self.socket(fd)?;
        if !self.vfs.socket_has_peer(id) {
            return Err(Errno::ENOTCONN);
        }
        self.store_sized(hw, (name, len), &(AF_UNIX as u16).to_le_bytes())
    }

    /// Stores as much as the caller has room for, and how long it is (`move_addr_to_user`).
    fn store_sized(&mut self, hw: &mut Hw<'_>, (at, len): (u64, u64), bytes: &[u8]) -> SysResult {
        let room = u32::from_le_bytes(self.read_user(hw, LinearAddr(len))?);
        if (room as i32) < 0 {
            return Err(Errno::EINVAL);
        }
        self.copy_to_user(hw, LinearAddr(at), &bytes[..bytes.len().min(room as usize)])?;
        self.copy_to_user(hw, LinearAddr(len), &(bytes.len() as u32).to_le_bytes())?;
        Ok(0)
    }

    pub(super) fn sys_getsockopt(&mut self, hw: &mut Hw<'_>, [fd, level, option, at, len, _]: Args) -> SysResult {
        let (_, id) = self.socket(fd)?;
        let room = u32::from_le_bytes(self.read_user(hw, LinearAddr(len))?) as i32;
        let room = usize::try_from(room).map_err(|_| Errno::EINVAL)?;
        if level as u32 as u64 != SOL_SOCKET {
            return Err(Errno::EOPNOTSUPP);
        }
        let maker = self.vfs.socket_maker(id);
        let words = match u64::from(option as u32) {
            SO_TYPE => vec![self.vfs.socket_style(id).number()],
            SO_ERROR => vec![self.vfs.socket_take_error(id).map_or(0, |error| error as u32)],
            SO_DOMAIN => vec![AF_UNIX as u32],
            SO_SNDBUF | SO_RCVBUF => vec![SEND_BUFFER as u32],
            SO_PEERCRED => vec![maker.pid, maker.uid, maker.gid],
            SO_REUSEADDR | SO_BROADCAST | SO_KEEPALIVE | SO_ACCEPTCONN | SO_PROTOCOL => vec![0],
            _ => return Err(Errno::ENOPROTOOPT),
        };
        let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        let stored = bytes.len().min(room);
        self.copy_to_user(hw, LinearAddr(at), &bytes[..stored])?;
        self.copy_to_user(hw, LinearAddr(len), &(stored as u32).to_le_bytes())?;
        Ok(0)
    }

    /// Takes what changes nothing for a local pair: wishes for larger buffers are granted only as far as they are there.
    pub(super) fn sys_setsockopt(&mut self, hw: &mut Hw<'_>, [fd, level, option, at, len, _]: Args) -> SysResult {
        self.socket(fd)?;
        if level as u32 as u64 != SOL_SOCKET {
            return Err(Errno::EOPNOTSUPP);
        }
        if !matches!(option as u32 as u64, SO_SNDBUF | SO_RCVBUF | SO_REUSEADDR | SO_BROADCAST | SO_KEEPALIVE) {
            return Err(Errno::ENOPROTOOPT);
        }
        if (len as i32) < 4 {
            return Err(Errno::EINVAL);
        }
        self.read_user::<4>(hw, LinearAddr(at))?;
        Ok(0)
    }

    /// `listen` and `accept`: not of a socket that is one of a pair.
    pub(super) fn sys_accept(&mut self, _: &mut Hw<'_>, [fd, ..]: Args) -> SysResult {
        let (_, id) = self.socket(fd)?;
        Err(if self.vfs.socket_style(id) == Style::Datagram { Errno::EOPNOTSUPP } else { Errno::EINVAL })
    }

    /// `connect`: nothing has the name of a socket.
    pub(super) fn sys_connect(&mut self, _: &mut Hw<'_>, [fd, ..]: Args) -> SysResult {
        self.socket(fd)?;
        Err(Errno::ENOENT)
    }

    /// `bind`: sockets have no names here, as on a file system that cannot hold them.
    pub(super) fn sys_bind(&mut self, _: &mut Hw<'_>, [fd, ..]: Args) -> SysResult {
        self.socket(fd)?;
        Err(Errno::EOPNOTSUPP)
    }

    /// `sendmmsg` and `recvmmsg`: those who use them have the single forms for a Linux before 3.0.
    pub(super) fn sys_many_messages(&mut self, _: &mut Hw<'_>, [fd, ..]: Args) -> SysResult {
        self.socket(fd)?;
        Err(Errno::ENOSYS)
    }
}
