//! Pairs of sockets as a program uses them; errors as a native program on Linux 6.18 sees them.

use super::*;
use crate::signal::Signal;

const SOCKETPAIR: u64 = 53;
const SENDTO: u64 = 44;
const RECVFROM: u64 = 45;
const SENDMSG: u64 = 46;
const RECVMSG: u64 = 47;
const SHUTDOWN: u64 = 48;
const STREAM: u64 = 1;
const DGRAM: u64 = 2;
const SEQPACKET: u64 = 5;
const MSG_PEEK: u64 = 2;
const MSG_TRUNC: u64 = 0x20;
const MSG_DONTWAIT: u64 = 0x40;
const MSG_WAITALL: u64 = 0x100;
const MSG_NOSIGNAL: u64 = 0x4000;
const MSG_CMSG_CLOEXEC: u64 = 0x4000_0000;
/// Where messages and what belongs to them are in the tests.
const MSG: u64 = BUFFER + 0x1000;
const IOV: u64 = BUFFER + 0x1100;
const CONTROL: u64 = BUFFER + 0x1200;

impl Guest {
    fn sockets(&mut self, kind: u64) -> [u64; 2] {
        assert_eq!(self.call(SOCKETPAIR, &[1, kind, 0, BUFFER]), Ok(0));
        [0, 4].map(|at| u64::from(self.get(BUFFER + at, 4)[0]))
    }

    fn write(&mut self, fd: u64, bytes: &[u8]) -> Result<u64, Errno> {
        self.put(BUFFER, bytes);
        self.call(WRITE, &[fd, BUFFER, bytes.len() as u64])
    }

    fn read(&mut self, fd: u64, len: u64) -> Result<Vec<u8>, Errno> {
        let got = self.call(READ, &[fd, BUFFER, len])?;
        Ok(self.get(BUFFER, got as usize))
    }

    fn takes_sigpipe(&mut self) -> bool {
        let pending = self.kernel.current.signals.pending_set();
        while self.kernel.current.signals.dequeue(crate::signal::SigSet::EMPTY).is_some() {}
        pending.contains(Signal::PIPE)
    }

    /// A `struct msghdr` with one buffer, and room for control messages.
    fn msghdr(&mut self, len: u64, control: u64) {
        self.put(IOV, &[BUFFER.to_le_bytes(), len.to_le_bytes()].concat());
        let words = [0, 0, IOV, 1, CONTROL, control, 0];
        self.put(MSG, &words.map(u64::to_le_bytes).concat());
    }

    fn rights(&mut self, fds: &[u32]) {
        let len = 16 + 4 * fds.len() as u64;
        let fds: Vec<u8> = fds.iter().flat_map(|fd| fd.to_le_bytes()).collect();
        self.put(CONTROL, &[&len.to_le_bytes()[..], &[1, 0, 0, 0, 1, 0, 0, 0], &fds].concat());
        self.msghdr(1, len);
    }
}

#[test]
fn pairs_are_made_as_asked() {
    let mut guest = Guest::new("");
    for (args, error) in [
        ([2, STREAM, 0], Errno::EOPNOTSUPP),
        ([99, STREAM, 0], Errno::EAFNOSUPPORT),
        ([1, STREAM, 7], Errno::EPROTONOSUPPORT),
        ([1, 4, 0], Errno::ESOCKTNOSUPPORT),
        ([1, STREAM | 0x100, 0], Errno::EINVAL),
    ] {
        assert_eq!(guest.call(SOCKETPAIR, &[args[0], args[1], args[2], BUFFER]), Err(error), "{args:?}");
    }
    assert_eq!(guest.call(SOCKETPAIR, &[1, STREAM, 0, 8]), Err(Errno::EFAULT));
    assert_eq!(guest.sockets(STREAM | O_CLOEXEC | O_NONBLOCK), [3, 4], "and nothing is left of the failures");
    assert_eq!((guest.call(FCNTL, &[4, 1]), guest.call(FCNTL, &[4, 3])), (Ok(1), Ok(O_RDWR | O_NONBLOCK)));
    assert_eq!(guest.call(5, &[3, BUFFER]), Ok(0));
    assert_eq!(guest.get(BUFFER + 24, 4), 0o140_777u32.to_le_bytes(), "S_IFSOCK");
    let path = guest.path("/proc/self/fd/3");
    let len = guest.call(89, &[path, BUFFER, 100]).unwrap();
    assert_eq!(guest.get(BUFFER, len as usize), b"socket:[1048576]");
    assert_eq!(guest.call(LSEEK, &[3, 0, 0]), Err(Errno::ESPIPE));
    assert_eq!(guest.call(17, &[3, BUFFER, 1, 0]), Err(Errno::ESPIPE), "pread");
    assert_eq!(guest.read(3, 10), Err(Errno::EAGAIN));
}

