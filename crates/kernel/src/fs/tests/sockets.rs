//! Pairs of sockets without anybody who uses them: what is kept, counted, refused.

use std::collections::VecDeque;

use proptest::prelude::*;

use crate::Errno;
use crate::fs::socket::{ALL_BUFFERS, PeerCredentials, SEND_BUFFER, Shut, SocketId, SocketTable, Style};
use crate::fs::{OpenFileId, Ready};

const MAKER: PeerCredentials = PeerCredentials { pid: 1, uid: 2, gid: 3 };

fn pair(style: Style) -> (SocketTable, SocketId, SocketId) {
    let mut table = SocketTable::default();
    let [a, b] = table.insert_pair(style, MAKER);
    (table, a, b)
}

fn send(table: &mut SocketTable, id: SocketId, bytes: &[u8]) -> Result<usize, Errno> {
    table.send(id, bytes, &mut Vec::new())
}

fn receive(table: &mut SocketTable, id: SocketId, max: usize) -> Result<Vec<u8>, Errno> {
    let found = table.get_mut(id).peek(max)?;
    let bytes = found.map_or_else(Vec::new, |peek| peek.bytes);
    table.take(id, bytes.len());
    Ok(bytes)
}

/// How many writes of each size go into a pair that nobody reads, as counted on Linux 6.18.
#[test]
fn the_buffer_is_as_large_as_linuxs() {
    let stream = [(1, 278), (85, 278), (341, 167), (1365, 93), (5461, 34), (21_845, 10), (87_381, 3)];
    let packets = [(1, 278), (85, 278), (341, 167), (1365, 93), (5461, 26), (21_845, 9), (87_381, 3)];
    for (style, counts) in [(Style::Stream, stream), (Style::SeqPacket, packets), (Style::Datagram, packets)] {
        for (len, expected) in counts {
            let (mut table, a, _) = pair(style);
            let bytes = vec![0; len];
            let count = (0..1000).take_while(|_| send(&mut table, a, &bytes).is_ok()).count();
            assert_eq!(count, expected, "{style:?} {len}");
            assert!(!table.get(a).ready().contains(Ready::OUT));
        }
    }
    let (mut table, a, _) = pair(Style::Stream);
    assert_eq!(send(&mut table, a, &vec![0; 349_525]), Ok(219_264));
    let (mut table, a, _) = pair(Style::SeqPacket);
    assert_eq!(send(&mut table, a, &vec![0; SEND_BUFFER - 31]), Err(Errno::EMSGSIZE));
}

#[test]
fn a_sender_may_go_on_when_a_quarter_is_left() {
    let (mut table, a, b) = pair(Style::Stream);
    while send(&mut table, a, b"x").is_ok() {}
    let woken = (1..=278).find(|_| table.take(b, 1).0 == Some(a));
    assert_eq!(woken, Some(209), "as on Linux");
}

#[test]
fn messages_keep_their_borders_and_streams_do_not() {
    for (style, expected) in [(Style::Stream, &b"ab"[..]), (Style::SeqPacket, b"ab"), (Style::Datagram, b"ab")] {
        let (mut table, a, b) = pair(style);
        send(&mut table, a, b"abc").unwrap();
        send(&mut table, a, b"de").unwrap();
        assert_eq!(table.get(b).readable(), if style == Style::Datagram { 3 } else { 5 });
        assert_eq!(receive(&mut table, b, 2).unwrap(), expected);
        let rest: &[u8] = if style == Style::Stream { b"cde" } else { b"de" };
        assert_eq!(receive(&mut table, b, 10).unwrap(), rest);
        assert_eq!(receive(&mut table, b, 10), Err(Errno::EAGAIN));
        assert_eq!(table.charged, 0);
    }
    let (mut table, a, b) = pair(Style::SeqPacket);
    assert_eq!(send(&mut table, a, b""), Ok(0));
    assert_eq!(table.get_mut(b).peek(9).unwrap().map(|peek| peek.len), Some(0), "an empty message");
}

#[test]
fn files_end_a_read() {
    let (mut table, a, b) = pair(Style::Stream);
    send(&mut table, a, b"one").unwrap();
    table.send(a, b"two", &mut vec![OpenFileId(7)]).unwrap();
    send(&mut table, a, b"three").unwrap();
    let peek = table.get_mut(b).peek(100).unwrap().unwrap();
    assert_eq!((&peek.bytes[..], &peek.rights[..]), (&b"onetwo"[..], &[OpenFileId(7)][..]));
    assert_eq!(table.take(b, 6).1, [OpenFileId(7)]);
    assert_eq!(receive(&mut table, b, 100).unwrap(), b"three");
}