#[test]
fn what_a_socket_is_can_be_asked() {
    let mut guest = Guest::new("");
    let [a, _] = guest.sockets(SEQPACKET);
    let mut option = |level: u64, option: u64, room: u32| {
        guest.put(BUFFER + 64, &room.to_le_bytes());
        guest.call(55, &[a, level, option, BUFFER, BUFFER + 64])?;
        let len = guest.get(BUFFER + 64, 4)[0];
        let bytes = guest.get(BUFFER, len.into());
        Ok(bytes.chunks(4).map(|word| word.iter().rev().fold(0, |sum, &b| sum << 8 | u32::from(b))).collect::<Vec<_>>())
    };
    assert_eq!(option(1, 3, 4), Ok(vec![5]), "SO_TYPE");
    assert_eq!(option(1, 4, 4), Ok(vec![0]), "SO_ERROR");
    assert_eq!(option(1, 39, 4), Ok(vec![1]), "SO_DOMAIN");
    assert_eq!(option(1, 17, 100).map(|words| (words.len(), words[0])), Ok((3, 1000)), "SO_PEERCRED");
    assert_eq!(option(1, 17, 2).map(|words| words.len()), Ok(1), "cut off");
    assert_eq!(option(1, 9999, 4), Err(Errno::ENOPROTOOPT));
    assert_eq!(option(6, 1, 4), Err(Errno::EOPNOTSUPP));
    assert_eq!(guest.call(54, &[a, 1, 9999, BUFFER, 4]), Err(Errno::ENOPROTOOPT));
    for call in [51, 52] {
        guest.put(BUFFER + 64, &110u32.to_le_bytes());
        assert_eq!(guest.call(call, &[a, BUFFER, BUFFER + 64]), Ok(0));
        assert_eq!((guest.get(BUFFER, 2), guest.get(BUFFER + 64, 4)), (vec![1, 0], vec![2, 0, 0, 0]), "AF_UNIX alone");
    }
    assert_eq!(guest.call(50, &[a, 1]), Err(Errno::EINVAL), "listen");
    assert_eq!(guest.call(SHUTDOWN, &[a, 7]), Err(Errno::EINVAL));
}

#[test]
fn bytes_and_messages_go_across() {
    for (kind, first, second) in [(STREAM, &b"ab"[..], &b"cde"[..]), (SEQPACKET, b"ab", b"de"), (DGRAM, b"ab", b"de")] {
        let mut guest = Guest::new("");
        let [a, b] = guest.sockets(kind);
        guest.write(a, b"abc").unwrap();
        guest.put(IOV, &[BUFFER, 1, BUFFER + 1, 1].map(u64::to_le_bytes).concat());
        guest.put(BUFFER, b"de");
        assert_eq!(guest.call(20, &[a, IOV, 2]), Ok(2), "writev");
        assert_eq!(guest.call(16, &[b, 0x541b, BUFFER]), Ok(0), "FIONREAD");
        assert_eq!(guest.get(BUFFER, 1), [if kind == DGRAM { 3 } else { 5 }]);
        let whole = if kind == STREAM { 2 } else { 3 };
        assert_eq!(guest.call(RECVFROM, &[b, BUFFER, 2, MSG_PEEK | MSG_TRUNC, 0, 0]), Ok(whole));
        assert_eq!(guest.read(b, 0).unwrap(), b"", "asks for nothing");
        assert_eq!(guest.read(b, 2).unwrap(), first);
        assert_eq!(guest.read(b, 10).unwrap(), second);
        assert_eq!(guest.call(RECVFROM, &[b, BUFFER, 2, MSG_DONTWAIT, 0, 0]), Err(Errno::EAGAIN));
        assert_eq!(guest.read(b, 2), Err(Errno::ERESTARTSYS));
        assert_eq!(guest.waits_on(), [guest.channel(b)]);
        guest.kernel.vfs.take_woken();
        guest.put(BUFFER + 64, &110u32.to_le_bytes());
        assert_eq!(guest.call(SENDTO, &[a, BUFFER, 1, 0, 0, 0]), Ok(1));
        assert_eq!(guest.kernel.vfs.take_woken(), [guest.channel(b)]);
        assert_eq!(guest.call(RECVFROM, &[b, BUFFER, 9, 0, BUFFER + 128, BUFFER + 64]), Ok(1));
        assert_eq!(guest.get(BUFFER + 64, 4), [0; 4], "the sender has no name");
    }
}

#[test]
fn an_end_is_seen_and_only_a_stream_raises_sigpipe() {
    for (kind, signal) in [(STREAM, true), (SEQPACKET, false)] {
        let mut guest = Guest::new("");
        let [a, b] = guest.sockets(kind);
        guest.write(b, b"last").unwrap();
        guest.call(CLOSE, &[b]).unwrap();
        assert_eq!(guest.read(a, 9).unwrap(), b"last");
        assert_eq!(guest.read(a, 9).unwrap(), b"");
        assert_eq!(guest.write(a, b"x"), Err(Errno::EPIPE));
        assert_eq!(guest.takes_sigpipe(), signal);
        assert_eq!(guest.call(SENDTO, &[a, BUFFER, 1, MSG_NOSIGNAL, 0, 0]), Err(Errno::EPIPE));
        assert!(!guest.takes_sigpipe());
        guest.put(BUFFER, &[a as u8, 0, 0, 0, 5, 0x20, 0, 0]);
        assert_eq!(guest.call(POLL, &[BUFFER, 1, 0]), Ok(1));
        assert_eq!(guest.get(BUFFER + 6, 2), [0x15, 0x20], "POLLIN, POLLOUT, POLLHUP, POLLRDHUP");
    }
}

#[test]
fn a_long_send_goes_on_where_it_was() {
    let mut guest = Guest::new("");
    let [a, b] = guest.sockets(STREAM);
    let len = 0x2_0000;
    let mut total = 0;
    let retry = loop {
        match guest.call(WRITE, &[a, BUFFER, len]) {
            Ok(done) => total += done,
            Err(e) => {
                assert_eq!(e, Errno::ERESTARTSYS);
                break guest.retry();
            }
        }
    };
    assert!(total < 300_000 && retry.done < len);
    guest.kernel.current.retry = None;
    let mut got = 0;
    while let Ok(n @ 1..) = guest.call(RECVFROM, &[b, BUFFER, 50_000, MSG_DONTWAIT]) {
        got += n;
    }
    assert_eq!(got, total + retry.done);
    guest.kernel.current.retry = Some(retry);
    assert_eq!(guest.call(WRITE, &[a, BUFFER, len]), Ok(len));
    guest.kernel.current.retry = None;
    let left = len - retry.done;
    assert_eq!(guest.call(RECVFROM, &[b, BUFFER, left + 1, MSG_WAITALL]), Err(Errno::ERESTARTSYS));
    assert_eq!(guest.retry().done, left, "what a wait for all has so far");
    guest.kernel.current.retry = None;
    assert_eq!(guest.call(SENDTO, &[a, BUFFER + BUFFER_LEN - 10, 100, 0, 0, 0]), Err(Errno::EFAULT));
    guest.write(a, b"kept").unwrap();
    assert_eq!(guest.call(READ, &[b, BUFFER + BUFFER_LEN, 4]), Err(Errno::EFAULT));
    assert_eq!(guest.read(b, 9).unwrap(), b"kept", "a bad pointer loses nothing of a stream");
}