#[test]
fn what_a_close_leaves_is_as_on_linux() {
    for style in [Style::Stream, Style::SeqPacket] {
        let (mut table, a, b) = pair(style);
        send(&mut table, a, b"lost").unwrap();
        send(&mut table, b, b"kept").unwrap();
        table.remove(b);
        assert_eq!(receive(&mut table, a, 9).unwrap(), b"kept");
        let (in_out, ends) = (Ready::IN | Ready::OUT, Ready::HUP | Ready::RDHUP | Ready::ERR);
        assert_eq!(table.get(a).ready(), in_out | ends);
        assert_eq!(receive(&mut table, a, 9), Err(Errno::ECONNRESET));
        assert_eq!(receive(&mut table, a, 9).unwrap(), b"");
        assert_eq!(send(&mut table, a, b""), Err(Errno::EPIPE));
    }
    let (mut table, a, b) = pair(Style::Datagram);
    table.remove(b);
    assert_eq!(table.get(a).ready(), Ready::OUT);
    assert_eq!(receive(&mut table, a, 9), Err(Errno::EAGAIN));
    assert_eq!(send(&mut table, a, b"x"), Err(Errno::ECONNREFUSED));
    assert_eq!(send(&mut table, a, b"x"), Err(Errno::ENOTCONN));
}

#[test]
fn a_shutdown_holds_for_both() {
    let (mut table, a, b) = pair(Style::Stream);
    table.shutdown(a, Shut::SEND);
    assert_eq!(table.get(a).ready(), Ready::OUT);
    assert_eq!(table.get(b).ready(), Ready::IN | Ready::OUT | Ready::RDHUP);
    assert_eq!(send(&mut table, a, b"x"), Err(Errno::EPIPE));
    assert_eq!(send(&mut table, b, b"x"), Ok(1));
    assert_eq!(receive(&mut table, b, 9).unwrap(), b"");
    assert_eq!(receive(&mut table, a, 9).unwrap(), b"x");
}

#[test]
fn all_sockets_share_a_bound() {
    let mut table = SocketTable::default();
    let refused = (0..1000).find(|_| {
        let [a, _] = table.insert_pair(Style::Stream, MAKER);
        send(&mut table, a, &vec![0; SEND_BUFFER]) == Err(Errno::ENOBUFS)
    });
    assert!(refused.is_some());
    assert!(table.charged <= ALL_BUFFERS);
}

proptest! {
    /// A stream against a queue of bytes, packets against a queue of messages.
    #[test]
    fn nothing_is_lost_or_charged_twice(
        is_stream in any::<bool>(),
        steps in prop::collection::vec((any::<bool>(), 0usize..50_000), 1..60),
    ) {
        let style = if is_stream { Style::Stream } else { Style::SeqPacket };
        let (mut table, a, b) = pair(style);
        let mut model: VecDeque<Vec<u8>> = VecDeque::new();
        let mut next = 0u8;
        for (sends, len) in steps {
            if sends {
                let bytes: Vec<u8> = (0..len).map(|i| next.wrapping_add(i as u8)).collect();
                next = next.wrapping_add(len as u8);
                match send(&mut table, a, &bytes) {
                    Ok(done) => {
                        prop_assert!(is_stream || done == len);
                        model.push_back(bytes[..done].to_vec());
                    }
                    Err(e) => prop_assert_eq!(e, Errno::EAGAIN),
                }
            } else {
                match receive(&mut table, b, len) {
                    Ok(got) if is_stream => {
                        let mut all: Vec<u8> = model.drain(..).flatten().collect();
                        let rest = all.split_off(len.min(all.len()));
                        prop_assert_eq!(got, all);
                        model.push_back(rest);
                    }
                    Ok(got) => {
                        let mut message = model.pop_front().unwrap();
                        message.truncate(len);
                        prop_assert_eq!(got, message);
                    }
                    Err(_) => prop_assert!(model.iter().all(Vec::is_empty)),
                }
            }
            let charged: usize = table.get(b).queue.iter().map(|message| message.charge).sum();
            prop_assert_eq!((charged, charged), (table.charged, table.get(a).sent));
        }
    }
}