#[test]
fn descriptors_travel() {
    let mut guest = Guest::new("");
    let [a, b] = guest.sockets(STREAM);
    let file = guest.open("/file", 0).unwrap();
    guest.call(LSEEK, &[file, 42, 0]).unwrap();
    guest.rights(&[file as u32, 99]);
    assert_eq!(guest.call(SENDMSG, &[a, MSG, 0]), Err(Errno::EBADF));
    guest.rights(&[file as u32, file as u32]);
    assert_eq!(guest.call(SENDMSG, &[a, MSG, 0]), Ok(1));
    guest.call(CLOSE, &[file]).unwrap();
    guest.msghdr(10, 64);
    assert_eq!(guest.call(RECVMSG, &[b, MSG, MSG_CMSG_CLOEXEC]), Ok(1));
    assert_eq!(guest.word(MSG + 40), 24, "msg_controllen");
    assert_eq!(guest.word(CONTROL), 24);
    let [x, y] = [16, 20].map(|at| u64::from(guest.get(CONTROL + at, 4)[0]));
    assert_eq!((x, y), (file, file + 1), "the lowest that are free");
    assert_eq!((guest.call(LSEEK, &[y, 0, 1]), guest.call(FCNTL, &[y, 1])), (Ok(42), Ok(1)));
    // Without room they are closed.
    guest.rights(&[x as u32]);
    assert_eq!(guest.call(SENDMSG, &[a, MSG, 0]), Ok(1));
    guest.msghdr(10, 0);
    assert_eq!(guest.call(RECVMSG, &[b, MSG, 0]), Ok(1));
    assert_eq!((guest.get(MSG + 48, 4), guest.word(MSG + 40)), (vec![8, 0, 0, 0], 0), "MSG_CTRUNC");
    for control in [[15u64, 1 << 32 | 1], [1000, 1 << 32 | 1], [16, 9 << 32 | 1]] {
        guest.put(CONTROL, &control.map(u64::to_le_bytes).concat());
        guest.msghdr(1, 16);
        assert_eq!(guest.call(SENDMSG, &[a, MSG, 0]), Err(Errno::EINVAL), "{control:?}");
    }
}

#[test]
fn sockets_in_sockets_are_closed_without_recursion() {
    let mut guest = Guest::new("");
    let mut inner = guest.sockets(STREAM);
    for _ in 0..5000 {
        let outer = guest.sockets(STREAM);
        guest.rights(&inner.map(|fd| fd as u32));
        assert_eq!(guest.call(SENDMSG, &[outer[0], MSG, 0]), Ok(1));
        for fd in inner {
            guest.call(CLOSE, &[fd]).unwrap();
        }
        inner = outer;
    }
    for fd in inner {
        guest.call(CLOSE, &[fd]).unwrap();
    }
    assert_eq!(guest.sockets(STREAM).map(|fd| fd as usize), [3, 4]);
    let path = guest.path("/proc/self/fd/3");
    let len = guest.call(89, &[path, BUFFER, 100]).unwrap();
    assert_eq!(guest.get(BUFFER, len as usize), b"socket:[1048576]", "all the others are gone");
}

#[test]
fn what_is_no_socket_is_refused() {
    let mut guest = Guest::new("");
    for call in [42, 43, 44, 45, 48, 49, 50, 51, 52, 54, 55] {
        assert_eq!(guest.call(call, &[0, BUFFER, 0]), Err(Errno::ENOTSOCK), "{call}");
        assert_eq!(guest.call(call, &[9, BUFFER, 0]), Err(Errno::EBADF), "{call}");
    }
}
